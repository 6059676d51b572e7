-- The sister rocks. What their Makefiles share stands above them in a checkout (rocks/sister.mk),
-- and each rock's archive carries it; their rockspecs repeat each other.

local scratch = require "spec.support.scratch"

local rocks = { "hdf5", "images", "mpi" }

-- Whether a shell command ends well, and what it writes. The make that runs the specs does not
-- speak to this one, nor does a sanitizer watch it.
local function run(command, ...)
  local pipe = assert(io.popen("exec 2>&1; unset LD_PRELOAD MAKEFLAGS MAKELEVEL; "
    .. command:format(...)))
  local text = pipe:read "a"
  return pipe:close(), text
end

local function must_run(...)
  local well, text = run(...)
  assert.is_truthy(well, text)
end

describe("the sister rocks", function()
  teardown(scratch.clear)

  for _, rock in ipairs(rocks) do
    it(("are built from their sources alone: %s"):format(rock), function()
      if not run("make -C rocks/%s found", rock) then return pending "without its libraries" end
      local alone = scratch.path(rock)
      must_run("make -C rocks/%s rock BUILD='%s'", rock, alone)
      must_run("cd '%s' && unzip -q lunula-%s-scm-1.src.rock -d sources", alone, rock)
      must_run("cd '%s/sources' && tar -xzf *.tar.gz && cd */ && make objects CFLAGS=-O0", alone)
    end)
  end

  for _, rock in ipairs { "images", "mpi" } do
    local module = ("lunula.%s.core"):format(rock)
    it(("refuse a lunula that lends them something else: %s"):format(rock), function()
      if not package.searchpath(module, package.cpath) then return pending "it is not built" end
      scratch.write("other.lua", ('package.loaded["lunula.core"] = {} require %q'):format(module))
      local well, text = scratch.run(scratch.path "other.lua")
      assert.is_false(well)
      assert.is_truthy(text:find(("the rock lunula-%s and lunula are of different versions: "
        .. "install both anew"):format(rock), 1, true), text)
    end)
  end

  it("are for the same Lua, and build in the same way", function()
    for _, rock in ipairs(rocks) do
      local file = assert(io.open(("rocks/%s/lunula-%s-scm-1.rockspec"):format(rock, rock)))
      local text = file:read "a"
      file:close()
      for _, line in ipairs {
        '"lua >= 5.4, < 5.6"', 'CFLAGS = "$(CFLAGS)"', 'LUA = "$(LUA)"',
        'LUA_INCDIR = "$(LUA_INCDIR)"', 'maintainer = "the authors of lunula"',
      } do
        assert.is_truthy(text:find(line, 1, true), rock .. ": " .. line)
      end
    end
  end)
end)
