-- Dot: products of two tensors summed along an axis of each, sample by sample.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local merge = require "lunula.layers.merging.base_merge"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

-- The axis of each input, from 0.
local function axes_of(self, xs)
  local axes = {}
  for i, x in ipairs(xs) do
    local given = type(self.axes) == "number" and self.axes or self.axes[i]
    axes[i] = tools.axis("axes", given, x.rank)
    if axes[i] == 0 then
      core.raise("axes %s: axis 0 is the batch and cannot be summed", declare.show(self.axes))
    end
  end
  return axes
end

local function check(self, xs, axes)
  local a, b = xs[1].shape, xs[2].shape
  if #a < 2 or #b < 2 then
    core.raise("takes tensors of rank 2 or more, got shapes %s and %s", tools.shape_text(a),
      tools.shape_text(b))
  end
  local m, n = a[axes[1] + 1], b[axes[2] + 1]
  if m and n and m ~= n then
    core.raise("axes %s: axis %d of %s has size %d, axis %d of %s has size %d",
      declare.show(self.axes), axes[1], tools.shape_text(a), m, axes[2], tools.shape_text(b), n)
  end
end

-- Letters for the axes of both: a is the batch, z what is summed.
local function subscripts(xs, axes)
  local next_letter, words, left = ("b"):byte(), {}, { "a" }
  for i, x in ipairs(xs) do
    local word = { "a" }
    for axis = 1, x.rank - 1 do
      local letter = "z"
      if axis ~= axes[i] then
        letter = string.char(next_letter)
        next_letter, left[#left + 1] = next_letter + 1, letter
      end
      word[#word + 1] = letter
    end
    words[i] = table.concat(word)
  end
  return ("%s,%s->%s"):format(words[1], words[2], table.concat(left)), #left
end

local two_axes = {
  name = "an axis number or a list of two",
  check = function (value)
    local axes = kinds.axes.check(value)
    return (type(axes) == "number" or axes and #axes == 2) and axes or nil
  end,
}

return layer "Dot" {
  parent = merge.Merge,
  doc = "sums of products of two tensors along an axis of each; lengths made 1 by normalize",
  args = {
    { "axes", two_axes, required = true,
      doc = "the axis of both that is summed over, or a list of two" },
    { "normalize", kinds.boolean, default = false,
      doc = "whether vectors are made to have length 1 first" },
  },
  compute_mask = function () end,
  call = function (self, inputs)
    local xs = merge.list(inputs, 2, 2)
    local axes = axes_of(self, xs)
    check(self, xs, axes)
    local text, rank = subscripts(xs, axes)
    local a, b = xs[1], xs[2]
    if self.normalize then a, b = ops.normalize(a, axes[1]), ops.normalize(b, axes[2]) end
    local y = ops.einsum(text, { a, b })
    return rank == 1 and ops.expand_dims(y, -1) or y
  end,
  -- dot(inputs), dot(inputs, 1), dot(inputs, {axes = {1, 2}, normalize = true}): the last axes,
  -- unless others are given.
  from_function = function (class, first, options)
    local named = declare.only_names(first)
    local given = { not named and first or nil }
    for name, value in pairs(named and first or options or {}) do given[name] = value end
    if given[1] == nil and given.axes == nil then given.axes = -1 end
    return class(given)
  end,
}
