-- Products: a number of the result is a fixed tree of operations that depends on k alone. So a row
-- gives the same bits alone and in any batch, a column beside any others, at any number of threads.

local core = require "lunula.core"
local k = require "lunula"
local ops = k.ops
local native = require "spec.support.native"

local depths = { 1, 7, 63, 64, 65, 513, 1024, 1100 }
local heights = { 1, 2, 3, 5, 6, 7, 13, 14, 15, 29, 130 }
local widths = { 2, 8, 15, 16, 17, 31, 32, 33, 64, 100, 130 }

local function random(rows, columns) return k.random.uniform({ rows, columns }, -1, 1) end

local function rows(t, n) return ops.slice(t, { 0, 0 }, { n, t.shape[2] }) end

local function columns(t, n) return ops.slice(t, { 0, 0 }, { t.shape[1], n }) end

local function same_bits(what, a, b)
  if a:tobytes() ~= b:tobytes() then error(what .. ": other bits") end
end

-- The number of threads is what it was when the block ends.
local function keep_threads()
  local threads = k.threads()
  return setmetatable({}, { __close = function () k.threads(threads) end })
end

-- c[i][j] in double precision
local function by_hand(a, b, i, j, depth)
  local sum = 0.0
  for l = 1, depth do sum = sum + a:get(i, l) * b:get(l, j) end
  return sum
end

