-- What op layers are called in files: Keras's classes, what they are made with and called with,
-- from the table that was taken from Keras (spec/golden/operations.json).

local k = require "lunula"
local core = require "lunula.core"
require "lunula.ops"
local operations = require "lunula.models.operations"
local golden = require "spec.support.golden"

local keras = golden.read "operations.json"

-- They hold functions, or take no tensors: no file has them.
local in_no_file = {}
for name in ("arange cond custom_gradient empty eye fori_loop full identity map ones range scan "
  .. "switch tri vectorize vectorized_map while_loop zeros"):gmatch "%S+" do
  in_no_file[name] = true
end

describe("the layer of an op", function ()
  for _, row in ipairs(core.catalogue()) do
    if not in_no_file[row.name] then
      it("is Keras's: " .. row.name, function ()
        local facts = operations.facts(row.name)
        local wanted = keras[facts.class]
        if facts.module == "lunula.ops" then return assert.is_nil(wanted) end
        assert.is_not_nil(wanted, "Keras has no class " .. facts.class)
        local made, called = {}, {}
        for _, parameter in ipairs(facts.parameters) do
          local list = parameter.called and called or made
          if not parameter.ours then
            list[#list + 1] = (parameter.one_by_one and "*" or "") .. parameter.name
          end
        end
        assert.same({ wanted.module, wanted.made_with, wanted.called_with },
          { facts.module, made, called })
      end)
    end
  end

  it("is found by Keras's name of the class", function ()
    assert.equal("Silu", operations.class("Silu").name)
    assert.equal("BatchNorm", operations.class("BatchNorm").name)
    assert.error_at_line(function () operations.class "Sofmax" end, 'did you mean "Softmax"?')
  end)

  it("takes no list of numbers and placeholders", function ()
    local x = k.Input { shape = { 2 } }
    assert.error_at_line(function () k.ops.stack { 1, x } end, "cannot hold placeholders")
  end)
end)
