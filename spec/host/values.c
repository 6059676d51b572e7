/* A host that does not know Lua: it sets and reads a script's values, calls its
** functions, trains its model with data of its own. */
#define _GNU_SOURCE
#include "check.h"

static lunula_runtime *rt;

static const char script[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(3)\n"
    "net = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }\n"
    "net:compile { optimizer = k.optimizers.SGD(0.1), loss = 'mse',\n"
    "  metrics = { 'mae' } }\n"
    "rate, name, ok = 0.25, 'lunula', true\n"
    "inner = { list = { { 1, 2 }, { 3, 4 } } }\n"
    "function double(x) return x * 2, x:sum() end\n"
    "function fails() error 'no luck' end\n"
    "function inner:shift(x) return x + self.list[1][2] end\n";

static lunula_view vector(float *x, int n) {
  return (lunula_view){.data = x, .rank = 1, .shape = {n}};
}

static void opens(void) {
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, script));
}

static void sets_and_gets(void) {
  float x[3] = {1, 2, 3};
  lunula_view v = vector(x, 3), got;
  EXPECT_STATUS(LUNULA_OK, lunula_set(rt, "x", &v, &why));
  x[0] = 7; /* it was copied */
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "y = x + 1"));
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "y", &got, &why));
  EXPECT(got.rank == 1 && got.shape[0] == 3 && got.read_only);
  EXPECT(((const float *)got.data)[0] == 2 && ((const float *)got.data)[2] == 4);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "y = nil collectgarbage()"));
  EXPECT(((const float *)got.data)[2] == 4); /* still there */
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "x", &got, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "x[1] = 9 assert(x[1] == 9)"));
  EXPECT(((const float *)got.data)[0] == 1); /* as it was */
  lunula_view other;
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "rate", &other, &why));
  EXPECT(other.rank == 0 && *(const float *)other.data == 0.25f);
  EXPECT(((const float *)got.data)[2] == 3); /* another name leaves it */
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "ok", &got, &why));
  EXPECT(got.dtype == LUNULA_BOOL && *(const char *)got.data == 1);
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "name", &got, &why));
  const lunula_string *s = got.data;
  EXPECT(got.dtype == LUNULA_STRING && s->size == 6 &&
         memcmp(s->text, "lunula", 6) == 0);
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "inner.list", &got, &why));
  EXPECT(got.rank == 2 && ((const float *)got.data)[3] == 4);
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "net.name", &got, &why));
}

static void strings_are_copied(void) {
  char text[] = "abc";
  lunula_string s[2] = {{text, 3}, {NULL, 0}};
  lunula_view v = {.data = s, .dtype = LUNULA_STRING, .rank = 1, .shape = {2}};
  EXPECT_STATUS(LUNULA_OK, lunula_set(rt, "words", &v, &why));
  memset(text, 'x', 3);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "assert(words[1] == 'abc' and "
                                        "words[2] == '')"));
}

static void bad_names(void) {
  float x = 1;
  lunula_view v = vector(&x, 1), got;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(rt, "nothing", &got, &why));
  EXPECT_TEXT("there is no \"nothing\"");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(rt, "inner.no.more", &got, &why));
  EXPECT_TEXT("there is no \"inner.no\" (of \"inner.no.more\")");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(rt, "net:predict", &got, &why));
  EXPECT_TEXT("is a method; lunula_call calls it");
  EXPECT_STATUS(LUNULA_ERROR, lunula_get(rt, "rate.x", &got, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_set(rt, "a.b", &v, &why));
  EXPECT_TEXT("set: \"a.b\" is no name of a global variable");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_set(rt, "", &v, &why));
  EXPECT_STATUS(LUNULA_ERROR, lunula_get(rt, "print", &got, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(rt, NULL, &got, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(NULL, "rate", &got, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_get(rt, "rate", NULL, NULL));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_set(rt, "x", NULL, &why));
  v.data = NULL;
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_set(rt, "x", &v, &why));
  EXPECT_TEXT("value 0: data is NULL");
}

static void calls(void) {
  float x[2] = {3, 4}, y[2], z = 0;
  lunula_view in = vector(x, 2), out[2] = {vector(y, 2), {.data = &z}};
  EXPECT_STATUS(LUNULA_OK, lunula_call(rt, "double", &in, 1, out, 2, &why));
  EXPECT(y[0] == 6 && y[1] == 8 && z == 7);
  out[0].data = NULL; /* where it is */
  EXPECT_STATUS(LUNULA_OK, lunula_call(rt, "double", &in, 1, out, 1, &why));
  EXPECT(out[0].shape[0] == 2 && ((const float *)out[0].data)[1] == 8);
  out[0] = (lunula_view){.data = NULL};
  EXPECT_STATUS(LUNULA_OK,
                lunula_call(rt, "inner:shift", &in, 1, out, 1, &why));
  EXPECT(((const float *)out[0].data)[0] == 5);
  in = (lunula_view){.data = x, .rank = 2, .shape = {1, 2}};
  out[0] = (lunula_view){.data = &z, .rank = 2, .shape = {1, 1}};
  EXPECT_STATUS(LUNULA_OK,
                lunula_call(rt, "net:predict", &in, 1, out, 1, &why));
}