describe("a product", function()
  before_each(function() k.set_random_seed(7) end)

  it("is that of the sums, whatever the sizes", function()
    for _, depth in ipairs { 1, 5, 64, 100, 700 } do
      local a, b = random(130, depth), random(depth, 130)
      local c = ops.matmul(a, b)
      for _, i in ipairs { 1, 14, 15, 130 } do
        for _, j in ipairs { 1, 16, 17, 32, 33, 130 } do
          assert.near(by_hand(a, b, i, j, depth), c:get(i, j), 1e-5 * math.sqrt(depth))
        end
      end
    end
  end)

  native("gives a row the same bits in any batch", function()
    for _, depth in ipairs(depths) do
      for _, width in ipairs { 2, 33, 130, 300 } do
        local a, b = random(130, depth), random(depth, width)
        local all = ops.matmul(a, b)
        for _, m in ipairs(heights) do
          same_bits(("%d rows of %d x %d"):format(m, depth, width), rows(all, m),
            ops.matmul(rows(a, m), b))
        end
      end
    end
  end)

  -- What lies 1024 numbers apart is copied before it is read: here columns, in others rows.
  native("gives the same bits of a turned side, however far its columns are", function()
    for _, depth in ipairs { 3, 520, 16500 } do
      local a, b = random(depth, 1024), random(depth, 35)
      local turned = ops.transpose(a)
      for _, n in ipairs { 2, 33, 35 } do
        local right = columns(b, n)
        same_bits(("%d columns of %d"):format(n, depth), ops.matmul(turned, right),
          ops.matmul(a, right, true))
      end
    end
  end)

  -- From some 450 rows on the right side is packed before all parts, up to 2^18 numbers of it;
  -- and wide ones go in wider pieces.
  native("gives a row the same bits in a tall batch", function()
    local _ <close> = keep_threads()
    for _, sizes in ipairs { { 70, 32 }, { 513, 130 }, { 257, 1040 }, { 1030, 300 } } do
      local depth, width = table.unpack(sizes)
      local a, b, row = random(1100, depth), random(depth, width), random(1, width)
      local bt = ops.transpose(b)
      local few = rows(ops.relu(ops.matmul(rows(a, 40), b) + row), 40):tobytes()
      for _, m in ipairs { 447, 448, 1100 } do
        for n = 1, 3 do
          k.threads(n)
          local f = core.trace({ { shape = { false, depth } } }, function (x)
            return ops.relu(ops.matmul(x, b) + row), core.ops.matmul(x, bt, false, true)
          end)
          local finished, plain = f(rows(a, m))
          local what = ("%d rows of %d x %d, %d threads"):format(m, depth, width, n)
          assert.is_true(few == rows(finished, 40):tobytes(), what)
          same_bits(what, finished, ops.relu(plain + row))
        end
      end
    end
  end)

  native("gives a column the same bits beside any others", function()
    for _, depth in ipairs(depths) do
      for _, m in ipairs { 1, 2, 5, 14, 40 } do
        local a, b = random(m, depth), random(depth, 130)
        local all = ops.matmul(a, b)
        for _, n in ipairs(widths) do
          same_bits(("%d columns of %d x %d"):format(n, m, depth), columns(all, n),
            ops.matmul(a, columns(b, n)))
        end
      end
    end
  end)

  native("does not care how its sides lie", function()
    for _, depth in ipairs(depths) do
      for _, m in ipairs { 1, 3, 15, 40 } do
        for _, n in ipairs { 2, 17, 32, 50, 130 } do
          local a, b = random(m, depth), random(depth, n)
          local at, bt, c = ops.transpose(a), ops.transpose(b), ops.matmul(a, b)
          local what = ("%d x %d x %d"):format(m, n, depth)
          same_bits(what, c, core.ops.matmul(at, b, true, false))
          same_bits(what, c, core.ops.matmul(a, bt, false, true))
          same_bits(what, c, core.ops.matmul(at, bt, true, true))
        end
      end
    end
  end)

  native("of one column gives a row the same bits in any batch", function()
    for _, depth in ipairs(depths) do
      local a, b = random(130, depth), random(depth, 1)
      local all = ops.matmul(a, b)
      assert.near(by_hand(a, b, 130, 1, depth), all:get(130, 1), 1e-5 * math.sqrt(depth))
      for _, m in ipairs(heights) do
        same_bits(m .. " rows", rows(all, m), ops.matmul(rows(a, m), b))
      end
      local turned = core.ops.matmul(ops.transpose(a), b, true, false)
      assert.near(all:get(130, 1), turned:get(130, 1), 1e-5 * math.sqrt(depth))
    end
  end)

  native("of one column is the same with zeros behind its rows", function()
    for depth = 1, 64 do
      local a, b = random(5, depth), random(depth, 1)
      local longer = { { 0, 0 }, { 0, 70 - depth } }
      same_bits(depth .. " deep", ops.matmul(a, b),
        ops.matmul(ops.pad(a, longer), ops.pad(b, { longer[2], longer[1] })))
      local none = ops.matmul(a * 0, b * -1) -- products of -0 have the sum 0
      assert.equal(math.huge, 1 / none:get(1, 1))
    end
  end)

  it("is finished the same in parts and as a whole", function()
    local a, b, more = random(40, 700), random(700, 650), random(40, 650)
    local row, column = random(1, 650), random(40, 1)
    local function f(x, w)
      return (ops.matmul(x, w) + row) * column + more - ops.exp(row)
    end
    local specs = { { shape = { 40, 700 } }, { shape = { 700, 650 } } }
    local naive = core.trace(specs, f):passes "naive"
    same_bits("parts", naive(a, b), core.trace(specs, f)(a, b))
  end)

  native("with weights is the same in each run, forwards and backwards", function()
    local threads = k.threads()
    for _, depth in ipairs { 40, 600, 1100, 2048 } do
      for _, width in ipairs { 8, 33, 70, 100, 130, 700 } do
        local b = random(depth, width)
        local weight = core.variable { value = b }
        local run = core.trace({ { shape = { false, depth } } }, function(x)
          return ops.relu(ops.matmul(x, weight))
        end)
        for _, m in ipairs { 1, 2, 3, 14, 40, 130 } do
          local a = random(m, depth)
          local wanted = ops.relu(ops.matmul(a, b))
          for n = 1, 4 do
            k.threads(n > 2 and 3 or 1)
            same_bits(("run %d, %d x %d x %d"):format(n, m, width, depth), wanted, run(a))
          end
        end
      end
    end
    k.threads(threads)
  end)

  native("of long rows keeps what it adds to large sums", function()
    local depth = 40000
    local a, b = random(61, depth), ops.ones { depth, 33 }
    a = a + 1
    local all = ops.matmul(a, b)
    assert.near(1, all:get(61, 33) / by_hand(a, b, 61, 33, depth), 2e-6)
    same_bits("a row", rows(all, 1), ops.matmul(rows(a, 1), b))
    same_bits("turned", all, core.ops.matmul(ops.transpose(a), b, true, false))
  end)

  native("of long rows with weights is finished like any other", function()
    local _ <close> = keep_threads()
    local depth = 20480
    local a, b, row = random(130, depth), random(depth, 70), random(1, 70)
    local weight = core.variable { value = b }
    local run = core.trace({ { shape = { false, depth } } }, function(x)
      return ops.gelu(ops.matmul(x, weight) + row)
    end)
    for _, m in ipairs { 1, 3, 20, 61, 130 } do
      local wanted = ops.gelu(ops.matmul(rows(a, m), b) + row)
      for n = 1, 2 do
        k.threads(n)
        same_bits(m .. " rows", wanted, run(rows(a, m)))
      end
    end
  end)

  native("of rows 4 KB apart is the same by any thread, finished in a block or not", function()
    local _ <close> = keep_threads()
    local a = random(260, 1024)
    for _, width in ipairs { 40, 300, 1170, 1200 } do
      local b, row = random(1024, width), random(1, width)
      local weight = core.variable { value = b }
      local run = core.trace({ { shape = { false, 1024 } } }, function(x)
        return ops.gelu(ops.matmul(x, weight) + row)
      end)
      for _, m in ipairs { 15, 57, 112, 260 } do
        k.threads(1)
        local wanted = rows(ops.gelu(ops.matmul(a, b) + row), m)
        for n = 1, 2 do
          k.threads(n)
          same_bits(m .. " rows", wanted, run(rows(a, m)))
          same_bits(m .. " rows at once", wanted, ops.gelu(ops.matmul(rows(a, m), b) + row))
        end
      end
    end
  end)

  it("of nothing is nothing", function()
    local c = ops.matmul(ops.zeros { 3, 0 }, ops.zeros { 0, 40 })
    assert.same({ 3, 40 }, { c.shape[1], c.shape[2] })
    assert.equal(0, ops.max(ops.abs(c)):item())
    assert.equal(0, ops.matmul(ops.zeros { 0, 5 }, ops.zeros { 5, 4 }).size)
    -- in a plan a step of nothing has no task
    local a = random(9, 6)
    local spec = { { shape = { false, 3, 6, 3 } } }
    local f = core.trace(spec, function (x) return ops.matmul(a, x) end)
    for _ = 1, 50 do assert.equal(0, f(ops.zeros { 0, 3, 6, 3 }).size) end
  end)

  it("gives the same bits at any number of threads", function()
    local threads = k.threads()
    local a, b = random(400, 700), random(700, 530)
    k.threads(1)
    local alone = ops.matmul(a, b)
    for n = 2, 4 do
      k.threads(n)
      same_bits(n .. " threads", alone, ops.matmul(a, b))
    end
    k.threads(threads)
  end)
end)
