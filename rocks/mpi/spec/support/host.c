/* A host that has MPI already: it starts it before there is a Lua, runs the
** script in argv[1], and uses MPI afterwards. */
#include <lauxlib.h>
#include <lualib.h>
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv) {
  int level, ended = 0, sum = 0, one = 1;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &level);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  int failed = luaL_dofile(L, argv[1]);
  if (failed)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  MPI_Finalized(&ended);
  if (!ended)
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  printf("the host has %d ranks\n", sum);
  MPI_Finalize();
  return failed;
}
