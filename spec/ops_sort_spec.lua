-- Sorting and what is made of it, beyond the table of cases: rows of all lengths, which go
-- different ways, the order of what is equal, how many threads; sizes that come from data; corners
-- that only a run tells.

local core = require "lunula.core"
local k = require "lunula"

local ops = k.ops
local nan, inf = 0 / 0, math.huge

local function int(data) return core.tensor(data, { dtype = "int32" }) end

-- ---- numbers of many kinds --------------------------------------------------------------------

local kinds = {
  { "real", function () return math.random() end },
  { "few", function () return math.random(-3, 3) end },
  { "of all sizes", function () return (math.random() - 0.5) * 10.0 ^ math.random(-44, 38) end },
  { "one far away", function (i) return i == 5 and 1e30 or math.random() + 1 end },
  { "all the same", function () return 7 end },
  { "ascending", function (i) return i end },
  { "descending", function (i) return -i end },
  { "odd", function ()
    return ({ nan, -nan, inf, -inf, 0.0, -0.0, 1e-40, -1e-40, 1, -1 })[math.random(10)]
  end },
}

-- Short rows, those that are merged, those of one thread, and those of all.
local lengths = { 1, 2, 8, 9, 127, 128, 1000, 4095, 5000, 32768, 32769, 70000, 140000 }

-- Whether the number at place a comes before that at b: NaN last (first), what is equal in order.
local function comes_before(x, descending)
  return function (a, b)
    local u, v = x[a], x[b]
    local u_is_nan, v_is_nan = u ~= u, v ~= v
    if u_is_nan ~= v_is_nan then
      if descending then return u_is_nan end
      return v_is_nan
    end
    if u_is_nan or u == v then return a < b end
    if descending then return u > v end
    return u < v
  end
end

local function numbers(n, make)
  local data = {}
  for i = 1, n do data[i] = make(i) + 0.0 end
  return core.tensor(data, { dtype = "float32" })
end

local function check_order(places, x, descending)
  local before = comes_before(x:totable(), descending)
  local list = places:totable()
  for i = 2, #list do
    if not before(list[i - 1] + 1, list[i] + 1) then
      error(("places %d and %d are in the wrong order"):format(i - 1, i), 0)
    end
  end
end

