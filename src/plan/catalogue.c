/* The list of all families of op rows. It stands on this floor because it is
** the lowest from which ops and loops can both be seen. */

#include "ops/build.h"
#include "plan/plan.h"
#include "scan/scan.h"

static const Op *const families[] = {
  ops_unary, ops_binary, ops_gelu, ops_cast, ops_reduce, ops_product,
  ops_softmax, ops_norm, ops_attention, ops_reshape, ops_turn, ops_slice,
  ops_join, ops_sized, ops_make, ops_index, ops_sort, ops_window, ops_random,
  ops_host, ops_call, ops_scan, ops_conv, ops_pool, ops_text, ops_decompose,
  ops_fourier, ops_ctc, ops_sums
};

Catalogue *op_catalogue(void) {
  static Catalogue all = {.family = families, .families = COUNT_OF(families)};
  return &all;
}
