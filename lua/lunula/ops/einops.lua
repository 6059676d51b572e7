-- rearrange: axes by name, "(h w) c -> h w c": which come apart, in which order, and which become
-- one.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "einops"

-- "(h w) c" as { { "h", "w" }, { "c" } }
local function groups_of(pattern, whole)
  local groups, seen = {}, {}
  local rest = pattern:gsub("%b()", function (inside)
    return " " .. inside:sub(2, -2):gsub("%s+", ",") .. ", "
  end)
  if rest:find "[^%w_,%s]" then
    core.raise("rearrange: the pattern \"%s\" cannot be read", whole)
  end
  for word in rest:gmatch "%S+" do
    local group = {}
    for name in word:gmatch "[%w_]+" do
      if seen[name] then core.raise("rearrange: %s is twice in \"%s\"", name, pattern) end
      seen[name], group[#group + 1] = true, name
    end
    groups[#groups + 1] = group
  end
  return groups, seen
end

-- The sizes of all axes of a group, one of which may be left to find.
local function find_sizes(group, size, sizes)
  local known, missing = 1, nil
  for _, name in ipairs(group) do
    local given = sizes[name]
    if given then
      known = known * given
    elseif missing then
      core.raise("rearrange: the sizes of %s and %s are not said, one of them must be", missing,
        name)
    else
      missing = name
    end
  end
  local fits = not size or (missing and known > 0 and size % known == 0) or known == size
  if not fits then
    core.raise("rearrange: an axis of size %d does not come apart as (%s)", size,
      table.concat(group, " "))
  end
  if missing then sizes[missing] = size and size // known or -1 end
end

local function check_names(from, to, pattern)
  for name in pairs(from) do
    if not to[name] then core.raise("rearrange: %s gets lost in \"%s\"", name, pattern) end
  end
  for name in pairs(to) do
    if not from[name] then
      core.raise("rearrange: %s comes from nowhere in \"%s\"", name, pattern)
    end
  end
end

local function product(group, sizes)
  local n = 1
  for _, name in ipairs(group) do
    if sizes[name] < 0 then return #group == 1 and sizes[name] or -1 end
    n = n * sizes[name]
  end
  return n
end

op("rearrange", "tensor, pattern:str, axes_lengths:any=nil",
  "Axes in another order, taken apart and put together: \"(h w) c -> h w c\", with the sizes that "
  .. "do not follow by name, {h = 2}.", function (tensor, pattern, axes_lengths)
    local left, right = pattern:match "^(.-)%s*%->%s*(.*)$"
    if not left then core.raise("rearrange: the pattern \"%s\" has no ->", pattern) end
    local from, from_names = groups_of(left, pattern)
    local to, to_names = groups_of(right, pattern)
    check_names(from_names, to_names, pattern)
    if #from ~= tensor.rank then
      core.raise("rearrange: \"%s\" has %d axes, the tensor is %s", left, #from,
        tools.shape_text(tensor.shape))
    end
    local sizes, apart, place = {}, {}, {}
    for name, size in pairs(axes_lengths or {}) do
      if not from_names[name] or math.type(size) ~= "integer" or size < 0 then
        core.raise("rearrange: %s = %s is no size of an axis of \"%s\"", name, tostring(size), left)
      end
      sizes[name] = size
    end
    for i, group in ipairs(from) do
      find_sizes(group, tensor.shape[i], sizes)
      for _, name in ipairs(group) do
        apart[#apart + 1] = #group == 1 and tools.sizes(tensor)[i] or sizes[name]
        place[name] = #apart - 1
      end
    end
    local y, order, together = ops.reshape(tensor, apart), {}, {}
    for _, group in ipairs(to) do
      for _, name in ipairs(group) do order[#order + 1] = place[name] end
    end
    y = #order > 0 and ops.transpose(y, order) or y
    local n = 0
    for i, group in ipairs(to) do
      together[i] = product(group, sizes)
      if #group == 1 and together[i] < 0 then together[i] = tools.sizes(y)[n + 1] end
      n = n + #group
    end
    return ops.reshape(y, together)
  end, { file_called = "pattern", file_ours = "axes_lengths" })

-- The sizes are named as Keras has them, beside the other arguments: {h = 2}.
local plain = ops.rearrange
local own = { tensor = true, pattern = true, axes_lengths = true }

function ops.rearrange(...)
  local args = table.pack(...)
  local options = args[args.n]
  if type(options) ~= "table" or getmetatable(options) or options[1] ~= nil then
    return plain(...)
  end
  local rest, sizes = {}, {}
  for name, value in pairs(options) do
    if own[name] then rest[name] = value else sizes[name] = value end
  end
  if next(sizes) then rest.axes_lengths = sizes end
  args[args.n] = rest
  return plain(table.unpack(args, 1, args.n))
end
