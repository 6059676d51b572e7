rockspec_format = "3.0"
package = "lunula-mpi"
version = "scm-1"

description = {
  summary = "Data-parallel training for lunula, over MPI",
  detailed = [[
    The same script on many machines: started by mpirun, fit, evaluate and
    predict share each batch out, and gradients are summed over all ranks.]],
  license = "MIT",
  labels = { "keras", "mpi", "machine-learning" },
  maintainer = "the authors of lunula",
}

-- To install from a checkout nothing is fetched: luarocks --lua-version 5.4 make,
-- in this folder.
source = {
  url = "file://build/lunula-mpi-scm-1.tar.gz",
  dir = "lunula-mpi",
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
  "lunula",
}

-- MPI is found by pkg-config (mpi-c): its headers lie where LuaRocks does not look.

build = {
  type = "make",
  build_target = "all",
  install_target = "install-module",
  variables = {
    CFLAGS = "$(CFLAGS)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
  },
  install_variables = {
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
}

test = {
  type = "command",
  command = "make test",
}
