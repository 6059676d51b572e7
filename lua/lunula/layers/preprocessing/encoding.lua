-- Category numbers as 0 and 1, or as counts, in one place for every category.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local encoding = {}

-- The kind of the argument output_mode; Keras 2's names for two of them are taken too.
function encoding.modes(list)
  local one_of = kinds.one_of(list)
  return {
    name = one_of.name,
    check = function (value, context)
      if value == "binary" then value = "multi_hot" end
      if value == "tf-idf" then value = "tf_idf" end
      return one_of.check(value, context)
    end,
  }
end

-- The argument sparse: tensors are dense here.
encoding.sparse = {
  "sparse",
  {
    name = "false",
    check = function (value)
      if value == true then return nil, nil, "tensors are dense here, it must be false" end
      if value == false then return false end
    end,
    takes_false = true, none = true,
  },
  default = false,
}

-- The shape of encode's result.
function encoding.shape(shape, mode, depth)
  if mode == "int" then return shape end
  local new = table.move(shape, 1, #shape, 1, {})
  if #new == 0 then
    if mode == "one_hot" then new[1] = 1 end
    new[#new + 1] = depth
    return new
  end
  if mode == "one_hot" then
    if #new > 1 and new[#new] == 1 then new[#new] = nil end
  else
    table.remove(new, #new > 1 and 2 or 1)
  end
  new[#new + 1] = depth
  return new
end

-- ids: integers; one that is no category from 0 to depth - 1 has no place.
function encoding.encode(ids, mode, depth, dtype, weights)
  if mode == "int" then return tools.cast(ids, dtype) end
  ids = tools.cast(ids, "int32")
  if ids.rank == 0 then ids = ops.expand_dims(ids, 0) end
  local shape = ids.shape
  if mode == "one_hot" then
    if #shape > 1 and shape[#shape] == 1 then ids = ops.squeeze(ids, -1) end
    return ops.one_hot(ids, depth, -1, dtype)
  end
  local axis, ones = #shape > 1 and 1 or 0, ops.one_hot(ids, depth, -1, "float32")
  if mode == "multi_hot" then return tools.cast(ops.max(ones, axis), dtype) end
  if weights ~= nil then ones = ones * ops.expand_dims(weights, -1) end
  return tools.cast(ops.sum(ones, axis), dtype)
end

return encoding
