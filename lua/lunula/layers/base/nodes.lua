-- Where a layer stands in functional models: its inputs and outputs, from the records of its calls.
--
-- The functional API appends a node {inputs, outputs, input_shapes, output_shapes} to layer._nodes
-- at every call on placeholders. Nodes are counted from 0, as Keras prints them.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local nodes = {}

local function one_or_list(list)
  return #list == 1 and list[1] or list
end

local function node_at(self, index, what)
  local list = self._nodes
  if #list == 0 then
    core.raise('The layer "%s" has never been called on an Input and thus has no defined %s.',
      self.name, what)
  end
  local node = math.tointeger(index) and list[index + 1]
  if not node then
    core.raise('layer "%s" has %d node%s, counted from 0; there is no node %s', self.name, #list,
      #list == 1 and "" or "s", tostring(index))
  end
  return node
end

local function same_shapes(a, b)
  if #a ~= #b then return false end
  for i, shape in ipairs(a) do
    if tools.shape_text(shape) ~= tools.shape_text(b[i]) then return false end
  end
  return true
end

-- The shapes of all nodes when they agree.
local function common_shape(self, field, what, method)
  local list = self._nodes
  for i = 2, #list do
    if not same_shapes(list[1][field], list[i][field]) then
      core.raise('The layer "%s" has multiple inbound nodes with different %ss. '
        .. "Use `%s(node_index)` instead.", self.name, what, method)
    end
  end
  return one_or_list(node_at(self, 0, what)[field])
end

local function masks_of(tensors)
  local list = {}
  for i, tensor in ipairs(tensors) do list[i] = tensor.mask or false end
  if #list == 1 then return list[1] or nil end
  return list
end

nodes.getters = {
  input = function (self) return one_or_list(node_at(self, 0, "input").inputs) end,
  output = function (self) return one_or_list(node_at(self, 0, "output").outputs) end,
  input_mask = function (self) return masks_of(node_at(self, 0, "input mask").inputs) end,
  output_mask = function (self) return masks_of(node_at(self, 0, "output mask").outputs) end,
  -- A layer that was only called on tensors knows the shape it was built with.
  input_shape = function (self)
    if #self._nodes == 0 and self._build_shape then return self._build_shape end
    return common_shape(self, "input_shapes", "input shape", "get_input_shape_at")
  end,
  output_shape = function (self)
    if #self._nodes == 0 and self._build_shape then
      local further = self._further_shapes
      return (self:compute_output_shape(self._build_shape, table.unpack(further, 1, further.n)))
    end
    return common_shape(self, "output_shapes", "output shape", "get_output_shape_at")
  end,
}

nodes.methods = {
  get_input_at = function (self, index)
    return one_or_list(node_at(self, index, "input").inputs)
  end,
  get_output_at = function (self, index)
    return one_or_list(node_at(self, index, "output").outputs)
  end,
  get_input_shape_at = function (self, index)
    return one_or_list(node_at(self, index, "input shape").input_shapes)
  end,
  get_output_shape_at = function (self, index)
    return one_or_list(node_at(self, index, "output shape").output_shapes)
  end,
  get_input_mask_at = function (self, index)
    return masks_of(node_at(self, index, "input mask").inputs)
  end,
  get_output_mask_at = function (self, index)
    return masks_of(node_at(self, index, "output mask").outputs)
  end,
}

return nodes
