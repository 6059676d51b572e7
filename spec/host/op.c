/* Ops of the host: they are called, traced, trained and predicted with as others
** are, and what is wrong with them is told. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* y = scale * x * x, and how often each was called. */
static int calls, back_calls;

static int square_shape(void *ud, lunula_op_call *c) {
  EXPECT(ud == &calls && c->ninputs == 1 && c->nnumbers == 1);
  if (c->inputs[0].rank == 0) {
    snprintf(c->why, c->why_size, "a scalar has no squares");
    return 1;
  }
  c->outputs[0].dtype = LUNULA_FLOAT32;
  c->outputs[0].rank = c->inputs[0].rank;
  memcpy(c->outputs[0].shape, c->inputs[0].shape, sizeof c->inputs[0].shape);
  return 0;
}

static int64_t elements(const lunula_view *v) {
  int64_t n = 1;
  for (int i = 0; i < v->rank; i++)
    n *= v->shape[i];
  return n;
}

static int square_run(void *ud, lunula_op_call *c) {
  const float *x = c->inputs[0].data;
  float *y = c->outputs[0].data;
  (void)ud;
  calls++;
  for (int64_t i = 0; i < elements(&c->inputs[0]); i++) {
    if (x[i] > 1e6f)
      return snprintf(c->why, c->why_size, "%g is too much", (double)x[i]);
    y[i] = (float)c->numbers[0] * x[i] * x[i];
  }
  return 0;
}

static int square_gradient(void *ud, lunula_op_call *c) {
  const float *x = c->inputs[0].data, *dy = c->inputs[2].data;
  float *dx = c->outputs[0].data;
  (void)ud;
  back_calls++;
  for (int64_t i = 0; i < elements(&c->inputs[0]); i++)
    dx[i] = 2 * (float)c->numbers[0] * x[i] * dy[i];
  return 0;
}

static lunula_op square(void) {
  return (lunula_op){.size = sizeof(lunula_op), .name = "host_square",
                     .signature = "x, scale:num=1",
                     .doc = "scale times x squared.", .noutputs = 1,
                     .floats = 1, .shape = square_shape, .run = square_run,
                     .gradient = square_gradient, .ud = &calls};
}

/* Two results, no gradient: x, and how many numbers it has. */
static int split_shape(void *ud, lunula_op_call *c) {
  (void)ud;
  c->outputs[0] = c->inputs[0];
  c->outputs[1] = (lunula_view){.dtype = LUNULA_INT32};
  return 0;
}

static int split_run(void *ud, lunula_op_call *c) {
  (void)ud;
  int32_t n = (int32_t)elements(&c->inputs[0]);
  memcpy(c->outputs[0].data, c->inputs[0].data, (size_t)n * 4);
  memcpy(c->outputs[1].data, &n, 4);
  return 0;
}

static lunula_op split(void) {
  return (lunula_op){.size = sizeof(lunula_op), .name = "host_count",
                     .signature = "x", .doc = "x, and its size.",
                     .noutputs = 2, .shape = split_shape, .run = split_run};
}

static void registers(void) {
  lunula_op op = square(), other = split();
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&op, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&other, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_register_op(&op, &why));
  EXPECT_TEXT("there is an op host_square already");
}

static void refused(lunula_op op, const char *text) {
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_register_op(&op, &why));
  EXPECT_TEXT(text);
}

static void refuses(void) {
  lunula_op op = square();
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_register_op(NULL, &why));
  op.name = "matmul";
  refused(op, "there is an op matmul already");
  op.name = "Square";
  refused(op, "is no name of an op");
  op = square();
  op.name = "other";
  static const char *const bad[] = {
    "*xs", "x, mode:str", "scale:num", "x, scale:num=1:2", "x, scale:num=abc",
    "x, scale:num=nil", "x, scale:num=", "x, scale:int=1.5", "x, scale:bool=1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char message[64];
    const char *last = strrchr(bad[i], ' ');
    snprintf(message, sizeof message, "\"%s\" in its signature",
             last ? last + 1 : bad[i]);
    op.signature = bad[i];
    refused(op, message);
  }
  op.signature = "";
  refused(op, "0 inputs");
  op.signature = "x";
  op.run = NULL;
  refused(op, "shape or run");
  op = square();
  op.name = "other";
  op.noutputs = 9;
  refused(op, "9 outputs");
  op.size = 3;
  refused(op, "size");
}

/* Several threads add the same: one of them has. */
static void *race(void *count) {
  lunula_op op = split();
  op.name = "host_race";
  if (lunula_register_op(&op, NULL) == LUNULA_OK)
    atomic_fetch_add((atomic_int *)count, 1);
  return NULL;
}

static void adds_once(void) {
  pthread_t thread[8];
  atomic_int count = 0;
  for (int i = 0; i < 8; i++)
    pthread_create(&thread[i], NULL, race, &count);
  for (int i = 0; i < 8; i++)
    pthread_join(thread[i], NULL);
  EXPECT(count == 1);
}

