-- What the op families share: how a composite enters the catalogue, how axes are read, and which
-- type a result has. Shapes may have unknown sizes (`false`), see "sizes that may not be known".

local core = require "lunula.core"
local config = require "lunula.ops.config"

local ops = core.ops
local is_plain = require("lunula.declare").is_plain
local tools = {}

-- What Keras's files say of the op, where it does not follow from name and signature:
--   file_class    nil: numpy.ExpandDims, for expand_dims; "nn": nn.ExpandDims; "nn.BatchNorm": that
--                 name; "lunula": Keras has none
--   file_made     tensors that Keras's class is made with
--   file_called   plain values that it is called with
--   file_ours     parameters that only we have; they are told when they say something
--   file_each     a list whose elements it takes one by one
local function declare(name, signature, doc, fn, file)
  local row = { name = name, signature = signature, doc = doc, fn = fn }
  for field, value in pairs(file or {}) do row[field] = value end
  core.define(row)
end

tools.op = declare

-- As tools.op, for a family whose classes are in another module of Keras than numpy.
function tools.family(module)
  return function (name, signature, doc, fn, file)
    file = file or {}
    file.file_class = file.file_class or module
    declare(name, signature, doc, fn, file)
  end
end

-- The row of C that a composite of the same name completes. The core keeps it, because these files
-- may be loaded again where the composite is still there.
tools.row = core.row

-- A second name of an op that exists.
function tools.alias(name, target, file)
  local row = core.catalogue(target) or error("no op named " .. target, 0)
  return declare(name, row.signature, ("The same as %s."):format(target), ops[target], file)
end

local function has_names(x) return is_plain(x) and type(next(x)) == "string" end

-- Lets an op whose parameter after `fixed` others is a list also take its elements one by one:
-- einsum("ij,jk", a, b) beside einsum("ij,jk", {a, b}).
function tools.variadic(name, fixed)
  local listed = ops[name]
  ops[name] = function (...)
    local args = table.pack(...)
    local options = has_names(args[args.n]) and args[args.n] or nil
    local last = options and args.n - 1 or args.n
    if last <= fixed or (last == fixed + 1 and is_plain(args[last])) then
      return listed(...)
    end
    local list = table.move(args, fixed + 1, last, 1, {})
    args[fixed + 1], args[fixed + 2] = list, options
    return listed(table.unpack(args, 1, options and fixed + 2 or fixed + 1))
  end
end

-- What those functions were made of, for help: function -> { signature =, fn = }.
tools.taken = setmetatable({}, { __mode = "k" })

-- A function that takes its arguments as an op does, and is none: it is in no catalogue.
function tools.takes(name, signature, fn)
  local f = core.define { name = name, signature = signature, fn = fn }
  tools.taken[f] = { signature = signature, fn = fn }
  return f
end

-- A number or a table of numbers as a tensor; tensors and placeholders stay. `name` says whose it
-- is.
function tools.tensor(name, x)
  if core.is_tensor(x) or core.is_placeholder(x) then return x end
  if type(x) == "number" or type(x) == "boolean" or is_plain(x) then
    return core.tensor(x)
  end
  core.raise("%s: a tensor, a number or a table of numbers is wanted, got %s", name, type(x))
end

-- Something to call.
function tools.callable(name, f)
  local metatable = getmetatable(f)
  if type(f) == "function" or type(metatable) == "table" and metatable.__call then return f end
  core.raise("%s must be a function, got %s", name, type(f))
end

-- ---- axes -------------------------------------------------------------------------------------

-- An axis counted from 0, whichever end the user counted from.
function tools.axis(name, axis, rank)
  local from_start = axis < 0 and axis + rank or axis
  if from_start < 0 or from_start >= rank then
    core.raise("%s: axis %d is out of range for a tensor of rank %d", name, axis, rank)
  end
  return from_start
end

