/* See file_out.h. Where the system has files without a name, the new one has
** none until it is complete: of a process that is killed nothing is left. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file_out.h"

struct FileOut {
  char *path;   /* as the caller says it, for messages */
  char *target; /* where links lead to */
  char *folder;
  char *temporary;
  size_t room;    /* of its name */
  bool is_named, overwrite;
  int fd;
};

static bool fail_errno(Error *e, const FileOut *f) {
  return fail(e, "%s: %s", f->path, strerror(errno));
}

/* ---- names --------------------------------------------------------------- */

/* A link stays one: what it leads to is replaced. */
static bool find_names(FileOut *f, Account *a, const char *path) {
  char real[PATH_MAX];
  f->path = mem_text(a, path);
  f->target = mem_text(a, realpath(path, real) ? real : path);
  f->folder = f->target ? mem_text(a, f->target) : NULL;
  f->room = f->target ? strlen(f->target) + 64 : 0;
  f->temporary = mem_new(a, f->room, 1);
  if (f->path == NULL || f->folder == NULL || f->temporary == NULL)
    return false;
  char *slash = strrchr(f->folder, '/');
  if (slash == NULL)
    strcpy(f->folder, f->folder[0] ? "." : "");
  else
    slash[slash == f->folder] = '\0';
  return true;
}

/* Names that nobody else has: the number of the process, and another number
** when there is a file of that name. */
static void name_temporary(FileOut *f, int attempt) {
  snprintf(f->temporary, f->room, "%s.%ld-%d.tmp", f->target, (long)getpid(),
           attempt);
}

enum { ATTEMPTS = 1000 };

static bool create_named(FileOut *f) {
  f->is_named = true;
  for (int i = 0; i < ATTEMPTS; i++) {
    name_temporary(f, i);
    f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd >= 0 || errno != EEXIST)
      break;
  }
  return f->fd >= 0;
}

/* ---- a file without a name ---------------------------------------------- */

#ifdef O_TMPFILE

static void proc_name(const FileOut *f, char name[40]) {
  snprintf(name, 40, "/proc/self/fd/%d", f->fd);
}

/* Only where it can be given a name afterwards. */
static bool create_nameless(FileOut *f) {
  char name[40];
  f->fd = open(f->folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  if (f->fd < 0)
    return false;
  proc_name(f, name);
  if (access(name, F_OK) == 0)
    return true;
  close(f->fd);
  f->fd = -1;
  return false;
}

static bool give_name(FileOut *f) {
  char name[40];
  proc_name(f, name);
  for (int i = 0; !f->is_named && i < ATTEMPTS; i++) {
    name_temporary(f, i);
    f->is_named = linkat(AT_FDCWD, name, AT_FDCWD, f->temporary,
                         AT_SYMLINK_FOLLOW) == 0;
    if (!f->is_named && errno != EEXIST)
      break;
  }
  return f->is_named;
}

#else

static bool create_nameless(FileOut *f) {
  (void)f;
  return false;
}

static bool give_name(FileOut *f) {
  return f->is_named;
}

#endif

/* ---- open ---------------------------------------------------------------- */

static bool fail_there(Error *e, const FileOut *f) {
  return fail(e, "%s: there is a file of that name (overwrite = true replaces "
                 "it)", f->path);
}

/* The old file, if there is one, may be replaced; the new one will have its
** rights. *mode: 0 where there is none. */
static bool look_at_old(const FileOut *f, mode_t *mode, Error *e) {
  struct stat s;
  *mode = 0;
  if (stat(f->target, &s) != 0)
    return errno == ENOENT || fail_errno(e, f);
  if (!S_ISREG(s.st_mode))
    return fail(e, "%s: there is %s of that name", f->path,
                S_ISDIR(s.st_mode) ? "a folder" : "something else");
  if (!f->overwrite)
    return fail_there(e, f);
  *mode = s.st_mode & 07777;
  return access(f->target, W_OK) == 0 || fail_errno(e, f);
}

static bool create(FileOut *f, Error *e) {
  mode_t mode;
  if (!look_at_old(f, &mode, e))
    return false;
  if (!create_nameless(f) && !create_named(f))
    return fail_errno(e, f);
  return mode == 0 || fchmod(f->fd, mode) == 0 || fail_errno(e, f);
}

static void drop(FileOut *f) {
  if (f->fd >= 0)
    close(f->fd);
  if (f->is_named && f->temporary)
    unlink(f->temporary);
  mem_free(f->path);
  mem_free(f->target);
  mem_free(f->folder);
  mem_free(f->temporary);
  mem_free(f);
}

FileOut *file_out_open(Account *a, const char *path, bool overwrite, Error *e) {
  FileOut *f = mem_new(a, 1, sizeof *f);
  if (f == NULL) {
    fail_memory(e, "out of memory");
    return NULL;
  }
  f->fd = -1;
  f->overwrite = overwrite;
  if (find_names(f, a, path) ? create(f, e) : fail_memory(e, "out of memory"))
    return f;
  if (f->fd < 0)
    f->is_named = false; /* it may be another's */
  drop(f);
  return NULL;
}

/* ---- write, close -------------------------------------------------------- */

bool file_out_write(FileOut *f, const void *data, size_t bytes, Error *e) {
  const char *at = data;
  while (bytes > 0) {
    ssize_t n = write(f->fd, at, bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return fail_errno(e, f);
    at += n;
    bytes -= (size_t)n;
  }
  return true;
}

/* The new name in the folder reaches the disk as well. Some file systems have
** no such thing, and say so in different words. */
static bool sync_folder(const FileOut *f, Error *e) {
  int fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return true;
  bool ok = fsync(fd) == 0 || errno != EIO || fail_errno(e, f);
  close(fd);
  return ok;
}

/* Under a file system that has no links. */
static bool rename_unseen(const FileOut *f, Error *e) {
  mode_t mode;
  return look_at_old(f, &mode, e) &&
         (rename(f->temporary, f->target) == 0 || fail_errno(e, f));
}

/* A name takes the place of another; a link does not, so that of two who write a
** file that is not to be replaced one fails, whenever they do. */
static bool take_place(const FileOut *f, Error *e) {
  if (f->overwrite)
    return rename(f->temporary, f->target) == 0 || fail_errno(e, f);
  if (link(f->temporary, f->target) == 0)
    return unlink(f->temporary) == 0 || fail_errno(e, f);
  return errno == EEXIST ? fail_there(e, f) : rename_unseen(f, e);
}

static bool finish(FileOut *f, Error *e) {
  if (fsync(f->fd) != 0 || !give_name(f))
    return fail_errno(e, f);
  int closed = close(f->fd);
  f->fd = -1;
  if (closed != 0)
    return fail_errno(e, f);
  if (!take_place(f, e))
    return false;
  f->is_named = false;
  return sync_folder(f, e);
}

bool file_out_close(FileOut *f, bool ok, Error *e) {
  ok = ok && finish(f, e);
  drop(f);
  return ok;
}
