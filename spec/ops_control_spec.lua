-- Branches and loops: with values, inside traces, and their gradients.

local core = require "lunula.core"
local lunula = require "lunula"
local ops = require "lunula.ops"

local function vector(...) return core.tensor({ ... }, { dtype = "float32" }) end
local spec_of_3 = { { shape = { 3 }, dtype = "float32" } }

describe("cond", function ()
  it("a loop that reads nothing is run", function ()
    local _, ys = ops.scan(function (carry) return carry, ops.ones { 2 } end, {}, nil, 3)
    assert.are.same({ 3, 2 }, { ys.shape[1], ys.shape[2] })
    ops.scan(function () end, {}, nil, 2)
  end)

  it("runs one branch when the value is known", function ()
    local ran = {}
    local y = ops.cond(core.tensor(true), function () ran[1] = "yes" return vector(1) end,
      function () ran[2] = "no" return vector(2) end)
    assert.near_all(y, { 1 })
    assert.are.same({ "yes" }, ran)
    local function one() return 1 end
    assert.near_all(ops.cond(core.tensor(false), one, function () return 2 end), 2)
  end)

  it("selects in a trace, with both gradients", function ()
    local function f(x)
      local function double() return x * 2 end
      return ops.cond(ops.less(0, ops.sum(x)), double, function () return x * x end)
    end
    local traced = core.trace(spec_of_3, f)
    assert.near_all(traced(vector(1, 2, 3)), { 2, 4, 6 })
    assert.near_all(traced(vector(-1, -2, -3)), { 1, 4, 9 })
    local slope = core.trace(spec_of_3, function (x) return core.grad(ops.sum(f(x)), { x })[1] end)
    assert.near_all(slope(vector(1, 2, 3)), { 2, 2, 2 })
    assert.near_all(slope(vector(-1, -2, -3)), { -2, -4, -6 })
  end)

  it("wants as many results from both branches", function ()
    core.trace(spec_of_3, function (x)
      assert.error_at_line(function ()
        ops.cond(ops.less(0, ops.sum(x)), function () return x, x end, function () return x end)
      end, "the branches return 2 and 1 results")
      return x
    end)
  end)
end)

describe("switch", function ()
  local branches = {
    function (x) return x end, function (x) return x * 10 end, function (x) return x * 100 end,
  }

  it("takes the branch, and the nearest one for other numbers", function ()
    for index, wanted in pairs { [0] = 3, [1] = 30, [2] = 300, [7] = 300, [-1] = 3 } do
      assert.near_all(ops.switch(core.tensor(index), branches, { vector(3) }), { wanted })
    end
  end)

  it("selects in a trace", function ()
    local f = core.trace({ { shape = {}, dtype = "int32" } }, function (i)
      return (ops.switch(i, branches, { vector(3) }))
    end)
    for index, wanted in pairs { [0] = 3, [1] = 30, [2] = 300, [7] = 300, [-1] = 3 } do
      assert.near_all(f(core.tensor(index)), { wanted })
    end
  end)
end)

describe("loops", function ()
  it("while_loop runs as long as the condition holds", function ()
    local i, sum = ops.while_loop(function (i) return ops.less(i, 4) end,
      function (i, sum) return i + 1, sum + i end, { core.tensor(0), core.tensor(0) })
    assert.near_all(i, 4)
    assert.near_all(sum, 6)
  end)

  it("while_loop stops after maximum_iterations", function ()
    local i = ops.while_loop(function () return true end, function (i) return i + 1 end,
      { core.tensor(0) }, 3)
    assert.near_all(i, 3)
  end)

  it("while_loop asks for a value, which a trace has not", function ()
    core.trace(spec_of_3, function (x)
      local ok, message = pcall(ops.while_loop, function (y) return ops.less(ops.sum(y), 9) end,
        function (y) return y + 1 end, { x })
      assert.is_false(ok)
      assert.is_true(message.symbolic)
      return x
    end)
  end)

  it("fori_loop counts", function ()
    local y = ops.fori_loop(1, 4, function (i, value) return value * 2 + i end, vector(1))
    assert.near_all(y, { 8 + 4 + 4 + 3 })
    local f = core.trace(spec_of_3, function (x)
      return ops.fori_loop(0, 3, function (_, value) return value * x end, x)
    end)
    assert.near_all(f(vector(1, 2, 3)), { 1, 16, 81 })
  end)
end)

