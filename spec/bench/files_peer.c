/* What files cost without us: fread into fresh memory, fwrite and fsync. */

#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

/* read(path, bytes) */
static int peer_read(lua_State *L) {
  size_t n = (size_t)luaL_checkinteger(L, 2);
  FILE *f = fopen(luaL_checkstring(L, 1), "rb");
  char *memory = malloc(n);
  if (f == NULL || memory == NULL || fread(memory, 1, n, f) != n)
    return luaL_error(L, "cannot read");
  fclose(f);
  lua_pushinteger(L, memory[n - 1]);
  free(memory);
  return 1;
}

/* write(path, text, times): as often, one behind the other */
static int peer_write(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 2, &n);
  FILE *f = fopen(luaL_checkstring(L, 1), "wb");
  if (f == NULL)
    return luaL_error(L, "cannot write");
  for (int i = (int)luaL_checkinteger(L, 3); i > 0; i--)
    fwrite(text, 1, n, f);
  fflush(f);
  fsync(fileno(f));
  fclose(f);
  return 0;
}

int luaopen_files_peer(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"read", peer_read}, {"write", peer_write}, {NULL, NULL}
  };
  luaL_newlib(L, functions);
  return 1;
}
