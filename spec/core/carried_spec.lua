-- The bytecode of our Lua files that core.so has: it is taken for files that have not changed. Lua
-- 5.5 is given none (src/bind/carry.lua).

local files = require "spec.support.files"
local lua = require "spec.support.lua"

-- Runs code with the Lua files of a folder, and returns what it printed.
local function run(folder, code)
  local paths = lua.paths(("%s/?.lua;%s/?/init.lua;;"):format(folder, folder), package.cpath)
  local command = ("%s %s -e %q 2>&1"):format(paths, lua.command, code)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text
end

-- Only bytecode is found: Lua's own searcher of Lua files is taken out.
local only_bytecode = [[
  require "lunula.core"
  table.remove(package.searchers, 3)
  local _, place = require "lunula.json_path"
  print(place, debug.getinfo(require "lunula.declare".find, "S").source)]]

describe("bytecode of Lua files", function ()
  local if_carried = _VERSION == "Lua 5.4" and it or pending
  local folder = os.tmpname()

  before_each(function ()
    os.remove(folder)
    assert(os.execute(("cp -r lua '%s'"):format(folder)))
  end)

  after_each(function () os.execute(("rm -r '%s'"):format(folder)) end)

  if_carried("is taken for files as they were compiled, under the names of the files", function ()
    local both = "%s/lunula/json_path.lua\t@%s/lunula/declare/lookup.lua\n"
    assert.equal(both:format(folder, folder),
      run(folder, only_bytecode))
  end)

  if_carried("is not taken for one that has changed, whatever its size", function ()
    local path = folder .. "/lunula/json_path.lua"
    local file = assert(io.open(path, "r+"))
    file:write "-+"
    file:close()
    assert.matches("module 'lunula.json_path' not found", run(folder, only_bytecode))
    assert.matches("json_path.lua:1: ",
      run(folder, "require 'lunula.core' require 'lunula.declare'"))
    files.write(path, "return { changed = true }")
    assert.equal("true\n", run(folder, "require 'lunula' print(require'lunula.json_path'.changed)"))
  end)

  if_carried("is not taken for one in which any byte has changed", function ()
    local path = folder .. "/lunula/json_path.lua"
    local text = files.read(path)
    for at = 1, 40, 5 do
      files.write(path, text:sub(1, at - 1) .. "\0" .. text:sub(at + 1))
      assert.matches("module 'lunula.json_path' not found", run(folder, only_bytecode))
    end
    for _, more in ipairs { "\n", "\0" } do
      files.write(path, text .. more)
      assert.matches("module 'lunula.json_path' not found", run(folder, only_bytecode))
    end
  end)

  it("leaves the user's line", function ()
    assert.matches("command line%):1: Dense: unknown option", run(folder,
      "local k = require 'lunula' k.layers.Dense{2, unit = 3}"))
  end)
end)