-- A list of axes counted from 0: all of them for nil, one for a number.
function tools.axes(name, axis, rank)
  if axis == nil then
    local all = {}
    for i = 1, rank do all[i] = i - 1 end
    return all
  end
  if type(axis) == "number" then return { tools.axis(name, axis, rank) } end
  local list, seen = {}, {}
  for i, one in ipairs(axis) do
    list[i] = tools.axis(name, one, rank)
    if seen[list[i]] then core.raise("%s: axis %d is given twice", name, one) end
    seen[list[i]] = true
  end
  return list
end

-- The size of an axis, which the op cannot do without.
function tools.known_size(name, x, axis)
  local size = x.shape[axis + 1]
  if not size then
    core.raise("%s: the size of axis %d must be known, the shape is %s", name, axis,
      tools.shape_text(x.shape))
  end
  return size
end

-- The sizes of x as a target of reshape and broadcast_to, which write "the size of axis i" as
-- -2 - i: so an unknown size is kept without being known.
function tools.sizes(x)
  local sizes = x.shape
  for i, size in ipairs(sizes) do
    if not size then sizes[i] = -1 - i end
  end
  return sizes
end

-- The size of several axes as one; -1, "what is left", when one of them is unknown.
function tools.product(sizes)
  local n = 1
  for _, size in ipairs(sizes) do
    if size < 0 then return -1 end
    n = n * size
  end
  return n
end

-- ---- sizes that may not be known ----------------------------------------------------------------

-- A size is a whole number, or a scalar tensor that comes to one when the program runs. Both take
-- plain arithmetic; a composite that computes with sizes is written once for both.

-- The size of an axis.
function tools.size(x, axis)
  return x.shape[axis + 1] or ops.dim(x, axis)
end

function tools.is_known(size) return type(size) == "number" end

function tools.max(a, b)
  if tools.is_known(a) and tools.is_known(b) then return math.max(a, b) end
  return ops.maximum(a, b)
end

function tools.min(a, b)
  if tools.is_known(a) and tools.is_known(b) then return math.min(a, b) end
  return ops.minimum(a, b)
end

local function as_tensor(size)
  return tools.is_known(size) and core.tensor(size, { dtype = "int32" }) or size
end

-- The part of x from `start` along one axis; count -1 goes to the end. Both are sizes.
function tools.part(x, axis, start, count)
  if not (tools.is_known(start) and tools.is_known(count)) then
    if count == -1 then count = tools.size(x, axis) - start end
    local known = tools.is_known(count) and count or -1
    return ops.slice_sized(x, as_tensor(start), as_tensor(count), axis, known)
  end
  local starts, counts = tools.fill(x.rank, 0), tools.fill(x.rank, -1)
  starts[axis + 1], counts[axis + 1] = start, count
  return ops.slice_steps(x, starts, nil, counts)
end

local MOST <const> = 200   -- of the tensors that one call of concatenate takes

