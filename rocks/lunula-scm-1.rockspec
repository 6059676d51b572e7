rockspec_format = "3.0"
package = "lunula"
version = "scm-1"

description = {
  summary = "Keras for Lua",
  detailed = [[
    Layers, models, training and prediction with Keras's names, defaults and
    numbers, on a C core of tensors. Lambda layers are Lua closures.]],
  license = "MIT",
}

-- `make rock` writes this archive. To install from a checkout nothing is
-- fetched: luarocks --lua-version 5.4 make rocks/lunula-scm-1.rockspec
source = {
  url = "file://build/lunula-scm-1.tar.gz",
  dir = "lunula",
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.5",
}

-- The module lunula.blas is built where the Makefile finds OpenBLAS; luarocks
-- has no word for what a rock can do without.
build = {
  type = "make",
  build_target = "modules",
  install_target = "install-module",
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
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
