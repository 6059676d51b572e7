/* Files of the system, read as a whole. They are not mapped: one that another
** program makes shorter meanwhile would end the process. */

#define _DEFAULT_SOURCE /* O_CLOEXEC */

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t most = (int64_t)1 << 30; /* bytes of a file */

static bool read_all(int fd, unsigned char *to, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = read(fd, to + done, size - done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  return true;
}

static bool read_open(int fd, Bytes *bytes, Fault *why) {
  struct stat s;
  if (fstat(fd, &s) != 0)
    return fault(why, "%s", strerror(errno));
  if (!S_ISREG(s.st_mode))
    return fault(why, S_ISDIR(s.st_mode) ? "it is a folder" : "it is no file");
  if (s.st_size > most)
    return fault(why, "it has %lld bytes; %lld are read at most",
                 (long long)s.st_size, (long long)most);
  size_t size = (size_t)s.st_size;
  unsigned char *data = malloc(size + 1);
  *bytes = (Bytes){data, size};
  if (data == NULL)
    return fault(why, "there is no memory for its %zu bytes", size);
  return read_all(fd, data, size) || fault(why, "it cannot be read");
}

bool file_read(const char *path, Bytes *bytes, Fault *why) {
  *bytes = (Bytes){0};
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fault(why, "%s", strerror(errno));
  bool well = read_open(fd, bytes, why);
  close(fd);
  if (!well)
    file_free(bytes);
  return well;
}

void file_free(Bytes *bytes) {
  free((void *)(uintptr_t)bytes->data);
  *bytes = (Bytes){0};
}
