rockspec_format = "3.0"
package = "lunula-images"
version = "scm-1"

description = {
  summary = "Pictures for lunula",
  detailed = [[
    PNG and JPEG as tensors of lunula and back, and folders of them as datasets,
    with the names and numbers of Keras.]],
  license = "MIT",
  labels = { "keras", "png", "jpeg", "images", "machine-learning" },
  maintainer = "the authors of lunula",
}

-- To install from a checkout nothing is fetched: luarocks --lua-version 5.4 make,
-- in this folder.
source = {
  url = "file://build/lunula-images-scm-1.tar.gz",
  dir = "lunula-images",
}

supported_platforms = { "unix" }

dependencies = {
  "lua >= 5.4, < 5.6",
  "lunula",
}

external_dependencies = {
  PNG = { header = "png.h" },
  JPEG = { header = "jpeglib.h" },
}

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
