rockspec_format = "3.0"
package = "lunula"
version = "scm-1"

description = {
  summary = "Keras for Lua",
  detailed = [[
    Layers, models, training and prediction with Keras's names, defaults and
    numbers, on a C core of tensors. Lambda layers are Lua closures.]],
  license = "MIT",
  labels = { "machine-learning", "neural-network", "keras", "tensor", "autodiff" },
  maintainer = "the authors of lunula",
}

-- `make rock` writes the archive, and of this file the one of the numbered
-- version, in build/. To install from a checkout nothing is fetched:
-- luarocks --lua-version 5.4 make rocks/lunula-scm-1.rockspec
source = {
  url = "file://build/lunula-scm-1.tar.gz",
  dir = "lunula",
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
}

-- The module lunula.blas is built where cblas.h and libopenblas are found: below
-- OPENBLAS_DIR, where that is given, or by pkg-config. lunula can do without, which
-- luarocks cannot be told: named here the files would be required.
external_dependencies = {
  OPENBLAS = {},
}

-- The user's CFLAGS count, but for the level, which is ours.
build = {
  type = "make",
  build_target = "modules",
  install_target = "install-module",
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
    CFLAGS = "$(CFLAGS) -O3",
    OPENBLAS_INCDIR = "$(OPENBLAS_INCDIR)",
    OPENBLAS_LIBDIR = "$(OPENBLAS_LIBDIR)",
  },
  install_variables = {
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
  },
  install = { bin = { lunula = "rocks/lunula.lua" } },
}

test = {
  type = "command",
  command = "make test",
}
