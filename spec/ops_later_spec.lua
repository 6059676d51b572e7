-- Families of ops are loaded when they are asked for. Each case runs in a state of its own, in
-- which none is loaded yet.

local lua = require "spec.support.lua"
local native = require "spec.support.native"

local function printed(code)
  local pipe <close> = assert(io.popen(("%s %s -e %q 2>&1"):format(
    lua.paths(package.path, package.cpath), lua.command,
    'local core = require "lunula.core" ' .. code:gsub("\n", " "))))
  return (pipe:read "a":gsub("%s+$", ""))
end

local function prints(expected, code) assert.equal(expected, printed(code)) end

describe("families of ops", function ()
  it("are listed with all their composites, and no other name", function ()
    prints("", [[
      local listed, later = {}, core.later
      function core.later(names, family)
        for name in names:gmatch "%S+" do listed[name] = true end
        later(names, family)
      end
      local ops = require "lunula.ops"
      for name in pairs(listed) do
        if not ops[name] then print(name, "is not in the file that it is listed with") end
      end
      for _, row in ipairs(core.catalogue()) do
        if row.kind == "composite" and not listed[row.name] then
          print(row.name, "is not listed")
        end
      end]])
  end)

  it("are known as methods before anybody speaks of ops", function ()
    prints("nil 2.0 true nil", [[
      local k = require "lunula"
      local loaded = tostring(package.loaded["lunula.ops"])
      local x = k.tensor{1, 3}
      io.write(loaded, " ", ("%.1f"):format(x:mean():item()), " ", tostring(x.clip ~= nil), " ",
        tostring(x.nothing))]])
  end)

  it("are loaded for one op, as a field and as a method", function ()
    prints("1.3 nil", [[
      local k = require "lunula"
      local loaded = package.loaded
      local x = k.tensor{1.26}
      assert(k.ops.abs(x) and not loaded["lunula.ops.math"])
      local y = x:round(1)
      assert(loaded["lunula.ops.math"])
      io.write(("%.1f"):format(y:item()), " ", tostring(loaded["lunula.ops.einsum"]))]])
  end)

  it("complete rows of C before these are seen", function ()
    prints("x, decimals:int=0", [[
      require "lunula.ops"
      print(core.catalogue "round".signature)]])
  end)

  it("take the places of rows of C that were seen", function ()
    prints("true", [[
      local row = core.ops.round
      local ops = require "lunula.ops"
      print(ops.round ~= row and core.tensor{1.26}:round(1):item() < 1.31)]])
  end)

  it("are all loaded when the ops are listed", function ()
    prints("true", [[
      local k, found = require "lunula", {}
      for name in pairs(k.ops) do found[name] = true end
      for _, row in ipairs(core.catalogue()) do assert(found[row.name], row.name) end
      print(found.einsum and found.round and found["image.resize"])]])
    prints("16 16", [[
      local k, n, m = require "lunula", 0, 0
      for name, op in pairs(k.ops.image) do n = n + 1 assert(op == k.ops["image." .. name]) end
      for name, op in pairs(k.ops.linalg) do m = m + 1 assert(op == k.ops[name]) end
      io.write(n, " ", m)]])
  end)

  it("have the same order in the catalogue, whichever came first", function ()
    prints("true", [[
      local ops = require "lunula.ops"
      local _, _ = ops.qr, ops.std
      local at = {}
      for i, row in ipairs(core.catalogue()) do at[row.name] = i end
      print(at.abs < at.absolute and at.absolute < at.std and at.std < at.einsum
        and at.einsum < at.qr and at.qr < at.cond)]])
  end)

  it("are loaded again when the first time was cut short", function ()
    prints("3", [[
      local ops = require "lunula.ops"
      package.preload["lunula.ops.reduce"] = function () error "cut short" end
      assert(not pcall(function () return ops.mean end))
      package.preload["lunula.ops.reduce"] = nil
      print(math.tointeger(ops.mean({ 2, 4 }):item()))]])
  end)
end)

describe("layers", function ()
  it("are all there when they are listed", function ()
    prints("true", [[
      local k, n = require "lunula", 0
      local _ = k.layers.Dense
      for name, layer in pairs(k.layers) do n = n + 1 assert(layer == k.layers[name]) end
      print(n > #require "lunula.layers".names())]])
  end)
end)

describe("a script with a first model", function ()
  native("loads nothing of training to predict", function ()
    prints("", [[
      local k = require "lunula"
      local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
      model:predict(k.ones { 4, 2 })
      for name in pairs(package.loaded) do
        local part = name:match "^lunula%.(%a+)"
        if part == "losses" or part == "metrics" or part == "optimizers" then
          print(name, "is loaded")
        end
      end]])
  end)

  it("draws a bar where one is wanted", function ()
    assert.matches("^1/1 %- [^\n]*$", printed [[
      local k = require "lunula"
      local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
      model:predict(k.ones { 4, 2 }, { verbose = 0 })
      model:predict(k.ones { 4, 2 }, { verbose = 1 })]])
  end)

  native("loads few files for a first answer", function ()
    prints("", [[
      local k = require "lunula"
      local model = k.Sequential { k.layers.Dense { 8, activation = "relu", input_shape = { 4 } },
        k.layers.Dense(1) }
      model:predict_on_batch(k.ones { 1, 4 })
      local count, most = 0, 68 --[=[it may only shrink]=]
      for name in pairs(package.loaded) do
        if name:find "^lunula" then count = count + 1 end
      end
      if count > most then print(count, "modules are loaded") end]])
  end)

  native("loads what it needs", function ()
    prints("", [[
      local k = require "lunula"
      local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
      model:compile { optimizer = "adam", loss = "mse" }
      model:fit(k.ones { 4, 2 }, k.ones { 4, 1 }, { epochs = 1, verbose = 0 })
      local count, most = 0, 128 --[=[it may only shrink]=]
      for name in pairs(package.loaded) do
        if name:find "^lunula" then count = count + 1 end
      end
      if count > most then print(count, "modules are loaded") end
      for name in ("saving backend data features distribution help command optimizers.door"
        .. " optimizers.over_steps"):gmatch "%S+" do
        if package.loaded["lunula." .. name] then print(name, "is loaded") end
      end]])
  end)
end)
