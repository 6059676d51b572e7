-- EinsumDense: a product with a kernel that is written as an einsum, "abc,cd->abd".
--
-- The letters say it all: those of the second operand give the kernel its axes, with sizes from the
-- input where they are summed and from output_shape where they stay; those in bias_axes give the
-- bias its own.

local core = require "lunula.core"
local declare = require "lunula.declare"
local initializers = require "lunula.initializers"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local function complain(self, format, ...)
  core.raise('equation "%s": ' .. format, self.equation, ...)
end

-- The letters of input, kernel and result, and where "..." stands: "left", "right" or nil.
local function read(self)
  local text = self.equation:gsub("%s", "")
  local x, kernel, y = text:match "^(%a+),(%a+)%->(%a+)$"
  if x then return x, kernel, y end
  x, kernel, y = text:match "^%.%.%.(%a+),(%a+)%->%.%.%.(%a+)$"
  if x then return x, kernel, y, "left" end
  x, kernel, y = text:match "^(%a%a+)%.%.%.,(%a+)%->(%a+)%.%.%.$"
  if x then return x, kernel, y, "right" end
  complain(self, 'must be "x,k->y", "...x,k->...y" or "x...,k->y...", each a row of letters')
end

-- The sizes of the result's letters. output_shape leaves out the batch, and what "..." covers.
local function sizes_of_output(self, shape, y, hidden, dots)
  local given, full = self._output_shape, { shape[1] or false }
  if dots == "left" then table.move(shape, 2, hidden, 2, full) end
  table.move(given, 1, #given, #full + 1, full)
  if dots == "right" then table.move(shape, #shape - hidden + 1, #shape, #full + 1, full) end
  local sizes, first = {}, dots == "left" and hidden or 0
  for i = 1, #y do
    local size = full[first + i]
    if size == nil then
      complain(self, "output_shape %s has no size for \"%s\"; it is the shape of the result "
        .. "without the batch", declare.show(given), y:sub(i, i))
    end
    sizes[y:sub(i, i)] = size
  end
  return sizes
end

local function sizes_of_input(shape, x, hidden, dots)
  local sizes, from = {}, dots == "left" and hidden or 0
  for i = 1, #x do sizes[x:sub(i, i)] = shape[from + i] or false end
  return sizes
end

local function check_rank(self, shape, x, dots)
  local hidden = #shape - #x
  if hidden < 0 or hidden > 0 and not dots then
    complain(self, "the input has %d axes, got shape %s", #x, tools.shape_text(shape))
  end
  return hidden
end

local function check_letters(self, x, kernel, y, of_x, of_y)
  for letter in y:gmatch "." do
    if not (x:find(letter, 1, true) or kernel:find(letter, 1, true)) then
      complain(self, 'the result has "%s", which neither the input nor the kernel has', letter)
    end
    if of_y[letter] and of_x[letter] ~= nil and of_y[letter] ~= of_x[letter] then
      complain(self, 'axis "%s" has size %s in the input and %d in output_shape', letter,
        of_x[letter] and ("%d"):format(of_x[letter]) or "None", of_y[letter])
    end
  end
end

-- Shape of the kernel, and its axes (from 0) that are summed and that stay.
local function kernel_shape(self, kernel, of_x, of_y)
  local shape, summed, kept = {}, {}, {}
  for i = 1, #kernel do
    local letter = kernel:sub(i, i)
    if of_y[letter] ~= nil then
      shape[i], kept[#kept + 1] = of_y[letter], i - 1
    elseif of_x[letter] ~= nil then
      shape[i], summed[#summed + 1] = of_x[letter], i - 1
    else
      complain(self, 'the kernel has "%s", which neither the input nor the result has', letter)
    end
  end
  return shape, summed, kept
end

-- From the first letter with a bias on; 1 where a later letter has none.
local function bias_shape(self, y, of_y, hidden, dots)
  for letter in self.bias_axes:gmatch "." do
    if not y:find(letter, 1, true) then
      complain(self, 'bias_axes "%s" must be letters of the result', self.bias_axes)
    end
  end
  local shape = {}
  for letter in y:gmatch "." do
    local biased = self.bias_axes:find(letter, 1, true)
    if biased or #shape > 0 then shape[#shape + 1] = biased and of_y[letter] or 1 end
  end
  if dots ~= "left" then
    for _ = 1, hidden do shape[#shape + 1] = 1 end
  end
  return shape
end

-- An initializer that scales with the fans is told which axes of the kernel are in and out.
local function with_fans(initializer, summed, kept)
  local fans = initializers.VarianceScaling
  if not declare.is(initializer, fans) or initializer.input_axes and initializer.output_axes then
    return initializer
  end
  local config = initializer:get_config()
  config.seed, config.input_axes, config.output_axes = initializer.key, summed, kept
  return declare.class_of(initializer).from_config(config)
end

-- "abc,cde->abde": a product of matrices whose columns are then laid out in several axes. Returns
-- whether it is one, with a bias for each column or none.
local function is_product(self, x, kernel, y, dots)
  local summed, made = kernel:sub(1, 1), kernel:sub(2)
  local free = x:sub(1, -2)
  return not dots and #x > 1 and #made > 1 and x == free .. summed and y == free .. made
    and not free:find("[" .. kernel .. "]") and not made:find(summed, 1, true)
    and (not self.bias_axes or self.bias_axes == made)
end

-- The bias comes before the columns are laid out: there it is part of the product.
local function product(self, x)
  local sizes = self.kernel.shape
  local columns = 1
  for i = 2, #sizes do columns = columns * sizes[i] end
  local y = ops.matmul(x, ops.reshape(self.kernel, { sizes[1], columns }))
  if self.bias_axes then y = y + ops.reshape(self.bias, { columns }) end
  local laid = tools.sizes(y)
  return ops.reshape(y, table.move(sizes, 2, #sizes, #laid, laid))
end

return layer "EinsumDense" {
  doc = "activation(einsum(equation, x, kernel) + bias)",
  args = {
    { "equation", kinds.string, required = true, doc = "the product in letters: \"ab,bc->ac\"" },
    { "output_shape", kinds.shape, required = true, field = "_output_shape",
      doc = "the shape that comes out, without the batch" },
    { "activation", kinds.activation },
    { "bias_axes", kinds.string, doc = "the letters of the axes that have a bias" },
    { "kernel_initializer", kinds.initializer, default = "glorot_uniform" },
    { "bias_initializer", kinds.initializer, default = "zeros" },
    { "kernel_regularizer", kinds.regularizer },
    { "bias_regularizer", kinds.regularizer },
    { "kernel_constraint", kinds.constraint },
    { "bias_constraint", kinds.constraint },
    { "lora_rank", kinds.unsupported "low-rank adaptation", config = "set" },
    { "lora_alpha", kinds.unsupported "low-rank adaptation", config = "set" },
    { "gptq_unpacked_column_size", kinds.unsupported "quantization", config = "set" },
    { "quantization_config", kinds.unsupported "quantization", config = "set" },
  },
  casts = "all",
  build = function (self, shape)
    local x, kernel, y, dots = read(self)
    local hidden = check_rank(self, shape, x, dots)
    local of_x = sizes_of_input(shape, x, hidden, dots)
    local of_y = sizes_of_output(self, shape, y, hidden, dots)
    check_letters(self, x, kernel, y, of_x, of_y)
    local sizes, summed, kept = kernel_shape(self, kernel, of_x, of_y)
    self:add_weight {
      name = "kernel", shape = sizes,
      initializer = with_fans(self.kernel_initializer, summed, kept),
    }
    if self.bias_axes then
      self:add_weight { name = "bias", shape = bias_shape(self, y, of_y, hidden, dots) }
    end
    self.input_spec = { ndim = #shape }
    self.is_product = is_product(self, x, kernel, y, dots)
  end,
  call = function (self, x)
    if self.is_product then return self:_activated(product(self, x)) end
    local y = ops.einsum(self.equation, { x, self.kernel })
    if self.bias_axes then y = y + self.bias end
    return self:_activated(y)
  end,
}
