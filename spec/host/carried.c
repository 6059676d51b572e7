/* The Lua files inside the archive: bytecode where the host's Lua makes the
** same, texts where it does not. The linker puts this lua_dump and this
** lua_load in front of Lua's. */
#define _GNU_SOURCE
#include "check.h"

#include <lauxlib.h>
#include <lualib.h>

int __real_lua_dump(lua_State *L, lua_Writer writer, void *ud, int strip);
int __wrap_lua_dump(lua_State *L, lua_Writer writer, void *ud, int strip);
int __real_lua_load(lua_State *L, lua_Reader reader, void *ud,
                    const char *chunk, const char *mode);
int __wrap_lua_load(lua_State *L, lua_Reader reader, void *ud,
                    const char *chunk, const char *mode);

static int foreign; /* Lua makes other bytecode */
static int loaded;  /* files, from bytecode */

int __wrap_lua_dump(lua_State *L, lua_Writer writer, void *ud, int strip) {
  return __real_lua_dump(L, writer, ud, foreign ? 1 : strip);
}

int __wrap_lua_load(lua_State *L, lua_Reader reader, void *ud,
                    const char *chunk, const char *mode) {
  loaded += mode && strcmp(mode, "b") == 0;
  return __real_lua_load(L, reader, ud, chunk, mode);
}

/* Only Lua 5.4 is given bytecode (src/bind/carry.lua). */
static const int carries = LUA_VERSION_NUM == 504;

static const char script[] =
  "local k = require 'lunula'\n"
  "local f = require 'lunula.declare'.snake_case\n"
  "local info = debug.getinfo(f, 'S')\n"
  "assert(info.source == '@lunula/declare/words.lua' and info.linedefined > 1)\n"
  "assert(debug.getlocal(f, 1) == 'name')\n"
  "local m = k.Sequential{k.layers.Dense{2, input_shape={3}}}\n"
  "assert(m:predict_on_batch(k.ones{1, 3}).shape[2] == 2)\n"
  "local ok, why = pcall(function()\n"
  "  m:add(k.layers.Dense{2, unit=3})\n"
  "end)\n"
  "assert(not ok and why:find '^.string \"host\".:9: Dense: unknown option', why)\n"
  "k.ops.matmul(k.ones{2, 3}, k.ones{2, 3})\n";

/* The files of a sandbox, and the line of an error that ends the script. */
static void opens_lunula(void) {
  lunula_config config = {.size = sizeof config};
  lunula_runtime *rt = NULL;
  loaded = 0;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&config, &rt, &why));
  EXPECT(lunula_run(rt, script, strlen(script), "host", &why) != LUNULA_OK);
  EXPECT_TEXT("[string \"host\"]:12: matmul");
  lunula_free(rt);
}

static void bytecode(void) {
  foreign = 0;
  opens_lunula();
  EXPECT(carries ? loaded > 20 : loaded == 0);
}

static void texts(void) {
  foreign = 1;
  opens_lunula();
  EXPECT(loaded == 0);
}

/* Our own bytecode in a sandbox says nothing of that of scripts. */
static void sandbox(void) {
  lunula_config config = {.size = sizeof config, .sandbox = 1};
  lunula_runtime *rt = NULL;
  foreign = loaded = 0;
  EXPECT_STATUS(LUNULA_OK, lunula_new(&config, &rt, &why));
  EXPECT_STATUS(LUNULA_OK, run_text(rt, "require 'lunula'\n"
    "assert(not load '\\27Lua' and not load('\\27Lua', 'x', 'b'))"));
  EXPECT(loaded > 0 || !carries);
  lunula_free(rt);
}

int main(void) {
  leave_the_house("carried");
  test("bytecode, with names and lines", bytecode);
  test("texts where the bytecode is another one", texts);
  test("bytecode in a sandbox", sandbox);
  return failures > 0;
}
