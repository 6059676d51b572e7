-- The self-test of a file: an input, and what the model said to it when it was saved, as tensors
-- lunula/test/input/0 … and lunula/test/output/0 ….

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local data = require "lunula.trainers.data"
local step = require "lunula.trainers.traced_steps"

local self_test = {}

-- Other machines round otherwise; where floats are stored short, so are the weights.
local tolerance = { float16 = 1e-2, bfloat16 = 1e-1 }
local usual <const> = 1e-4

-- The entries for the file, and the structure of the input for its state.
function self_test.entries(model, x)
  local xs, structure = data.list(model:_read(x), model:_input_names(), "test",
    model._input_structure)
  data.count_samples { { "test", xs } }
  local list = {}
  local function add(what, tensors)
    for i, tensor in ipairs(tensors) do
      list[#list + 1] = { name = ("lunula/test/%s/%d"):format(what, i - 1), variable = tensor }
    end
  end
  add("input", xs)
  add("output", { step.predict(model, xs, structure).call(table.unpack(xs)) })
  return list, structure
end

local function tensors(reader, what)
  local found = {}
  for _, name in ipairs(reader.names) do
    local i = tonumber(name:match("^lunula/test/" .. what .. "/(%d+)$"))
    if i then found[i + 1] = reader:tensor(name) end
  end
  return found
end

local function structure_of(told)
  if told == "single" or told == "list" then return told end
  local names = {}
  for i, name in ipairs(type(told) == "table" and told or {}) do names[i] = name end
  return names
end

local function largest(difference)
  return difference.size > 0 and ops.max(ops.abs(difference)):item() or 0
end

local function check_output(reader, i, y, wanted)
  local got, expected = ops.cast(y, "float32"), ops.cast(wanted, "float32")
  local shape, before = tools.shape_text(got.shape), tools.shape_text(expected.shape)
  if shape ~= before then
    core.raise("%s: the self-test failed: output %d has shape %s, it was %s", reader.path, i,
      shape, before)
  end
  local error_of = largest((got - expected) / ops.maximum(ops.abs(expected), 1))
  if not (error_of <= (tolerance[wanted.dtype] or usual)) then
    core.raise("%s: the self-test failed: output %d is %g away from what it was", reader.path, i,
      error_of)
  end
  return error_of
end

-- The input of a file's test as save takes it, or nil.
function self_test.input(reader, structure)
  local xs = tensors(reader, "input")
  if #xs <= 1 then return xs[1] end
  local named, names = {}, structure_of(structure)
  if type(names) == "string" then return xs end
  for i, name in ipairs(names) do named[name] = xs[i] end
  return named
end

-- Makes the test of a file on the model that was loaded from it. Returns the largest difference,
-- or nil when the file has no test.
function self_test.run(model, reader, structure)
  local xs, wanted = tensors(reader, "input"), tensors(reader, "output")
  if #xs == 0 or #wanted == 0 then return nil end
  local ys = { step.predict(model, xs, structure_of(structure)).call(table.unpack(xs)) }
  if #ys ~= #wanted then
    core.raise("%s: the self-test failed: the model has %d outputs, the file %d", reader.path, #ys,
      #wanted)
  end
  local worst = 0
  for i, y in ipairs(ys) do worst = math.max(worst, check_output(reader, i, y, wanted[i])) end
  return worst
end

return self_test
