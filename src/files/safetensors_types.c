/* What safetensors calls the element types, those that lunula lacks too: a file
** that has some is read, and only they are refused. */

#include <string.h>

#include "files/safetensors.h"

static const struct {
  const char *name;
  int bits;
  DType dtype;
} stored[] = {
  {"F32", 32, F32}, {"I32", 32, I32}, {"BOOL", 8, BOOL}, {"F16", 16, F16},
  {"BF16", 16, BF16}, {"F64", 64, F64}, {"I8", 8, I8}, {"U8", 8, U8},
  {"I64", 64, I64},
  {"I16", 16, DTYPE_COUNT}, {"U16", 16, DTYPE_COUNT}, {"U32", 32, DTYPE_COUNT},
  {"U64", 64, DTYPE_COUNT}, {"F8_E5M2", 8, DTYPE_COUNT},
  {"F8_E4M3", 8, DTYPE_COUNT}, {"F8_E8M0", 8, DTYPE_COUNT},
  {"C64", 64, DTYPE_COUNT}
};

int stored_bits(const char *name, size_t length, DType *d,
                const char **known) {
  for (int i = 0; i < COUNT_OF(stored); i++)
    if (strlen(stored[i].name) == length &&
        memcmp(stored[i].name, name, length) == 0) {
      *d = stored[i].dtype;
      *known = stored[i].name;
      return stored[i].bits;
    }
  return 0;
}

const char *stored_name(DType d) {
  for (int i = 0; i < COUNT_OF(stored); i++)
    if (stored[i].dtype == d)
      return stored[i].name;
  return NULL;
}
