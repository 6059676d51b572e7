-- The parent of the layers that merge a list of tensors element by element.
--
-- Inputs of lower rank get axes of size 1 after the batch. The result has a mask when every input
-- has one: a step counts when it counts in any of them. In Keras 2 it has to count in all that have
-- a mask, and values know nothing of masks; layers of its files have join_masks = "all". Keras 3
-- does not know that option, so it is written only where there were masks.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local base = require "lunula.layers.base"
local ops = require "lunula.ops"
local nest = require "lunula.utils.nest"

local merge = {}

-- The inputs as a list, or an error saying what is wanted.
function merge.list(inputs, least, most)
  local all = nest.is_structure(inputs) and #inputs > 0
  for i = 1, all and #inputs or 0 do all = all and core.is_tensor(inputs[i]) end
  if not all then core.raise("takes a list of tensors: layer{a, b}") end
  if #inputs < least or most and #inputs > most then
    core.raise("takes %s%d tensors, got %d", most and "" or "at least ", most or least, #inputs)
  end
  return inputs
end

local function check_batch(inputs)
  local batch
  for _, x in ipairs(inputs) do
    local size = x.shape[1]
    if batch and size and size ~= batch then
      core.raise("the inputs have %d and %d samples", batch, size)
    end
    batch = batch or size
  end
end

local function aligned(inputs)
  check_batch(inputs)
  local rank = 0
  for _, x in ipairs(inputs) do rank = math.max(rank, x.rank) end
  local list = {}
  for i, x in ipairs(inputs) do
    local new = {}
    for axis = 1, rank - x.rank do new[axis] = axis end
    list[i] = #new > 0 and ops.expand_dims(x, new) or x
  end
  return list
end

merge.join_masks = {
  "join_masks", kinds.one_of { "any", "all" }, default = "any", keyword = true, config = false,
  field = "_join_masks",
}

function merge.get_config(self)
  local config = declare.get_config(self)
  if self._join_masks == "all" and self._had_masks then
    config.join_masks = "all"
    table.insert(getmetatable(config).__jsonorder, "join_masks")
  end
  return config
end

-- Are the masks joined as in Keras 2?
function merge.joins_all(self)
  rawset(self, "_had_masks", true)
  return self._join_masks == "all"
end

-- Of those that have a mask.
local function all_mask(mask)
  local result
  for _, one in ipairs(mask) do
    if one then result = result and result & one or one end
  end
  return result
end

-- Of the masks of all inputs; nil when one has none.
local function join(self, _, mask)
  if not mask then return nil end
  if merge.joins_all(self) then return all_mask(mask) end
  local result
  for _, one in ipairs(mask) do
    if not one then return nil end
    result = result and result | one or one
  end
  return result
end

-- The mask of the i-th input as one of elements; nil when it has none, or one that is not of steps.
function merge.of_elements(masks, i, x)
  local mask = masks and masks[i]
  if not mask or mask.rank ~= x.rank - 1 then return nil end
  return ops.expand_dims(mask, -1)
end

-- merge(self, xs, options) gets the aligned list.
merge.Merge = base.layer "Merge" {
  abstract = true,
  doc = "one tensor out of a list of them",
  several = true,
  args = { merge.join_masks },
  get_config = merge.get_config,
  least = 1,
  supports_masking = true,
  compute_mask = join,
  call = function (self, inputs, options)
    if self._join_masks == "all" then options.mask = nil end
    return self:merge(aligned(merge.list(inputs, self.least, self.most)), options)
  end,
}

return merge
