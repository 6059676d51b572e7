-- The placeholder of the functional API: what `Input{}` and a layer called on an `Input` return.
--
-- A KTensor is a Lua table with a shape and a dtype and no numbers. It remembers the node (the
-- layer call) that made it; models/call_record.lua makes those nodes. Operators and methods are
-- the ops of the catalogue, which hand the call back through core.set_ktensor. It may not know
-- layers or models.

local core = require "lunula.core"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"

local KTensor = { __name = "lunula.KTensor" }
local ktensor = { metatable = KTensor }

local operators = {
  __add = "add", __sub = "subtract", __mul = "multiply", __div = "divide",
  __idiv = "floor_divide", __mod = "mod", __pow = "power", __unm = "negative",
  __band = "logical_and", __bor = "logical_or", __bxor = "logical_xor",
}

for event, name in pairs(operators) do
  if event == "__unm" then
    KTensor[event] = function(x) return core.ops[name](x) end
  else
    KTensor[event] = function(a, b) return core.ops[name](a, b) end
  end
end

KTensor.__bnot = function(x) return core.ops.logical_not(x) end

-- Lua turns x > 0 into 0 < x: where the number stands first, that was meant. Of two tensors nobody
-- can tell.
local function refuse_comparison(ending)
  return function(a, b)
    local less, greater = "ops.less" .. ending, "ops.greater" .. ending
    local meant = type(a) == "number" and ("%s(x, %s)"):format(greater, a)
      or type(b) == "number" and ("%s(x, %s)"):format(less, b)
      or ("%s(a, b) or %s(a, b)"):format(less, greater)
    core.raise("a comparison gives a Lua boolean and cannot be recorded; use %s", meant)
  end
end

KTensor.__lt = refuse_comparison ""
KTensor.__le = refuse_comparison "_equal"

local methods = {}

local fields = {
  shape = function(self)
    return core.shape(table.move(self.dims, 1, #self.dims, 1, {}))
  end,
  rank = function(self) return #self.dims end,
  size = function(self)
    local size = 1
    for _, dim in ipairs(self.dims) do
      if not dim then return nil end
      size = size * dim
    end
    return size
  end,
  -- Keras names of the same facts
  ndim = function(self) return #self.dims end,
}

local function no_value(self)
  core.raise("%s has no value: it stands for data that a model will be given", tostring(self))
end

for _, name in ipairs { "item", "totable", "get", "set", "tobytes", "release" } do
  methods[name] = no_value
end

-- The op as a method: its first value is the placeholder.
local op_methods = {}

local function op_method(name, op)
  op_methods[name] = op_methods[name] or function(x, ...)
    if not core.is_tensor(x) and getmetatable(x) ~= KTensor then
      core.raise("%s: a method is called with a colon: x:%s(…)", name, name)
    end
    return op(x, ...)
  end
  return op_methods[name]
end

-- ---- x[{ {2, 5}, {}, 3 }] ----------------------------------------------------------------------
--
-- As of a tensor (src/bind/element.c), with the same errors; but where the size of an axis is not
-- known yet, positions from its end can be taken all the same. n: that size, or false.

-- What other keys say would not be heard.
local function check_keys(t, most, what)
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > most then
      core.raise("%s, got a key %s", what, tostring(key))
    end
  end
end

-- A position as get_item counts it: from 0, and from -1 at the end.
local function position(i, n, axis)
  core.refuse_index(i, axis)
  local whole = math.tointeger(i)
  if not whole then
    core.raise("an index is a whole number or a range {first, last, step}, got %s", type(i))
  elseif whole == 0 or n and math.abs(whole) > n then
    core.raise("index %d is out of range 1..%s along axis %d (positions count from 1)", whole,
      n or "None", axis)
  end
  return whole > 0 and whole - 1 or whole
end

local function bound(range, i)
  local value = range[i]
  if value == nil then return nil end
  return math.tointeger(value) or core.raise "a range is {first, last, step} in whole numbers"
end

local function slice(range, n, axis)
  core.refuse_index(range, axis)
  check_keys(range, 3, "a range is {first, last, step}")
  local first, last, step = bound(range, 1), bound(range, 2), bound(range, 3)
  if step and step < 1 then core.raise "a range goes forward in steps of 1 or more" end
  local start = first and (first < 0 and first + (n or 0) or first - 1)
  local stop = last and (last < 0 and last + (n or 0) + 1 or last)
  local from, to = start or 0, stop or n
  if first == 0 or n and (from < 0 or to > n or from > to) then
    core.raise("range %d..%s does not lie in 1..%s of axis %d", first or 1, to or "None",
      n or "None", axis)
  end
  if last == -1 then stop = nil end
  return { start = start, stop = stop, step = step }
end

local function selected(self, selection)
  check_keys(selection, #selection, "a selection is a list, an index or a range for each axis")
  local key, dims, axis = {}, self.dims, 0
  for i, entry in ipairs(selection) do
    if entry == false or entry == core.None then
      key[i] = false
    else
      local read = type(entry) == "table" and slice or position
      key[i] = read(entry, dims[axis + 1], axis)
      axis = axis + 1
    end
  end
  if axis > #dims then core.raise("%d indices for %d axes", axis, #dims) end
  return core.ops.get_item(self, key)
end

-- Fields first, then the ops of the catalogue as methods.
function KTensor:__index(key)
  local field = fields[key]
  if field then return field(self) end
  local method = methods[key]
  if method then return method end
  core.refuse_index(key, 0)
  if type(key) == "table" then return selected(self, key) end
  if type(key) == "number" then
    core.raise("%s: a placeholder has no rows to count; x[{ {}, %d }] selects along its axes",
      tostring(self), key)
  end
  if key == "node" or key == "mask" or key == "name" or key == "index" then return nil end
  local op = core.ops[key]
  if op == nil then
    core.raise("a placeholder has no field or op named \"%s\"", tostring(key))
  end
  return op_method(key, op)
end

-- As of a tensor x[1] = 0 would be; the fields are ours.
function KTensor:__newindex(key, value)
  if type(key) ~= "string" then
    core.raise("%s has no numbers to set: ops.slice_update(x, start, updates) and ops.where make "
      .. "what x is to be", tostring(self))
  end
  rawset(self, key, value)
end

KTensor.__len = no_value

function KTensor:__tostring()
  return string.format("<KTensor %s%s %s>", self.name and self.name .. " " or "",
    tostring(self.shape), self.dtype)
end

-- A new placeholder. dims: list of sizes, `false` where unknown. mask: true when a mask of
-- `mask_dims` comes along.
function ktensor.new(spec)
  return setmetatable({
    dims = spec.dims, dtype = spec.dtype, name = spec.name,
    node = spec.node, index = spec.index, mask = spec.mask,
  }, KTensor)
end

function ktensor.is(x)
  return getmetatable(x) == KTensor
end

-- The shapes of a list of placeholders.
function ktensor.shapes(list)
  local shapes = {}
  for i, kt in ipairs(list) do shapes[i] = kt.shape end
  return shapes
end

-- Does the structure hold a placeholder? A table of numbers is not looked through.
function ktensor.within(tree, depth)
  if ktensor.is(tree) then return true end
  if type(tree) ~= "table" or not declare.is_plain(tree) or type(tree[1]) == "number" then
    return false
  end
  depth = nest.deeper(depth)
  for _, value in pairs(tree) do
    if type(value) == "table" and ktensor.within(value, depth) then return true end
  end
  return false
end

return ktensor
