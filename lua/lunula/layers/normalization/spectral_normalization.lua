-- SpectralNormalization: in training the kernel of the layer inside is divided by its largest
-- singular value, which some steps of power iteration estimate. The kernel itself is changed, so
-- inference uses it as it is.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local Wrapper = require "lunula.layers.core.wrapper"
local ops = require "lunula.ops"

local function unit(v) return ops.normalize(v, -1) end

-- The next left vector, and the kernel divided by what it says the norm is. The gradient is that of
-- the new kernel, so it goes past the division.
local function normalised(self)
  local kernel, u, v = self.kernel.value, self.vector_u.value, nil
  local matrix = ops.reshape(kernel, { -1, self.kernel.shape[self.kernel.rank] })
  for _ = 1, self.power_iterations do
    v = unit(ops.matmul(u, matrix, false, true))
    u = unit(ops.matmul(v, matrix))
  end
  local sigma = ops.sum(ops.matmul(v, matrix) * u)
  return u, kernel + ops.stop_gradient(kernel / sigma - kernel)
end

return layer "SpectralNormalization" {
  parent = Wrapper,
  doc = "the layer inside, whose kernel is kept at spectral norm 1 in training",
  args = {
    { "layer", kinds.layer, required = true },
    { "power_iterations", kinds.positive, default = 1, doc = "how many steps find the norm" },
  },
  build = function (self, shape)
    Wrapper.build(self, shape)
    local kernel = self.layer.kernel or self.layer.embeddings
    if not core.is_variable(kernel) then
      core.raise('layer "%s" (%s) has neither a kernel nor embeddings', self.layer.name,
        self.layer.class_name)
    end
    self.kernel = kernel
    self:add_weight {
      name = "vector_u", shape = { 1, kernel.shape[kernel.rank] }, trainable = false,
      initializer = { class_name = "TruncatedNormal", config = { stddev = 0.02 } },
    }
  end,
  call = function (self, x, options)
    if options.training then
      local u, kernel = normalised(self)
      local zero = ops.all(ops.equal(self.kernel, 0))
      self.vector_u:assign(ops.where(zero, self.vector_u, u))
      self.kernel:assign(ops.where(zero, self.kernel, kernel))
    end
    return self.layer(x)
  end,
}
