-- Discretization: numbers become the numbers of the bins they fall into. The boundaries of the bins
-- are given, or put where the data have their quantiles (adapt).

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

-- ---- quantiles --------------------------------------------------------------------------------
-- A summary of many numbers is a short sorted list of them with weights. Its arithmetic is that of
-- 32-bit floats, since the boundaries are compared with those.

local function float(x) return (string.unpack("<f", string.pack("<f", x))) end

-- Every step-th of the sorted values.
local function summarize(values, epsilon)
  table.sort(values)
  local step = math.max(#values * epsilon, 1)
  local summary = { values = {}, weights = {} }
  for i = math.floor(step - 1) + 1, #values, math.floor(step) do
    summary.values[#summary.values + 1] = values[i]
    summary.weights[#summary.weights + 1] = float(step)
  end
  return summary
end

-- fp at x, linear between the places xp, constant outside.
local function interpolate(x, xp, fp)
  local n = #xp
  if x <= xp[1] then return fp[1] end
  if x >= xp[n] then return fp[n] end
  local low, high = 1, n
  while high - low > 1 do
    local middle = (low + high) // 2
    if xp[middle] <= x then low = middle else high = middle end
  end
  return fp[low] + (fp[high] - fp[low]) / (xp[high] - xp[low]) * (x - xp[low])
end

-- A summary of about 1 / epsilon numbers, evenly spaced by weight.
local function compress(summary, epsilon)
  if #summary.values * epsilon < 1 then return summary end
  local cumulated, shares, total = {}, {}, 0
  for i, weight in ipairs(summary.weights) do
    total = float(total + weight)
    cumulated[i] = total
  end
  for i, sum in ipairs(cumulated) do shares[i] = float(sum / total) end
  local new, before = { values = {}, weights = {} }, 0
  for i = 0, math.ceil(1 / epsilon) - 1 do
    local share = epsilon + i * epsilon
    local sum = interpolate(share, shares, cumulated)
    new.values[i + 1] = float(interpolate(share, shares, summary.values))
    new.weights[i + 1] = float(sum - before)
    before = sum
  end
  return new
end

local function merge(a, b, epsilon)
  local pairs_of = {}
  for _, summary in ipairs { a, b } do
    for i, value in ipairs(summary.values) do
      pairs_of[#pairs_of + 1] = { value, summary.weights[i] }
    end
  end
  table.sort(pairs_of, function (x, y) return x[1] < y[1] end)
  local both = { values = {}, weights = {} }
  for i, pair in ipairs(pairs_of) do both.values[i], both.weights[i] = pair[1], pair[2] end
  return compress(both, epsilon)
end

local function numbers_of(values)
  local x = tools.cast(core.is_tensor(values) and values or core.tensor(values), "float32")
  local list = x.size > 0 and ops.reshape(x, { -1 }):totable() or {}
  for i, value in ipairs(list) do
    if value ~= value then
      core.raise("adapt: number %d of the data is NaN, which lies in no bin; leave such out", i)
    end
  end
  return list
end

-- ---- the layer --------------------------------------------------------------------------------

local fraction = {
  name = "a number above 0, up to 1",
  check = function (value)
    return type(value) == "number" and value > 0 and value <= 1 and value or nil
  end,
}

local function check_boundaries(boundaries)
  for i = 2, #boundaries do
    if boundaries[i] < boundaries[i - 1] then
      core.raise("Discretization: bin_boundaries must rise, got %s", declare.show(boundaries))
    end
  end
end

return layer "Discretization" {
  doc = "the number of the bin that each number falls into; bins are given or adapted to data",
  args = {
    { "bin_boundaries", kinds.list_of(kinds.number),
      doc = "the numbers between bins, if they are known; else adapt finds them" },
    { "num_bins", kinds.positive },
    { "epsilon", fraction, default = 0.01, doc = "how exactly adapt finds quantiles" },
    { "output_mode", encoding.modes { "int", "one_hot", "multi_hot", "count" }, default = "int" },
    encoding.sparse,
    { "trainable", kinds.boolean, default = true, none = false, field = "_trainable",
      keyword = true, config = false },        -- Keras's config does not tell it
  },
  init = function (self)
    if (self.bin_boundaries == nil) == (self.num_bins == nil) then
      core.raise("Discretization: give either bin_boundaries, or num_bins and adapt the layer")
    end
    if self.bin_boundaries then check_boundaries(self.bin_boundaries) end
    self:reset_state()
  end,
  -- After adapt a layer has both, which its constructor does not take.
  from_config = function (class, config)
    local boundaries = config.bin_boundaries
    if type(boundaries) ~= "table" or type(config.num_bins) ~= "number" then
      return declare.from_config(class, config)
    end
    local given = {}
    for name, value in pairs(config) do given[name] = value end
    given.bin_boundaries = nil
    local self = declare.from_config(class, given)
    self.bin_boundaries = boundaries
    return self
  end,
  call = function (self, x)
    local boundaries = self.bin_boundaries
    if not boundaries then
      core.raise("has no bins yet: give bin_boundaries, or adapt the layer to data")
    end
    local bins = #boundaries > 0
      and ops.digitize(tools.float(x), core.tensor(boundaries, { dtype = "float32" }))
      or ops.zeros_like(x, "int32")
    return encoding.encode(bins, self.output_mode, #boundaries + 1,
      self.output_mode == "int" and "int32" or "float32")
  end,
  -- Puts the boundaries at the quantiles of data: a tensor or table, or batches, of which no more
  -- than `steps` are taken: a list of tensors, an iterator or a dataset.
  adapt = function (self, values, steps)
    local _ <close> = core.enter(self.name, self.class_name)
    if not self.num_bins then
      core.raise("adapt: the bins were given by bin_boundaries; give num_bins instead")
    end
    self:reset_state()
    local batches = data.batches(values, steps)
    if batches then
      for batch in batches do self:update_state(batch) end
    else
      self:update_state(values)
    end
    self:finalize_state()
  end,
  -- Takes more values into the quantiles that finalize_state reads.
  update_state = function (self, values)
    self.summary = merge(summarize(numbers_of(values), self.epsilon), self.summary, self.epsilon)
  end,
  -- Makes the boundaries of all values so far.
  finalize_state = function (self)
    if not self.num_bins then return end
    if #self.summary.values == 0 then core.raise("adapt: there are no data") end
    local bins = compress(self.summary, 1 / self.num_bins).values
    self.bin_boundaries = table.move(bins, 1, #bins - 1, 1, {})
  end,
  -- Forgets the values so far; the boundaries stay.
  reset_state = function (self) self.summary = { values = {}, weights = {} } end,
}
