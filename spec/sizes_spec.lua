-- Every op with each of its sizes unknown: the shape that it tells is Keras's, and the traced
-- function runs for sizes that it learns when it is called.

local core = require "lunula.core"
require "lunula.ops"
local ops_cases = require "spec.support.ops_cases"
local golden = require "spec.support.golden"
local keras_ops = require "spec.golden.ops_signatures"
local harness = require "spec.support.ops_harness"
local sizes = require "spec.support.sizes"

local recorded = golden.read "sizes_ops.json"

-- Where Keras tells a wrong shape, or we refuse with a reason; pattern -> true, or all of a case.
local all = setmetatable({}, { __index = function () return true end })
local differs = {
  ["corrcoef/1"] = all, ["corrcoef/2"] = all, -- Keras tells the shape of x
  ["squeeze/1"] = { ["0.1"] = true, ["0.3"] = true }, -- without axis: an unknown size is not 1
  ["rot90/2"] = all,              -- Keras turns the shape of k = 2
  ["kron/2"] = all,               -- ... drops the axes that only one operand has
  ["slogdet/1"] = all,            -- ... takes the sign for a scalar
  ["categorical_crossentropy/3"] = { ["*.0"] = true, ["*.2"] = true }, -- ... drops the last axis
  ["dot_product_attention/1"] = { ["2.3"] = true },   -- ... takes the size of values for query's
  ["dot_product_attention/2"] = { ["2.3"] = true },
  ["dot_product_attention/3"] = { ["2.3"] = true },
  ["adaptive_average_pool/3"] = all, -- ... has an axis too many
  ["adaptive_max_pool/2"] = all,
  ["image.scale_and_translate/1"] = all, -- ... tells output_shape where nothing is scaled
  ["image.scale_and_translate/2"] = all, ["image.scale_and_translate/3"] = all,
  ["image.scale_and_translate/4"] = all,
  -- one complex tensor, here two
  ["polar/1"] = all, ["view_as_complex/1"] = all,
  -- whether there are 2 components or 3 decides the rank of the result
  ["cross/1"] = { ["*.1"] = true }, ["cross/2"] = all, ["cross/3"] = { ["1.1"] = true },
  ["cross/4"] = { ["*.0"] = true },
  ["separable_conv/1"] = { ["2.0"] = true, ["2.1"] = true }, -- takes the pointwise kernel for 1
  -- an unknown size is not 1, which would be repeated
  ["einsum/5"] = { ["*.0"] = true, ["0.2"] = true, ["1.0"] = true },
  ["einsum/10"] = { ["0.2"] = true, ["1.1"] = true },
  ["einsum/19"] = { ["1.1"] = true, ["2.0"] = true },
}

local function trace(case, shapes, body)
  local specs = {}
  for i, input in ipairs(case.inputs) do
    specs[i] = { shape = shapes[i], dtype = input.dtype, name = "x" .. i }
  end
  local told
  local f = core.trace(specs, function (...)
    local results = body { ... }
    told = sizes.text(results)
    return table.unpack(results)
  end)
  return f, told
end

-- The traced function on these inputs against what was traced; both may refuse them.
local function check_run(f, body, tensors, tolerance, must)
  local can, wanted = pcall(body, tensors)
  if must and not can then error(wanted, 0) end
  local ok, given = pcall(function () return { f(table.unpack(tensors)) } end)
  if ok ~= can then
    return ok and "runs where the op refuses: " .. wanted or "refuses what the op takes: " .. given
  end
  return ok and harness.compare(given, wanted, tolerance)
end

local function check(case, pattern, wanted)
  local shapes = {}
  for i, input in ipairs(case.inputs) do shapes[i] = input.shape end
  local function call(tensors) return harness.call(case, tensors) end
  local ok, f, told = pcall(trace, case, sizes.changed(shapes, pattern), call)
  if not ok then
    return (wanted ~= "-" and wanted ~= nil) and ("refused, Keras tells %s: %s"):format(wanted, f)
  end
  if wanted and wanted ~= "-" and not sizes.tells(told, wanted) then
    return ("is told as %s, by Keras as %s"):format(told, wanted)
  end
  local tensors, tolerance = harness.tensors(case.inputs), case.tol or 1e-5
  local complaint = check_run(f, call, tensors, tolerance, true)
  for _, change in ipairs(sizes.others) do
    local other, new = sizes.changed(shapes, pattern, change), {}
    for i, x in ipairs(tensors) do new[i] = sizes.resized(x, other[i]) end
    complaint = complaint or check_run(f, call, new, tolerance)
  end
  local which = harness.differentiable(case)
  if complaint or #which == 0 or not harness.has_float_result(case) then return complaint end
  local gradient = harness.traced_gradient(case, which)
  ok, f = pcall(trace, case, sizes.changed(shapes, pattern), gradient)
  complaint = ok and check_run(f, gradient, tensors, tolerance * 10, true) or not ok and f
  return complaint and "the gradient: " .. complaint
end

describe("the cases of unknown sizes", function ()
  -- Without tensors, or with sizes that come from data, or with closures: see ops_control_spec,
  -- ops_random_spec and core/sized_spec.
  local without = {}
  for name in ([[arange associative_scan bartlett bincount blackman broadcast_sized choose_sized
    cond custom_gradient empty eye fori_loop full hamming hanning identity jvp kaiser map nonzero
    ones pad_sized random_normal_like random_uniform_like range reshape_sized scan slice_sized
    switch tri vectorize vectorized_map while_loop zeros]]):gmatch "%S+" do
    without[name] = true
  end

  it("are of all ops", function ()
    local runs, told, missing = {}, {}, {}
    for _, case in ipairs(ops_cases) do
      runs[case.op] = runs[case.op] or #case.inputs > 0 and case.traced ~= false
      local shapes = {}
      for i, input in ipairs(case.inputs) do shapes[i] = input.shape end
      local has_axes = next(sizes.patterns(shapes)) ~= nil
      told[case.op] = told[case.op] or not has_axes or recorded[case.key] ~= nil
    end
    for _, row in ipairs(core.catalogue()) do
      local name = row.name
      local is_missing = not runs[name] or keras_ops[name] and not told[name]
      if is_missing and not without[name] then missing[#missing + 1] = name end
    end
    assert.equal("", table.concat(missing, " "))
  end)
end)

for _, case in ipairs(ops_cases) do
  if #case.inputs > 0 and case.traced ~= false then
    it("with unknown sizes: " .. case.key, function ()
      local shapes, complaints = {}, {}
      for i, input in ipairs(case.inputs) do shapes[i] = input.shape end
      local known = recorded[case.key] or {}
      for name, pattern in pairs(sizes.patterns(shapes)) do
        if not (differs[case.key] or {})[name] then
          local complaint = check(case, pattern, known[name])
          if complaint then complaints[#complaints + 1] = name .. " " .. complaint end
        end
      end
      table.sort(complaints)
      if #complaints > 0 then error(table.concat(complaints, "\n"), 0) end
    end)
  end
end
