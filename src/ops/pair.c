/* The pairs that models are full of: scale and shift, bias and relu, residual
** sums, clipping, the formulas of gates, gradients and optimizers. */

#include "ops/pair.h"

#include <math.h>
#include <string.h>

#include "base/each_isa.h"
#include "ops/strip.h"

#define PAIR(name, expression) BINARY_STRIP(name, float, float, expression)

WRITTEN_STRIP(strip_multiply_add, a *b + c)
WRITTEN_STRIP(strip_multiply_subtract, a *b - c)
WRITTEN_STRIP(strip_less_product, c - a * b)
TERNARY_STRIP(strip_multiply_multiply, a *b *c)
TERNARY_STRIP(strip_add_add, a + b + c)
TERNARY_STRIP(strip_add_add_relu, rectified(a + b + c))
TERNARY_STRIP(strip_add_multiply, (a + b) * c)
TERNARY_STRIP(strip_subtract_multiply, (a - b) * c)
TERNARY_STRIP(strip_divide_add, a / b + c)
TERNARY_STRIP(strip_less_quotient, c - a / b)
TERNARY_STRIP(strip_maximum_minimum, smaller_of(larger_of(a, b), c))
TERNARY_STRIP(strip_add_relu_minimum, smaller_of(rectified(a + b), c))
PAIR(strip_add_relu, rectified(a + b))
PAIR(strip_relu_minimum, smaller_of(rectified(a), b))
PAIR(strip_square_multiply, a *a *b)
PAIR(strip_sqrt_add, sqrtf(a) + b)
VECTOR_STRIP(strip_add_sigmoid, sigmoids(a + b))
VECTOR_STRIP(strip_add_tanh, tanhs(a + b))
VECTOR_STRIP(strip_add_add_sigmoid, sigmoids(a + b + c))
VECTOR_STRIP(strip_add_add_tanh, tanhs(a + b + c))
VECTOR_STRIP(strip_tanh_multiply, tanhs(a) * b)
WRITTEN_PAIR(strip_less_square, b - a *a)
WRITTEN_STRIP(strip_less_square_multiply, (b - a * a) * c)

#if ISA_FIRST

enum { LEFT = 1, RIGHT = 2, EITHER = 3 };

static const Pair pairs[] = {
  {"", "multiply", "add", EITHER, strip_multiply_add},
  {"", "multiply", "subtract", LEFT, strip_multiply_subtract},
  {"", "multiply", "subtract", RIGHT, strip_less_product},
  {"", "multiply", "multiply", EITHER, strip_multiply_multiply},
  {"add add", "add", "add", EITHER, strip_add_add},
  {"", "add add", "sigmoid", LEFT, strip_add_add_sigmoid},
  {"", "add add", "tanh", LEFT, strip_add_add_tanh},
  {"", "add add", "relu", LEFT, strip_add_add_relu},
  {"", "add", "multiply", EITHER, strip_add_multiply},
  {"", "subtract", "multiply", EITHER, strip_subtract_multiply},
  {"", "divide", "add", EITHER, strip_divide_add},
  {"", "divide", "subtract", RIGHT, strip_less_quotient},
  {"", "maximum", "minimum", LEFT, strip_maximum_minimum},
  {"add relu", "add", "relu", LEFT, strip_add_relu},
  {"", "add relu", "minimum", LEFT, strip_add_relu_minimum},
  {"", "relu", "minimum", LEFT, strip_relu_minimum},
  {"", "square", "multiply", EITHER, strip_square_multiply},
  {"", "sqrt", "add", EITHER, strip_sqrt_add},
  {"", "add", "sigmoid", LEFT, strip_add_sigmoid},
  {"", "add", "tanh", LEFT, strip_add_tanh},
  {"", "tanh", "multiply", EITHER, strip_tanh_multiply},
  {"square less", "square", "subtract", RIGHT, strip_less_square},
  {"", "square less", "multiply", EITHER, strip_less_square_multiply},
};

const Pair *pair_find(const char *first, const char *second, int side) {
  for (int i = 0; i < COUNT_OF(pairs); i++)
    if (pairs[i].sides >> side & 1 && strcmp(pairs[i].first, first) == 0 &&
        strcmp(pairs[i].second, second) == 0)
      return &pairs[i];
  return NULL;
}

#endif
