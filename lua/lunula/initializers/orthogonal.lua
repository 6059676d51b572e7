-- Orthogonal matrices: the Q of a random matrix, by Gram and Schmidt in blocks of columns.
--
-- A block first loses, by two matrix products, what the earlier columns cover; then its few columns
-- are made orthogonal among themselves in Lua, in double precision. So the work of order m n^2 is
-- done by matmul. Gram and Schmidt leave R with a positive diagonal, which makes Q unique.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ops = require "lunula.ops"
local random = require "lunula.ops.random"
local tools = require "lunula.ops.tools"
local initializer = require "lunula.initializers.initializer"

local block = 8

local function dot(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

-- Rows made orthonormal in place; each is cleared of the earlier ones twice, against rounding.
local function orthonormalise(rows)
  for i, row in ipairs(rows) do
    for _ = 1, 2 do
      for j = 1, i - 1 do
        local other = rows[j]
        local c = dot(row, other)
        for k = 1, #row do row[k] = row[k] - c * other[k] end
      end
    end
    local scale = 1 / math.sqrt(dot(row, row))
    for k = 1, #row do row[k] = row[k] * scale end
  end
  return rows
end

-- The rows of a (n, m), n <= m, made orthonormal.
local function orthonormal_rows(a, n, m)
  local q
  for first = 0, n - 1, block do
    local count = math.min(block, n - first)
    local rows = ops.slice(a, { first, 0 }, { count, m })
    for _ = 1, q and 2 or 0 do
      rows = rows - ops.matmul(ops.matmul(rows, q, false, true), q)
    end
    rows = core.tensor(orthonormalise(rows:totable()))
    q = q and ops.concatenate({ q, rows }, 0) or rows
  end
  return q
end

return { Orthogonal = declare.class {
  name = "Orthogonal", parent = initializer.Random,
  doc = "gain times a random matrix with orthonormal rows or columns, whichever are fewer",
  args = { { "gain", kinds.number, default = 1.0 }, initializer.seed },
  make = function (self, shape, dtype)
    if #shape < 2 then
      core.raise("Orthogonal: the shape must have rank 2 or more, got %s", declare.show(shape))
    end
    local columns, rows = shape[#shape], 1
    for i = 1, #shape - 1 do rows = rows * shape[i] end
    local n, m = math.min(rows, columns), math.max(rows, columns)
    local a = random.normal({ n, m }, 0, 1, "float32", self.key)
    local q = n > 0 and orthonormal_rows(a, n, m) or a
    if rows > columns then q = ops.transpose(q) end
    return tools.cast(ops.reshape(q, shape) * self.gain, dtype)
  end,
} }