static void bad_calls(void) {
  float x[2] = {3, 4}, y[3];
  lunula_view in = vector(x, 2), out[3] = {vector(y, 3), {0}, {0}};
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_call(rt, "double", &in, 1, out, 1, &why));
  EXPECT_TEXT("output 0 is float32 (3,), double gives float32 (2,)");
  out[0].data = NULL;
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "double", &in, 1, out, 3, &why));
  EXPECT_TEXT("double returns 2 values, 3 are wanted");
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "fails", NULL, 0, NULL, 0, &why));
  EXPECT_TEXT("setup:9: no luck");
  EXPECT_STATUS(LUNULA_ERROR, lunula_call(rt, "rate", NULL, 0, NULL, 0, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_call(rt, "double", NULL, 1, NULL, 0, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT,
                lunula_call(rt, "double", &in, -1, NULL, 0, &why));
}

static void trains(void) {
  float x[8], y[4];
  for (int i = 0; i < 8; i++)
    x[i] = (float)(i * 37 % 11) / 11;
  for (int i = 0; i < 4; i++)
    y[i] = 2 * x[2 * i] - x[2 * i + 1] + 1;
  lunula_view in = {.data = x, .rank = 2, .shape = {4, 2}};
  lunula_view target = {.data = y, .rank = 2, .shape = {4, 1}};
  double result[2], first = 0;
  int n = 2;
  for (int i = 0; i < 200; i++) {
    n = 2;
    EXPECT_STATUS(LUNULA_OK, run_text(rt, "net:reset_metrics()"));
    EXPECT_STATUS(LUNULA_OK, lunula_train(rt, "net", &in, 1, &target, 1, result,
                                          &n, &why));
    first = i == 0 ? result[0] : first;
  }
  EXPECT(n == 2 && result[0] < first / 20 && result[1] > 0);
  EXPECT_STATUS(LUNULA_OK, lunula_train(rt, "net", &in, 1, &target, 1, NULL,
                                        NULL, &why));
  in.shape[0] = 3;
  EXPECT_STATUS(LUNULA_ERROR, lunula_train(rt, "net", &in, 1, &target, 1, NULL,
                                           NULL, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_train(rt, "inner", &in, 1, &target, 1,
                                              NULL, NULL, &why));
  EXPECT_TEXT("\"inner\" is no model");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_train(rt, "net", NULL, 0, NULL, 1,
                                              NULL, NULL, &why));
  EXPECT_TEXT("the list of targets is NULL");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_train(rt, "net", &in, 1, &target, 1,
                                              NULL, &n, &why));
}

static void saves_and_loads(void) {
  char path[] = "/tmp/lunula-values-XXXXXX.safetensors";
  float x[2] = {1, 2}, y = 0, z = 1;
  lunula_view in = {.data = x, .rank = 2, .shape = {1, 2}};
  lunula_view out = {.data = &y, .rank = 2, .shape = {1, 1}};
  lunula_view target = {.data = x, .rank = 2, .shape = {1, 1}};
  close(mkstemps(path, 12));
  EXPECT_STATUS(LUNULA_OK, lunula_save_model(rt, "net", path, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_load_model(rt, "again", path, &why));
  EXPECT_STATUS(LUNULA_OK,
                lunula_call(rt, "net:predict", &in, 1, &out, 1, &why));
  out.data = &z;
  EXPECT_STATUS(LUNULA_OK,
                lunula_call(rt, "again:predict", &in, 1, &out, 1, &why));
  EXPECT(y == z);
  EXPECT_STATUS(LUNULA_OK, lunula_train(rt, "again", &in, 1, &target, 1, NULL,
                                        NULL, &why));
  EXPECT_STATUS(LUNULA_ERROR,
                lunula_load_model(rt, "no", "/nowhere/x.safetensors", &why));
  EXPECT_TEXT("/nowhere/x.safetensors");
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_save_model(rt, "no", path, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load_model(rt, "a.b", path, &why));
  EXPECT_STATUS(LUNULA_ARGUMENT, lunula_load_model(rt, "a", NULL, &why));
  unlink(path);
}

/* The host may use files where its scripts may not. */
static void files_of_a_sandbox(void) {
  char path[] = "/tmp/lunula-values-XXXXXX.safetensors", code[200];
  lunula_config c = {.size = sizeof c, .sandbox = 1};
  lunula_runtime *box;
  close(mkstemps(path, 12));
  EXPECT_STATUS(LUNULA_OK, lunula_new(&c, &box, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(box, script));
  EXPECT_STATUS(LUNULA_OK, lunula_save_model(box, "net", path, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_load_model(box, "again", path, &why));
  snprintf(code, sizeof code, "net:save '%s'", path);
  EXPECT_STATUS(LUNULA_ERROR, run_text(box, code));
  EXPECT_TEXT("scripts in a sandbox see no files");
  EXPECT_STATUS(LUNULA_ERROR, run_text(box,
    "require('lunula.core').file_kind '/etc'"));
  EXPECT_STATUS(LUNULA_ERROR, run_text(box,
    "require('lunula.core').make_folders '/tmp/lunula-no'"));
  lunula_free(box);
  unlink(path);
}

int main(void) {
  leave_the_house("values");
  test("a script is run", opens);
  test("values are set and read", sets_and_gets);
  test("strings are copied", strings_are_copied);
  test("a wrong name is told", bad_names);
  test("functions and methods are called", calls);
  test("a wrong call is told", bad_calls);
  test("a model is trained", trains);
  test("a model is saved and loaded", saves_and_loads);
  test("the host has files in a sandbox", files_of_a_sandbox);
  lunula_free(rt);
  return failures > 0;
}