describe("rows", function ()
  local rows = core.tensor({ { 1, 2 }, { 3, 4 }, { 5, 6 } }, { dtype = "float32" })

  it("map and vectorized_map apply a function to each", function ()
    for _, map in ipairs { ops.map, ops.vectorized_map } do
      assert.near_all(map(function (row) return ops.sum(row) end, rows), { 3, 7, 11 })
      local pair = map(function (row) return { row, ops.max(row) } end, rows)
      assert.near_all(pair[1], rows)
      assert.near_all(pair[2], { 2, 4, 6 })
      assert.near_all(map(function (both) return both[1] + both[2] end, { rows, rows }), rows * 2)
    end
  end)

  it("scan carries a value from row to row", function ()
    local total, sums = ops.scan(function (carry, row)
      local sum = carry + row
      return sum, sum
    end, vector(0, 0), rows)
    assert.near_all(total, { 9, 12 })
    assert.near_all(sums, { { 1, 2 }, { 4, 6 }, { 9, 12 } })
    local _, backwards = ops.scan(function (carry, row)
      local sum = carry + row
      return sum, sum
    end, vector(0, 0), rows, { reverse = true })
    assert.near_all(backwards, { { 9, 12 }, { 8, 10 }, { 5, 6 } })
  end)

  it("scan counts turns without rows", function ()
    local last, powers = ops.scan(function (carry) return carry * 2, carry end, vector(1), nil, 4)
    assert.near_all(last, { 16 })
    assert.near_all(powers, { { 1 }, { 2 }, { 4 }, { 8 } })
  end)

  it("scan has gradients in a trace", function ()
    local f = core.trace({ { shape = { 3, 2 }, dtype = "float32" } }, function (x)
      local y = ops.scan(function (carry, row) return carry * row, nil end, vector(1, 1), x)
      return core.grad(ops.sum(y), { x })[1]
    end)
    assert.near_all(f(rows), { { 15, 24 }, { 5, 12 }, { 3, 8 } })
  end)

  it("may be of unknown number", function ()
    local f = core.trace({ { shape = { false, 2 }, dtype = "float32" } }, function (x)
      return ops.map(function (row) return ops.max(row) * 2 end, x)
    end)
    assert.near_all(f(rows), { 4, 8, 12 })
    assert.near_all(f(rows[1]:reshape { 1, 2 }), { 4 })
  end)

  it("want rows or a length", function ()
    assert.error_at_line(function () ops.scan(function (c) return c end, 1) end,
      "scan: give xs or length")
  end)
end)

describe("associative_scan", function ()
  local function add(a, b) return a + b end

  it("gives running results of any number of rows", function ()
    for n = 1, 17 do
      local x = ops.reshape(ops.arange(2 * n), { n, 2 })
      assert.near_all(ops.associative_scan(add, x), ops.cumsum(x, 0))
      assert.near_all(ops.associative_scan(add, x, { reverse = true }),
        ops.flip(ops.cumsum(ops.flip(x, 0), 0), 0))
      assert.near_all(ops.associative_scan(add, ops.transpose(x), { axis = -1 }),
        ops.cumsum(ops.transpose(x), 1))
    end
  end)

  it("takes several tensors, and has gradients in a trace", function ()
    local function line(f, g) return { f[1] * g[1], f[2] * g[1] + g[2] } end
    local a, b = vector(2, 3, 4, 5), vector(1, -1, 2, 0.5)
    local function last(u, v) return ops.sum(ops.associative_scan(line, { u, v })[2]) end
    assert.near_all(ops.associative_scan(line, { a, b })[2], { 1, 2, 10, 50.5 })
    assert.is_true(lunula.gradcheck(last, { a, b }) < 2e-2)
    local f = core.trace({ { shape = { 4 } }, { shape = { 4 } } }, function (u, v)
      local _, grads = core.value_and_grad(last)(u, v)
      return grads[1], grads[2]
    end)
    local _, grads = core.value_and_grad(last)(a, b)
    local da, db = f(a, b)
    assert.near_all(da, grads[1])
    assert.near_all(db, grads[2])
  end)

  it("wants as many rows of each, whose number is known", function ()
    assert.error_at_line(function ()
      ops.associative_scan(function (a) return a end, { vector(1, 2), vector(1, 2, 3) })
    end, "associative_scan: the elements have 2 and 3 rows along the axis")
    core.trace({ { shape = { false } } }, function (x)
      assert.error_at_line(function () ops.associative_scan(add, x) end,
        "associative_scan: the size of axis 0 must be known, the shape is (None,)")
      return x
    end)
  end)
end)

