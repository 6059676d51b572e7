-- k.utils.split_dataset: a left and a right part, by numbers of samples or fractions.

local core = require "lunula.core"
local data = require "lunula.data"
local dice = require "lunula.data.dice"
local mersenne = require "lunula.data.mersenne"
local options = require "lunula.utils.options"
local pick = require "lunula.data.pick"
local pipeline = require "lunula.data.pipeline"
local rows = require "lunula.data.rows"

local NAME <const> = "split_dataset"

local allowed = { "left_size", "right_size", "shuffle", "seed", "preferred_backend" }

-- ---- sizes -------------------------------------------------------------------------------------

-- Python's round: halves go to the even number.
local function rounded(x)
  local low = math.floor(x)
  local rest = x - low
  if rest > 0.5 or rest == 0.5 and low % 2 == 1 then return low + 1 end
  return low
end

-- A number of samples; a fraction between 0 and 1 of all of them.
local function read_size(which, value, total)
  if value == nil then return nil end
  local whole = math.type(value) and math.tointeger(value)
  if whole and whole > 0 and whole < total then return whole end
  if type(value) == "number" and not whole and value > 0 and value < 1 then
    return rounded(value * total)
  end
  core.raise("%s: %s must be a whole number from 1 to below the %d samples, or a fraction between "
    .. "0 and 1, got %s", NAME, which, total, tostring(value))
end

local function sizes_of(o, total)
  local left = read_size("left_size", o.left_size, total)
  local right = read_size("right_size", o.right_size, total)
  if not (left or right) then
    core.raise("%s: left_size or right_size must be given, or both", NAME)
  end
  left, right = left or total - right, right or total - left
  if left + right > total then
    core.raise("%s: left_size and right_size are %d and %d, which is more than the %d samples",
      NAME, left, right, total)
  end
  for which, size in pairs { left_size = left, right_size = right } do
    if size == 0 then core.raise("%s: %s comes to none of %d samples", NAME, which, total) end
  end
  return left, right
end

-- ---- orders ------------------------------------------------------------------------------------

local function bit_length(n)
  local length = 0
  while n > 0 do n, length = n >> 1, length + 1 end
  return length
end

-- The numbers from 0 to n - 1 as Python's random.shuffle puts them.
local function shuffled(n, seed)
  local bits, list = mersenne.python(seed), {}
  for i = 1, n do list[i] = i - 1 end
  for i = n, 2, -1 do
    local length = bit_length(i)
    local j
    repeat j = bits() >> (32 - length) until j < i
    list[i], list[j + 1] = list[j + 1], list[i]
  end
  return list
end

local function order_of(o, n)
  if not o.shuffle then return nil end
  return shuffled(n, options.count(NAME, "seed", o.seed, math.mininteger) or dice.seed() % 1000001)
end

-- ---- what is split -----------------------------------------------------------------------------

-- Rows of tensors: views of them, or their rows in the new order.
local function split_tensors(tensors, o)
  local n = rows.count(NAME, tensors)
  local left, right = sizes_of(o, n)
  local order = order_of(o, n)
  if order then
    for i, tensor in ipairs(tensors) do
      local _, rows_of = pick.of(tensor)
      tensors[i] = rows_of(order)
    end
  end
  local all = data.from(table.unpack(tensors))
  return all:take(left), all:skip(n - right)
end

-- Elements i to j of the list as a dataset.
local function part(list, i, j)
  return pipeline.new(function()
    local at = i - 1
    return function()
      if at == j then return nil end
      at = at + 1
      return table.unpack(list[at], 1, list[at].n)
    end
  end, j - i + 1)
end

-- Any dataset of k.data: its elements are run through once, and kept.
local function split_pipeline(dataset, o)
  local size = dataset.batch_size
  local elements, list = size and dataset:unbatch() or dataset, {}
  if elements:len() == math.huge then core.raise("%s: the dataset has no end", NAME) end
  local next_element = elements:as_iterator()
  local element = table.pack(next_element())
  while element[1] ~= nil do
    list[#list + 1] = element
    element = table.pack(next_element())
  end
  local n = #list
  local left, right = sizes_of(o, n)
  local order = order_of(o, n)
  if order then
    local moved = {}
    for i, number in ipairs(order) do moved[i] = list[number + 1] end
    list = moved
  end
  local a, b = part(list, 1, left), part(list, n - right + 1, n)
  a.sharded, b.sharded = dataset.sharded, dataset.sharded
  if not size then return a, b end
  return a:batch(size), b:batch(size)
end

local function tensors_of(dataset)
  local list = {}
  for i, value in ipairs(dataset) do
    if not core.is_tensor(value) then
      core.raise("%s: value %d of the list is no tensor but %s", NAME, i, type(value))
    end
    list[i] = value
  end
  if #list == 0 then
    core.raise("%s takes a tensor, a list of tensors or a dataset of k.data", NAME)
  end
  return list
end

-- (dataset, { left_size =, right_size =, shuffle = false, seed = }) -> left, right
return function(dataset, given)
  local o = options.read(NAME, given, allowed)
  if o.preferred_backend then
    core.raise("%s: preferred_backend is for Python; leave it out", NAME)
  end
  if pipeline.is(dataset) then return split_pipeline(dataset, o) end
  if core.is_variable(dataset) then dataset = dataset.value end
  if core.is_tensor(dataset) then return split_tensors({ dataset }, o) end
  if type(dataset) ~= "table" then
    core.raise("%s takes a tensor, a list of tensors or a dataset of k.data, got %s", NAME,
      type(dataset))
  end
  return split_tensors(tensors_of(dataset), o)
end
