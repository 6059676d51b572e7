-- Regularizers: a number that grows with the weights and is added to the loss.
--
-- A regularizer is called with a weight and returns a scalar tensor. Any function of that form will
-- do where one is wanted.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local Regularizer = declare.class {
  kind = "regularizer", name = "Regularizer", abstract = true,
  doc = "a penalty on a weight: regularizer(w) is a number",
  __call = function (self, w)
    local name = declare.class_of(self).name
    if not self.penalty then core.raise("%s does nothing: others are made from it", name) end
    return self:penalty(tools.tensor(name, w))
  end,
}

local function absolute(w, factor) return ops.sum(ops.abs(w)) * factor end
local function squared(w, factor) return ops.sum(ops.square(w)) * factor end

local L1 = declare.class {
  name = "L1", parent = Regularizer,
  doc = "l1 * sum |w|",
  args = { { "l1", kinds.non_negative, default = 0.01, none = "default", alias = "l" } },
  penalty = function (self, w) return absolute(w, self.l1) end,
}

local L2 = declare.class {
  name = "L2", parent = Regularizer,
  doc = "l2 * sum w^2 (without a half)",
  args = { { "l2", kinds.non_negative, default = 0.01, none = "default", alias = "l" } },
  penalty = function (self, w) return squared(w, self.l2) end,
}

local L1L2 = declare.class {
  name = "L1L2", parent = Regularizer,
  doc = "l1 * sum |w| + l2 * sum w^2",
  args = {
    { "l1", kinds.non_negative, default = 0.0, none = "default" },
    { "l2", kinds.non_negative, default = 0.0, none = "default" },
  },
  penalty = function (self, w)
    if self.l2 == 0 then return absolute(w, self.l1) end
    if self.l1 == 0 then return squared(w, self.l2) end
    return absolute(w, self.l1) + squared(w, self.l2)
  end,
}

-- Mean of |cos| over the pairs of rows (or columns); the diagonal is 1 - 1 and does not count.
local OrthogonalRegularizer = declare.class {
  name = "OrthogonalRegularizer", parent = Regularizer,
  aliases = { "orthogonal" },
  doc = "factor * the mean |cosine| between different rows (or columns) of a matrix",
  args = {
    { "factor", kinds.non_negative, default = 0.01 },
    { "mode", kinds.one_of { "rows", "columns" }, default = "rows" },
  },
  penalty = function (self, w)
    local shape = w.shape
    if #shape ~= 2 then
      core.raise("OrthogonalRegularizer: the weight must have rank 2, got rank %d", #shape)
    end
    local rows = self.mode == "rows"
    local n = rows and shape[1] or shape[2]
    local unit = ops.normalize(w, rows and 1 or 0)
    local cosines = ops.matmul(unit, unit, not rows, rows) * (1 - ops.eye(n))
    return ops.sum(ops.abs(cosines)) * (self.factor / math.max(n * (n - 1), 1))
  end,
}

local regularizers = declare.catalogue("regularizer", { L1, L2, L1L2, OrthogonalRegularizer }, {
  l1_l2 = L1L2, orthogonal_regularizer = OrthogonalRegularizer,
})

regularizers.Regularizer = Regularizer

return regularizers
