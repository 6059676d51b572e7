/* What the C library of Lua has no words for: what stands at a path and in a
** folder, and new folders. */
#define _DEFAULT_SOURCE /* d_type, fstatat */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bind/core.h"
#include "bind/raise.h"

/* file_kind(path) -> "file", "folder", "other", or nil when nothing is there */
static int core_file_kind(lua_State *L) {
  struct stat at;
  if (stat(want_path(L, 1, "file_kind: the path"), &at) != 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, S_ISREG(at.st_mode)   ? "file"
                      : S_ISDIR(at.st_mode) ? "folder"
                                            : "other");
  return 1;
}

/* Makes the folder if it is not there. */
static bool make_folder(const char *path) {
  struct stat at;
  if (mkdir(path, 0777) == 0)
    return true;
  int problem = errno;
  if (stat(path, &at) == 0 && S_ISDIR(at.st_mode))
    return true;
  errno = problem;
  return false;
}

/* make_folders("a/b/c"): each that is not there. Raises with the one that
** cannot be made. */
static int core_make_folders(lua_State *L) {
  const char *path = want_path(L, 1, "make_folders: the path");
  size_t n = strlen(path);
  for (size_t i = 1; i <= n; i++) {
    if (i < n && path[i] != '/')
      continue;
    const char *part = lua_pushlstring(L, path, i);
    if (!make_folder(part))
      return raise_error(L, "%s: the folder cannot be made: %s", part,
                         strerror(errno));
    lua_pop(L, 1);
  }
  return 0;
}

/* ---- what stands in a folder -------------------------------------------- */

static const char LISTING[] = "lunula.Listing";

/* The folder that is open is the userdata's: names are pushed while it is, and
** that may raise. */
static int listing_close(lua_State *L) {
  DIR **folder = luaL_checkudata(L, 1, LISTING);
  if (*folder)
    closedir(*folder);
  *folder = NULL;
  return 0;
}

static DIR *listing_new(lua_State *L, const char *path) {
  DIR **folder = lua_newuserdatauv(L, sizeof *folder, 0);
  *folder = NULL;
  luaL_setmetatable(L, LISTING);
  lua_toclose(L, -1);
  *folder = opendir(path);
  if (*folder == NULL)
    raise_error(L, "%s: the folder cannot be read: %s", path, strerror(errno));
  return *folder;
}

/* The kind of an entry, as DT_REG and the like; what a link leads to where
** there is something. Some file systems do not say it in the listing. */
static int kind_of(DIR *folder, const struct dirent *x, bool *link) {
  struct stat at;
  int kind = x->d_type, fd = dirfd(folder);
  if (kind == DT_UNKNOWN &&
      fstatat(fd, x->d_name, &at, AT_SYMLINK_NOFOLLOW) == 0)
    kind = S_ISLNK(at.st_mode)   ? DT_LNK
           : S_ISDIR(at.st_mode) ? DT_DIR
                                 : DT_REG;
  *link = kind == DT_LNK;
  if (*link && fstatat(fd, x->d_name, &at, 0) == 0)
    kind = S_ISDIR(at.st_mode) ? DT_DIR : DT_REG;
  return kind;
}

/* folder(path) -> the names of files, of folders, and of folders that are
** links; in no order */
static int core_folder(lua_State *L) {
  lua_Integer n[3] = {0, 0, 0};
  struct dirent *x;
  const char *path = want_path(L, 1, "folder: the path");
  lua_settop(L, 1); /* then the listing, and the three lists from 3 on */
  DIR *folder = listing_new(L, path);
  for (int i = 0; i < 3; i++)
    lua_newtable(L);
  while ((x = readdir(folder))) {
    bool link;
    if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
      continue;
    bool inner = kind_of(folder, x, &link) == DT_DIR;
    int list = inner + (inner && link);
    lua_pushstring(L, x->d_name);
    lua_rawseti(L, 3 + list, ++n[list]);
  }
  return 3;
}

void folder_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"file_kind", core_file_kind}, {"make_folders", core_make_folders},
    {"folder", core_folder}, {NULL, NULL}
  };
  static const luaL_Reg meta[] = {
    {"__gc", listing_close}, {"__close", listing_close}, {NULL, NULL}
  };
  luaL_newmetatable(L, LISTING);
  luaL_setfuncs(L, meta, 0);
  lua_pop(L, 1);
  luaL_setfuncs(L, core, 0);
}
