/* Sums over processes, begun and ended. */

#include "bind/box.h"
#include "bind/core.h"

/* The list at 1 or 2 as operands behind the first `at`; how many there are. */
static int read_list(lua_State *L, State *s, int index, Val *in, int at) {
  want_type(L, index, LUA_TTABLE, "sums: the values");
  int n = (int)lua_rawlen(L, index);
  if (n == 0 || at + n > MAX_OUTPUTS)
    return raise_error(L, "sums: %d values", n);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, index, i + 1);
    in[at + i] = operand_check(L, s, -1, F32, "sums: a value");
    lua_pop(L, 1);
  }
  return n;
}

/* sums_begin(values, weighted, soon) -> what is waited for with */
static int core_sums_begin(lua_State *L) {
  State *s = state_enter(L);
  Val in[MAX_OUTPUTS];
  int mark = context_mark(&s->c);
  int n = read_list(L, s, 1, in, 0);
  Attr attr[] = {{.kind = ATTR_BOOL, .n = 1, .i = {lua_toboolean(L, 2)}},
                 {.kind = ATTR_BOOL, .n = 1, .i = {lua_toboolean(L, 3)}}};
  Val y = emit_op(&s->c, "sum_begin", in, n, attr);
  if (s->c.error.set)
    return raise_context(L, s);
  box_push(L, s, y);
  context_drain(&s->c, mark);
  return 1;
}

/* sums_end(begun, values, weighted) -> the sums */
static int core_sums_end(lua_State *L) {
  State *s = state_enter(L);
  Val in[MAX_OUTPUTS + 1];
  int mark = context_mark(&s->c);
  in[0] = operand_check(L, s, 1, I32, "sums: what was begun");
  int n = read_list(L, s, 2, in, 1);
  Attr attr = {.kind = ATTR_BOOL, .n = 1, .i = {lua_toboolean(L, 3)}};
  Val y = emit_op(&s->c, "sum_end", in, n + 1, &attr);
  if (s->c.error.set)
    return raise_context(L, s);
  lua_settop(L, 0);
  luaL_checkstack(L, n + 8, NULL);
  for (int i = 0; i < n; i++)
    box_push(L, s, (Val){y.node, i});
  context_drain(&s->c, mark);
  return n;
}

void sums_open(lua_State *L) {
  static const luaL_Reg core[] = {
    {"sums_begin", core_sums_begin}, {"sums_end", core_sums_end}, {NULL, NULL}
  };
  luaL_setfuncs(L, core, 0);
}
