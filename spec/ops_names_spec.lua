-- The ops have Keras's names, and Keras's arguments in Keras's order with Keras's defaults; options
-- of our own come behind them. Differences are listed here with their reason.

local core = require "lunula.core"
local keras = require "spec.golden.ops_signatures"

require "lunula.ops"

local different = {
  concatenate = "*xs is the list",
  einsum = "the operands are a list, or come one by one",
  meshgrid = "the vectors are a list, or come one by one",
  switch = "the operands are a list",
  multi_hot = "num_classes is not optional",
  rot90 = "axes: a list has no default but nil",
  tensordot = "axes: a list has no default but nil",
  scan = "unroll makes no difference",
  select = "default: a tensor has no default but nil",
}

-- "x, axis:axes=nil" as { "x", "axis=nil" }
local function words(signature)
  local list = {}
  for word in (signature .. ","):gmatch "%s*([^,]*)," do
    word = word:gsub(":%a+%??", "")
    local name, default = word:match "^(.-)=(.*)$"
    if default and tonumber(default) then
      word = ("%s=%.14g"):format(name, tonumber(default))
    end
    if word ~= "" then list[#list + 1] = word end
  end
  return list
end

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
