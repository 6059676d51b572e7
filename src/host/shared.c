/* What liblunula.so, which has a Lua inside that nobody else sees, gives to that
** Lua instead of the names of libc (Makefile). The static Lua of a system may
** reach libc's streams only from a program, for it is not made for libraries;
** and modules in C would be served by another Lua of the process, or by none. */

#include <stdio.h>

FILE *shared_stdin, *shared_stdout, *shared_stderr;
void *shared_dlopen(const char *path, int mode);
const char *shared_dlerror(void);

__attribute__((constructor)) static void find_streams(void) {
  shared_stdin = stdin;
  shared_stdout = stdout;
  shared_stderr = stderr;
}

void *shared_dlopen(const char *path, int mode) {
  (void)path;
  (void)mode;
  return NULL;
}

const char *shared_dlerror(void) {
  return "the Lua inside liblunula.so takes no modules in C";
}
