-- LocallyConnected1D, LocallyConnected2D: a convolution whose every place has its own kernel. Keras
-- 2 keeps the weights in one of three forms, by `implementation`; here all become the first one,
-- (places, cells under a window * channels, filters), so the numbers are the same.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local spatial = require "lunula.layers.base.spatial"
local tools = require "lunula.ops.tools"

-- ---- geometry ---------------------------------------------------------------------------------

-- Along one axis: windows, and the padding before the first and after the last. Unlike that of a
-- convolution, a padded window stands around its cell: half of it before, whatever the strides.
local function windows(self, n, i)
  local size, stride = self.kernel_size[i], self.strides[i]
  if self.padding == "valid" then return (n - size) // stride + 1, 0, 0 end
  local out, before = (n + stride - 1) // stride, size // 2
  return out, before, math.max((out - 1) * stride + size - n - before, 0)
end

local function product(list)
  local n = 1
  for _, size in ipairs(list) do n = n * size end
  return n
end

local function joined(...)
  local list = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #list + 1, list) end
  return list
end

-- visit(place, tap, cell): every tap of every window that is inside, numbered from 0 in order.
local function each_connection(self, g, visit)
  local function go(i, place, tap, cell)
    if i > self.rank then return visit(place, tap, cell) end
    for o = 0, g.out[i] - 1 do
      for t = 0, self.kernel_size[i] - 1 do
        local at = o * self.strides[i] - g.before[i] + t
        if at >= 0 and at < g.input[i] then
          go(i + 1, place * g.out[i] + o, tap * self.kernel_size[i] + t, cell * g.input[i] + at)
        end
      end
    end
  end
  go(1, 0, 0, 0)
end

local function geometry(self, shape)
  local g = { input = {}, out = {}, before = {}, after = {},
    channels = spatial.channels(self, shape) }
  spatial.check_room(self, shape, "kernel_size")
  for i = 1, self.rank do
    local n = spatial.size(self, shape, i)
    if not n then
      core.raise("every place has its own weights, so the sizes of the input must be known: it has "
        .. "%s", tools.shape_text(shape))
    end
    g.input[i] = n
    g.out[i], g.before[i], g.after[i] = windows(self, n, i)
  end
  g.places, g.cells, g.taps = product(g.out), product(g.input), product(self.kernel_size)
  return g
end

-- ---- the three forms of the kernel ------------------------------------------------------------

-- Each form: its shape, and where (place, tap, cell, channel, filter) is in it.
local forms = {}

-- (places, taps * channels, filters); with channels first, (places, channels * taps, filters)
forms[1] = function (self, g)
  local first, filters = spatial.is_first(self), self.filters
  return { g.places, g.taps * g.channels, filters }, function (place, tap, _, c, f)
    local row = first and c * g.taps + tap or tap * g.channels + c
    return (place * g.taps * g.channels + row) * filters + f
  end
end

-- A product of the whole input with the whole output; what is not connected counts for nothing.
forms[2] = function (self, g)
  local filters = self.filters
  if spatial.is_first(self) then
    return joined({ g.channels }, g.input, { filters }, g.out), function (place, _, cell, c, f)
      return ((c * g.cells + cell) * filters + f) * g.places + place
    end
  end
  return joined(g.input, { g.channels }, g.out, { filters }), function (place, _, cell, c, f)
    return ((cell * g.channels + c) * g.places + place) * filters + f
  end
end

