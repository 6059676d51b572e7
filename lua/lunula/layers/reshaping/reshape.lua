-- Reshape: the axes after the batch in a new form, in the same order of elements.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local function product(shape, first)
  local n = 1
  for i = first, #shape do
    if not shape[i] then return nil end
    n = n * shape[i]
  end
  return n
end

-- The target with its -1 replaced, when the input says what it must be.
local function settled(self, shape)
  local target, n = self.target_shape, product(shape, 2)
  local known, open = 1, nil
  for i, size in ipairs(target) do
    if size == -1 then open = i else known = known * size end
  end
  if n and (open and (known == 0 or n % known ~= 0) or not open and n ~= known) then
    core.raise("cannot reshape %s into %s: the sizes after the batch make %d and %d",
      tools.shape_text(shape), declare.show(target), n, known)
  end
  local new = table.move(target, 1, #target, 1, {})
  if n and open then new[open] = n // known end
  return new
end

return layer "Reshape" {
  doc = "(b, …) to (b, target_shape); one -1 is found from the others",
  args = { { "target_shape", kinds.shape, required = true, spread = true,
    doc = "the shape of one sample; -1 is what is left" } },
  input_spec = { min_ndim = 1 },
  init = function (self)
    local open = 0
    for i, size in ipairs(self.target_shape) do
      if not size then self.target_shape[i] = -1 end
      if self.target_shape[i] == -1 then open = open + 1 end
    end
    if open > 1 then
      core.raise("Reshape: target_shape may have one -1, got %s", declare.show(self.target_shape))
    end
  end,
  call = function (self, x)
    return ops.reshape(x, { tools.sizes(x)[1], table.unpack(settled(self, x.shape)) })
  end,
}
