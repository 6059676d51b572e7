/* core.words: the words of texts as strings of Lua, for who counts them. */

#include "bind/core.h"
#include "bind/raise.h"
#include "kernels/text.h"

enum { MOST_WIDTHS = MAX_RANK }; /* as an op's attribute has */

typedef struct Words {
  lua_State *L;
  luaL_Buffer word;
  lua_Integer n;
} Words;

/* The buffer lies on the stack, above the list. */
static void take_byte(void *ud, int byte) {
  Words *w = ud;
  if (byte >= 0) {
    luaL_addchar(&w->word, (char)byte);
    return;
  }
  luaL_pushresult(&w->word);
  lua_rawseti(w->L, 5, ++w->n);
  luaL_buffinit(w->L, &w->word);
}

static int read_widths(lua_State *L, int64_t *width) {
  int n = (int)lua_rawlen(L, 4);
  if (n < 1 || n > MOST_WIDTHS)
    raise_error(L, "words: %d widths, 1 to %d are wanted", n, MOST_WIDTHS);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, 4, i + 1);
    width[i] = want_whole(L, -1, "words: a width");
    if (width[i] < 1 || width[i] > MOST_GRAM)
      raise_error(L, "words: n-grams have 1 to %d words, not %lld", MOST_GRAM,
                  (long long)width[i]);
    lua_pop(L, 1);
  }
  return n;
}

/* The strings of the list at 1, as a userdata. */
static const Str *read_texts(lua_State *L, int64_t *n) {
  *n = (int64_t)lua_rawlen(L, 1);
  Str *text = lua_newuserdatauv(L, (size_t)(*n + 1) * sizeof *text, 0);
  for (int64_t i = 0; i < *n; i++) {
    lua_rawgeti(L, 1, i + 1);
    want_type(L, -1, LUA_TSTRING, "words: a text");
    text[i].text = lua_tolstring(L, -1, &text[i].size); /* the list keeps it */
    lua_pop(L, 1);
  }
  return text;
}

/* words(texts, change, split, widths), as the ops on texts have them: the texts
** of one row */
static int core_words(lua_State *L) {
  int64_t width[MOST_WIDTHS], n;
  want_type(L, 1, LUA_TTABLE, "words: the texts");
  want_type(L, 4, LUA_TTABLE, "words: the widths");
  lua_Integer change = want_whole(L, 2, "words: change");
  lua_Integer split = want_whole(L, 3, "words: split");
  if (change < 0 || change > (TEXT_LOWER | TEXT_STRIP) || split < SPLIT_NOT ||
      split > SPLIT_CHARACTERS)
    raise_error(L, "words: change %lld, split %lld", (long long)change,
                (long long)split);
  lua_settop(L, 4);
  TextRule rule = {(int)change, (TextSplit)split, read_widths(L, width), width};
  lua_newtable(L);
  const Str *text = read_texts(L, &n);
  Words w = {.L = L};
  luaL_buffinit(L, &w.word);
  text_each(&rule, text, n, take_byte, &w);
  lua_settop(L, 5);
  return 1;
}

void words_open(lua_State *L) {
  lua_pushcfunction(L, core_words);
  lua_setfield(L, -2, "words");
}