/* The name of the way back is taken. */
static void takes_both_names(void) {
  lunula_op op = split();
  op.name = "host_cube_gradient";
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&op, &why));
  op = square();
  op.name = "host_cube";
  refused(op, "there is an op host_cube_gradient already");
}

static lunula_runtime *rt;

static const char script[] =
    "local k = require 'lunula'\n"
    "local ops = k.ops\n"
    "k.set_random_seed(1)\n"
    "local x = k.tensor{1, 2, 3}\n"
    "assert(ops.host_square(x)[3] == 9)\n"
    "assert(ops.host_square(x, 2)[3] == 18)\n"
    "assert(ops.host_square(x, {scale = 3})[2] == 12)\n"
    "assert(x:host_square()[1] == 1)\n"
    "assert(ops.host_square(k.tensor({1, 2}, 'int32'))[2] == 4)\n"
    "local y, n = ops.host_count(x)\n"
    "assert(y[2] == 2 and n:item() == 3)\n"
    "local _, g = k.value_and_grad(function (v)\n"
    "  return ops.sum(ops.host_square(v, 2) * v) end)(x)\n"
    "assert(g[1][3] == 54 or g[3] == 54)\n"
    "net = k.Sequential { k.Input { shape = { 3 } }, k.layers.Dense(4),\n"
    "  k.layers.Lambda(function (h) return ops.host_square(h, 0.5) end),\n"
    "  k.layers.Dense(1) }\n"
    "net:compile { optimizer = 'adam', loss = 'mse' }\n"
    "local data = k.random.normal { 64, 3 }\n"
    "local want = ops.sum(data ^ 2, 1)\n"
    "local h = net:fit(data, want, { epochs = 30, verbose = 0 }).history.loss\n"
    "assert(h[30] < h[1])\n"
    "wanted = net:predict(k.ones { 2, 3 })\n"
    "function wrong() return ops.host_square(1.0) end\n"
    "function much() return ops.host_square { 1e9 } end\n"
    "function none() return k.value_and_grad(function (v)\n"
    "  return ops.sum((ops.host_count(v))) end)(x) end\n"
    "k.help(ops.host_square)\n";

static void is_an_op(void) {
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
  EXPECT(calls > 60 && back_calls > 30);
}

static void fails_at_the_line(void) {
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "wrong", NULL, 0, NULL, 0, &why));
  EXPECT_TEXT("setup:24: host_square: a scalar has no squares");
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "much", NULL, 0, NULL, 0, &why));
  EXPECT_TEXT("setup:25: host_square: 1e+09 is too much");
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "none", NULL, 0, NULL, 0, &why));
  EXPECT_TEXT("host_count has no gradient");
}

static void predicts(void) {
  lunula_model *model;
  float x[6] = {1, 1, 1, 1, 1, 1}, y[2];
  lunula_view in = floats(x, 2, 2, 3), out = floats(y, 2, 2, 1), wanted;
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "net", &model, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_predict(model, &in, 1, &out, 1, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "wanted", &wanted, &why));
  EXPECT(memcmp(wanted.data, y, sizeof y) == 0);
  x[0] = 1e20f;
  EXPECT_STATUS(LUNULA_ERROR, lunula_predict(model, &in, 1, &out, 1, &why));
  EXPECT_TEXT("is too much");
  lunula_model_free(model);
}

/* As many inputs, results and numbers as an op may have: y[i] = x[i] *
** x[i + 8], and with `on` as many times as all numbers together. */
enum { IN = 16, OUT = 8, NUMBERS = 8 };

static int widest_shape(void *ud, lunula_op_call *c) {
  (void)ud;
  for (int i = 0; i < OUT; i++)
    c->outputs[i] = (lunula_view){.dtype = LUNULA_FLOAT32};
  return 0;
}

static float at(const lunula_view *v) {
  return *(const float *)v->data;
}

static float factor(const lunula_op_call *c) {
  float sum = 0;
  for (int i = 0; i < NUMBERS - 1; i++)
    sum += (float)c->numbers[i];
  return c->numbers[NUMBERS - 1] == 1 ? sum : 1;
}

static int widest_run(void *ud, lunula_op_call *c) {
  const lunula_view *x = c->inputs;
  (void)ud;
  for (int i = 0; i < OUT; i++)
    *(float *)c->outputs[i].data = at(x + i) * at(x + OUT + i) * factor(c);
  return 0;
}

static int widest_gradient(void *ud, lunula_op_call *c) {
  const lunula_view *x = c->inputs, *dy = x + IN + OUT;
  (void)ud;
  for (int i = 0; i < IN; i++)
    *(float *)c->outputs[i].data = at(dy + i % OUT) * at(x + (i + OUT) % IN) *
                                   factor(c);
  return 0;
}

