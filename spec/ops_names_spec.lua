-- The ops have Keras's names, and Keras's arguments in Keras's order with Keras's defaults; options
-- of our own come behind them. Differences are listed here with their reason.

local core = require "lunula.core"
local keras = require "spec.golden.ops_signatures"
local modules = require "spec.golden.ops_modules"

require "lunula.ops"

local different = {
  concatenate = "*xs is the list",
  einsum = "the operands are a list, or come one by one",
  meshgrid = "the vectors are a list, or come one by one",
  switch = "the operands are a list",
  ["image.gaussian_blur"] = "kernel_size and sigma: a list has no default but nil",
  multi_hot = "num_classes is not optional",
  rot90 = "axes: a list has no default but nil",
  tensordot = "axes: a list has no default but nil",
  scan = "unroll makes no difference",
  select = "default: a tensor has no default but nil",
}

-- "x, axis:axes=nil" as { "x", "axis=nil" }
local function words(signature)
  local list = {}
  for part in (signature .. ","):gmatch "%s*([^,]*)," do
    local word = part:gsub(":%a+%??", "")
    local name, default = word:match "^(.-)=(.*)$"
    if default and tonumber(default) then
      word = ("%s=%.14g"):format(name, tonumber(default))
    end
    if word ~= "" then list[#list + 1] = word end
  end
  return list
end

-- Names of Keras that are none of ours, and why.
local refused = {}
for reason, names in pairs {
  ["there are no complex types; each says so"] = "view_as_complex view_as_real polar eig",
  ["there is no NumPy; it says what stands for it"] = "convert_to_numpy",
} do
  for name in names:gmatch "%S+" do refused[name] = reason end
end

describe("the modules of Keras", function ()
  local ours = require "lunula.ops"

  for module, text in pairs(modules) do
    local names = {}
    for name in text:gmatch "%S+" do names[name] = true end
    local own = module == "ops" and ours or ours[module]

    it("have all names of " .. module, function ()
      local missing = {}
      for name in pairs(names) do
        if not own[name] and not refused[name] then missing[#missing + 1] = name end
      end
      table.sort(missing)
      assert.equal("", table.concat(missing, " "))
    end)

    if module ~= "ops" then
      it("have no other names: " .. module, function ()
        local more = {}
        for name, op in pairs(own) do
          if not names[name] then more[#more + 1] = name end
          assert.equal(own[name], op)
        end
        table.sort(more)
        assert.equal("", table.concat(more, " "))
        assert.is_nil(own.no_such_op)
      end)
    end
  end

  it("are refused with a word", function ()
    local x = core.tensor { 1, 2 }
    assert.error_at_line(function () ours.convert_to_numpy(x) end,
      "convert_to_numpy: there is no NumPy here; t:totable() gives tables of numbers")
  end)
end)

describe("the arguments of Keras", function ()
  for _, row in ipairs(core.catalogue()) do
    local wanted = keras[row.name]
    if wanted and not different[row.name] then
      it("are those of " .. row.name, function ()
        local ours, theirs = words(row.signature), words(wanted)
        assert.are.same(theirs, table.move(ours, 1, #theirs, 1, {}))
      end)
    end
  end

  it("differ only where it is said", function ()
    local names = {}
    for _, row in ipairs(core.catalogue()) do names[row.name] = row end
    for name in pairs(different) do
      assert.is_truthy(names[name], name)
      local ours, theirs = words(names[name].signature), words(keras[name])
      assert.are_not.same(theirs, table.move(ours, 1, #theirs, 1, {}), name)
    end
  end)
end)
