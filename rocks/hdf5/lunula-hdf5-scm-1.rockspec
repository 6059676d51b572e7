rockspec_format = "3.0"
package = "lunula-hdf5"
version = "scm-1"

description = {
  summary = "Keras's files for lunula",
  detailed = [[
    Models and weights of lunula from and to .keras, .weights.h5 and .h5, as
    Keras 3 and Keras 2 write and read them.]],
  license = "MIT",
  labels = { "keras", "hdf5", "neural-network", "machine-learning" },
  maintainer = "the authors of lunula",
}

-- To install from a checkout nothing is fetched: luarocks --lua-version 5.4 make,
-- in this folder.
source = {
  url = "file://build/lunula-hdf5-scm-1.tar.gz",
  dir = "lunula-hdf5",
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
  "lunula",
}

external_dependencies = {
  ZLIB = { header = "zlib.h" },
}

-- Where libhdf5 is the Makefile asks pkg-config; Debian keeps its headers in a
-- folder of their own.
build = {
  type = "make",
  build_target = "all",
  install_target = "install-module",
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
    CFLAGS = "$(CFLAGS)",
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
