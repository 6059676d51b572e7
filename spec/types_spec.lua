-- The types of results: every op on booleans, whole numbers and floats, as tensors and as plain
-- numbers, gives the type and the numbers of Keras, computed now and in a trace.

local core = require "lunula.core"
local cases = require "spec.support.types_cases"
local differences = require "spec.support.types_differences"
local harness = require "spec.support.ops_harness"
local inputs = require "spec.support.ops_inputs"
local golden = require "spec.golden.types"
local lunula = require "lunula"
local recorded = require "spec.support.golden"

require "lunula.ops"

local few = 12 -- so many numbers of each result are recorded

-- What does not compute here is what it computes as.
local computes_as = { int64 = "int32", float64 = "float32" }

local function operands(case)
  local list = {}
  for i, input in ipairs(case.inputs) do
    list[i] = input.scalar and input.data[1] or inputs.tensor(input)
    if input.scalar == "B" then list[i] = input.data[1] end
  end
  return list
end

local function close(given, wanted, tolerance)
  return given == wanted or given ~= given and wanted ~= wanted
    or math.abs(given - wanted) <= tolerance * math.max(1, math.abs(wanted))
end

-- nil, or what differs from Keras, or from what ours is instead.
local function compare(results, wanted, difference, tolerance)
  if #results ~= #wanted then return ("%d results, wanted %d"):format(#results, #wanted) end
  for i, y in ipairs(results) do
    local dtype = difference and difference.ours or computes_as[wanted[i][1]] or wanted[i][1]
    if y.dtype ~= dtype then return ("result %d is %s, wanted %s"):format(i, y.dtype, dtype) end
    local numbers = harness.flat(y)
    if math.min(#numbers, few) ~= #wanted[i] - 1 then
      return ("result %d has %d numbers"):format(i, #numbers)
    end
    for k = 1, difference and 0 or #wanted[i] - 1 do
      if not close(numbers[k], wanted[i][k + 1], tolerance) then
        return ("number %d of result %d is %.10g, wanted %.10g"):format(k, i, numbers[k],
          wanted[i][k + 1])
      end
    end
  end
end

-- The same bits from a trace, in which the axes `free` of each input have no known size; plain
-- numbers stay plain.
local function check_trace(case, results, free)
  local list, specs, at = operands(case), {}, {}
  for i, x in ipairs(list) do
    if core.is_tensor(x) then
      local shape = x.shape
      for _, axis in ipairs(free and free[i] or {}) do shape[axis + 1] = false end
      specs[#specs + 1], at[#at + 1] = { shape = shape, dtype = x.dtype }, i
    end
  end
  if #specs == 0 or case.traced == false then return end
  local f = core.trace(specs, function (...)
    local all = table.move(list, 1, #list, 1, {})
    for k, x in ipairs { ... } do all[at[k]] = x end
    return table.unpack(harness.call(case, all))
  end)
  local tensors = {}
  for k, i in ipairs(at) do tensors[k] = list[i] end
  return harness.compare_bits({ f(table.unpack(tensors)) }, results)
end

local function check(case)
  local wanted = golden[case.key]
  if wanted == nil then return "not recorded: run spec/golden/record.py types" end
  if not wanted then return end
  local results = harness.call(case, operands(case))
  local difference = differences[case.op]
  if difference and not case.key:find(difference.cases) then difference = nil end
  local complaint = compare(results, wanted, difference, case.tol or 1e-5)
  if complaint then return complaint end
  complaint = check_trace(case, results)
  if complaint then return "traced: " .. complaint end
  complaint = case.free and check_trace(case, results, case.free)
  return complaint and "traced with unknown sizes: " .. complaint
end

local by_op, names = {}, {}
for _, case in ipairs(cases) do
  if not by_op[case.op] then names[#names + 1], by_op[case.op] = case.op, {} end
  table.insert(by_op[case.op], case)
end

-- Ops that Keras lacks, and those of closures, whose types are the closure's, have no such cases;
-- those that are given no tensor say their type in ops_spec.
-- Complex numbers are one tensor to Keras, two here. Noise is tried in ops_random_spec.
local exempt = { get_item = true, empty_like = true, polar = true, view_as_complex = true,
  view_as_real = true, ["image.elastic_transform"] = true }
for _, name in ipairs { "cond", "switch", "while_loop", "fori_loop", "map", "vectorized_map",
  "scan", "custom_gradient", "associative_scan", "vectorize", "jvp" } do
  exempt[name] = true
end
for _, case in ipairs(require "spec.support.ops_cases") do
  if #case.inputs == 0 then exempt[case.op] = true end
end

it("has a case for every op", function ()
  local missing = {}
  for _, row in ipairs(core.catalogue()) do
    local known = by_op[row.name] or exempt[row.name] or row.file_class == "lunula"
    if not known then missing[#missing + 1] = row.name end
  end
  assert.are.equal("", table.concat(missing, " "))
end)

it("has an op and a case for every difference", function ()
  for name, difference in pairs(differences) do
    local found = name:find "^layer " ~= nil
    for _, case in ipairs(by_op[name] or {}) do
      found = found or case.key:find(difference.cases) ~= nil and golden[case.key] ~= false
    end
    assert.is_true(found, name)
  end
end)

for _, name in ipairs(names) do
  it("has the types of " .. name, function ()
    local complaints = {}
    for _, case in ipairs(by_op[name]) do
      local ok, complaint = pcall(check, case)
      if not ok or complaint then
        complaints[#complaints + 1] = case.key .. ": " .. tostring(complaint)
      end
    end
    assert.are.equal("", table.concat(complaints, "\n"))
  end)
end

-- ---- layers -----------------------------------------------------------------------------------

local function text_of(case)
  local words = { case.class_name }
  for i, input in ipairs(case.inputs) do words[i + 1] = input.dtype end
  return table.concat(words, " ")
end

local function check_layer(case)
  if not case.dtype then return end
  local tensors = {}
  for i, input in ipairs(case.inputs) do tensors[i] = recorded.tensor(input) end
  local layer = lunula.layers[case.class_name](case.config)
  local y = layer(#tensors > 1 and tensors or tensors[1])
  local wanted = table.move(case.numbers, 1, #case.numbers, 2, { case.dtype })
  local complaint = compare({ y }, { wanted }, differences["layer " .. text_of(case)], 1e-5)
  return complaint and text_of(case) .. ": " .. complaint
end

it("has the types of layers", function ()
  local complaints = {}
  for _, case in ipairs(recorded.read "layer_types.json") do
    local ok, complaint = pcall(check_layer, case)
    if not ok then complaint = text_of(case) .. ": " .. tostring(complaint) end
    complaints[#complaints + 1] = complaint or nil
  end
  assert.are.equal("", table.concat(complaints, "\n"))
end)

describe("whole numbers and gradients", function ()
  local ops = lunula.ops
  local x = core.tensor({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = "int32" })

  it("have none to do with each other", function ()
    local _, grads = lunula.value_and_grad(function (w)
      local whole = ops.cast(ops.round(w), "int32")
      return ops.sum(w * ops.matmul(x, ops.transpose(x))) + ops.sum(whole * 2) * 1.0
    end)(lunula.tensor { 1, 2 })
    assert.near_all(grads[1], { 14 + 32, 32 + 77 })
  end)

  it("are refused as a loss", function ()
    assert.error_at_line(function ()
      lunula.value_and_grad(function (w) return ops.sum(ops.cast(w, "int32")) end)(lunula.tensor(1))
    end, "gradient: the loss must be a float, it is int32, which has no gradient")
  end)

  it("fuse behind a product", function ()
    local wide = ops.reshape(ops.arange(24), { 4, 6 })
    local function f(a, b) return ops.maximum(ops.matmul(a, b) * 3 - 100000001, -99999999) end
    local traced = core.trace({ { shape = { false, 6 }, dtype = "int32" },
      { shape = { 6, 4 }, dtype = "int32" } }, f)
    local turned = ops.transpose(wide)
    assert.is_nil(harness.compare_bits({ traced(wide, turned) }, { f(wide, turned) }))
  end)

  it("are fitted", function ()
    local layers = lunula.layers
    local model = lunula.Sequential { lunula.Input { shape = { 6, 6, 2 }, dtype = "int32" },
      layers.Dropout { 0.5 }, layers.Lambda { function (t) return t * 2 end },
      layers.MaxPooling2D { 2 }, layers.Activation { "relu" }, layers.Conv2D { 3, 2 },
      layers.GlobalMaxPooling2D {}, layers.Dense { 2, activation = "softmax" } }
    model:compile { optimizer = "sgd", loss = "sparse_categorical_crossentropy",
      metrics = { "accuracy" } }
    local images = ops.reshape(ops.arange(4 * 72) % 7, { 4, 6, 6, 2 })
    local labels = core.tensor({ 0, 1, 1, 0 }, { dtype = "int32" })
    local history = model:fit(images, labels, { epochs = 2, verbose = 0 })
    assert.is_true(history.history.loss[2] == history.history.loss[2])
    assert.are.equal("float32", model:predict(images, { verbose = 0 }).dtype)
  end)
end)
