-- The case table of the types: every case of the ops that Keras has (ops_cases.lua), with its
-- inputs as booleans, whole numbers and floats. spec/golden/recorder/types.py asks Keras what each
-- gives, spec/types_spec.lua compares. A case's key ends in one letter for each input:
--
--   b, i, f   a tensor of bool, int32, float32
--   B, I, F   a plain boolean, whole number, float of the language, in place of the tensor
--   x         as the list below has it

local from = require "spec.support.ops_inputs"
local cases = require "spec.support.ops_cases"

local dtypes = { b = "bool", i = "int32", f = "float32" }
local letter_of = { bool = "b", int32 = "i", float32 = "f" }

-- ---- an input as another type -----------------------------------------------------------------

-- Away from 0, so that nothing is divided by it that was not before.
local function whole(x)
  if x ~= x then return 0 end
  if math.abs(x) > 1e6 then return x > 0 and 999 or -999 end
  return math.tointeger(x > 0 and math.ceil(2 * x) or math.floor(2 * x))
end

local function converted(x, was, letter)
  if was == "bool" or was == "int32" then
    return letter == "b" and (x == 0 and 0 or 1) or x
  elseif letter == "b" then
    return x > 0 and 1 or 0
  end
  return letter == "i" and whole(x) or x
end

local function as(input, letter)
  local small = letter:lower()
  local data = {}
  for i, x in ipairs(input.data) do data[i] = converted(x, input.dtype, small) end
  if small ~= letter then
    local x = data[1]
    if small == "b" then x = x == 1 elseif small == "f" then x = x + 0.0 end
    return { scalar = letter, shape = {}, data = { x }, dtype = dtypes[small] }
  end
  return { shape = input.shape, data = data, dtype = dtypes[small] }
end

-- ---- which types ------------------------------------------------------------------------------

-- Whole numbers beside floats name places: they stay as they are.
local function names_places(case, i)
  local floats = false
  for _, input in ipairs(case.inputs) do floats = floats or input.dtype == "float32" end
  return floats and case.inputs[i].dtype == "int32"
end

-- All words for the inputs up to the n-th; of three or more the first is no plain number.
local function words(case, letters, n)
  if n == 0 then return { "" } end
  local list = {}
  local fitting = n == 1 and #case.inputs > 2 and "bif" or letters
  if names_places(case, n) then fitting = "i" end
  for _, word in ipairs(words(case, letters, n - 1)) do
    for letter in fitting:gmatch(".") do list[#list + 1] = word .. letter end
  end
  return list
end

-- All the same, and each one by itself another.
local function few_words(case)
  local own, list, seen = "", {}, {}
  for _, input in ipairs(case.inputs) do own = own .. letter_of[input.dtype] end
  local function insert(word)
    if not seen[word] then list[#list + 1] = word end
    seen[word] = true
  end
  for letter in ("bif"):gmatch "." do
    local all = ""
    for i = 1, #own do
      local fitting = names_places(case, i) and "i" or letter
      all = all .. fitting
      insert(own:sub(1, i - 1) .. fitting .. own:sub(i + 1))
    end
    insert(all)
  end
  return list
end

local function numbers_of(case)
  local n = 0
  for _, input in ipairs(case.inputs) do n = n + #input.data end
  return n
end

local of_numbers = { dot = true, inner = true, vdot = true, outer = true, kron = true,
  append = true, linspace = true, logspace = true, isin = true, sum = true, mean = true,
  max = true }

-- Plain numbers stand for tensors where the op is a function of single numbers, or takes them all
-- the same, in its first case.
local function words_for(case, first)
  local n = #case.inputs
  if n > 3 then return few_words(case) end
  if n == 3 and not first then return few_words(case) end
  local plain = case.elementwise or of_numbers[case.op]
  return words(case, first and plain and "bifBIF" or "bif", n)
end

-- ---- numbers that only whole arithmetic has right ----------------------------------------------

local function ints(data, shape) return from.exact(data, { dtype = "int32", shape = shape }) end

local big = ints({ 100000001, 3, -2000000011, 7 }, { 2, 2 })
local ones = ints({ 1, 1, 0, 1 }, { 2, 2 })

local exact = {
  { "matmul", { big, ones } }, { "dot", { big, ones } }, { "inner", { big, ones } },
  { "outer", { big, ones } }, { "vdot", { big, ones } }, { "kron", { big, ones } },
  { "tensordot", { big, ones }, { axes = 1 } },
  { "einsum", { big, ones }, { subscripts = "ij,jk->ik" }, call = "einsum" },
  { "einsum", { big, ones }, { subscripts = "ij,ij->j" }, call = "einsum" },
  { "add", { big, big } }, { "subtract", { big, ints { 2000000000 } } },
  { "multiply", { big, big } }, { "square", { big } }, { "sum", { big } }, { "prod", { big } },
  { "cumsum", { big }, { axis = 0 } }, { "cumprod", { big }, { axis = 1 } }, { "trace", { big } },
  { "max", { big } }, { "diff", { big } }, { "ptp", { big }, { axis = 0 } },
  { "negative", { ints { -2147483647 - 1, 5 } } }, { "abs", { ints { -2147483647 - 1, -5 } } },
  { "power", { ints { 2, 3, -3, 7, 0 }, ints { 10, 4, 3, 0, 2 } } },
  { "power", { ints { 46341, 10 }, ints { 2, 12 } } },
  { "floor_divide", { ints { 100000001, -7, 7, -7, 8 }, ints { 2, 2, -2, -2, 3 } } },
  { "mod", { ints { 100000001, -7, 7, -7, 8 }, ints { 2, 2, -2, -2, 3 } } },
  { "fmod", { ints { 100000001, -7, 7, -7, 8 }, ints { 2, 2, -2, -2, 3 } } },
  { "isclose", { ints { 100000001, 5 }, ints { 100000000, 5 } } },
  { "clip", { ints { 100000001, -9, 3 }, ints({ -1 }, {}), ints({ 100000000 }, {}) } },
  { "where", { from.exact({ 1, 0 }, { dtype = "bool" }), ints { 100000001, 1 },
    ints { 3, 100000003 } } },
}

-- ---- the table --------------------------------------------------------------------------------

local table_of_types = {}

local function add(case, word, inputs, key)
  table_of_types[#table_of_types + 1] = { key = key .. ":" .. word, op = case.op, inputs = inputs,
    attributes = case.attributes, names = case.names, call = case.call, tol = case.tol,
    traced = case.traced, free = case.free }
end

-- Keras has these, too, though their numbers in ops_spec come from a reference.
local asked = { sparsemax = true, adaptive_average_pool = true, adaptive_max_pool = true }

local seen = {}
for _, case in ipairs(cases) do
  local first = not seen[case.op]
  local known = not case.ref or asked[case.op]
  if known and #case.inputs > 0 and (first or numbers_of(case) <= 100) then
    seen[case.op] = true
    for _, word in ipairs(words_for(case, first)) do
      local inputs = {}
      for i, input in ipairs(case.inputs) do inputs[i] = as(input, word:sub(i, i)) end
      add(case, word, inputs, case.key)
    end
  end
end

for i, row in ipairs(exact) do
  row.op, row.attributes = row[1], row[3] or {}
  add(row, "x", row[2], ("%s/exact%d"):format(row.op, i))
end

return table_of_types
