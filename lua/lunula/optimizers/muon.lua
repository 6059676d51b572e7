-- Muon: matrices step along the orthogonalised momentum; all other weights, and embeddings, by
-- Adam.

local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local base = require "lunula.optimizers.optimizer"
local paths = require "lunula.utils.paths"
local regex = require "lunula.utils.regex"

-- What all optimizers share stands in the middle of this one's arguments.
local function arguments(first, last)
  local seen = { learning_rate = true }
  for _, row in ipairs(first) do seen[row[1]] = true end
  for _, row in ipairs(base.shared_args) do
    if not seen[row[1]] then first[#first + 1] = row end
  end
  return table.move(last, 1, #last, #first + 1, first)
end

-- Newton-Schulz: a matrix with the directions of g and singular values near 1.
local function orthogonalise(self, g)
  local shape = g.shape
  local tall = shape[1] > shape[2]
  local x = tall and ops.transpose(g) or g
  x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
  for _ = 1, self.ns_steps do
    local square = ops.matmul(x, x, false, true)
    local mixed = self.muon_b * square + self.muon_c * ops.matmul(square, square)
    x = self.muon_a * x + ops.matmul(mixed, x)
  end
  return tall and ops.transpose(x) or x
end

-- exclude_layers are regular expressions of Python, each found anywhere in the path.
local function uses_adam(self, variable)
  local path = paths.of(variable)
  if variable.rank ~= 2 or self.exclude_embeddings and path:lower():find "embedding" then
    return true
  end
  for _, pattern in ipairs(self.exclude_layers) do
    if regex.search(pattern, path) then return true end
  end
  return false
end

local function adam_step(self, v, g, lr, slots, t)
  local m = slots.momentum + (g - slots.momentum) * (1 - self.adam_beta_1)
  local u = slots.velocity + (ops.square(g) - slots.velocity) * (1 - self.adam_beta_2)
  self:assign(slots.momentum, m)
  self:assign(slots.velocity, u)
  local alpha = lr * self.adam_lr_ratio * ops.sqrt(1 - ops.power(self.adam_beta_2, t))
    / (1 - ops.power(self.adam_beta_1, t))
  self:assign(v, v - m * alpha / (ops.sqrt(u) + self.epsilon))
end

local patterns = kinds.list_of(kinds.string)
function patterns.absent() return {} end

base.declare "Muon" {
  doc = "matrices step along their orthogonalised momentum, other weights as Adam says",
  learning_rate = 0.001,
  args = arguments({
    { "adam_beta_1", kinds.fraction, default = 0.9,
      doc = "beta_1 of Adam, which moves what has not two axes" },
    { "adam_beta_2", kinds.fraction, default = 0.999, doc = "beta_2 of Adam" },
    { "adam_weight_decay", kinds.number, default = 0.004, none = true,
      doc = "weight_decay of Adam" },
    { "epsilon", kinds.number, default = 1e-7 },
    { "weight_decay", kinds.number, default = 0.004, none = true },
  }, {
    { "exclude_layers", patterns, doc = "names of layers that are moved by Adam" },
    { "exclude_embeddings", kinds.boolean, default = true,
      doc = "whether embeddings are moved by Adam" },
    { "muon_a", kinds.number, default = 3.4445, doc = "a coefficient of the iteration" },
    { "muon_b", kinds.number, default = -4.775, doc = "a coefficient of the iteration" },
    { "muon_c", kinds.number, default = 2.0315, doc = "a coefficient of the iteration" },
    { "adam_lr_ratio", kinds.number, default = 1, doc = "the rate of Adam over that of Muon" },
    { "momentum", kinds.fraction, default = 0.95 },
    { "ns_steps", kinds.positive, default = 5, doc = "how many steps the iteration takes" },
    { "nesterov", kinds.boolean, default = true },
    { "rms_rate", kinds.number, default = 0.2, none = true,
      doc = "the root mean square that a step is scaled to" },
  }),
  build_slots = function(self, variable)
    local slots = { momentum = self:add_slot(variable, "momentum") }
    if uses_adam(self, variable) then slots.velocity = self:add_slot(variable, "velocity") end
    return slots
  end,
  decay_of = function(self, variable)
    if uses_adam(self, variable) then return self.adam_weight_decay end
    return self.weight_decay
  end,
  prepare_step = function(_, _, t) return t end,
  update = function(self, v, g, lr, slots, t)
    if slots.velocity then return adam_step(self, v, g, lr, slots, t) end
    local m = slots.momentum + g + slots.momentum * (self.momentum - 1)
    self:assign(slots.momentum, m)
    local direction = orthogonalise(self, self.nesterov and g + self.momentum * m or m)
    local shape = v.shape
    local scale = self.rms_rate and self.rms_rate * math.sqrt(math.max(shape[1], shape[2])) or 1
    self:assign(v, v - lr * scale * direction)
  end,
}
