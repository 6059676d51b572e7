-- Convolutions and pooling, row by row, against loops over all cells: uneven sizes, strides,
-- dilation, groups, paddings, 1 to 3 axes, few and many channels.

local from = require "spec.support.ops_inputs"
local real, exact = from.real, from.exact

local loose = 1e-4

-- ---- references -------------------------------------------------------------------------------

local function number(option, i, otherwise)
  if option == nil then return otherwise end
  return type(option) == "number" and option or option[i] or option[1]
end

-- The axes of a walk over an image: cells, windows, and what the options say.
local function axes_of(shape, size, options)
  local axes = {}
  for i = 1, #shape - 2 do
    local n, stride = shape[i + 1], number(options.strides, i, 1)
    local dilation, before = number(options.dilation, i, 1), number(options.before, i, 0)
    local reach = (size[i] - 1) * dilation + 1
    local out = (n + before + number(options.after, i, 0) - reach) // stride + 1
    if options.same then
      out = (n + stride - 1) // stride
      before = math.max((out - 1) * stride + reach - n, 0) // 2
    end
    axes[i] = { n = n, size = size[i], stride = stride, dilation = dilation, before = before,
      out = out }
  end
  return axes
end

-- visit(image, window number, tap number, cell number or nil): every tap of every window, in order.
local function walk(batch, axes, visit)
  local function go(i, window, tap, cell, b)
    if i > #axes then return visit(b, window, tap, cell) end
    local a = axes[i]
    for o = 0, a.out - 1 do
      for t = 0, a.size - 1 do
        local at = o * a.stride - a.before + t * a.dilation
        local inside = cell and at >= 0 and at < a.n
        go(i + 1, window * a.out + o, tap * a.size + t, inside and cell * a.n + at or nil, b)
      end
    end
  end
  for b = 0, batch - 1 do go(1, 0, 0, 0, b) end
end

local function product(axes, field)
  local n = 1
  for _, a in ipairs(axes) do n = n * a[field] end
  return n
end

local function zeros(n)
  local list = {}
  for i = 1, n do list[i] = 0 end
  return list
end