describe("sorting", function ()
  before_each(function () math.randomseed(3) end)

  for _, kind in ipairs(kinds) do
    it("puts numbers in order, NaN last: " .. kind[1], function ()
      for _, n in ipairs(lengths) do
        local x = numbers(n, kind[2])
        local places = ops.argsort(x)
        check_order(places, x, false)
        assert.equal(ops.gather(x, places):tobytes(), ops.sort(x):tobytes())
      end
    end)

    it("finds the largest, the first of equal ones first: " .. kind[1], function ()
      for _, n in ipairs(lengths) do
        local x = numbers(n, kind[2])
        for _, count in ipairs { 1, 10, 33, 500, 5000 } do
          if count <= n then
            local values, places = ops.top_k(x, count)
            check_order(places, x, true)
            assert.equal(ops.gather(x, places):tobytes(), values:tobytes())
            local least = values[count]
            local more = ops.sum(ops.cast(ops.greater(x, least), "int32")):item()
            assert.is_true(least ~= least or more < count)
          end
        end
      end
    end)
  end

  it("gives the same bits with one thread and with more", function ()
    local function results()
      local bytes = {}
      for _, x in ipairs { k.random.normal({ 3, 50000 }, 0, 1, nil, 1),
        k.random.normal({ 300, 500 }, 0, 1, nil, 2), k.random.normal({ 200000 }, 0, 1, nil, 3) } do
        bytes[#bytes + 1] = ops.argsort(x):tobytes()
        bytes[#bytes + 1] = ops.sort(x):tobytes()
        for _, y in ipairs { ops.top_k(x, 20) } do bytes[#bytes + 1] = y:tobytes() end
        bytes[#bytes + 1] = ops.searchsorted(ops.sort(ops.ravel(x)), ops.ravel(x)):tobytes()
      end
      return bytes
    end
    local _ <close> = setmetatable({}, { __close = function () core.threads(0) end })
    core.threads(1)
    local alone = results()
    core.threads(3)
    assert.same(alone, results())
  end)

  it("takes whole numbers to their ends", function ()
    local x = int { 2147483647, -2147483648, 0, -1, 2147483647 }
    assert.same({ 1, 3, 2, 0, 4 }, ops.argsort(x):totable())
    assert.same({ 0, 4, 2, 3, 1 }, select(2, ops.top_k(x, 5)):totable())
  end)

  it("sorts in the body of a loop", function ()
    local rows = k.random.normal({ 4, 40000 }, 0, 1, nil, 1)
    local sorted = ops.map(function (row) return ops.sort(row) end, rows)
    assert.equal(ops.sort(rows):tobytes(), sorted:tobytes())
  end)
end)

describe("searchsorted", function ()
  it("counts NaN last", function ()
    local sorted = core.tensor { 1, 2, nan }
    assert.same({ 2, 0, 2 }, ops.searchsorted(sorted, core.tensor { nan, -inf, inf }):totable())
    assert.same({ 3 }, ops.searchsorted(sorted, core.tensor { nan }, "right"):totable())
  end)

  it("finds a place among none", function ()
    assert.same({ 0, 0 }, ops.searchsorted(ops.zeros { 0 }, core.tensor { 1, 2 }):totable())
  end)
end)

-- ---- sizes that come from data ----------------------------------------------------------------

describe("sizes that depend on values", function ()
  local one = { { shape = { false }, dtype = "float32" } }

  it("are not known in a trace, which says what to do", function ()
    assert.error_at_line(function () core.trace(one, function (x) return (ops.unique(x)) end) end,
      "unique: how many different values there are depends on values that are not known yet "
        .. "(give size; Lambda{f, trace = false} runs it with them)")
    assert.error_at_line(function () core.trace(one, function (x) return (ops.nonzero(x)) end) end,
      "nonzero: how many places there are depends on values that are not known yet "
        .. "(Lambda{f, trace = false} runs it with them)")
  end)

  it("make a Lambda a step of the host", function ()
    local function f(x) return ops.expand_dims(ops.sum(ops.unique(x)) + ops.sum(x, 1), -1) end
    local warn = require "lunula.utils.warn"
    local said, sink = {}, warn.sink
    local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
    warn.sink = function (text) said[#said + 1] = text end
    local model = k.Sequential { k.Input { shape = { 3 } }, k.layers.Lambda { f } }
    local x = core.tensor { { 1, 2, 2 }, { 5, 1, 7 } }
    assert.near_all(model:predict(x, { verbose = 0 }), f(x))
    assert.equal(1, #said)
  end)

  it("may be given", function ()
    local f = core.trace({ { shape = { false }, dtype = "int32" } }, function (x)
      return ops.unique(x, { size = 4, fill_value = -1, return_counts = true })
    end)
    local values, counts = f(int { 3, 3, 1 })
    assert.same({ { 1, 3, -1, -1 }, { 1, 2, 0, 0 } }, { values:totable(), counts:totable() })
    values, counts = f(int { 9, 8, 7, 6, 5, 5 })
    assert.same({ { 5, 6, 7, 8 }, { 2, 1, 1, 1 } }, { values:totable(), counts:totable() })
  end)

  it("are none of nothing", function ()
    local values, counts = ops.unique(ops.zeros { 0 }, { return_counts = true, size = 2 })
    assert.same({ { 0, 0 }, { 0, 0 } }, { values:totable(), counts:totable() })
    assert.same({ 0 }, { ops.unique(ops.zeros { 0 }).size })
    assert.same({ 0 }, { ops.nonzero(ops.zeros { 3 }).size })
  end)

  it("tells each NaN from the others", function ()
    local values, counts = ops.unique(core.tensor { nan, 1, nan }, { return_counts = true })
    assert.near_all(values, { 1, nan, nan })
    assert.same({ 1, 1, 1 }, counts:totable())
  end)
end)

-- ---- corners that only a run tells ------------------------------------------------------------

describe("corners that are traced", function ()
  local x = ops.reshape(ops.arange(24), { 2, 3, 4 })
  local specs = { { shape = { false, 3, 4 }, dtype = "int32" }, { shape = { 3 }, dtype = "int32" } }

  it("are those of slice", function ()
    local f = core.trace(specs, function (t, at) return ops.slice(t, at, { 1, 2, 2 }) end)
    for _, at in ipairs { { 0, 0, 0 }, { 1, 1, 2 } } do
      assert.same(ops.slice(x, at, { 1, 2, 2 }):totable(), f(x, int(at)):totable())
    end
    assert.error_at_line(function () f(x, int { 0, 2, 0 }) end, "index 3 in sample 2 is out of")
  end)

  it("are those of slice_update, held inside", function ()
    local new = int { { { -1, -2 } } }
    local f = core.trace(specs, function (t, at) return ops.slice_update(t, at, new) end)
    for _, at in ipairs { { 0, 0, 0 }, { 1, 2, 2 } } do
      assert.same(ops.slice_update(x, at, new):totable(), f(x, int(at)):totable())
    end
    assert.same(ops.slice_update(x, { 1, 2, 2 }, new):totable(), f(x, int { 7, 7, 7 }):totable())
  end)

  it("have gradients", function ()
    local y, new = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } }, core.tensor { { 2, 3 } }
    local f = core.trace({ { shape = { 2, 3 } }, { shape = { 1, 2 } },
      { shape = { 2 }, dtype = "int32" } }, function (a, b, at)
        local _, grads = core.value_and_grad(function (u, v)
          return ops.sum(ops.square(ops.slice_update(u, at, v)))
            + ops.sum(ops.slice(u, at, { 1, 2 }) ^ 3)
        end)(a, b)
        return grads[1], grads[2]
      end)
    local da, db = f(y, new, int { 1, 1 })
    assert.near_all(da, { { 2, 4, 6 }, { 8, 75, 108 } })
    assert.near_all(db, { { 4, 6 } })
  end)

  it("need sizes", function ()
    core.trace(specs, function (t, at)
      assert.error_at_line(function () ops.slice(t, at, { 1, -1, 2 }) end,
        "slice: axis 1: the size must be given, as the start is a traced tensor")
      return t
    end)
  end)
end)

-- ---- bits ------------------------------------------------------------------------------------

describe("view", function ()
  it("makes larger elements of a part that begins anywhere", function ()
    local bytes = core.tensor({ 9, 1, 0, 0, 0, 2, 1, 0, 0 }, "int8")
    local function wider(x) return ops.view(ops.slice(x, { 1 }, { 8 }), "int32") * 2 end
    assert.same({ 2, 516 }, wider(bytes):totable())
    local traced = core.trace({ { shape = { false }, dtype = "int8" } }, wider)
    assert.same({ 2, 516 }, traced(bytes):totable())
    assert.same({ 0 }, ops.view(ops.zeros({ 0 }, "int8"), "int32").shape)
  end)
end)

-- ---- what is refused --------------------------------------------------------------------------

describe("refused at the line", function ()
  local x = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  local rows = {
    "top_k: k is 4, the last axis of x, (2, 3), has fewer",
    function () ops.top_k(x, 4) end,
    "top_k: axis -1 is out of range for a tensor of rank 0",
    function () ops.top_k(core.tensor(1), 1) end,
    "sort: axis 2 is out of range for a tensor of rank 2",
    function () ops.sort(x, 2) end,
    "argpartition: kth is 3, there are 3 elements along the axis",
    function () ops.argpartition(x, 3) end,
    "nonzero: a single number has no places",
    function () ops.nonzero(core.tensor(1)) end,
    "unique: a size of -1",
    function () ops.unique(x, { size = -1 }) end,
    'searchsorted: side must be left or right, got "middle"',
    function () ops.searchsorted(x[1], x, "middle") end,
    "searchsorted: sorted_sequence has one axis, its shape is (2, 3) (ops.map takes the rows of "
      .. "several)",
    function () ops.searchsorted(x, x) end,
    'quantile: method must be linear, lower, higher, midpoint or nearest, got "cubic"',
    function () ops.quantile(x, 0.5, { method = "cubic" }) end,
    "median: (0, 3) has no elements along the axis",
    function () ops.median(ops.zeros { 0, 3 }, 0) end,
    "histogram: x has one axis and bins is 1 or more, got shape (2, 3) and 10",
    function () ops.histogram(x) end,
    "histogram: range must be {least, most}",
    function () ops.histogram(x[1], 3, { 2, 1 }) end,
    "corrcoef: x has two axes, its shape is (3,)",
    function () ops.corrcoef(x[1]) end,
    'correlate: mode must be valid, same or full, got "some"',
    function () ops.correlate(x[1], x[2], "some") end,
    "cdist: x and y have two axes or more and the same last one, they are (2, 3) and (3, 2)",
    function () ops.cdist(x, ops.transpose(x)) end,
    "bitwise_and: whole numbers are wanted, got float32",
    function () ops.bitwise_and(x, 1) end,
    "bitwise_not: whole numbers are wanted, got float32",
    function () ops.bitwise_not(x) end,
    "gcd: whole numbers are wanted, got float32",
    function () ops.gcd(x, 2) end,
    "ldexp: x2 must be whole numbers, it is float32",
    function () ops.ldexp(x, x) end,
    "view: the last axis of (2, 3), float32, does not make whole elements of float64",
    function () ops.view(x, "float64") end,
    "view: the bits of int32 are no bool",
    function () ops.view(int { 1 }, "bool") end,
    "unravel_index: nothing has a place in shape (2, 0)",
    function () ops.unravel_index(int { 1 }, { 2, 0 }) end,
    'rearrange: the pattern "a b" has no ->',
    function () ops.rearrange(x, "a b") end,
    'rearrange: c comes from nowhere in "a b -> a b c"',
    function () ops.rearrange(x, "a b -> a b c") end,
    'rearrange: b gets lost in "a b -> a"',
    function () ops.rearrange(x, "a b -> a") end,
    "rearrange: an axis of size 3 does not come apart as (b c)",
    function () ops.rearrange(x, "a (b c) -> a b c", { b = 2 }) end,
    "rearrange: the sizes of b and c are not said, one of them must be",
    function () ops.rearrange(x, "a (b c) -> a b c") end,
    'rearrange: d = 2 is no size of an axis of "a b"',
    function () ops.rearrange(x, "a b -> b a", { d = 2 }) end,
  }
  for i = 1, #rows, 2 do
    it("says: " .. rows[i], function () assert.error_at_line(rows[i + 1], rows[i]) end)
  end
end)
