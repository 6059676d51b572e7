-- K's products of tensors, by Theano's rules, and biases.

local core = require "lunula.core"
local config = require "lunula.ops.config"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

-- Theano's rule: x's last axis against y's last but one, the other axes of both side by side.
K.dot = takes("K.dot", "x:data, y:data",
  function (x, y)
  if x.rank <= 2 and y.rank <= 2 then return ops.matmul(x, y) end
  return ops.dot(x, y)
end)

-- Letters for einsum: batch "a", then each axis its own; the two that are summed share "z".
local function batch_letters(x, first, summed)
  local letters = { "a" }
  for axis = 1, x.rank - 1 do
    letters[axis + 1] = axis == summed and "z" or string.char(first + axis)
  end
  return letters
end

-- Products of rows of a batch: sums over the axis of x and the axis of y that axes says, for each
-- sample.
K.batch_dot = takes("K.batch_dot", "x:data, y:data, axes:axes=nil",
  function (x, y, axes)
  if x.rank < 2 or y.rank < 2 then
    core.raise("K.batch_dot: both need rank 2 or more: x is %s, y is %s", tools.shape_text(x.shape),
      tools.shape_text(y.shape))
  end
  if axes == nil then axes = { x.rank - 1, y.rank == 2 and y.rank - 1 or y.rank - 2 } end
  if type(axes) == "number" then axes = { axes, axes } end
  if #axes ~= 2 then core.raise("K.batch_dot: axes are one of x and one of y, got %d", #axes) end
  local a = tools.axis("K.batch_dot", axes[1], x.rank)
  local b = tools.axis("K.batch_dot", axes[2], y.rank)
  if a == 0 or b == 0 then core.raise("K.batch_dot: axis 0 is the batch") end
  local of_x, of_y = batch_letters(x, 97, a), batch_letters(y, 65, b)
  local kept = { "a" }
  for _, letters in ipairs { of_x, of_y } do
    for i = 2, #letters do if letters[i] ~= "z" then kept[#kept + 1] = letters[i] end end
  end
  local y_result = ops.einsum(("%s,%s->%s"):format(table.concat(of_x), table.concat(of_y),
    table.concat(kept)), { x, y })
  return x.rank == 2 and y.rank == 2 and ops.expand_dims(y_result, 1) or y_result
end)

-- x with a bias for each channel, or one that has the shape of a sample.
K.bias_add = takes("K.bias_add", "x:data, bias:data, data_format:str=nil",
  function (x, bias, data_format)
  if bias.rank ~= 1 and bias.rank ~= x.rank - 1 then
    core.raise("K.bias_add: bias has rank %d; it must be 1 or %d", bias.rank, x.rank - 1)
  end
  if config.layout(data_format) == "channels_last" or x.rank < 3 then return x + bias end
  if bias.rank == 1 then
    local shape = tools.fill(x.rank - 1, 1)
    shape[1] = -1
    return x + ops.reshape(bias, shape)
  end
  return x + ops.moveaxis(bias, -1, 0)
end)

return K