-- Calls add(y, x, k): the numbers of the three that belong together.
local function each_product(shape, kernel, options, add)
  local channels, filters = shape[#shape], kernel[#kernel]
  local per_group = kernel[#kernel - 1]
  local width = filters // (channels // per_group)
  local axes = axes_of(shape, kernel, options)
  local windows, cells = product(axes, "out"), product(axes, "n")
  walk(shape[1], axes, function (b, window, tap, cell)
    if not cell then return end
    for f = 0, filters - 1 do
      for c = 0, per_group - 1 do
        add((b * windows + window) * filters + f + 1,
          (b * cells + cell) * channels + f // width * per_group + c + 1,
          (tap * per_group + c) * filters + f + 1)
      end
    end
  end)
  return shape[1] * windows * filters
end

local function convolution(shape, kernel, options)
  return function (data)
    local y, x, k = {}, data[1], data[2]
    local n = each_product(shape, kernel, options, function (to, a, b)
      y[to] = (y[to] or 0) + x[a] * k[b]
    end)
    for i = 1, n do y[i] = y[i] or 0 end
    return y
  end
end

local function input_gradient(shape, kernel, options)
  return function (data)
    local dx, g, k = zeros(#data[3]), data[1], data[2]
    each_product(shape, kernel, options, function (from_g, to, b)
      dx[to] = dx[to] + g[from_g] * k[b]
    end)
    return dx
  end
end

local function kernel_gradient(shape, kernel, options)
  return function (data)
    local dk, x, g = zeros(#data[3]), data[1], data[2]
    each_product(shape, kernel, options, function (from_g, a, to)
      dk[to] = dk[to] + x[a] * g[from_g]
    end)
    return dk
  end
end

-- Image, kernel and cotangent of a convolution.
local function inputs_of(shape, kernel, options)
  local out = { shape[1] }
  for i, a in ipairs(axes_of(shape, kernel, options)) do out[i + 1] = a.out end
  out[#out + 1] = kernel[#kernel]
  local function input(sizes, seed)
    local copy = table.move(sizes, 1, #sizes, 1, {})
    copy.seed = seed
    return real(copy)
  end
  return input(shape, 1), input(kernel, 2), input(out, 3)
end

-- Rows of one setting: the convolution and its two companions. more.big: shapes of an image and a
-- kernel that are worth several threads.
local cases = {}

local function convolutions(shape, kernel, options, more)
  more = more or {}
  local x, k, g = inputs_of(shape, kernel, options)
  local big_x, big_k, big_g
  if more.big then big_x, big_k, big_g = inputs_of(more.big[1], more.big[2], options) end
  cases[#cases + 1] = { "convolution", { x, k }, options, tol = loose,
    free = more.free or { { 0 }, {} }, ref = convolution(shape, kernel, options),
    big = more.big and { big_x, big_k } }
  cases[#cases + 1] = { "convolution_input_gradient", { g, k, x }, options, tol = loose,
    free = { { 0 }, {}, { 0 } }, grad = { 1, 2 }, ref = input_gradient(shape, kernel, options),
    big = more.big and { big_g, big_k, big_x } }
  cases[#cases + 1] = { "convolution_kernel_gradient", { x, g, k }, options, tol = loose,
    free = { { 0 }, { 0 }, {} }, grad = { 1, 2 }, ref = kernel_gradient(shape, kernel, options),
    big = more.big and { big_x, big_g, big_k } }
end

-- ---- convolutions -----------------------------------------------------------------------------

convolutions({ 2, 6, 5, 3 }, { 3, 2, 3, 4 }, {}, { free = { { 0, 1, 2 }, {} },
  big = { { 3, 40, 37, 16 }, { 3, 3, 16, 48 } } })
convolutions({ 2, 7, 6, 3 }, { 3, 3, 3, 2 }, { strides = 2, same = true },
  { free = { { 0, 1, 2 }, {} } })
convolutions({ 1, 9, 8, 2 }, { 3, 2, 2, 5 }, { dilation = { 2, 3 }, same = true })
convolutions({ 2, 7, 9, 4 }, { 2, 3, 4, 3 },
  { strides = { 2, 3 }, before = { 1, 2 }, after = { 0, 1 } })
convolutions({ 2, 5, 6, 20 }, { 3, 2, 20, 3 }, { same = true })         -- long runs
convolutions({ 2, 6, 6, 17 }, { 3, 3, 17, 2 }, { dilation = 2, same = true })
convolutions({ 1, 3, 2, 400 }, { 2, 2, 400, 2 }, { same = true },       -- a channel block
  { big = { { 1, 7, 7, 256 }, { 3, 3, 256, 128 } } })
convolutions({ 1, 2, 2, 3 }, { 2, 1, 3, 320 }, {})                      -- many filters
convolutions({ 2, 6, 5, 3 }, { 1, 1, 3, 4 }, {})                        -- a plain product
convolutions({ 2, 6, 5, 3 }, { 1, 1, 3, 4 }, { strides = 2 })
convolutions({ 2, 5, 6, 4 }, { 1, 1, 2, 6 }, {})                        -- the same in groups
convolutions({ 2, 6, 5, 6 }, { 3, 3, 2, 9 }, { strides = 2, same = true })
convolutions({ 1, 5, 4, 36 }, { 2, 3, 18, 4 }, { before = 1, after = 1 })
convolutions({ 2, 9, 2 }, { 3, 2, 3 }, { strides = 2 })
convolutions({ 2, 11, 3 }, { 3, 3, 2 }, { dilation = 2, before = { 4 }, after = { 0 } })
convolutions({ 1, 4, 5, 3, 2 }, { 2, 3, 2, 2, 3 }, { strides = { 1, 2, 1 }, same = true })
convolutions({ 2, 3, 1, 1 }, { 3, 3, 1, 2 }, { same = true })

-- every channel by itself
convolutions({ 2, 6, 5, 3 }, { 3, 3, 1, 3 }, { same = true })
convolutions({ 2, 6, 7, 3 }, { 3, 2, 1, 6 }, { strides = 2, same = true })
convolutions({ 2, 9, 12, 18 }, { 3, 3, 1, 18 }, { same = true },
  { big = { { 2, 60, 40, 32 }, { 3, 3, 1, 32 } } })
convolutions({ 1, 9, 15, 33 }, { 2, 3, 1, 33 }, { strides = 2 })
convolutions({ 1, 8, 14, 16 }, { 3, 3, 1, 16 }, { dilation = 2, same = true })
convolutions({ 2, 13, 20 }, { 4, 1, 20 }, { strides = 3, before = { 2 }, after = { 1 } })
convolutions({ 1, 3, 4, 7, 16 }, { 2, 2, 3, 1, 16 }, { same = true })

-- ---- transposed -------------------------------------------------------------------------------

-- The image's gradient of a convolution that goes from `shape` back to x.
local function transposed(x, kernel, options, shape)
  local data = input_gradient(shape, kernel, options)
  local size = 1
  for _, n in ipairs(shape) do size = size * n end
  cases[#cases + 1] = { "transposed_convolution", { real(x), real { seed = 2,
    table.unpack(kernel) } }, options, tol = loose, free = { { 0, 1, 2 }, {} },
    ref = function (given) return data { given[1], given[2], zeros(size) } end }
end

transposed({ 2, 4, 3, 5 }, { 3, 2, 2, 5 }, {}, { 2, 6, 4, 2 })
transposed({ 2, 4, 3, 5 }, { 3, 3, 2, 5 }, { strides = 2, before = 1, after = 1, extra = 1 },
  { 2, 8, 6, 2 })
transposed({ 1, 3, 4, 4 }, { 3, 2, 20, 4 }, { strides = { 3, 2 }, before = { 0, 1 },
  after = { 1, 0 } }, { 1, 8, 7, 20 })
transposed({ 1, 3, 4, 2 }, { 3, 2, 3, 2 }, { dilation = 2 }, { 1, 7, 6, 3 })
transposed({ 2, 5, 3 }, { 2, 1, 3 }, { strides = 3, extra = 2 }, { 2, 16, 1 })
transposed({ 1, 2, 3, 2, 4 }, { 2, 2, 3, 3, 4 }, { strides = 2 }, { 1, 4, 6, 5, 3 })

-- ---- pooling ----------------------------------------------------------------------------------

-- take(list of { value, place } of one window and channel) -> what the window gives
local function pooled(shape, options, take)
  return function (data)
    local size = options.size
    local axes = axes_of(shape, size, options)
    local channels, cells, windows = shape[#shape], product(axes, "n"), product(axes, "out")
    local under, y = {}, {}
    walk(shape[1], axes, function (b, window, _, cell)
      for c = 0, cell and channels - 1 or -1 do
        local to, from_x = (b * windows + window) * channels + c + 1,
          (b * cells + cell) * channels + c + 1
        under[to] = under[to] or {}
        table.insert(under[to], from_x)
      end
    end)
    for i, places in ipairs(under) do y[i] = take(data, places, i) end
    return y
  end
end

-- NaN counts as larger than any number.
local function first_largest(x, places)
  local best = places[1]
  for _, at in ipairs(places) do
    if x[at] > x[best] or (x[at] ~= x[at] and x[best] == x[best]) then best = at end
  end
  return best
end

local function largest(data, places) return data[1][first_largest(data[1], places)] end

local function picked(data, places) return data[2][first_largest(data[1], places)] end

local function mean(data, places)
  local sum = 0
  for _, at in ipairs(places) do sum = sum + data[1][at] end
  return sum / #places
end

-- Spreads the second input over the places of its windows, into a list like the one at `like`.
local function spread(shape, options, from_g, like, share)
  return function (data)
    local y = zeros(#data[like])
    pooled(shape, options, function (_, places, i)
      share(y, data[1], places, data[from_g][i])
    end)(data)
    return y
  end
end

local function to_largest(y, x, places, g)
  local at = first_largest(x, places)
  y[at] = y[at] + g
end

local function to_all(y, _, places, g)
  for _, at in ipairs(places) do y[at] = y[at] + g / #places end
end

-- An image, another like it, and a cotangent of its windows.
local function pool_inputs(shape, options)
  local out = { shape[1], seed = 3 }
  for i, a in ipairs(axes_of(shape, options.size, options)) do out[i + 1] = a.out end
  out[#out + 1] = shape[#shape]
  return real { table.unpack(shape) }, real { seed = 5, table.unpack(shape) }, real(out)
end

-- more.big: the shape of an image that is worth several threads
local function pools(shape, options, more)
  local x, h, g = pool_inputs(shape, options)
  more = more or { free = { 0 } }
  local big = {}
  if more.big then
    local a, b, c = pool_inputs(more.big, options)
    big = { { a }, { a, b }, { a, c }, { c, a } }
  end
  cases[#cases + 1] = { "max_windows", { x }, options, ref = pooled(shape, options, largest),
    free = { more.free }, big = big[1] }
  cases[#cases + 1] = { "mean_windows", { x }, options, ref = pooled(shape, options, mean),
    free = { more.free }, big = big[1] }
  cases[#cases + 1] = { "max_windows_pick", { x, h }, options, grad = { 2 },
    ref = pooled(shape, options, picked), free = { { 0 }, { 0 } }, big = big[2] }
  cases[#cases + 1] = { "max_windows_scatter", { x, g }, options, grad = { 2 },
    ref = spread(shape, options, 2, 1, to_largest), free = { { 0 }, { 0 } }, big = big[3] }
  cases[#cases + 1] = { "mean_windows_spread", { g, x }, options, grad = { 1 },
    ref = spread(shape, options, 1, 2, to_all), free = { { 0 }, { 0 } }, big = big[4] }
end

pools({ 2, 6, 5, 3 }, { size = { 2, 2 }, strides = 2 }, { free = { 0, 1, 2 },
  big = { 3, 40, 40, 40 } })
pools({ 2, 6, 5, 3 }, { size = { 3, 2 }, strides = { 2, 1 }, same = true }, { free = { 0, 1, 2 },
  big = { 1, 61, 50, 35 } })
pools({ 1, 7, 4, 70 }, { size = { 2, 3 } })
pools({ 2, 9, 2 }, { size = { 3 }, dilation = 2, strides = 2 })
pools({ 2, 8, 2 }, { size = { 3 }, before = { 1 }, after = { 2 }, strides = 2 })
pools({ 1, 3, 4, 5, 2 }, { size = { 2, 2, 3 }, strides = { 1, 2, 2 }, same = true })

-- the first of equal cells
cases[#cases + 1] = { "max_windows_scatter", { exact({ 3, 3, 1, 3 }, { shape = { 1, 4, 1 } }),
  exact({ 5, 7 }, { shape = { 1, 2, 1 } }) }, { size = { 2 }, strides = { 2 } }, grad = { 2 },
  ref = function () return { 5, 0, 0, 7 } end }

-- a window that holds NaN says so, wherever it stands
local nan, inf = 0 / 0, math.huge
local spoilt = { 1, 8, 1 }
local pairwise = { size = { 2 }, strides = { 2 } }

local function spoils(op, ref, input)
  cases[#cases + 1] = { op, { exact({ nan, 1, 2, nan, 3, 4, -inf, -inf }, { shape = spoilt }),
    input }, pairwise, grad = false, ref = ref }
end

spoils("max_windows", pooled(spoilt, pairwise, largest))
spoils("max_windows_pick", pooled(spoilt, pairwise, picked), real(spoilt))
spoils("max_windows_scatter", spread(spoilt, pairwise, 2, 1, to_largest), real { 1, 4, 1 })

-- ---- Keras's names ----------------------------------------------------------------------------

cases[#cases + 1] = { "adaptive_average_pool", { real { 1, 5, 1 } }, { output_size = 2 },
  ref = function (data)
    local x = data[1]
    return { (x[1] + x[2] + x[3]) / 3, (x[3] + x[4] + x[5]) / 3 }
  end }
cases[#cases + 1] = { "adaptive_average_pool", { real { 2, 1, 4 } },
  { output_size = 2, data_format = "channels_first" },
  ref = function (data)
    local x = data[1]
    return { (x[1] + x[2]) / 2, (x[3] + x[4]) / 2, (x[5] + x[6]) / 2, (x[7] + x[8]) / 2 }
  end }
cases[#cases + 1] = { "adaptive_average_pool", { real { 1, 2, 3, 1 } }, { output_size = { 1, 2 } },
  ref = function (data)
    local x = data[1]
    return { (x[1] + x[2] + x[4] + x[5]) / 4, (x[2] + x[3] + x[5] + x[6]) / 4 }
  end }
cases[#cases + 1] = { "adaptive_max_pool", { real { 1, 5, 1 } }, { output_size = 3 },
  ref = function (data)
    local x = data[1]
    return { math.max(x[1], x[2]), math.max(x[2], x[3], x[4]), math.max(x[4], x[5]) }
  end }
cases[#cases + 1] = { "adaptive_max_pool", { real { 1, 2, 2, 1 } }, { output_size = { 1, 3 } },
  ref = function (data)
    local x = data[1]
    local a, b = math.max(x[1], x[3]), math.max(x[2], x[4])
    return { a, math.max(a, b), b }
  end }

return cases