describe("vectorize", function ()
  it("broadcasts the arguments", function ()
    local f = ops.vectorize(function (a, b) return a * b + 1 end)
    assert.near_all(f(core.tensor { { 1 }, { 2 } }, vector(1, 2, 3)), { { 2, 3, 4 }, { 3, 5, 7 } })
  end)

  it("leaves the last axes to the function, as a signature says", function ()
    local dot = ops.vectorize(function (a, b) return ops.sum(a * b) end,
      { signature = "(n),(n)->()" })
    assert.near_all(dot(core.tensor { { 1, 2 }, { 2, 3 } }, vector(1, 2)), { 5, 8 })
    local both = ops.vectorize(function (a) return ops.flip(a, 0), ops.max(a) end,
      { signature = "(n)->(n),()" })
    local turned, largest = both(core.tensor { { 1, 2 }, { 5, 3 } })
    assert.near_all(turned, { { 2, 1 }, { 3, 5 } })
    assert.near_all(largest, { 2, 5 })
  end)

  it("says what does not fit", function ()
    local f = ops.vectorize(function (a) return a end, { signature = "(n)->()" })
    assert.error_at_line(function () f(vector(1, 2)) end,
      "vectorize: result 1 has shape (2,), the signature says 0 axes")
    assert.error_at_line(function () f(vector(1), vector(2)) end,
      "vectorize: 2 arguments, the signature has 1")
    assert.error_at_line(function () ops.vectorize(print, { "a" }) end,
      "vectorize: excluded must be nil: keep what is not broadcast in a closure")
  end)
end)

describe("jvp", function ()
  local function f(x, y) return ops.sin(x) * y end
  local x, y, dx, dy = vector(0.5, 2), vector(3, -1), vector(1, 0.25), vector(0, 2)

  it("gives the result and what it changes by", function ()
    local value, change = ops.jvp(f, { x, y }, { dx, dy })
    assert.near_all(value, f(x, y))
    assert.near_all(change, ops.cos(x) * dx * y + ops.sin(x) * dy)
  end)

  it("takes lists of results, and a second result", function ()
    local _, changes = ops.jvp(function (a) return { a * a, ops.sum(a) } end, x, dx)
    assert.near_all(changes[1], 2 * x * dx)
    assert.near_all(changes[2], ops.sum(dx))
    local _, change, aux = ops.jvp(function (a) return a * 2, "seen" end, x, dx,
      { has_aux = true })
    assert.near_all(change, dx * 2)
    assert.equal("seen", aux)
  end)

  it("is traced", function ()
    local traced = core.trace({ { shape = { false } }, { shape = { false } } }, function (a, b)
      return select(2, ops.jvp(function (u) return ops.exp(u) end, { a }, { b }))
    end)
    assert.near_all(traced(x, dx), ops.exp(x) * dx)
  end)

  it("wants a tangent of the shape of each primal", function ()
    assert.error_at_line(function () ops.jvp(f, { x, y }, { dx }) end,
      "jvp: 2 primals and 1 tangents")
    assert.error_at_line(function () ops.jvp(ops.sin, { x }, { vector(1, 2, 3) }) end,
      "jvp: primal 1 is (2,), its tangent (3,)")
  end)

  it("knows results that do not change, and what is none", function ()
    assert.near_all(select(2, ops.jvp(function () return 1 end, { x }, { dx })), core.tensor(0))
    local function whole(a) return ops.cast(a, "int32") end
    assert.near_all(select(2, ops.jvp(whole, { x }, { dx })), core.tensor { 0, 0 })
    assert.error_at_line(function () ops.jvp(function () return "a" end, { x }, { dx }) end,
      "jvp: the result: a tensor, a number or a table of numbers is wanted, got string")
  end)
end)
