/* A host that links liblunula.so: what can be seen of it, that the Lua inside
** keeps to itself, and that LuaJIT predicts with it (examples/embed/ffi.lua). */
#define _GNU_SOURCE
#include "check.h"

#include "ring.h"

static char library[1000], house[1000];

/* The first line that the command says, the library in the place of %s. */
static const char *said(const char *format) {
  static char line[1000];
  char command[1400];
  snprintf(command, sizeof command, format, library);
  FILE *f = popen(command, "r");
  line[0] = '\0';
  if (f && !fgets(line, sizeof line, f))
    line[0] = '\0';
  if (f)
    pclose(f);
  return line;
}

static void find_house(void) {
  ssize_t n = readlink("/proc/self/exe", library, sizeof library - 40);
  EXPECT(n > 0 && getcwd(house, sizeof house));
  library[n > 0 ? n : 0] = '\0';
  char *end = strstr(library, "/host/shared");
  strcpy(end ? end : library, "/liblunula.so");
}

static void shows_only_lunula(void) {
  EXPECT(strstr(said("nm -D --defined-only '%s' | grep -c ' lunula_load$'"),
                "1"));
  EXPECT(!*said("nm -D --defined-only '%s' | grep -v ' lunula_[a-z]'"));
  EXPECT(!*said("nm -D --defined-only '%s' | grep ' lunula_in_'"));
}

static void needs_only_libc(void) {
  static const char others[] =
      "readelf -d '%s' | grep NEEDED | grep -vE "
      "'lib(c|m|pthread|dl)\\.so|ld-linux|lib(a|ub)san'";
  EXPECT(!*said(others));
  EXPECT(!*said("readelf -d '%s' | grep TEXTREL"));
}

static void has_a_version(void) {
  char name[40];
  int major = LUNULA_VERSION_NUMBER / 10000;
  int minor = LUNULA_VERSION_NUMBER / 100 % 100;
  snprintf(name, sizeof name, "[liblunula.so.%d.%d]", major, minor);
  EXPECT(strstr(said("readelf -d '%s' | grep SONAME"), name));
}

static void runs_scripts(void) {
  lunula_runtime *rt;
  lunula_view got;
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK,
                run_text(rt, "x = require 'lunula'.ops.sum({0.5, 2.5}, 0)"));
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "x", &got, &why));
  EXPECT(*(const float *)got.data == 3);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "assert(io.type(io.stdin))"));
  lunula_free(rt);
}

static void takes_no_modules_in_c(void) {
  lunula_runtime *rt;
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_ERROR,
                run_text(rt, "assert(package.loadlib('libm.so.6', '*'))"));
  EXPECT_TEXT("takes no modules in C");
  lunula_free(rt);
}

static void serves_luajit(void) {
  char path[] = "/tmp/lunula_ffi_XXXXXX.safetensors", command[200];
  close(mkstemps(path, 12));
  if (EXPECT(chdir(house) == 0 && ring_write(path))) {
    snprintf(command, sizeof command, "env -u LUNULA_GEMM luajit "
             "examples/embed/ffi.lua '%%s' %s", path);
    EXPECT(strcmp(said(command), "( 0.5,  0.3): 1.00\n") == 0);
  }
  unlink(path);
}

int main(void) {
  find_house();
  leave_the_house("shared");
  test("shows only lunula_*", shows_only_lunula);
  test("needs libc only", needs_only_libc);
  test("has its version as soname", has_a_version);
  test("runs scripts", runs_scripts);
  test("takes no modules in C", takes_no_modules_in_c);
  if (system("luajit -v >/dev/null 2>&1") != 0)
    printf("  no LuaJIT (Debian: luajit): ffi.lua is not run\n");
  else if (!watched) /* a sanitizer must be there from the start */
    test("serves LuaJIT", serves_luajit);
  return failures > 0;
}
