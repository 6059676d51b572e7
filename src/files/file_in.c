/* See file_in.h. Small files are read: that costs less than a mapping, and they
** may change afterwards. Who cuts a mapped file short ends those who read it;
** files are to be replaced as a whole, as file_out.c does. */
#define _DEFAULT_SOURCE /* mmap, madvise */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file_in.h"

/* From here on a file is mapped. (A mapping of nothing is refused, so that an
** empty file is read in any case.) */
enum { MAPPED_SIZE = 1 << 16 };

static bool fail_errno(Error *e, const char *path) {
  return fail(e, "%s: %s", path, strerror(errno));
}

static bool read_all(int fd, char *to, size_t size, const char *path,
                     Error *e) {
  for (size_t done = 0; done < size;) {
    ssize_t n = read(fd, to + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno(e, path);
    if (n == 0)
      return fail(e, "%s: it became shorter while it was read", path);
    done += (size_t)n;
  }
  return true;
}

/* False: it is to be read, also where a file system maps nothing. */
static bool map_file(FileIn *f, int fd) {
  void *p = f->size < MAPPED_SIZE
                ? MAP_FAILED
                : mmap(NULL, f->size, PROT_READ, MAP_PRIVATE, fd, 0);
  f->mapped = p != MAP_FAILED;
  if (f->mapped)
    f->data = p;
  return f->mapped;
}

/* Room for its bytes, which is its own. */
static char *make_room(FileIn *f, Account *a, const char *path, Error *e) {
  char *block = block_new(a, f->size);
  if (block == NULL) {
    fail_memory(e, "%s: out of memory for its %zu bytes", path, f->size);
    return NULL;
  }
  f->data = block;
  f->account = a;
  account_retain(a);
  return block;
}

static bool read_file(FileIn *f, Account *a, int fd, const char *path,
                      Error *e) {
  char *room = make_room(f, a, path, e);
  return room && read_all(fd, room, f->size, path, e);
}

static bool load(FileIn *f, Account *a, int fd, const char *path, Error *e) {
  struct stat s;
  if (fstat(fd, &s) != 0)
    return fail_errno(e, path);
  if (!S_ISREG(s.st_mode))
    return fail(e, "%s: %s", path, S_ISDIR(s.st_mode) ? "it is a folder"
                                                      : "it is no plain file");
  if ((uint64_t)s.st_size > PTRDIFF_MAX)
    return fail(e, "%s: it is too large", path);
  f->size = (size_t)s.st_size;
  return map_file(f, fd) || read_file(f, a, fd, path, e);
}

/* Zero but for its one user: released as it is, it gives back what it has. */
static FileIn *file_in_new(Account *a, Error *e) {
  FileIn *f = mem_new(a, 1, sizeof *f);
  if (f)
    atomic_init(&f->refs, 1);
  else
    fail_memory(e, "out of memory");
  return f;
}

FileIn *file_in_open(Account *a, const char *path, Error *e) {
  FileIn *f = file_in_new(a, e);
  if (f == NULL)
    return NULL;
  /* opening a pipe would wait for its writer */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool ok = fd >= 0 ? load(f, a, fd, path, e) : fail_errno(e, path);
  if (fd >= 0)
    close(fd); /* a mapping stays */
  if (ok)
    return f;
  file_in_release(f);
  return NULL;
}

FileIn *file_in_lent(Account *a, const void *data, size_t size,
                     void (*release)(void *ud, void *data), void *ud,
                     Error *e) {
  FileIn *f = file_in_new(a, e);
  if (f) {
    f->data = data;
    f->size = size;
    f->release = release;
    f->ud = ud;
  }
  return f;
}

FileIn *file_in_copy(Account *a, const void *data, size_t size, Error *e) {
  FileIn *f = file_in_new(a, e);
  if (f == NULL)
    return NULL;
  f->size = size;
  char *room = make_room(f, a, "bytes", e);
  if (room) {
    memcpy(room, data, size);
    return f;
  }
  file_in_release(f);
  return NULL;
}

FileIn *file_in_retain(FileIn *f) {
  atomic_fetch_add(&f->refs, 1);
  return f;
}

void file_in_release(FileIn *f) {
  if (f == NULL || atomic_fetch_sub(&f->refs, 1) > 1)
    return;
  void *data = (void *)(uintptr_t)f->data;
  if (f->mapped)
    munmap(data, f->size);
  if (f->account) {
    block_free(f->account, data, f->size);
    account_release(f->account);
  }
  if (f->release)
    f->release(f->ud, data);
  mem_free(f);
}

/* Whole pages alone, since others may look at what else is on the outer ones;
** whoever looks again reads from the file. A block has no file behind it. */
void file_in_forget(const FileIn *f, size_t at, size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t first = (at + page - 1) / page * page;
  size_t last = (at + bytes) / page * page;
  if (f->mapped && last > first)
    madvise((void *)(uintptr_t)(f->data + first), last - first, MADV_DONTNEED);
}
