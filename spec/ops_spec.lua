-- Every op of the catalogue, by the table of cases: what it gives, that traces and plans give the
-- same bits, its gradients, and that threads make no difference.

local core = require "lunula.core"
local ops = require "lunula.ops"
local cases = require "spec.support.ops_cases"
local harness = require "spec.support.ops_harness"

-- Ops with closures or random numbers have their own specs: ops_control_spec, ops_random_spec, and
-- those of closures and plans in spec/core (panels: gemm_spec, conv_spec, winograd_spec and
-- prepare_spec; the numbers of a key: attention_spec).
local elsewhere = {
  cond = true, switch = true, while_loop = true, fori_loop = true, map = true,
  vectorized_map = true, scan = true, random_uniform_like = true, random_normal_like = true,
  host = true, host_gradient = true, call = true, barrier = true, lerp = true, as_int32 = true,
  custom_gradient = true, associative_scan = true, vectorize = true, jvp = true, panels = true,
  matmul_panels = true,
  convolution_panels = true, convolution_with_panels = true, convolution_pooled = true,
  winograd_panels = true, winograd_convolution = true,
  turned_panels = true, transposed_with_panels = true, random_uniform_of = true,
  sum_begin = true, sum_end = true,
}

local function holds(complaint)
  if complaint then error(complaint, 0) end
end

describe("the catalogue", function ()
  local in_catalogue, has_case = {}, {}
  for _, row in ipairs(core.catalogue()) do in_catalogue[row.name] = row end
  for name in pairs(harness.hidden) do in_catalogue[name] = {} end
  for _, case in ipairs(cases) do has_case[case.op] = true end

  it("has a case for every op", function ()
    local missing = {}
    for name in pairs(in_catalogue) do
      if not has_case[name] and not elsewhere[name] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.are.equal("", table.concat(missing, " "))
  end)

  it("has an op for every case", function ()
    for name in pairs(has_case) do assert.is_truthy(in_catalogue[name], name) end
    for name in pairs(elsewhere) do assert.is_truthy(in_catalogue[name], name) end
  end)

  it("hides what only gradients and plans make", function ()
    local x = core.tensor(1)
    for name in pairs(harness.hidden) do
      if name ~= "scan" then -- a composite has the name too
        assert.is_nil(ops[name], name)
        assert.is_nil(x[name], name)
      end
    end
    for _, name in ipairs { "unslice", "piece", "host", "call", "scan", "barrier", "lerp" } do
      assert.is_not_nil(harness.hidden[name], name)
    end
  end)

  it("is all that ops has, beside what tells facts", function ()
    for name in pairs(ops) do
      assert.matches("^[%a][%w_.]*$", name)
    end
  end)

  it("has every name once, with a signature and a sentence", function ()
    local seen = {}
    for _, row in ipairs(core.catalogue()) do
      assert.is_nil(seen[row.name], row.name)
      seen[row.name] = true
      assert.is_truthy(#row.signature > 0, row.name)
      assert.is_truthy(row.doc:match "%.$", row.name .. ": " .. row.doc)
      assert.is_function(ops[row.name])
    end
  end)
end)

for _, case in ipairs(cases) do
  describe(case.key, function ()
    it("gives the value", function () holds(harness.check_value(case)) end)
    if case.traced ~= false and #case.inputs > 0 then
      it("traces", function () holds(harness.check_trace(case)) end)
    end
    it("does not depend on threads", function () holds(harness.check_threads(case)) end)
    if case.elementwise then
      it("takes any size", function () holds(harness.check_sizes(case)) end)
      if case.inputs[1].dtype == "float32" then
        it("takes truths as 1 and 0", function () holds(harness.check_truths(case)) end)
      end
    end
    local which = harness.differentiable(case)
    if #which > 0 and harness.op(case.op) and harness.has_float_result(case) then
      it("has its gradient", function () holds(harness.check_gradient(case, which)) end)
      if case.traced ~= false then
        it("traces its gradient", function () holds(harness.check_traced_gradient(case, which)) end)
        if case.second ~= false then
          it("has its second derivative", function () holds(harness.check_second(case, which)) end)
        end
      end
    end
  end)
end