-- The connections alone, ordered by the number of their output, then of their input.
forms[3] = function (self, g)
  local filters, first, list, number = self.filters, spatial.is_first(self), {}, {}
  local inputs = g.cells * g.channels
  local function key(place, cell, c, f)
    local output = first and f * g.places + place or place * filters + f
    return output * inputs + (first and c * g.cells + cell or cell * g.channels + c)
  end
  each_connection(self, g, function (place, _, cell)
    for c = 0, g.channels - 1 do
      for f = 0, filters - 1 do list[#list + 1] = key(place, cell, c, f) end
    end
  end)
  table.sort(list)
  for i, one in ipairs(list) do number[one] = i - 1 end
  return { #list }, function (place, _, cell, c, f) return number[key(place, cell, c, f)] end
end

-- Where each number of the first form, channels last, is in the layer's own; `none` for taps
-- outside the input.
local function places_of(self, g, place_in_form, none)
  local ids, filters = {}, self.filters
  for i = 1, g.places * g.taps * g.channels * filters do ids[i] = none end
  each_connection(self, g, function (place, tap, cell)
    for c = 0, g.channels - 1 do
      local row = ((place * g.taps + tap) * g.channels + c) * filters
      for f = 0, filters - 1 do ids[row + f + 1] = place_in_form(place, tap, cell, c, f) end
    end
  end)
  return core.tensor(ids, { dtype = "int32" })
end

local function first_form(self)
  local g = self.geometry
  if not self.ids then return self.kernel end
  local numbers = ops.concatenate({ ops.reshape(self.kernel, { -1 }), ops.zeros { 1 } }, 0)
  return ops.reshape(ops.take(numbers, self.ids, 0), { g.places, g.taps * g.channels,
    self.filters })
end

-- ---- the layers -------------------------------------------------------------------------------

-- Keras 2 takes the numbers of the bias as they are for channels first, without turning them.
local function with_bias(self, y)
  local sizes = spatial.is_first(self) and joined({ self.filters }, self.geometry.out)
    or joined(self.geometry.out, { self.filters })
  return y + ops.reshape(self.bias, joined({ 1 }, sizes))
end

return spatial.family("LocallyConnected%dD", { 1, 2 }, function (rank)
  local numbers = kinds.tuple_of(rank)
  return {
    doc = "activation(windows of x . each one's own kernel + bias)",
    args = {
      { "filters", kinds.positive, required = true },
      { "kernel_size", numbers, required = true },
      { "strides", numbers, default = spatial.each(rank, 1) },
      { "padding", kinds.one_of { "valid", "same" }, default = "valid" },
      { "data_format", kinds.data_format },
      { "activation", kinds.activation },
      { "use_bias", kinds.boolean, default = true },
      { "kernel_initializer", kinds.initializer, default = "glorot_uniform" },
      { "bias_initializer", kinds.initializer, default = "zeros" },
      { "kernel_regularizer", kinds.regularizer },
      { "bias_regularizer", kinds.regularizer },
      { "activity_regularizer", kinds.regularizer },
      { "kernel_constraint", kinds.constraint },
      { "bias_constraint", kinds.constraint },
      { "implementation", kinds.one_of { 1, 2, 3 }, default = 1 },
    },
    casts = "all",
    init = function (self)
      if self.padding ~= "valid" and self.implementation == 1 then
        core.raise("%s: padding=\"%s\" needs implementation=2 or 3; 1 takes \"valid\" only",
          self.class_name, self.padding)
      end
    end,
    build = function (self, shape)
      local g = geometry(self, shape)
      local sizes, place_in_form = forms[self.implementation](self, g)
      self.geometry = g
      self:add_weight { name = "kernel", shape = sizes }
      if self.use_bias then
        self:add_weight { name = "bias", shape = joined(g.out, { self.filters }) }
      end
      if self.implementation > 1 or spatial.is_first(self) then
        self.ids = places_of(self, g, place_in_form, product(sizes))
      end
    end,
    call = function (self, x)
      local g = self.geometry
      local patches = ops.patches(spatial.enter(self, x), self.kernel_size, self.strides, nil,
        false, g.before, g.after)
      local by_place = ops.moveaxis(ops.reshape(patches, { -1, g.places, g.taps * g.channels }),
        1, 0)
      local y = ops.moveaxis(ops.matmul(by_place, first_form(self)), 0, 1)
      y = spatial.leave(self, ops.reshape(y, joined({ -1 }, g.out, { self.filters })))
      if self.use_bias then y = with_bias(self, y) end
      return self:_activated(y)
    end,
  }
end)
