-- The file for editors (rocks/editor.lua): every public name stands in it, and nothing else; it
-- loads as Lua, and does nothing.

local declare = require "lunula.declare"
local live_names = require "spec.support.live_names"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local text = dofile "rocks/editor.lua"

-- A reader of the annotations, as far as the file uses them. Classes by name, { parent =, fields =,
-- overloads = }, functions by their paths, { params =, doc = }, and what stands for each path.
local function read(source)
  local classes, functions, places, owner = {}, {}, { k = "lunula" }, nil
  local doc, params, class, overloads = nil, {}, nil, 0
  local function forget() doc, params, overloads = nil, {}, 0 end
  for line in source:gmatch "([^\n]*)\n" do
    local tag, rest = line:match "^%-%-%-@(%a+) (.+)$"
    if tag == "class" then
      local name, parent = rest:match "^([%w_.]+)%s*:?%s*([%w_.]*)$"
      assert(name and not classes[name], line)
      owner = { parent = parent ~= "" and parent or nil, fields = {}, doc = doc, overloads = 0 }
      classes[name], class, overloads = owner, name, 0
    elseif tag == "field" then
      local name = assert(rest:match "^%[?([%w_]+)%]?%?? [^ ]", line)
      assert(owner, line)
      assert(not owner.fields[name], line)
      owner.fields[name] = rest
    elseif tag == "overload" then
      assert(rest:find "^fun%b(): [%w_.]+[,. ]*$", line)
      overloads = overloads + 1
    elseif tag == "param" then
      params[#params + 1] = assert(rest:match "^([%w_.]+)%?? [^ ]", line)
    elseif tag then
      assert((" meta alias type operator return "):find((" %s "):format(tag), 1, true), line)
    elseif line:find "^%-%-%-" then
      doc = line:sub(4)
    elseif line:find " end$" then
      local path, names = line:match "^function ([%w_.:]+)%((.-)%) end$"
      if not path then
        path, names = line:gsub('%["(%a+)"%]', ".%1"):match "^([%w_.]+) = function %((.-)%) end$"
      end
      assert(path and not functions[path], line)
      assert.equal(names, table.concat(params, ", "), line)
      functions[path] = { doc = doc, params = params }
      forget()
    elseif line:find "=" then
      local place = line:gsub("^local ", ""):gsub('%["([%w_]+)"%]', ".%1")
      local path = assert(place:match "^([%w_.]+) = ", line)
      places[path] = class or true
      if class and classes[class] then classes[class].overloads = overloads end
      class = nil
      forget()
    elseif line == "" then
      owner = nil
    end
  end
  return { classes = classes, functions = functions, places = places }
end

local meta = read(text)

local base = { layer = "Layer", model = "Model", sequential = "Model", optimizer = "Optimizer",
  metric = "Metric", loss = "Loss", callback = "Callback", variable = "Variable",
  placeholder = "Tensor", schedule = "Schedule", initializer = "Initializer",
  regularizer = "Regularizer", constraint = "Constraint" }

-- Whether a class or one that it stands on has a field or a method.
local function has(class, key)
  while class do
    local row = meta.classes["lunula." .. class]
    if row.fields[key] or meta.functions[class .. ":" .. key] then return true end
    class = row.parent and row.parent:match "^lunula%.(.+)"
  end
  return false
end

local function told(name)
  local word, _, key = name:match "^([%l_]+)([:.])([%w_]+)$"
  if base[word] then return has(base[word], key) end
  return meta.functions["k." .. name] or meta.places["k." .. name]
end

-- A name that is refused when it is asked for is no name.
local function is_absent(name)
  local owner, key = live_names.split(name)
  local ok, value = pcall(function () return owner[key] end)
  return not ok or value == nil
end

-- Where a program is, or nil.
local function installed(name)
  local pipe = io.popen("command -v " .. name)
  local path = pipe:read "l"
  pipe:close()
  return path
end

describe("the file for editors", function ()
  teardown(scratch.clear)

  it("lets LuaLS find nothing wrong with the examples", function ()
    local program = installed "lua-language-server"
    if not program then return pending "there is no lua-language-server" end
    os.execute(("mkdir -p '%s/meta/lunula'"):format(scratch.path()))
    scratch.write("meta/lunula/meta.lua", text)
    scratch.write("luarc.json", ('{"runtime.version": "Lua 5.4", '
      .. '"workspace.checkThirdParty": false, '
      .. '"workspace.library": ["%s"]}'):format(scratch.path "meta"))
    os.execute(("'%s' --check=examples --checklevel=Information --check_format=json "
      .. "--configpath='%s' --logpath='%s' >/dev/null"):format(program, scratch.path "luarc.json",
        scratch.path "log"))
    assert.equal("[]", (scratch.read "log/check.json":gsub("%s", "")))
  end)

  it("loads as Lua and does nothing", function ()
    local globals = {}
    local loaded = assert(load(text, "=meta", "t", setmetatable({}, { __newindex = globals })))
    assert.is_table(loaded())
    assert.is_nil(next(globals))
    assert.equal("---@meta lunula", text:match "^[^\n]+")
  end)

  it("is the same when it is written again", function ()
    assert.equal(text, dofile "rocks/editor.lua")
  end)

  it("has every public name", function ()
    local missing = {}
    for name in io.lines "spec/golden/names.txt" do
      local word = name:match "^([%l_]+)[:.]"
      local known = name:find "^%u" or base[word] or pcall(function () return k[word].x end)
        or rawget(k, word or "")
      if known and live_names.has(name) and not is_absent(name) and not told(name) then
        missing[#missing + 1] = name
      end
    end
    assert.equal("", table.concat(missing, " "))
  end)

  it("has no function that is not there", function ()
    local left = {}
    for path in pairs(meta.functions) do
      if path:find "^k%." and not path:find ":" then
        local value = k
        for part in path:sub(3):gmatch "[^.]+" do value = value[part] end
        if value == nil then left[#left + 1] = path end
      end
    end
    assert.equal("", table.concat(left, " "))
  end)

  it("says every option of every class, and how it is called", function ()
    for name, class in pairs(k.layers) do
      if declare.is_class(class) and class.name == name then
        local options = meta.classes[("lunula.layers.%s.Options"):format(name)]
        assert.is_table(options, name)
        for _, arg in ipairs(class.arguments) do
          local common = meta.classes[options.parent]
          assert.is_truthy(options.fields[arg.name] or common.fields[arg.name],
            name .. " " .. arg.name)
        end
        assert.equal(2, meta.classes[("lunula.layers.%s.Class"):format(name)].overloads, name)
      end
    end
  end)

  it("says fields that are live ones", function ()
    local absent = {}
    for owner, list in pairs(require "lunula.help.fields") do
      local word = owner == "tensor" and "variable" or owner == "model" and "sequential" or owner
      for name in pairs(list) do
        local object = live_names.split(word .. ":" .. name)
        local ok = pcall(function () return object[name] end)
        if not ok then absent[#absent + 1] = owner .. "." .. name end
      end
    end
    assert.equal("", table.concat(absent, " "))
  end)

  it("has a line for every function", function ()
    for path, row in pairs(meta.functions) do assert.is_string(row.doc, path) end
  end)

  it("knows the types of options", function ()
    local dense = meta.classes["lunula.layers.Dense.Options"].fields
    assert.is_truthy(dense.units:find("units? integer a positive integer, required", 1, true))
    assert.is_truthy(dense.use_bias:find("use_bias? boolean", 1, true))
    local conv = meta.classes["lunula.layers.Conv2D.Options"].fields
    assert.is_truthy(conv.kernel_size:find("kernel_size? integer|integer[]", 1, true))
    assert.is_truthy(conv.padding:find('padding? "valid"|"same"', 1, true))
    assert.is_truthy(text:find("{ axis?: integer|integer[], keepdims?: boolean }", 1, true))
    assert.is_truthy(has("Model", "fit") and has("Tensor", "reshape") and has("Tensor", "shape"))
  end)
end)
