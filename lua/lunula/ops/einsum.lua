-- einsum: the subscripts are read into labels, and the operands are taken two at a time: sum what
-- nobody else needs, bring both to (shared, own, summed), multiply as matrices, split the axes
-- again. Sizes stay as they are, known or not; only groups that must become one axis are merged.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

-- ---- reading ----------------------------------------------------------------------------------

local function complain(subscripts, format, ...)
  core.raise("einsum: \"%s\": " .. format, subscripts, ...)
end

-- The letters of one operand; "..." becomes labels "1", "2" ... counted from the right.
local function read_labels(subscripts, text, rank)
  local before, after = text:match("^(%a*)%.%.%.(%a*)$")
  if not before then
    before, after = text:match("^(%a*)$"), ""
    if not before then complain(subscripts, "cannot read \"%s\"", text) end
    if #before ~= rank then
      complain(subscripts, "\"%s\" names %d axes of a tensor of rank %d", text, #before, rank)
    end
    rank = #before
  end
  local hidden = rank - #before - #after
  if hidden < 0 then
    complain(subscripts, "\"%s\" names more axes than the tensor has (%d)", text, rank)
  end
  local labels = {}
  for letter in before:gmatch(".") do labels[#labels + 1] = letter end
  for i = hidden, 1, -1 do labels[#labels + 1] = tostring(i) end
  for letter in after:gmatch(".") do labels[#labels + 1] = letter end
  return labels, hidden
end

-- Without "->" the result has the hidden axes and the letters that occur once, by alphabet.
local function implied_output(operands, hidden)
  local times, once = {}, {}
  for _, operand in ipairs(operands) do
    for _, label in ipairs(operand.labels) do times[label] = (times[label] or 0) + 1 end
  end
  for label, n in pairs(times) do
    if n == 1 and label:match("%a") then once[#once + 1] = label end
  end
  table.sort(once)
  local labels = {}
  for i = hidden, 1, -1 do labels[#labels + 1] = tostring(i) end
  return table.move(once, 1, #once, #labels + 1, labels)
end

local function check_output(subscripts, operands, output)
  local known, seen = {}, {}
  for _, operand in ipairs(operands) do
    for _, label in ipairs(operand.labels) do known[label] = true end
  end
  for _, label in ipairs(output) do
    if not known[label] then complain(subscripts, "no operand has the axis \"%s\"", label) end
    if seen[label] then complain(subscripts, "the result has the axis \"%s\" twice", label) end
    seen[label] = true
  end
end

local function read(subscripts, tensors)
  local text = subscripts:gsub("%s", "")
  local inputs, result = text:match("^(.*)%->(.*)$")
  inputs = inputs or text
  local operands, most = {}, 0
  for part in (inputs .. ","):gmatch("([^,]*),") do
    local x = tensors[#operands + 1]
    if x == nil then
      complain(subscripts, "names more operands than the %d that are given", #tensors)
    end
    local labels, hidden = read_labels(subscripts, part, x.rank)
    operands[#operands + 1] = { x = x, labels = labels }
    most = math.max(most, hidden)
  end
  if #operands ~= #tensors then
    complain(subscripts, "names %d operands, %d are given", #operands, #tensors)
  end
  local output
  if result then
    if most > 0 and not result:find("...", 1, true) then
      complain(subscripts, "the result needs \"...\" as the operands have it")
    end
    local letters = #result:gsub("%.", "")
    output = read_labels(subscripts, result, letters + (result:find("...", 1, true) and most or 0))
  else
    output = implied_output(operands, most)
  end
  check_output(subscripts, operands, output)
  return operands, output
end

-- ---- operands and their labels ----------------------------------------------------------------

local function set_of(labels)
  local set = {}
  for i, label in ipairs(labels) do set[label] = i end
  return set
end

local function sum_out(operand, is_needed)
  local axes, labels = {}, {}
  for i, label in ipairs(operand.labels) do
    if is_needed(label) then labels[#labels + 1] = label else axes[#axes + 1] = i - 1 end
  end
  if #axes == 0 then return operand end
  return { x = ops.sum(operand.x, axes), labels = labels }
end

-- A label that an operand has twice means its diagonal.
local function without_repeats(operand, subscripts)
  local first, shape = {}, operand.x.shape
  for i, label in ipairs(operand.labels) do
    local j = first[label]
    if j then
      local labels = {}
      for k, other in ipairs(operand.labels) do
        if k ~= i and k ~= j then labels[#labels + 1] = other end
      end
      labels[#labels + 1] = label
      local n, m, x = shape[j], shape[i], operand.x
      if n and m and n ~= m then
        complain(subscripts, "axis \"%s\" has the sizes %d and %d", label, n, m)
      end
      x = tools.with_size(tools.with_size(x, i - 1, n or tools.size(x, j - 1)), j - 1, n or m
        or tools.size(x, i - 1))
      return without_repeats({ x = ops.diagonal(x, 0, j - 1, i - 1), labels = labels }, subscripts)
    end
    first[label] = i
  end
  return operand
end

-- Axes of size 1 that another operand has longer: dropped, since they are the same for all of it.
local function check_sizes(subscripts, operands)
  local sizes = {}
  for _, operand in ipairs(operands) do
    for i, size in ipairs(operand.x.shape) do
      local label = operand.labels[i]
      local other = sizes[label]
      if size and size ~= 1 then
        if other and other ~= 1 and other ~= size then
          complain(subscripts, "axis \"%s\" has the sizes %d and %d", label, other, size)
        end
        sizes[label] = size
      elseif not size and (other == nil or other == 1) then
        sizes[label] = false
      elseif other == nil then
        sizes[label] = size
      end
    end
  end
  for k, operand in ipairs(operands) do
    local shape = operand.x.shape
    operands[k] = sum_out(operand, function (label)
      local i = set_of(operand.labels)[label]
      return not (shape[i] == 1 and sizes[label] ~= 1)
    end)
  end
end

local function arrange(operand, labels)
  local at, axes, moved = set_of(operand.labels), {}, false
  for i, label in ipairs(labels) do
    axes[i] = at[label] - 1
    moved = moved or axes[i] ~= i - 1
  end
  return moved and ops.transpose(operand.x, axes) or operand.x
end

-- ---- two operands -----------------------------------------------------------------------------

local function join(...)
  local all = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
  return all
end

-- No axis is summed: lay both out over the same axes and multiply.
local function multiply(a, b, shared, own_a, own_b)
  local x = arrange(a, join(shared, own_a))
  local y = arrange(b, join(shared, own_b))
  local new_x, new_y = {}, {}
  for i = 1, #own_b do new_x[i] = #shared + #own_a + i - 1 end
  for i = 1, #own_a do new_y[i] = #shared + i - 1 end
  if #new_x > 0 then x = ops.expand_dims(x, new_x) end
  if #new_y > 0 then y = ops.expand_dims(y, new_y) end
  return { x = x * y, labels = join(shared, own_a, own_b) }
end

-- x as (shared..., rows, columns) from groups of axes.
local function as_matrix(operand, shared, rows, columns)
  local x = arrange(operand, join(shared, rows, columns))
  if #rows == 1 and #columns == 1 then return x end
  local sizes = tools.sizes(x)
  local target = table.move(sizes, 1, #shared, 1, {})
  target[#shared + 1] = tools.product(table.move(sizes, #shared + 1, #shared + #rows, 1, {}))
  target[#shared + 2] = tools.product(table.move(sizes, #shared + #rows + 1, #sizes, 1, {}))
  if target[#shared + 1] == -1 and target[#shared + 2] == -1 then -- only one can be what is left
    target[#shared + 2] = 1
    for axis = #shared + #rows, x.rank - 1 do
      target[#shared + 2] = tools.size(x, axis) * target[#shared + 2]
    end
  end
  return ops.reshape(x, target)
end

-- x as (rows..., columns), with the rows as they are: their sizes need not be known.
local function as_rows(operand, rows, columns)
  local x = arrange(operand, join(rows, columns))
  if #columns == 1 then return x end
  local sizes = tools.sizes(x)
  local target = table.move(sizes, 1, #rows, 1, {})
  target[#rows + 1] = tools.product(table.move(sizes, #rows + 1, #sizes, 1, {}))
  return ops.reshape(x, target)
end

-- The sizes of an operand's own axes, when the product has them merged at `axis`.
local function own_sizes(operand, labels, axis)
  if #labels == 1 then return { -2 - axis } end
  local at, sizes = set_of(operand.labels), {}
  for i, label in ipairs(labels) do sizes[i] = tools.size(operand.x, at[label] - 1) end
  return sizes
end

-- A plain matrix on the right leaves all axes of the left but the last alone; else both become
-- matrices, one for each place of the shared axes.
local function contract(a, b, shared, own_a, own_b, summed)
  local right, kept = as_matrix(b, shared, summed, own_b), #shared
  local x
  if #shared == 0 and #own_a > 0 then
    x, kept = ops.matmul(as_rows(a, own_a, summed), right), #own_a
  else
    x = ops.matmul(as_matrix(a, shared, own_a, summed), right)
  end
  local target = {}
  for i = 1, kept do target[i] = -1 - i end
  if kept == #shared then target = join(target, own_sizes(a, own_a, kept)) end
  target = join(target, own_sizes(b, own_b, x.rank - 1))
  if not (#own_b == 1 and (kept ~= #shared or #own_a == 1)) then x = ops.reshape(x, target) end
  return { x = x, labels = join(shared, own_a, own_b) }
end

local function combine(a, b, needed)
  local in_a, in_b = set_of(a.labels), set_of(b.labels)
  a = sum_out(a, function (label) return needed[label] or in_b[label] end)
  b = sum_out(b, function (label) return needed[label] or in_a[label] end)
  local shared, own_a, own_b, summed = {}, {}, {}, {}
  for _, label in ipairs(a.labels) do
    local list = not in_b[label] and own_a or needed[label] and shared or summed
    list[#list + 1] = label
  end
  for _, label in ipairs(b.labels) do
    if not in_a[label] then own_b[#own_b + 1] = label end
  end
  if #summed == 0 then return multiply(a, b, shared, own_a, own_b) end
  return contract(a, b, shared, own_a, own_b, summed)
end

-- ---- the op -----------------------------------------------------------------------------------

op("einsum", "subscripts:str, operands:tensors",
  "Sums of products, as the subscripts say: \"bij,bjk->bik\", \"...ii\", \"i,j\".",
  function (subscripts, tensors)
    local operands, output = read(subscripts, tensors)
    local truths = true
    for _, x in ipairs(tensors) do truths = truths and x.dtype == "bool" end
    for i, operand in ipairs(operands) do operands[i] = without_repeats(operand, subscripts) end
    check_sizes(subscripts, operands)
    local result = operands[1]
    for i = 2, #operands do
      local needed = set_of(output)
      for j = i + 1, #operands do
        for _, label in ipairs(operands[j].labels) do needed[label] = true end
      end
      result = combine(result, operands[i], needed)
    end
    local wanted = set_of(output)
    result = sum_out(result, function (label) return wanted[label] end)
    local y = arrange(result, output)
    return truths and ops.cast(y, "bool") or y
  end, { file_each = "operands" })
tools.variadic("einsum", 1)
