-- The README tells the truth: its examples run as they stand, and its links lead somewhere. The
-- table of classes is the catalogue.

local k = require "lunula"
local readme = require "spec.support.readme"
local scratch = require "spec.support.scratch"

describe("the README", function()
  teardown(scratch.clear)

  it("is short", function()
    assert.truthy(readme.count_lines() < 150, readme.count_lines())
  end)

  it("has an example of fifteen lines that runs", function()
    local code = readme.example("A model", "lua")
    local lines = 0
    for line in code:gmatch "[^\n]*\n" do
      if line:find "%S" then lines = lines + 1 end
    end
    assert.is_true(lines <= 15, lines)
    local said
    local env = setmetatable({ print = function(y) said = y end }, { __index = _G })
    assert(load(code, "@readme.lua", "t", env))()
    assert.is_true(said:get(1, 1) > 0.8, tostring(said))
    assert.is_true(said:get(2, 1) < 0.2, tostring(said))
  end)

  it("has an example of files that runs", function()
    local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
    local code = readme.example("Files", "lua"):gsub('"(%w+%.safetensors)"', function(name)
      return ("%q"):format(scratch.path(name))
    end)
    assert(load(code .. "\nreturn same", "@readme.lua", "t", { k = k, model = model }))()
    assert.truthy(#scratch.read "net.safetensors" > 0)
  end)

  it("has an example in C that a compiler takes", function()
    local compiler = io.popen "command -v cc"
    local found = compiler:read "a" ~= ""
    compiler:close()
    if not found then return pending "there is no compiler" end
    local include, rest = readme.example("In a C program", "c"):match "^(#include[^\n]*)(.*)$"
    scratch.write("readme.c", "#include <stdio.h>\n" .. include .. "\nint main(void) {\n" .. rest
      .. "return 0; }\n")
    assert(os.execute("env ASAN_OPTIONS=detect_leaks=0 cc -std=c11 -Wall -Werror -fsyntax-only "
      .. "-Isrc/host " .. scratch.path "readme.c"))
  end)

  it("links to what there is", function()
    for line in io.lines "README.md" do
      for path in line:gmatch "%]%(([%w_./]+)#?[%w-]*%)" do
        local file = io.open(path)
        assert.truthy(file and file:close(), path)
      end
    end
  end)

  it("leaves the classes to lua/lunula/README.md (lua5.4 spec/support/readme.lua writes them)",
    function()
      local wrong, stands = {}, {}
      for line in readme.current():gmatch "[^\n]+" do stands[line] = true end
      for line in readme.table():gmatch "[^\n]+" do
        if not stands[line] then wrong[#wrong + 1] = line:sub(1, 300) end
      end
      assert.equal("", table.concat(wrong, "\n"))
      assert.equal(#readme.table(), #readme.current())
    end)
end)

-- The pages of maintainers, one in each folder of src and in some others: the files that they name
-- are there, and a file that is there is named.

local function list(command)
  local lines = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local endings = { c = true, h = true, lua = true, map = true, ["in"] = true }

-- What a page names in backticks that is a file or a path.
local function names_in(page)
  local names = {}
  for line in io.lines(page) do
    for quoted in line:gmatch "`([%w_./]+)`" do
      if endings[quoted:match "%.(%l+)$"] or quoted:find "^%l+/" then
        names[#names + 1] = quoted
      end
    end
  end
  return names
end

local function check_names(page, folder)
  local named = {}
  for _, name in ipairs(names_in(page)) do
    local found = false
    for _, place in ipairs { folder .. "/", "src/", "" } do
      found = found or exists(place .. name)
    end
    named[name] = true
    assert.is_true(found or name:find "^keras/" ~= nil, page .. " names " .. name)
  end
  return named
end

describe("the page", function()
  for _, folder in ipairs(list "find src/* -type d | LC_ALL=C sort") do
    it("of " .. folder .. " names its files", function()
      local named = check_names(folder .. "/README.md", folder)
      for _, path in ipairs(list(("find %s -type f ! -name README.md"):format(folder))) do
        local name = path:match "[^/]+$"
        assert.is_true(named[name] or false, ("%s/README.md does not name %s"):format(folder, name))
      end
    end)
  end

  for _, page in ipairs(list "find lua/lunula/*/ rocks/*/src -name README.md | LC_ALL=C sort") do
    local folder = page:match "^(.*)/"
    it("of " .. folder .. " names its files", function()
      local text = table.concat(list("cat " .. page), "\n")
      for _, path in ipairs(list(("ls %s/*.lua %s/*.[ch] 2>/dev/null"):format(folder, folder))) do
        local name = path:match "[^/]+$"
        assert.is_truthy(text:find("`" .. name .. "`", 1, true), page .. " does not name " .. name)
      end
    end)
  end

  it("of src names what there is, and every floor", function()
    check_names("src/README.md", "src")
    local text = table.concat(list "cat src/README.md", "\n")
    for _, folder in ipairs(list "find src/* -type d") do
      local name = folder:match "%l+$"
      assert.truthy(text:find("\n    " .. name .. " "), "src/README.md has no floor " .. name)
    end
  end)

  it("of lua/lunula names what there is, all of it", function()
    check_names("lua/lunula/README.md", "lua/lunula")
    local text = table.concat(list "cat lua/lunula/README.md", "\n")
    for _, name in ipairs(list "ls lua/lunula") do
      assert.truthy(name == "README.md" or text:find("`" .. name .. "`", 1, true),
        "lua/lunula/README.md does not name " .. name)
    end
  end)
end)