static void may_be_wide(void) {
  static const char script_wide[] =
      "local k = require 'lunula'\n"
      "local x = {}\n"
      "for i = 1, 16 do x[i] = k.tensor(i * 1.0) end\n"
      "assert(k.ops.host_wide(table.unpack(x)):item() == 9 * 9.25)\n"
      "local _, g = k.value_and_grad(function (...)\n"
      "  local y = table.pack(k.ops.host_wide(...))\n"
      "  return y[1] + 2 * y[8] end)(table.unpack(x))\n"
      "assert(g[1]:item() == 9 * 9.25 and g[9]:item() == 9.25)\n"
      "assert(g[8]:item() == 2 * 16 * 9.25 and g[16]:item() == 16 * 9.25)\n"
      "assert(g[2]:item() == 0)\n";
  lunula_op op = {.size = sizeof op, .name = "host_wide", .noutputs = OUT,
                  .signature = "a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3,"
                               " b4, b5, b6, b7, n0:num=1, n1:num=.25, n2:int=2"
                               ", n3:num=1e0, n4:num=+1, n5:num=5, n6:int=-1, "
                               "on:bool=true",
                  .doc = "Products.", .floats = 1, .shape = widest_shape,
                  .run = widest_run, .gradient = widest_gradient};
  lunula_runtime *own;
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&op, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &own, &why));
  if (own)
    EXPECT_STATUS(LUNULA_OK, run_text(own, script_wide));
  lunula_free(own);
}

/* The last test: no state opens after it. */
static void hides_none_of_lunulas(void) {
  lunula_op op = split();
  lunula_runtime *other;
  op.name = "mean";
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&op, &why));
  lunula_status s = lunula_new(NULL, &other, &why);
  if (s == LUNULA_OK)
    s = run_text(other, "return require 'lunula'.layers.Dense");
  EXPECT_STATUS(LUNULA_ERROR, s);
  EXPECT_TEXT("the host's op mean has the name of one of lunula's own");
  lunula_free(other);
}

/* While a session predicts nobody else gets in, here from inside an op. */
static lunula_session *session;

static int inside_run(void *ud, lunula_op_call *c) {
  lunula_session *copy;
  EXPECT_STATUS(LUNULA_BUSY, lunula_session_reset(session, &why));
  EXPECT_TEXT("another thread is in this session");
  EXPECT_STATUS(LUNULA_BUSY, lunula_session_copy(session, &copy, NULL));
  EXPECT_STATUS(LUNULA_BUSY, lunula_session_predict(session, NULL, 0, NULL, 0,
                                                    NULL, NULL));
  return split_run(ud, c);
}

static void sessions_are_for_one(void) {
  static const char script_inside[] =
      "local core = require 'lunula.core'\n"
      "inside = core.trace({ { shape = { 3 } } }, function (x)\n"
      "  return (core.ops.host_inside(x)) end)\n";
  lunula_op op = split();
  lunula_runtime *own;
  lunula_model *model, *frozen;
  float x[3] = {1, 2, 3}, y[3];
  lunula_view in = floats(x, 1, 3, 0), out = floats(y, 1, 3, 0);
  op.name = "host_inside";
  op.run = inside_run;
  EXPECT_STATUS(LUNULA_OK, lunula_register_op(&op, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &own, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(own, script_inside));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(own, "inside", &model, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_freeze(model, &frozen, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_new(frozen, &session, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_session_predict(session, &in, 1, &out, 1,
                                                  NULL, &why));
  EXPECT(y[2] == 3);
  out.read_only = 1;
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_session_predict(session, &in, 1, &out, 1, NULL, &why));
  EXPECT_TEXT("output 0 is read only");
  lunula_session_free(session);
  lunula_model_free(frozen);
  lunula_model_free(model);
  lunula_free(own);
}

/* How many of its kind can be added until there is no room. */
static int added_until_full(lunula_op op) {
  char name[32];
  int added = 0;
  lunula_status status = LUNULA_OK;
  op.name = name;
  while (status == LUNULA_OK && added < 100) {
    snprintf(name, sizeof name, "host_more_%d", added);
    status = lunula_register_op(&op, &why);
    added += status == LUNULA_OK;
  }
  EXPECT(status == LUNULA_ARGUMENT);
  EXPECT_TEXT("there is room for 32 ops, and more without gradients");
  return added;
}

/* Those that the tests before this have added count, too. */
static void adds_32(void) {
  int added = added_until_full(square());
  EXPECT(added > 20 && added < 32);
}

/* In a process of its own: an op stays until that ends. */
static void adds_more_without_gradients(void) {
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0)
    _exit(added_until_full(split()));
  EXPECT(waitpid(child, &status, 0) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) > 32);
}

int main(void) {
  leave_the_house("op");
  test("ops are added", registers);
  test("what is none is refused", refuses);
  test("of two threads one adds an op", adds_once);
  test("the way back needs a name, too", takes_both_names);
  test("an op of the host is an op", is_an_op);
  test("it fails at the line of the script", fails_at_the_line);
  test("a model predicts with it", predicts);
  lunula_free(rt);
  test("a session is for one thread", sessions_are_for_one);
  test("it may have as much as is said", may_be_wide);
  test("none of lunula's ops is hidden", hides_none_of_lunulas);
  test("there is room for more without gradients", adds_more_without_gradients);
  test("there is room for 32", adds_32);
  return failures > 0;
}
