-- Normalization: mean 0 and variance 1, by moments that are given or found in data (adapt).

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local source = require "lunula.data.source"
local data = require "lunula.layers.preprocessing.data"
local ops = require "lunula.ops"
local config = require "lunula.ops.config"
local tools = require "lunula.ops.tools"

-- ---- shapes -----------------------------------------------------------------------------------

-- The axes that have moments of their own, from 0, sorted; the others; and the sizes of the first.
local function split_axes(self, shape)
  local kept, reduced, sizes = tools.axes("axis", self.axis, #shape), {}, {}
  table.sort(kept)
  local is_kept = {}
  for i, axis in ipairs(kept) do
    is_kept[axis], sizes[i] = true, shape[axis + 1]
    if not sizes[i] then
      core.raise("axis %d must have a known size, the shape is %s", axis, tools.shape_text(shape))
    end
  end
  for axis = 0, #shape - 1 do
    if not is_kept[axis] then reduced[#reduced + 1] = axis end
  end
  return kept, reduced, sizes
end

-- Moments, laid along the kept axes of an input of that rank: the last size of v belongs to the
-- last kept axis.
local function along(self, v, rank)
  local own, shape = v.shape, tools.fill(rank, 1)
  for i = 0, #own - 1 do shape[self.kept[#self.kept - i] + 1] = own[#own - i] end
  return ops.reshape(v, shape)
end

-- ---- moments of data --------------------------------------------------------------------------

local function moments(self, batch)
  if #self.kept == 0 then return ops.mean(batch), ops.var(batch), batch.size end
  if #self.reduced == 0 then return batch, ops.zeros_like(batch), 1 end
  local count, shape = 1, batch.shape
  for _, axis in ipairs(self.reduced) do count = count * shape[axis + 1] end
  return ops.mean(batch, self.reduced), ops.var(batch, self.reduced), count
end

-- Adds a batch to what is known of those before it.
local function merge(known, mean, variance, count)
  known.count = known.count + count
  local share = count / known.count
  local new = known.mean * (1 - share) + mean * share
  known.variance = (known.variance + ops.square(known.mean - new)) * (1 - share)
    + (variance + ops.square(mean - new)) * share
  known.mean = new
end

-- apart: each of the values comes by itself, as rows of a dataset do that has no batches.
local function as_batch(self, values, apart)
  local batch = tools.cast(core.is_tensor(values) and values or core.tensor(values), "float32")
  if apart and batch.rank == 1 then batch = ops.expand_dims(batch, 0) end
  if batch.rank == 0 then core.raise("adapt: data must have a batch axis") end
  if batch.size == 0 then core.raise("adapt: there are no data") end
  if not self.built then self:build(batch.shape) end
  local shape, fits = batch.shape, true
  for i, axis in ipairs(self.kept or {}) do fits = fits and shape[axis + 1] == self.sizes[i] end
  if not fits or #self.kept > 0 and #shape ~= self.rank then
    core.raise("adapt: data of shape %s do not fit a layer built for rank %d with the sizes %s on "
      .. "axis %s", tools.shape_text(shape), self.rank, tools.shape_text(self.sizes),
      declare.show(self.axis))
  end
  return batch
end

-- ---- the layer --------------------------------------------------------------------------------

local axis_kind = {
  name = "an axis number, a list of them, or false",
  check = function (value)
    if type(value) == "number" then value = { value } end
    if type(value) == "table" and next(value) == nil then return {} end
    return kinds.axes.check(value)
  end,
  absent = function () return {} end, none = true,
}

local function rank_of(value)
  if core.is_tensor(value) then return value.rank end
  return type(value) == "table" and core.tensor(value).rank or 0
end

return layer "Normalization" {
  doc = "(x - mean) / sqrt(variance); mean and variance are given or adapted to data",
  args = {
    { "axis", axis_kind, default = -1 },
    { "mean", kinds.values, field = "input_mean",
      doc = "the mean, if it is known; else adapt finds it" },
    { "variance", kinds.values, field = "input_variance", doc = "the variance, if it is known" },
    { "invert", kinds.boolean, default = false },
  },
  casts = "all",
  supports_masking = true,
  init = function (self)
    local mean, variance = self.input_mean, self.input_variance
    if (mean == nil) ~= (variance == nil) then
      core.raise("Normalization: give both mean and variance, or neither and adapt the layer")
    end
    if mean == nil then return end
    if rank_of(mean) ~= rank_of(variance) or rank_of(mean) > #self.axis then
      core.raise("Normalization: mean and variance must be numbers, or have a number for each "
        .. "place on axis %s, got %s and %s", declare.show(self.axis), declare.show(mean),
        declare.show(variance))
    end
  end,
  build = function (self, shape)
    self.kept, self.reduced, self.sizes = split_axes(self, shape)
    self.rank = #shape
    local function moment(name, initializer, sizes, dtype)
      self:add_weight {
        name = name, shape = sizes, initializer = initializer, trainable = false, dtype = dtype,
      }
    end
    if self.input_mean == nil then
      moment("mean", "zeros", self.sizes)
      moment("variance", "ones", self.sizes)
      moment("count", "zeros", {}, "int32")
    else
      self.mean = tools.cast(core.tensor(self.input_mean), "float32")
      self.variance = tools.cast(core.tensor(self.input_variance), "float32")
    end
    local fixed = {}
    for i, axis in ipairs(self.kept) do fixed[axis] = self.sizes[i] end
    if #self.kept > 0 then self.input_spec = { ndim = #shape, axes = fixed } end
  end,
  call = function (self, x)
    local mean = along(self, self.mean, x.rank)
    local deviation = ops.maximum(ops.sqrt(along(self, self.variance, x.rank)), config.epsilon())
    if self.invert then return mean + x * deviation end
    return (x - mean) / deviation
  end,
  -- Finds mean and variance in data: a tensor or table, or batches: a list of tensors, an iterator
  -- or a dataset.
  adapt = function (self, values)
    local _ <close> = core.enter(self.name, self.class_name)
    if self.input_mean ~= nil then
      core.raise("adapt: mean and variance were given, there is nothing to find")
    end
    local known
    local is_dataset = source.is(values)
    for values_of_batch in data.batches(values) or data.of_list { values } do
      local mean, variance, count = moments(self, as_batch(self, values_of_batch, is_dataset))
      if known then
        merge(known, mean, variance, count)
      else
        known = { mean = mean, variance = variance, count = count }
      end
    end
    if not known then core.raise("adapt: there are no data") end
    self.mean:assign(known.mean)
    self.variance:assign(known.variance)
  end,
}
