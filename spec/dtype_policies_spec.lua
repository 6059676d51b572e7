-- Dtype policies: float32, by any of its names; the others are refused with a word.

local k = require "lunula"
local policies = k.dtype_policies

describe("dtype policies", function ()
  it("are float32", function ()
    local policy = policies.DTypePolicy "float32"
    assert.are.same({ "float32", "float32", "float32" },
      { policy.name, policy.compute_dtype, policy.variable_dtype })
    assert.are.same(policy, policies.get())
    assert.are.same(policy, policies.FloatDTypePolicy { name = "float32" })
    assert.are.same(policy, policies.deserialize(policies.serialize(policy)))
  end)

  it("are the dtype of a layer", function ()
    local layer = k.layers.Dense { 2, dtype = policies.DTypePolicy "float32" }
    assert.are.same({ 1, 2 }, layer(k.ones { 1, 3 }).shape)
  end)

  it("of other types are refused", function ()
    for _, make in ipairs { policies.DTypePolicy, policies.get, policies.deserialize } do
      assert.error_at_line(function () make "mixed_float16" end,
        'layers compute in float32, the policy "mixed_float16" is not supported')
    end
    assert.error_at_line(function () policies.get(3) end, "a dtype policy is wanted, got 3")
    assert.error_at_line(function () policies.QuantizedDTypePolicy "int8" end,
      "QuantizedDTypePolicy: weights are float32, there is no quantization")
  end)
end)
