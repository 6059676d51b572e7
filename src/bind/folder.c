/* What the C library of Lua has no words for: what stands at a path, and new
** folders. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "bind/core.h"
#include "bind/raise.h"

/* file_kind(path) -> "file", "folder", "other", or nil when nothing is there */
static int core_file_kind(lua_State *L) {
  struct stat at;
  want_type(L, 1, LUA_TSTRING, "file_kind: the path");
  if (stat(lua_tostring(L, 1), &at) != 0)
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
  size_t n;
  want_type(L, 1, LUA_TSTRING, "make_folders: the path");
  const char *path = lua_tolstring(L, 1, &n);
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

void folder_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"file_kind", core_file_kind}, {"make_folders", core_make_folders},
    {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
