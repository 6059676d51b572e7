/* Files of the system: read as bytes, written under another name first. */

#define _DEFAULT_SOURCE    /* mkstemp, fchmod */

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
    if (v->map == MAP_FAILED) {
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

/* ---- writing ------------------------------------------------------------ */

bool file_temporary(const char *path, char *name, size_t size, Fault *why) {
  if ((size_t)snprintf(name, size, "%s.XXXXXX", path) >= size)
    return fault(why, "the path is too long");
  int fd = mkstemp(name);
  if (fd < 0)
    return fault(why, "cannot write there: %s", strerror(errno));
  mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, 0666 & ~mask);
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
