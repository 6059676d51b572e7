/* Small stacks: a host's threads may have little of it, so predict is held to
** 64 KB and training by script to 256 KB. The stack is painted before the
** thread starts and lies above a page that nobody may touch; what is no longer
** painted afterwards was used, and is printed. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>

enum { PAINT = 0xA5, GUARD = 64 << 10 };

static lunula_runtime *rt;
static lunula_model *model;

/* ---- a thread with so much stack --------------------------------------- */

/* Sanitizers make frames several times larger; then only the work counts. */
static size_t room_for(size_t bytes) {
  return watched ? bytes + (8 << 20) : bytes;
}

static size_t used_of(const unsigned char *stack, size_t size) {
  size_t i = 0;
  while (i < size && stack[i] == PAINT) i++;
  return size - i;
}

/* Runs f on a thread with this stack. */
static void on_stack(size_t bytes, const char *what, void *(*f)(void *)) {
  size_t size = room_for(bytes);
  pthread_attr_t attr;
  pthread_t thread;
  unsigned char *memory =
      mmap(NULL, GUARD + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *stack = memory + GUARD;
  if (!EXPECT(memory != MAP_FAILED) ||
      !EXPECT(mprotect(stack, size, PROT_READ | PROT_WRITE) == 0))
    return;
  memset(stack, PAINT, size);
  pthread_attr_init(&attr);
  EXPECT(pthread_attr_setstack(&attr, stack, size) == 0);
  if (EXPECT(pthread_create(&thread, &attr, f, NULL) == 0)) {
    pthread_join(thread, NULL);
    printf("  %s: %zu KB of %zu KB of stack\n", what,
           (used_of(stack, size) + 1023) >> 10, size >> 10);
  }
  pthread_attr_destroy(&attr);
  munmap(memory, GUARD + size);
}

/* ---- predict on 64 KB --------------------------------------------------- */

static float *numbers;

/* Twice: the first makes the plan, the second finds it. */
static void *predict_twice(void *unused) {
  (void)unused;
  static float out[1 << 12];
  lunula_view in = {0}, y = {0};
  lunula_model_input(model, 0, &in);
  for (int i = 0; i < in.rank; i++)
    if (in.shape[i] < 0)
      in.shape[i] = i == 0 ? 2 : 16; /* the batch, or a sequence's length */
  in.data = numbers;
  if (!EXPECT_STATUS(LUNULA_OK, lunula_prepare(model, &in, 1, &y, 1, &why)))
    return NULL;
  y.data = out;
  for (int i = 0; i < 2; i++)
    EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &in, 1, &y, 1, &why));
  double sum = 0;
  for (int i = 0; i < y.shape[1]; i++)
    sum += out[i];
  EXPECT(sum > 0.99 && sum < 1.01); /* all of them end in a softmax */
  return NULL;
}

static void predicts(const char *what, const char *layers) {
  char script[2000];
  lunula_config c = {0};
  c.size = sizeof c;
  c.threads = 1; /* all work on this stack */
  snprintf(script, sizeof script,
           "local k = require 'lunula'\nlocal l = k.layers\n%s\nreturn model",
           layers);
  numbers = calloc(2 * 64 * 64 * 3, sizeof *numbers);
  for (int i = 0; i < 2 * 64 * 64 * 3; i++)
    numbers[i] = (float)(i % 7) * 0.1f;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  if (EXPECT_STATUS(LUNULA_OK, run_text(rt, script)) &&
      EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "model", &model, &why))) {
    on_stack(64 << 10, what, predict_twice);
    lunula_model_free(model);
  }
  lunula_free(rt);
  free(numbers);
}

static void predicts_with_convolutions(void) {
  predicts("convnet", "model = k.Sequential{k.Input{shape={64, 64, 3}},\n"
                      "  l.Conv2D{32, 3, activation='relu'},\n"
                      "  l.MaxPooling2D{2}, l.BatchNormalization{},\n"
                      "  l.Conv2D{64, 3, padding='same', strides=2},\n"
                      "  l.DepthwiseConv2D{3}, l.AveragePooling2D{2},\n"
                      "  l.Conv2DTranspose{8, 3, strides=2},\n"
                      "  l.Flatten{}, l.Dense{64, activation='gelu'},\n"
                      "  l.Dense{10, activation='softmax'}}");
}

static void predicts_with_an_lstm(void) {
  predicts("LSTM", "model = k.Sequential{k.Input{shape={false, 12}},\n"
                   "  l.Bidirectional{l.LSTM{40, return_sequences=true}},\n"
                   "  l.GRU{24}, l.Dense{10, activation='softmax'}}");
}

static void predicts_with_attention(void) {
  predicts("transformer",
           "local x = k.Input{shape={16, 32}}\n"
           "local a = l.MultiHeadAttention{4, 8}(x, x)\n"
           "local y = l.LayerNormalization{}(l.add{x, a})\n"
           "local f = l.Dense{32}(l.Dense{64, activation='gelu'}(y))\n"
           "y = l.LayerNormalization{}(l.add{y, f})\n"
           "y = l.Dense{10, activation='softmax'}(\n"
           "  l.GlobalAveragePooling1D{}(y))\n"
           "model = k.Model{inputs=x, outputs=y}");
}

/* ---- fit on 256 KB ------------------------------------------------------ */

/* All that a script does, from require on. */
static const char training[] =
    "local k = require 'lunula'\n"
    "local l = k.layers\n"
    "k.set_random_seed(2)\n"
    "local function fit(model, x, y)\n"
    "  model:compile{optimizer='adam', loss='mse', metrics={'mae'}}\n"
    "  model:fit(x, y, {epochs=2, batch_size=4, verbose=0})\n"
    "  model:evaluate(x, y, {verbose=0})\n"
    "end\n"
    "fit(k.Sequential{k.Input{shape={64, 64, 3}},\n"
    "  l.Conv2D{16, 3, activation='relu'}, l.MaxPooling2D{2},\n"
    "  l.BatchNormalization{}, l.DepthwiseConv2D{3},\n"
    "  l.Conv2D{24, 3, padding='same'}, l.AveragePooling2D{4},\n"
    "  l.Dropout(0.2), l.Flatten{}, l.Dense{2}},\n"
    "  k.random.normal{8, 64, 64, 3}, k.random.normal{8, 2})\n"
    "fit(k.Sequential{k.Input{shape={12, 6}},\n"
    "  l.Bidirectional{l.LSTM{10, return_sequences=true}}, l.GRU{8},\n"
    "  l.Dense{2}}, k.random.normal{8, 12, 6}, k.random.normal{8, 2})\n"
    "local x = k.Input{shape={10, 16}}\n"
    "local a = l.MultiHeadAttention{2, 8}(x, x)\n"
    "local y = l.LayerNormalization{}(l.add{x, a})\n"
    "y = l.Dense{2}(l.GlobalAveragePooling1D{}(y))\n"
    "fit(k.Model{inputs=x, outputs=y}, k.random.normal{8, 10, 16},\n"
    "  k.random.normal{8, 2})\n";

static void *train(void *unused) {
  (void)unused;
  lunula_config c = {0};
  c.size = sizeof c;
  c.threads = 1; /* all work on this stack */
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, training));
  lunula_free(rt);
  return NULL;
}

static void trains(void) { on_stack(256 << 10, "fit", train); }

int main(void) {
  leave_the_house("stack");
  test("a convnet predicts on 64 KB", predicts_with_convolutions);
  test("an LSTM predicts on 64 KB", predicts_with_an_lstm);
  test("a transformer predicts on 64 KB", predicts_with_attention);
  test("a script trains on 256 KB", trains);
  return failures > 0;
}
