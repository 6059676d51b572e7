// A host in C++: loads a model file and says what it takes.
#include <cstdio>

#include "lunula.h"

int main(int argc, char **argv) {
  lunula_model *model = nullptr;
  lunula_error why;
  if (argc < 2 || lunula_load(argv[1], &model, &why) != LUNULA_OK) {
    std::printf("%s\n", argc < 2 ? "which file?" : why.text);
    return 1;
  }
  int n = lunula_model_input(model, 0, nullptr);
  for (int i = 0; i < n; i++)
    std::printf("%s\n", lunula_model_input_name(model, i));
  lunula_model_free(model);
  return n == 0;
}
