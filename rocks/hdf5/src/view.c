/* Files of the system: read as bytes, written under another name first. */

#define _DEFAULT_SOURCE    /* mmap, madvise */

#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ------------------------------------------------------------ */

static bool read_all(View *v, int fd, size_t size) {
  size_t done = 0;
  v->memory = malloc(size);
  while (v->memory && done < size) {
    ssize_t n = read(fd, (char *)v->memory + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  return v->memory != NULL;
}

bool view_open(View *v, const char *path, Fault *why) {
  struct stat s;
  *v = (View){0};
  /* opening a pipe would wait for its writer */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &s) < 0) {
    fault(why, "%s", strerror(errno));
    if (fd >= 0)
      close(fd);
    return false;
  }
  bool well = S_ISREG(s.st_mode) && s.st_size > 0;
  size_t size = well ? (size_t)s.st_size : 0;
  if (well) {
    v->map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    v->is_mapped = v->map != MAP_FAILED;
    if (!v->is_mapped) {
      v->map = NULL;
      well = read_all(v, fd, size);
    }
  }
  close(fd);
  v->bytes = (Bytes){v->map ? v->map : v->memory, size};
  return well ||
         fault(why, S_ISREG(s.st_mode) ? "the file is empty, or cannot be read"
                                       : "this is no file");
}

void view_close(View *v) {
  if (v->map)
    munmap(v->map, v->bytes.size);
  free(v->memory);
  *v = (View){0};
}

/* Whole pages alone, since something else may be on the outer ones. */
void view_forget(const View *v) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t at = (uintptr_t)v->bytes.data;
  uintptr_t first = (at + page - 1) / page * page;
  uintptr_t last = (at + v->bytes.size) / page * page;
  if (v->is_mapped && last > first)
    madvise((void *)first, last - first, MADV_DONTNEED);
}

/* ---- writing ------------------------------------------------------------ */

/* The number of the process, and another one when there is a file of that name.
** The system takes the rights that nobody is to have off the new file's: asking
** for them (umask) would change them for other threads, for a moment. */
bool file_temporary(const char *path, char *name, size_t size, Fault *why) {
  enum { ATTEMPTS = 1000 };
  int fd = -1;
  for (int i = 0; fd < 0 && i < ATTEMPTS; i++) {
    if ((size_t)snprintf(name, size, "%s.%ld-%d.tmp", path, (long)getpid(),
                         i) >= size)
      return fault(why, "the path is too long");
    fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST)
      break;
  }
  if (fd < 0)
    return fault(why, "cannot write there: %s", strerror(errno));
  close(fd);
  return true;
}

static bool synced(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  bool well = fd >= 0 && fsync(fd) == 0;
  int kept = errno;
  if (fd >= 0)
    close(fd);
  errno = kept;
  return well;
}

/* A folder that cannot be synced keeps the file all the same. */
static void sync_folder(const char *path) {
  char folder[4096];
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) + 1 : 0;
  if (n >= sizeof folder)
    return;
  memcpy(folder, path, n);
  memcpy(folder + n, ".", n == 0 ? 2 : 1);
  folder[n == 0 ? 1 : n] = 0;
  synced(folder, O_RDONLY | O_DIRECTORY);
}

bool file_commit(const char *temporary, const char *path, Fault *why) {
  if (!synced(temporary, O_RDWR) || rename(temporary, path) < 0)
    return fault(why, "cannot write there: %s", strerror(errno));
  sync_folder(path);
  return true;
}
