-- The mask protocol: a mask is a boolean tensor that travels on another one, in its field `mask`.
--
-- A layer sees the masks of its inputs, or one given in the call, as options.mask. What its outputs
-- bear is the answer of its compute_mask, if it supports masking; if not, the mask ends here, and
-- that is said once.

local core = require "lunula.core"
local late = require "lunula.late"
local declare = require "lunula.declare"
local nest = require "lunula.utils.nest"
local warn = late(function () return require "lunula.utils.warn" end)

local masks = {}

-- The masks of the inputs in the inputs' structure, `false` where there is none; nil when there is
-- none at all.
function masks.of(inputs)
  local any = false
  local found = nest.map(inputs, function (x)
    local mask = core.is_tensor(x) and x.mask or nil
    if mask == nil then return false end
    any = true
    return mask
  end)
  return any and found or nil
end

-- A mask given in the call: a tensor, or a table of booleans.
function masks.given(mask)
  if mask == nil then return nil end
  return nest.map(mask, function (leaf)
    if leaf == false or core.is_tensor(leaf) then return leaf end
    return core.tensor(leaf, { dtype = "bool" })
  end)
end

local function each_output(results, visit)
  for i = 1, results.n do
    if results[i] ~= nil then nest.each(results[i], visit) end
  end
end

local function flatten(mask, list)
  if mask == false or core.is_tensor(mask) then
    list[#list + 1] = mask
  else
    for _, key in ipairs(nest.keys(mask)) do flatten(mask[key], list) end
  end
  return list
end

-- Masks belong to outputs in order; a single mask belongs to the first.
local function attach(results, mask)
  local list, i = flatten(mask, {}), 0
  each_output(results, function (y)
    i = i + 1
    if core.is_tensor(y) and y.mask == nil and list[i] then y.mask = list[i] end
  end)
end

function masks.carry(self, inputs, mask, results)
  local bare = false
  each_output(results, function (y)
    if core.is_tensor(y) and y.mask == nil then bare = true end
  end)
  if not bare then return end
  if self.supports_masking then
    local new = self:compute_mask(inputs, mask)
    if new then attach(results, new) end
  elseif mask and not self._mask_warned then
    rawset(self, "_mask_warned", true)
    warn.say('layer "%s" (%s) does not support masking: the mask of its input ends here',
      self.name, declare.class_of(self).name)
  end
end

return masks
