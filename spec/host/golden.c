/* A host without Lua that answers as the release did which wrote the file: all of
** spec/golden/files/lunula_0.1.0_graph.safetensors, or the file that is named. It
** is what other compilers, libraries and processors are tried with (make builds). */
#define _GNU_SOURCE
#include "check.h"

enum { MOST = 4 };

static char *bytes;
static size_t size;

static void read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!EXPECT(f != NULL))
    return;
  bytes = malloc(1 << 20);
  size = fread(bytes, 1, 1 << 20, f);
  fclose(f);
  EXPECT(size > 8 && size < 1 << 20);
}

/* Where the tensor of this name lies, or NULL; *length: its bytes. Our files are
** written without spaces, the header first. */
static char *tensor(const char *kind, int i, size_t *length) {
  uint64_t header;
  unsigned long begin, end;
  char key[100];
  memcpy(&header, bytes, sizeof header);
  int n = snprintf(key, sizeof key, "\"lunula/test/%s/%d\":{", kind, i);
  char *entry = memmem(bytes + 8, header, key, (size_t)n);
  char *offsets = entry ? strstr(entry, "\"data_offsets\":[") : NULL;
  if (!offsets || sscanf(offsets, "\"data_offsets\":[%lu,%lu", &begin, &end) != 2)
    return NULL;
  *length = end - begin;
  return bytes + 8 + header + begin;
}

static void compare(const float *want, const float *got, size_t n) {
  float worst = 0;
  for (size_t i = 0; i < n; i++) {
    float apart = want[i] > got[i] ? want[i] - got[i] : got[i] - want[i];
    worst = apart >= worst || apart != apart ? apart : worst;
  }
  printf("  %d numbers, at most %.1e apart\n", (int)n, (double)worst);
  EXPECT(worst <= 1e-5f);
}

static void answers_as_it_did(void) {
  lunula_model *m;
  lunula_view in[MOST], out[MOST];
  size_t length;
  EXPECT_STATUS(LUNULA_OK, lunula_load_bytes(bytes, size, &m, &why));
  int nin = lunula_model_input(m, 0, NULL), nout = lunula_model_output(m, 0, NULL);
  if (!EXPECT(nin == 2 && nout == 3)) /* two inputs, as write_file.lua has them */
    return;
  for (int i = 0; i < nin; i++) {
    lunula_model_input(m, i, &in[i]);
    in[i].data = tensor("input", i, &length);
    in[i].shape[0] = 3;
  }
  in[1].shape[1] = 4;
  EXPECT_STATUS(LUNULA_OK, lunula_prepare(m, in, nin, out, nout, &why));
  for (int i = 0; i < nout; i++)
    out[i].data = calloc(3 * 3, sizeof(float));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(m, in, nin, out, nout, &why));
  for (int i = 0; i < nout; i++) {
    char *want = tensor("output", i, &length);
    if (EXPECT(want && length <= 36))
      compare((float *)(void *)want, out[i].data, length / sizeof(float));
    free(out[i].data);
  }
  EXPECT_STATUS(LUNULA_OK, lunula_model_test(m, &why));
  lunula_model_free(m);
}

int main(int argc, char **argv) {
  read_file(argc > 1 ? argv[1]
                     : "spec/golden/files/lunula_0.1.0_graph.safetensors");
  if (broken)
    return 1;
  unsetenv("LUNULA_GEMM"); /* there is no other way here than our own */
  leave_the_house("golden");
  test("answers as it did", answers_as_it_did);
  free(bytes);
  return failures > 0;
}
