/* Strings come in from a host: a model of texts predicts without Lua, and what is
** no string is refused. */
#define _GNU_SOURCE
#include "check.h"

#include <lua.h>

static lunula_runtime *rt;
static lunula_model *model;

static const char script[] =
    "local k = require 'lunula'\n"
    "k.set_random_seed(1)\n"
    "local vectorize = k.layers.TextVectorization {\n"
    "  vocabulary = { 'fox', 'a', 'the' }, output_sequence_length = 4 }\n"
    "net = k.Sequential { k.Input { shape = {}, dtype = 'string' }, vectorize,\n"
    "  k.layers.Embedding { 5, 3 }, k.layers.GlobalAveragePooling1D(),\n"
    "  k.layers.Dense(2) }\n"
    "wanted = net:predict { 'The quick fox!', 'a', '' }\n";

static lunula_view texts(lunula_string *s, int n) {
  return (lunula_view){.data = s, .dtype = LUNULA_STRING, .rank = 1,
                       .shape = {n}};
}

static lunula_status predict(lunula_view in, float *y, int n) {
  lunula_view out = {.data = y, .rank = 2, .shape = {n, 2}};
  return lunula_predict(model, &in, 1, &out, 1, &why);
}

static void predicts(void) {
  lunula_string s[3] = {{"The quick fox! and more", 14}, {"a", 1}, {NULL, 0}};
  lunula_view want;
  float y[6];
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &rt, &why));
  EXPECT_STATUS(LUNULA_OK,
                lunula_run(rt, script, sizeof script - 1, "=text", &why));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(rt, "net", &model, &why));
  EXPECT(lunula_model_input(model, 0, &want) == 1);
  EXPECT(want.dtype == LUNULA_STRING && want.rank == 1 && want.shape[0] == -1);
  EXPECT_STATUS(LUNULA_OK, predict(texts(s, 3), y, 3));
  lua_State *L = lunula_state(rt);
  lua_getglobal(L, "wanted");
  EXPECT_STATUS(LUNULA_OK, lunula_to_view(L, -1, &want, &why));
  EXPECT(memcmp(want.data, y, sizeof y) == 0);
  lua_pop(L, 1);
}

static void refuses(void) {
  lunula_string s[2] = {{"a", 1}, {NULL, 3}};
  float y[4], x[2] = {1, 2};
  lunula_view numbers = {.data = x, .rank = 1, .shape = {2}};
  EXPECT_STATUS(LUNULA_ARGUMENT, predict(texts(s, 2), y, 2));
  EXPECT_TEXT("input 0: string 1 has 3 bytes at NULL");
  lunula_view odd = texts(s, 1);
  odd.data = (char *)odd.data + 1;
  EXPECT_STATUS(LUNULA_ARGUMENT, predict(odd, y, 1));
  EXPECT_TEXT("the address of a lunula_string must be a multiple of");
  EXPECT_STATUS(LUNULA_ARGUMENT, predict(numbers, y, 2));
  EXPECT_TEXT("input 0 is float32 (2,), the model takes string (None,)");
}

static void exchanges(void) {
  lunula_string s[2] = {{"the", 3}, {"fox", 3}};
  lunula_view in = texts(s, 2), back;
  lua_State *L = lunula_state(rt);
  in.read_only = 1;
  EXPECT_STATUS(LUNULA_OK, lunula_push_view(L, &in, &why));
  lua_setglobal(L, "lent");
  static const char code[] =
      "local k = require 'lunula'\n"
      "assert(lent.dtype == 'string' and lent[2] == 'fox')\n"
      "assert(k.layers.StringLookup{vocabulary = {'fox'}}(lent)[2] == 1)\n"
      "mine = k.tensor{'one', 'two'}\n";
  EXPECT_STATUS(LUNULA_OK,
                lunula_run(rt, code, sizeof code - 1, "=code", &why));
  lua_getglobal(L, "mine");
  EXPECT_STATUS(LUNULA_OK, lunula_to_view(L, -1, &back, &why));
  const lunula_string *got = back.data;
  EXPECT(back.dtype == LUNULA_STRING && back.shape[0] == 2 &&
         got[1].size == 3 && memcmp(got[1].text, "two", 3) == 0);
  lua_pop(L, 1);
}

/* A trace that closes over strings takes them along, also when it is frozen and
** the state, and who lent them, are gone. */
static void strings_are_captured(void) {
  static const char code[] =
      "local core = require 'lunula.core'\n"
      "local ops = core.ops\n"
      "local words = core.variable { value = core.tensor({ 97, 98 }, 'uint8') }\n"
      "local ends = core.tensor({ 1, 2 }, 'int32')\n"
      "local slots = ops.string_slots(words, ends)\n"
      "captured = core.trace({ { shape = { 2 } } }, function (x)\n"
      "  return x + ops.cast(ops.find_string(lent, words, ends, slots),\n"
      "    'float32') end)\n"
      "collectgarbage()\n";
  char letters[] = "bbbbbbbbbbbbbbbba";
  lunula_string s[2] = {{letters + 15, 1}, {letters + 16, 1}};
  lunula_view in = texts(s, 2);
  lunula_runtime *own;
  lunula_model *live, *frozen;
  float x[2] = {10, 20}, y[2];
  lunula_view vx = floats(x, 1, 2, 0), vy = floats(y, 1, 2, 0);
  EXPECT_STATUS(LUNULA_OK, lunula_new(NULL, &own, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_set(own, "lent", &in, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(own, code));
  EXPECT_STATUS(LUNULA_OK, lunula_find_model(own, "captured", &live, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_freeze(live, &frozen, &why));
  lunula_model_free(live);
  lunula_free(own);
  memset(letters, 'z', sizeof letters);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(frozen, &vx, 1, &vy, 1, &why));
  EXPECT(y[0] == 11 && y[1] == 20);
  lunula_model_free(frozen);
}

/* The vocabulary is in the file: no Lua, no folder of assets. */
static void predicts_from_a_file(void) {
  char path[] = "/tmp/lunula-text-XXXXXX.safetensors", code[200];
  lunula_string s[3] = {{"The quick fox!", 14}, {"a", 1}, {"", 0}};
  lunula_view in = texts(s, 3), want;
  lunula_model *loaded;
  float y[6];
  lunula_view out = {.data = y, .rank = 2, .shape = {3, 2}};
  close(mkstemps(path, 12));
  snprintf(code, sizeof code, "net:save '%s'", path);
  EXPECT_STATUS(LUNULA_OK, run_text(rt, code));
  EXPECT_STATUS(LUNULA_OK, lunula_load(path, &loaded, &why));
  EXPECT(lunula_model_input(loaded, 0, &want) == 1 &&
         want.dtype == LUNULA_STRING);
  EXPECT_STATUS(LUNULA_OK, lunula_predict(loaded, &in, 1, &out, 1, &why));
  EXPECT_STATUS(LUNULA_OK, lunula_get(rt, "wanted", &want, &why));
  EXPECT(memcmp(want.data, y, sizeof y) == 0);
  lunula_model_free(loaded);
  unlink(path);
}

int main(void) {
  leave_the_house("text");
  test("a model of texts predicts", predicts);
  test("what is no string is refused", refuses);
  test("strings are lent and seen", exchanges);
  test("a file predicts from strings", predicts_from_a_file);
  test("strings go with who closes over them", strings_are_captured);
  lunula_model_free(model);
  lunula_free(rt);
  return failures > 0;
}
