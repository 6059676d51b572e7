-- Reductions of sizes that take several lanes, blocks and strips, against loops in Lua; and how
-- exact long sums are.

local k = require "lunula"

local ops = k.ops
local nan = 0 / 0

-- Whole numbers from -50 to 50 in no order: sums are exact, many are equal. As a list
-- of the shape (2, n, inner).
local function whole_numbers(n, inner)
  local list, state = {}, 7
  for i = 1, 2 * n * inner do
    state = (state * 1103515245 + 12345) % 2147483648
    list[i] = state // 65536 % 101 - 50
  end
  return list
end

-- join(so far or nil, number, place) -> what the loop goes on with
local function fold(list, n, inner, join)
  local y = {}
  for o = 0, 1 do
    for i = 1, inner do
      local so_far
      for j = 0, n - 1 do so_far = join(so_far, list[(o * n + j) * inner + i], j) end
      y[o * inner + i] = so_far
    end
  end
  return y
end

local function sum(a, b) return (a or 0) + b end
-- the first NaN is the largest and the smallest
local function max(a, b) return (a == nil or b > a or b ~= b) and b or a end
local function min(a, b) return (a == nil or b < a or b ~= b) and b or a end

local function arg(better)
  return function (list, n, inner)
    local y = {}
    for i, best in ipairs(fold(list, n, inner, function (a, b, j)
      local take = a == nil or a[1] == a[1] and (better(b, a[1]) or b ~= b)
      return take and { b, j } or a
    end)) do y[i] = best[2] end
    return y
  end
end
local arg_max = arg(function (b, a) return b > a end)
local arg_min = arg(function (b, a) return b < a end)

local function check(list, n, inner, dtype)
  local x = k.tensor(list, { shape = { 2, n, inner }, dtype = dtype })
  local function same(y, wanted) assert.near_all(ops.reshape(y, { -1 }), wanted, 0) end
  same(ops.sum(x, 1), fold(list, n, inner, sum))
  same(ops.max(x, 1), fold(list, n, inner, max))
  same(ops.min(x, 1), fold(list, n, inner, min))
  same(ops.argmax(x, 1), arg_max(list, n, inner))
  same(ops.argmin(x, 1), arg_min(list, n, inner))
end

describe("a reduction sees every number once", function ()
  for inner, lengths in pairs {
    [1] = { 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130, 4095, 4096, 4200, 12345 },
    [3] = { 1, 21, 22, 23, 65, 1407, 1408, 1500 }, [63] = { 1, 2, 3, 129, 130 },
    [64] = { 1, 2, 63, 64, 65, 130 }, [65] = { 1, 66 }, [513] = { 1, 5, 67 }, [1025] = { 3 },
  } do
    for _, n in ipairs(lengths) do
      it(("%d rows of %d"):format(n, inner), function ()
        local list = whole_numbers(n, inner)
        check(list, n, inner, "float32")
        check(list, n, inner, "int32")
      end)
    end
  end
end)

describe("the largest and the smallest", function ()
  it("are found wherever they stand", function ()
    for _, n in ipairs { 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 100, 600 } do
      local one = ops.eye(n) -- in row and column i at place i
      local places = ops.arange(n)
      for axis = 0, 1 do
        assert.near_all(ops.argmax(one, axis), places, 0)
        assert.near_all(ops.argmin(-one, axis), places, 0)
        assert.near_all(ops.max(one, axis), ops.ones { n }, 0)
        assert.near_all(ops.min(-one, axis), -ops.ones { n }, 0)
      end
    end
  end)
end)

describe("a number that is none", function ()
  for _, size in ipairs { { 8, 1 }, { 100, 1 }, { 100, 3 }, { 70, 64 } } do
    local n, inner = size[1], size[2]
    it(("is the largest and the smallest of %d rows of %d"):format(n, inner), function ()
      for _, at in ipairs { 1, n // 2, n } do
        local list = whole_numbers(n, inner)
        list[(at - 1) * inner + 1] = nan
        list[(n - 1) * inner + 1] = nan
        check(list, n, inner, "float32")
      end
    end)
  end
end)

describe("running sums", function ()
  for _, size in ipairs { { 1, 1 }, { 7, 1 }, { 300, 1 }, { 1, 5 }, { 6, 5 }, { 40, 70 } } do
    local n, inner = size[1], size[2]
    it(("of %d rows of %d, from either end, with and without the number itself"):format(n, inner),
      function ()
        local list = whole_numbers(n, inner)
        for _, reverse in ipairs { false, true } do
          for _, exclusive in ipairs { false, true } do
            local wanted = {}
            for line = 0, 2 * inner - 1 do
              local sum_so_far = 0
              for j = 0, n - 1 do
                local row = reverse and n - 1 - j or j
                local at = (line // inner * n + row) * inner + line % inner + 1
                wanted[at] = exclusive and sum_so_far or sum_so_far + list[at]
                sum_so_far = sum_so_far + list[at]
              end
            end
            for _, dtype in ipairs { "float32", "int32" } do
              local x = k.tensor(list, { shape = { 2, n, inner }, dtype = dtype })
              local y = ops.cumsum(x, { axis = 1, reverse = reverse, exclusive = exclusive })
              assert.near_all(ops.reshape(y, { -1 }), wanted, 0)
            end
          end
        end
      end)
  end
end)

describe("a long sum", function ()
  -- One running sum rounds the same way at every step: it is off by 1e-4. Sums of sums are not.
  for inner, n in pairs { [1] = 1000000, [3] = 200000, [100] = 20000 } do
    it(("of %d rows of %d is hardly less exact than its terms"):format(n, inner), function ()
      local wanted = ops.full({}, 0.1):item() * n
      for _, y in ipairs(ops.sum(ops.full({ n, inner }, 0.1), 0):totable()) do
        assert.is_true(math.abs(y / wanted - 1) < 1e-5, y / wanted - 1)
      end
    end)
  end
end)