-- concatenate of any number of tensors, some at a time.
function tools.joined(parts, axis)
  if #parts <= MOST then return ops.concatenate(parts, axis) end
  local joined = {}
  for first = 1, #parts, MOST do
    joined[#joined + 1] = ops.concatenate(
      table.move(parts, first, math.min(first + MOST - 1, #parts), 1, {}), axis)
  end
  return tools.joined(joined, axis)
end

-- x with `value` before and after it along one axis; `known` is what the axis then has, if it is
-- known.
function tools.pad(x, axis, before, after, value, known)
  if not (tools.is_known(before) and tools.is_known(after)) then
    return ops.pad_sized(x, as_tensor(before), as_tensor(after), axis, known or -1, value)
  end
  local first, last = tools.fill(x.rank, 0), tools.fill(x.rank, 0)
  first[axis + 1], last[axis + 1] = before, after
  return ops.pad_with(x, first, last, nil, value)
end

-- a where the size is not 0, else b. Both are made, so both must be possible.
function tools.choose(size, a, b)
  if tools.is_known(size) then return size ~= 0 and a or b end
  return ops.choose_sized(size, a, b)
end

-- 0, 1 ... up to, not including, a size.
function tools.positions(size)
  if tools.is_known(size) then return ops.arange(size) end
  return ops.iota_like(ops.broadcast_to(core.tensor(0, { dtype = "int32" }), { size }), 0)
end

-- x, whose axis must turn out to have this size.
function tools.with_size(x, axis, size)
  if x.shape[axis + 1] then return x end
  local sizes = tools.sizes(x)
  sizes[axis + 1] = size
  return ops.reshape(x, sizes)
end

function tools.shape_text(shape)
  local words = {}
  for i, size in ipairs(shape) do
    words[i] = math.tointeger(size) and ("%d"):format(size) or size and tostring(size) or "None"
  end
  return "(" .. table.concat(words, ", ") .. (#words == 1 and ",)" or ")")
end

-- A list with the same value n times.
function tools.fill(n, value)
  local list = {}
  for i = 1, n do list[i] = value end
  return list
end

-- So many results of one call: Lua has no room for more.
function tools.check_results(name, n)
  if n > 1 << 16 then core.raise("%s: %d results, at most %d", name, n, 1 << 16) end
end

-- Refuses sizes that no memory holds before anything is made for them.
function tools.check_sizes(name, ...)
  local n = 1.0
  for _, size in ipairs { ... } do
    if size < 0 then core.raise("%s: a size of %d", name, size) end
    n = n * size
  end
  if n > 2.0 ^ 57 then
    core.raise("%s: no memory has so many numbers: %s", name, tools.shape_text { ... })
  end
end

-- Refuses to be traced where the size of a result depends on the values of x.
function tools.need_values(name, x, what, remedy)
  if not core.is_symbolic(x) then return end
  core.no_value(("%s: %s depends on values that are not known yet (%sLambda{f, trace = false} "
    .. "runs it with them)"):format(name, what, remedy and remedy .. "; " or ""))
end

-- ---- types ------------------------------------------------------------------------------------

local float_types = { float16 = true, bfloat16 = true, float32 = true, float64 = true }

function tools.is_float(x) return float_types[x.dtype] or false end

-- The rows of C promote by themselves (graph/op.h, Operands). A composite says with one of these
-- where it follows another rule.

-- Integers and booleans become floats; floats stay as they are.
function tools.float(x)
  if tools.is_float(x) then return x end
  return ops.cast(x, config.floatx())
end

-- The root of what is 0 or more, of order 2 if not said otherwise. At 0 the gradient is 0, as of
-- Keras on torch: that of the root alone is infinite, and a norm's or deviation's would be NaN.
function tools.root(x, order)
  local zero = ops.equal(x, 0)
  local positive = ops.where(zero, 1, x)
  return ops.where(zero, 0, order and positive ^ (1 / order) or ops.sqrt(positive))
end

-- Booleans become the numbers 1 and 0.
function tools.number(x)
  return x.dtype == "bool" and ops.cast(x, "int32") or x
end

-- y as what x computes as: where x is no float, y is none either, and loses its fraction.
function tools.like(y, x)
  if tools.is_float(x) or y.dtype == x.dtype then return y end
  return ops.cast(y, x.dtype == "bool" and "bool" or "int32")
end

-- The 0 that leaves booleans booleans.
function tools.zero(x)
  if x.dtype == "bool" then return false end
  return 0
end

-- int64 becomes int32 as an operand does, which it must fit; an explicit cast would wrap.
function tools.cast(x, dtype)
  if x.dtype == dtype then return x end
  if x.dtype == "int64" and dtype == "int32" then return x * 1 end
  return ops.cast(x, dtype)
end

-- What only sparse backends have.
function tools.refuse_sparse(name, sparse)
  if sparse then core.raise("%s: tensors are dense here, sparse=true cannot be had", name) end
end

return tools
