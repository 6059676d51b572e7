-- The Makefiles and rockspecs of the sister rocks: each rock stands alone in its archive, so they
-- repeat each other, and must go on doing so.

local rocks = { "hdf5", "images", "mpi" }

local function lines_of(path, rock)
  local file = assert(io.open(path))
  local lines = {}
  local word = "%f[%w]" .. rock .. "%f[%W]"
  for line in file:lines() do lines[#lines + 1] = (line:gsub(word, "ROCK")) end
  file:close()
  return lines
end

-- What may stand in some of them only: libraries, how lunula's own header is found, recordings.
local own = {
  "^LIB_FLAGS", "^LIBS", "^HEADERS", " needs ", "^comma", "^LOADED", "^# libhdf5", "%$%(LIBS%)",
  "^FLAGS", "%-isystem", "rocks%.h", "STAGE%) && mkdir", "alone %(make rock%)",
  "[kK]eras", "PYTHON", "spec/golden", "^%.PHONY",
}

local function is_own(line)
  for _, pattern in ipairs(own) do
    if line:find(pattern) then return true end
  end
end

local function missing_in(of, other, path)
  local stands, missing = {}, {}
  for _, line in ipairs(lines_of(path:format(other, other), other)) do stands[line] = true end
  for _, line in ipairs(lines_of(path:format(of, of), of)) do
    if not stands[line] and not is_own(line) then missing[#missing + 1] = line end
  end
  return table.concat(missing, "\n")
end

describe("the sister rocks", function()
  for _, of in ipairs(rocks) do
    for _, other in ipairs(rocks) do
      it(("have the same recipes: %s and %s"):format(of, other), function()
        assert.equal("", missing_in(of, other, "rocks/%s/Makefile"))
      end)
    end
  end

  it("are for the same Lua, and build in the same way", function()
    for _, rock in ipairs(rocks) do
      local text = table.concat(lines_of(("rocks/%s/lunula-%s-scm-1.rockspec"):format(rock, rock),
        rock), "\n")
      for _, line in ipairs {
        '"lua >= 5.4, < 5.6"', 'CFLAGS = "$(CFLAGS)"', 'LUA = "$(LUA)"',
        'LUA_INCDIR = "$(LUA_INCDIR)"', 'maintainer = "the authors of lunula"',
      } do
        assert.is_truthy(text:find(line, 1, true), rock .. ": " .. line)
      end
    end
  end)
end)
