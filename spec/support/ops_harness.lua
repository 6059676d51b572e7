-- What is derived from an op case: its value, its trace, its gradient, its second derivative, its
-- independence of threads. A case row is explained in ops_cases.lua.

local core = require "lunula.core"
local inputs = require "spec.support.ops_inputs"
local golden = require "spec.golden.ops"
local stored = require "spec.support.stored"

local ops = core.ops
local harness = {}

-- Rows that only gradients and plans make are in no table that a script can see. Here they are
-- found in the registry; one that runs a closure is false.
harness.hidden = debug.getregistry()["lunula.hidden"]

function harness.op(name) return ops[name] or harness.hidden[name] end

-- ---- calling ----------------------------------------------------------------------------------

local function copy(t)
  local c = {}
  for key, value in pairs(t) do c[key] = value end
  return c
end

-- The op on tensors, with the options of the case; a list of results.
function harness.call(case, tensors)
  local op, options = harness.op(case.op), copy(case.attributes)
  local has_options = next(options) ~= nil
  if case.call == "list" then
    if has_options then return { op(tensors, options) } end
    return { op(tensors) }
  elseif case.call == "einsum" then
    return { op(options.subscripts, table.unpack(tensors)) }
  elseif case.call == "rest" then
    return { op(tensors[1], table.move(tensors, 2, #tensors, 1, {}), options) }
  elseif case.call == "pairs" then
    local half = #tensors // 2
    return { op(table.move(tensors, 1, half, 1, {}),
      table.move(tensors, half + 1, #tensors, 1, {}), options) }
  end
  local list = table.move(tensors, 1, #tensors, 1, {})
  if case.names then
    for i = 2, #tensors do options[case.names[i]], list[i] = tensors[i], nil end
    has_options = true
  end
  if has_options or #list == 0 then list[#list + 1] = options end
  return { op(table.unpack(list)) }
end

function harness.tensors(list)
  local tensors = {}
  for i, input in ipairs(list) do tensors[i] = inputs.tensor(input) end
  return tensors
end

-- ---- numbers ----------------------------------------------------------------------------------

local formats = { float32 = "<f", int32 = "<i4", bool = "B" }

function harness.flat(t)
  if not formats[t.dtype] then t = ops.cast(t, "float32") end
  local format, bytes, numbers, at = formats[t.dtype], t:tobytes(), {}, 1
  while at <= #bytes do numbers[#numbers + 1], at = format:unpack(bytes, at) end
  return numbers
end

local function shape_text(shape)
  local words = {}
  for i, size in ipairs(shape) do words[i] = tostring(size) end
  return "(" .. table.concat(words, ", ") .. ")"
end

-- nil, or a sentence that says what differs.
local function compare_numbers(given, wanted, tolerance)
  if #given ~= #wanted then return ("%d numbers, wanted %d"):format(#given, #wanted) end
  for i, w in ipairs(wanted) do
    local g = given[i]
    local same = g == w or (g ~= g and w ~= w)
      or math.abs(g - w) <= tolerance * math.max(1, math.abs(w))
    if not same then return ("number %d is %.9g, wanted %.9g"):format(i, g, w) end
  end
end

-- ---- the value --------------------------------------------------------------------------------

function harness.check_value(case)
  local results = harness.call(case, harness.tensors(case.inputs))
  if case.ref then
    local data = {}
    for i, input in ipairs(case.inputs) do data[i] = input.data end
    return compare_numbers(harness.flat(results[1]), case.ref(data), case.tol or 1e-5)
  end
  local wanted = golden[case.key]
  if not wanted then return "no golden numbers: run spec/golden/ops.py" end
  if #results ~= #wanted then return ("%d results, wanted %d"):format(#results, #wanted) end
  for i, y in ipairs(results) do
    local shape, dtype, numbers = table.unpack(wanted[i])
    if shape_text(y.shape) ~= shape_text(shape) then
      return ("result %d has shape %s, wanted %s"):format(i, shape_text(y.shape), shape_text(shape))
    elseif y.dtype ~= dtype then
      return ("result %d is %s, wanted %s"):format(i, y.dtype, dtype)
    end
    local complaint = compare_numbers(harness.flat(y), numbers, case.tol or 1e-5)
    if complaint then return ("result %d: %s"):format(i, complaint) end
  end
end

-- ---- traces -----------------------------------------------------------------------------------

local function specs_of(list, free)
  local specs = {}
  for i, input in ipairs(list) do
    local shape = table.move(input.shape, 1, #input.shape, 1, {})
    for _, axis in ipairs(free and free[i] or {}) do shape[axis + 1] = false end
    specs[i] = { shape = shape, dtype = input.dtype, name = "x" .. i }
  end
  return specs
end

-- Are these as many results of the same types, and does numbers_differ(g, w) find nothing?
local function compare_each(given, wanted, numbers_differ)
  if #given ~= #wanted then return ("%d results, wanted %d"):format(#given, #wanted) end
  for i, w in ipairs(wanted) do
    local g = given[i]
    if shape_text(g.shape) ~= shape_text(w.shape) or g.dtype ~= w.dtype then
      return ("result %d is %s %s, eagerly %s %s"):format(i, g.dtype, shape_text(g.shape), w.dtype,
        shape_text(w.shape))
    end
    local complaint = numbers_differ(g, w)
    if complaint then return ("result %d differs from the eager one: %s"):format(i, complaint) end
  end
end

-- Same types and nearly the same numbers?
function harness.compare(given, wanted, tolerance)
  return compare_each(given, wanted, function (g, w)
    return compare_numbers(harness.flat(g), harness.flat(w), tolerance)
  end)
end

-- Same types and same bits?
local function compare_bits(given, wanted)
  return compare_each(given, wanted, function (g, w)
    return g:tobytes() ~= w:tobytes()
      and (compare_numbers(harness.flat(g), harness.flat(w), 0) or "the signs of zeros")
  end)
end
harness.compare_bits = compare_bits

local function trace(case, free, body)
  return core.trace(specs_of(case.inputs, free), function (...)
    return table.unpack(body { ... })
  end)
end

-- The first row of every input whose batch is free; the others as they are.
local function smaller_batch(case)
  local list = {}
  for i, input in ipairs(case.inputs) do
    local free = case.free[i]
    list[i] = input
    if free and free[1] == 0 and input.shape[1] > 1 then list[i] = inputs.rows(input, 1) end
  end
  return list
end

-- The same function by its plain plan, one step a node.
local function check_naive(f, tensors, wanted)
  f:passes "naive"
  local complaint = compare_bits({ f(table.unpack(tensors)) }, wanted)
  f:passes()
  return complaint and "the naive plan: " .. complaint
end

-- The same function as files keep it. Only gradients are not kept.
local function check_stored(f, tensors, wanted, gradient)
  local again, message = stored.again(f)
  if not again then return not (gradient and stored.is_excuse(message)) and message end
  local complaint = compare_bits({ again(table.unpack(tensors)) }, wanted)
  return complaint and "written and read: " .. complaint
end

-- eager = planned = planned naively = written and read, with known and with unknown sizes, for two
-- batches.
local function check_trace(case, body, gradient)
  local tensors = harness.tensors(case.inputs)
  local wanted = body(tensors)
  for _, free in ipairs { false, case.free or nil } do
    local f = trace(case, free, body)
    local complaint = compare_bits({ f(table.unpack(tensors)) }, wanted)
    if complaint then return (free and "unknown sizes: " or "known sizes: ") .. complaint end
    complaint = check_naive(f, tensors, wanted) or check_stored(f, tensors, wanted, gradient)
    if complaint then return (free and "unknown sizes: " or "known sizes: ") .. complaint end
    if free and case.batches ~= false then
      local fewer = harness.tensors(smaller_batch(case))
      complaint = compare_bits({ f(table.unpack(fewer)) }, body(fewer))
      if complaint then return "a smaller batch: " .. complaint end
    end
  end
end

function harness.check_trace(case)
  return check_trace(case, function (tensors) return harness.call(case, tensors) end,
    harness.hidden[case.op] ~= nil)
end

-- ---- gradients --------------------------------------------------------------------------------

-- The float32 inputs that the gradient is taken of.
function harness.differentiable(case)
  local list = {}
  if case.grad == false then return list end
  if case.grad then return case.grad end
  for i, input in ipairs(case.inputs) do
    if input.dtype == "float32" and #input.data > 0 then list[#list + 1] = i end
  end
  return list
end

local function is_float(y) return y.dtype == "float32" end

-- Cases of comparisons and of whole numbers have nothing to differentiate.
function harness.has_float_result(case)
  local ok, results = pcall(harness.call, case, harness.tensors(case.inputs))
  if not ok then return true end
  for _, y in ipairs(results) do if is_float(y) then return true end end
  return false
end

-- Fixed weights for a result, so that the loss is one number that depends on all of it.
local function weights_of(y, seed)
  if y.rank == 0 then return core.tensor(0.75) end
  local shape = y.shape
  shape.seed, shape.low, shape.high = seed, -1, 1
  return inputs.tensor(inputs.real(shape))
end

local function loss_of(case, tensors)
  local loss
  for i, y in ipairs(harness.call(case, tensors)) do
    if is_float(y) then
      local part = ops.sum(y * weights_of(y, 10 + i))
      loss = loss and loss + part or part
    end
  end
  return loss
end

-- The loss in double precision, from the float32 results.
local function exact_loss(case, tensors)
  local loss = 0
  for i, y in ipairs(harness.call(case, tensors)) do
    if is_float(y) then
      local w, numbers = harness.flat(weights_of(y, 10 + i)), harness.flat(y)
      for k, value in ipairs(numbers) do loss = loss + value * w[k] end
    end
  end
  return loss
end

-- Gradients of the loss for the inputs `which`, as a list with `false` where there is none.
local function gradients(case, tensors, which)
  local _, grads = core.value_and_grad(function (...)
    local all = table.move(tensors, 1, #tensors, 1, {})
    for k, x in ipairs { ... } do all[which[k]] = x end
    return loss_of(case, all)
  end)(table.unpack((function ()
    local list = {}
    for k, i in ipairs(which) do list[k] = tensors[i] end
    return list
  end)()))
  return grads
end

-- A direction in the space of the inputs `which`.
local function directions(case, which)
  local list = {}
  for k, i in ipairs(which) do
    local shape = table.move(case.inputs[i].shape, 1, #case.inputs[i].shape, 1, {})
    shape.seed, shape.low, shape.high = 20 + k, -1, 1
    list[k] = inputs.real(shape)
  end
  return list
end

local function moved(case, which, along, step)
  local list = table.move(case.inputs, 1, #case.inputs, 1, {})
  for k, i in ipairs(which) do
    local data = {}
    for n, x in ipairs(case.inputs[i].data) do data[n] = x + step * along[k].data[n] end
    list[i] = { shape = case.inputs[i].shape, dtype = "float32", data = data }
  end
  return harness.tensors(list)
end

-- The derivative of f along the direction, from four values around the point.
local function slope(f, case, which, along)
  local h = 1 / 64
  local function at(step) return f(moved(case, which, along, step)) end
  return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
end

-- <gradient, direction>, and the size of its terms.
local function along_direction(grads, along)
  local sum, size = 0, 0
  for k, g in ipairs(grads) do
    if g then
      local numbers = harness.flat(g)
      for n, v in ipairs(along[k].data) do
        sum, size = sum + numbers[n] * v, size + math.abs(numbers[n] * v)
      end
    end
  end
  return sum, size
end

local function close(given, wanted, size, tolerance)
  if math.abs(given - wanted) <= tolerance * math.max(1, size) then return nil end
  return ("%.7g along a direction, by differences %.7g"):format(given, wanted)
end

local slack = 1e-3

function harness.check_gradient(case, which)
  local along = directions(case, which)
  local grads = gradients(case, harness.tensors(case.inputs), which)
  local given, size = along_direction(grads, along)
  local wanted = slope(function (tensors) return exact_loss(case, tensors) end, case, which, along)
  return close(given, wanted, size, slack)
end

-- Gradient of a loss that needs no weights of a known shape.
function harness.traced_gradient(case, which)
  return function (tensors)
    local xs = {}
    for k, i in ipairs(which) do xs[k] = tensors[i] end
    local _, grads = core.value_and_grad(function (...)
      local all = table.move(tensors, 1, #tensors, 1, {})
      for k, x in ipairs { ... } do all[which[k]] = x end
      local loss
      for _, y in ipairs(harness.call(case, all)) do
        if is_float(y) then
          local part = ops.sum(ops.sin(y))
          loss = loss and loss + part or part
        end
      end
      return loss
    end)(table.unpack(xs))
    for k, g in ipairs(grads) do grads[k] = g or ops.zeros_like(xs[k]) end
    return grads
  end
end

function harness.check_traced_gradient(case, which)
  return check_trace(case, harness.traced_gradient(case, which), true)
end

-- The gradient of <gradient, direction> along the same direction is the second derivative.
function harness.check_second(case, which)
  local along = directions(case, which)
  local along_tensors = harness.tensors(along)

  local function first_along(tensors)
    return (along_direction(gradients(case, tensors, which), along))
  end

  local f = core.trace(specs_of(case.inputs), function (...)
    local tensors, xs = { ... }, {}
    for k, i in ipairs(which) do xs[k] = tensors[i] end
    local grads = core.grad(loss_of(case, tensors), xs)
    local sum = ops.sum(xs[1] * 0)
    for k, g in ipairs(grads) do
      if g then sum = sum + ops.sum(g * along_tensors[k]) end
    end
    local second = core.grad(sum, xs)
    for k, g in ipairs(second) do second[k] = g or ops.zeros_like(xs[k]) end
    return table.unpack(second)
  end)
  local given, size = along_direction({ f(table.unpack(harness.tensors(case.inputs))) }, along)
  return close(given, slope(first_along, case, which, along), size, 4 * slack)
end

-- ---- threads ----------------------------------------------------------------------------------

-- Enough numbers for several threads, from the few of an elementwise case.
local function many_numbers(case)
  local n = 70001
  local list = {}
  for i, x in ipairs(harness.tensors(case.inputs)) do
    local flat = ops.ravel(x)
    list[i] = ops.slice(ops.tile(flat, { n // flat.size + 1 }), { 0 }, { n })
  end
  return list
end

function harness.check_threads(case)
  local before = core.threads()
  local tensors = case.elementwise and many_numbers(case)
    or harness.tensors(case.big or case.inputs)
  core.threads(1)
  local alone = harness.call(case, tensors)
  core.threads(3)
  local together = harness.call(case, tensors)
  core.threads(before)
  return compare_bits(together, alone)
end

-- ---- sizes ------------------------------------------------------------------------------------

-- An elementwise op on n numbers gives the first n results of the op on many.
function harness.check_sizes(case)
  local most = 2049
  local many = {}
  local function first(n)
    local list = {}
    for i, input in ipairs(many) do
      list[i] = { shape = { n }, dtype = input.dtype, data = table.move(input.data, 1, n, 1, {}) }
    end
    return harness.tensors(list)
  end
  for i, input in ipairs(case.inputs) do
    local data = {}
    for k = 1, most do data[k] = input.data[(k - 1) % #input.data + 1] end
    many[i] = { dtype = input.dtype, data = data }
  end
  local bytes = harness.call(case, first(most))[1]:tobytes()
  for _, n in ipairs { 0, 1, 7, 255, 256, 257, 1023, 1024, 1025 } do
    local y = harness.call(case, first(n))[1]
    if y.shape[1] ~= n then return ("%d numbers give shape %s"):format(n, shape_text(y.shape)) end
    local width = #bytes // most
    if y:tobytes() ~= bytes:sub(1, n * width) then
      return ("of %d numbers the results differ from those of %d"):format(n, most)
    end
  end
end

-- ---- truths -----------------------------------------------------------------------------------

-- An elementwise op of floats takes truths as the numbers 1 and 0.
function harness.check_truths(case)
  local truths, numbers = {}, {}
  for i, input in ipairs(case.inputs) do truths[i], numbers[i] = input, input end
  local first = case.inputs[1]
  local data = {}
  for i = 1, #first.data do data[i] = i % 2 end
  truths[1] = { shape = first.shape, dtype = "bool", data = data }
  numbers[1] = { shape = first.shape, dtype = "float32", data = data }
  return compare_numbers(harness.flat(harness.call(case, harness.tensors(truths))[1]),
    harness.flat(harness.call(case, harness.tensors(numbers))[1]), 0)
end

return harness
