/* A host that only predicts: it is linked without Lua, and there is nothing of
** Lua or BLAS in it. Its model is written by hand below. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sys/stat.h>

/* ---- a file of a model: relu(x w + b) ----------------------------------- */

static const char header[] =
    "{\"__metadata__\": {\"format\": \"lunula 1\", \"graph\": \"{"
    "\\\"format\\\": 1, \\\"nodes\\\": ["
    "{\\\"op\\\": \\\"input\\\", \\\"name\\\": \\\"x\\\","
    " \\\"type\\\": [\\\"float32\\\", null, 3]},"
    "{\\\"op\\\": \\\"variable\\\", \\\"name\\\": \\\"w\\\","
    " \\\"type\\\": [\\\"float32\\\", 3, 2]},"
    "{\\\"op\\\": \\\"matmul\\\", \\\"in\\\": [0, 1], \\\"attr\\\":"
    " {\\\"transpose_a\\\": false, \\\"transpose_b\\\": false},"
    " \\\"types\\\": [[\\\"float32\\\", null, 2]]},"
    "{\\\"op\\\": \\\"variable\\\", \\\"name\\\": \\\"b\\\","
    " \\\"type\\\": [\\\"float32\\\", 2]},"
    "{\\\"op\\\": \\\"add\\\", \\\"in\\\": [2, 3],"
    " \\\"types\\\": [[\\\"float32\\\", null, 2]]},"
    "{\\\"op\\\": \\\"relu\\\", \\\"in\\\": [4],"
    " \\\"types\\\": [[\\\"float32\\\", null, 2]]}],"
    "\\\"outputs\\\": [5], \\\"output_names\\\": [\\\"y\\\"]}\"},"
    "\"w\": {\"dtype\": \"F32\", \"shape\": [3, 2], \"data_offsets\": [0, 24]},"
    "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [24, 32]}}";

static const float weights[8] = {1, -1, 2, 0.5f, 3, 1, 10, -4};

static char file[4096] __attribute__((aligned(64)));

static size_t make_file(const char *text) {
  size_t size = strlen(text);
  uint64_t length = (size + 7) / 8 * 8;
  memcpy(file, &length, sizeof length); /* the machine is little-endian */
  memset(file + 8, ' ', (size_t)length);
  memcpy(file + 8, text, size);
  memcpy(file + 8 + length, weights, sizeof weights);
  return 8 + (size_t)length + sizeof weights;
}

static lunula_model *load(void) {
  lunula_model *m;
  EXPECT_STATUS(LUNULA_OK, lunula_load_bytes(file, make_file(header), &m, &why));
  return m;
}

static void ask(lunula_model *m) {
  float x[6] = {1, 2, 3, 0, 0, -9}, y[4];
  lunula_view vx = floats(x, 2, 2, 3), vy = floats(y, 2, 2, 2);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 24 && y[1] == 0 && y[2] == 0 && y[3] == 0);
}

/* ---- what it does ------------------------------------------------------- */

static void loads_and_predicts(void) {
  double start = now();
  lunula_model *m = load();
  ask(m);
  printf("  loaded and asked, the first of all: %.0f us\n",
         1e6 * (now() - start));
  EXPECT(strcmp(lunula_model_input_name(m, 0), "x") == 0);
  EXPECT(strcmp(lunula_model_output_name(m, 0), "y") == 0);
  lunula_model_free(m);
}

/* The kernels of gradients are not in this program, so no file may get at the
** ops that call them. */
static void refuses_ops_of_gradients(void) {
  static const char *const ops[] = {
    "softmax_back", "log_softmax_back", "class_losses_back",
    "layer_normalization_back", "dot_product_attention_back", "ctc_loss_back",
    "convolution_kernel_gradient", "max_windows_scatter",
    "mean_windows_spread"};
  const char *relu = strstr(header, "relu");
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    char text[sizeof header + 100], expected[100];
    lunula_model *m = NULL;
    snprintf(text, sizeof text, "%.*s%s%s", (int)(relu - header), header,
             ops[i], relu + 4);
    snprintf(expected, sizeof expected, "no op \"%s\" that files may have",
             ops[i]);
    EXPECT_STATUS(LUNULA_FILE,
                  lunula_load_bytes(file, make_file(text), &m, &why));
    EXPECT_TEXT(expected);
    EXPECT(m == NULL);
  }
}

static void *load_and_ask(void *unused) {
  (void)unused;
  lunula_model *m = load();
  ask(m);
  lunula_model_free(m);
  return NULL;
}

static void works_on_a_small_stack(void) {
  pthread_attr_t attr;
  pthread_t thread;
  pthread_attr_init(&attr);
  EXPECT(pthread_attr_setstacksize(&attr, watched ? 8 << 20 : 64 << 10) == 0);
  EXPECT(pthread_create(&thread, &attr, load_and_ask, NULL) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
}

/* ---- what is in it ------------------------------------------------------ */

/* How many lines the command prints about this program. */
static int lines(const char *format) {
  char command[300], self[200], line[1000];
  int n = 0;
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (!EXPECT(length > 0))
    return -1;
  self[length] = '\0';
  snprintf(command, sizeof command, format, self);
  unsetenv("LD_PRELOAD"); /* of a sanitizer: it would watch the tools as well */
  FILE *f = popen(command, "r");
  while (f && fgets(line, sizeof line, f))
    n++;
  return f && pclose(f) >= 0 ? n : -1;
}

static void has_neither_lua_nor_blas(void) {
  EXPECT(lines("nm -a '%s'") > 100);
  EXPECT(lines("nm -a '%s' | grep -E ' (lua|luaL|cblas|openblas)_'") == 0);
  EXPECT(lines("nm -a '%s' | grep -E ' lunula_(new|run|open)$'") == 0);
  EXPECT(lines("ldd '%s' | grep -iE 'lua|blas'") == 0);
}

#if defined(__OPTIMIZE__) && !defined(__clang__)
static const int optimised = 1;
#else
static const int optimised = 0;
#endif

/* What keeps it below stands in the Makefile (PLAIN, LONG, AVX2, LUASEE): loops
** go without -O3 where that costs no time, and without AVX-512 where that gains
** none; kernels of gradients are not linked. Loops for the three sets of x86 are
** a quarter of it each. */
#define LARGEST 1500000 /* bytes */

static void is_small(void) {
  struct stat st;
  char stripped[] = "/tmp/lunula_alone_XXXXXX";
  char command[100];
  int fd = mkstemp(stripped);
  close(fd);
  snprintf(command, sizeof command, "strip -o %s '%%s'", stripped);
  EXPECT(lines(command) == 0 && stat(stripped, &st) == 0);
  unlink(stripped);
  printf("  stripped: %lld bytes\n", (long long)st.st_size);
  EXPECT(watched || !optimised || st.st_size < LARGEST);
}

int main(void) {
  unsetenv("LUNULA_GEMM"); /* there is no other way here than our own */
  leave_the_house("alone");
  test("loads and predicts", loads_and_predicts);
  test("refuses ops of gradients", refuses_ops_of_gradients);
  test("works on a small stack", works_on_a_small_stack);
  test("has neither Lua nor BLAS", has_neither_lua_nor_blas);
  test("is small", is_small);
  return failures > 0;
}
