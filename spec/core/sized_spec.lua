-- Sizes that are computed when the program runs: known as soon as the sizes under them are.

local core = require "lunula.core"
local k = require "lunula"
local tools = require "lunula.ops.tools"
local ops = k.ops

local function traced(body)
  return core.trace({ { shape = { false, 3 }, dtype = "float32" } }, body)
end

local function rows(n) return ops.reshape(ops.arange(3 * n, nil, nil, "float32"), { n, 3 }) end

describe("a computed size", function()
  it("cuts, for every batch anew", function()
    local f = traced(function (x)
      local y = tools.part(x, 0, tools.size(x, 0) // 2, -1)
      assert.same({ false, 3 }, y.shape)
      return y
    end)
    for n = 0, 5 do
      local y = f(rows(n))
      assert.same({ n - n // 2, 3 }, y.shape)
      assert.near_all(y, tools.part(rows(n), 0, n // 2, -1), 0)
    end
  end)

  it("pads, reshapes and repeats", function()
    local f = traced(function (x)
      local half = tools.size(x, 0) // 2
      local told = tools.part(x, 0, half, 2)
      assert.same({ 2, 3 }, told.shape)
      return tools.pad(x, 0, half, half * 2, 7), ops.reshape(x, { half, 2, 3 }),
        ops.broadcast_to(core.tensor(1.5), { half, tools.max(half, 4) }), told
    end)
    local padded, pairs_of, repeated, told = f(rows(4))
    assert.same({ 10, 3 }, padded.shape)
    assert.equal(7, padded:get(2, 1))
    assert.equal(0, padded:get(3, 1))
    assert.same({ 2, 2, 3 }, pairs_of.shape)
    assert.same({ 2, 4 }, repeated.shape)
    assert.near_all(told, { { 6, 7, 8 }, { 9, 10, 11 } }, 0)
  end)

  it("says what does not fit", function()
    local f = traced(function (x)
      return tools.part(x, 0, tools.size(x, 0) - 2, 2), tools.pad(x, 0, 2 - tools.size(x, 0), 0, 0)
    end)
    assert.error_matches(function () f(rows(1)) end, "slice_sized: a size comes to %-1")
    assert.error_matches(function () f(rows(4)) end, "pad_sized: a size comes to %-2")
    f = traced(function (x) return tools.part(x, 0, 0, tools.size(x, 0) * 2) end)
    assert.error_matches(function () f(rows(2)) end, "4 elements from 0 .* do not lie in axis 0")
    f = traced(function (x) return tools.with_size(x, 0, 5) end)
    assert.error_matches(function () f(rows(4)) end, "%(4, 3%) has 12 elements, they do not fill")
  end)

  it("may not come from data", function()
    local f = traced(function (x)
      return tools.part(x, 0, 0, ops.cast(ops.max(x), "int32"))
    end)
    assert.error_matches(function () f(rows(2)) end, "slice_sized: a size depends on data")
    f = traced(function (x) -- what is told does not help
      return ops.slice_sized(x, ops.cast(ops.max(x), "int32"), core.tensor(1, "int32"), 0, 1)
    end)
    assert.error_matches(function () f(rows(2)) end, "slice_sized: a size depends on data")
    f = traced(function (x) return tools.choose(ops.cast(ops.max(x), "int32"), x, x + 1) end)
    assert.error_matches(function () f(rows(2)) end, "choose_sized: a size depends on data")
    assert.error_matches(function () traced(function (x) return tools.part(x, 0, 0, ops.max(x)) end)
    end, "a size is one whole number, got float32 %(%)")
    assert.error_matches(function () ops.reshape_sized(rows(2), {}, { -100 }) end,
      "not among the operands")
  end)

  it("passes gradients", function()
    local f = traced(function (x)
      local n = tools.size(x, 0)
      local y = tools.pad(tools.part(x, 0, n // 2, -1), 0, n, n // 2, 0)
      y = ops.reshape(y, { n * 2, 3, 1 }) * ops.broadcast_to(ops.sum(x), { 1, 1, n })
      local g = core.grad(ops.sum(ops.square(y)), { x })[1]
      return g, core.grad(ops.sum(ops.square(g)), { x })[1]
    end)
    local function plain(x)
      local n = x.shape[1]
      local function loss(a)
        local y = ops.pad(tools.part(a, 0, n // 2, -1), { { n, n // 2 }, { 0, 0 } })
        return ops.sum(ops.square(ops.expand_dims(y, 2) * ops.ones { 1, 1, n } * ops.sum(a)))
      end
      local _, g = k.value_and_grad(loss)(x)
      return g
    end
    for n = 2, 4 do
      local given, second = f(rows(n))
      local wanted = plain(rows(n))
      assert.near_all(given, type(wanted) == "table" and wanted[1] or wanted, 1e-3)
      assert.same({ n, 3 }, second.shape)
    end
  end)

  it("is the same with every plan", function()
    local f = traced(function (x)
      local n = tools.size(x, 0)
      return tools.part(x * 2, 0, n // 2, -1) + 1
    end)
    local wanted = f(rows(5))
    f:passes "naive"
    assert.near_all(f(rows(5)), wanted, 0)
  end)
end)

describe("a shape with computed sizes", function ()
  it("serves what makes tensors, and what reshapes them", function ()
    local f = traced(function (x)
      local n = ops.shape(x)[1]
      assert.same({ false, 3 }, x.shape)
      return ops.zeros { n, 2 }, ops.ones(n, "int32"), ops.full({ 2, n }, 7), ops.arange(n),
        ops.arange(n, -1, -2), ops.arange(1, n * 2, 3, "float32"),
        ops.broadcast_to(ops.ones { 1, 2 }, { n, 2 }), ops.reshape(x, { n, 3, 1 }),
        ops.reshape(x, n * 3), ops.full({ n, 3 }, x)
    end)
    local x = rows(4)
    local given = { f(x) }
    local wanted = { ops.zeros { 4, 2 }, ops.ones({ 4 }, "int32"), ops.full({ 2, 4 }, 7),
      ops.arange(4), ops.arange(4, -1, -2), ops.arange(1, 8, 3, "float32"), ops.ones { 4, 2 },
      ops.reshape(x, { 4, 3, 1 }), ops.ravel(x), x }
    for i, y in ipairs(wanted) do
      assert.same(y.shape, given[i].shape)
      assert.equal(y.dtype, given[i].dtype)
      assert.near_all(given[i], y, 0)
    end
    assert.same({ 0, 2 }, f(rows(0)).shape)
  end)

  it("takes tensors whose values are known too", function ()
    local n = ops.dim(rows(2), 0)
    assert.same({ 2, 3 }, ops.zeros({ n, 3 }).shape)
    assert.same({ 3, 2 }, ops.reshape(rows(2), { -1, n }).shape)
    assert.near_all(ops.arange(n), { 0, 1 }, 0)
  end)

  it("draws noise for each row, as a variational encoder does", function ()
    local Sampling = k.layer "SizedSampling" {
      call = function (_, mean)
        return mean + k.random.normal({ ops.shape(mean)[1], 2 }, { seed = 1 })
      end,
    }
    local input = k.Input { 2 }
    local model = k.Model { inputs = input, outputs = Sampling {} (input) }
    assert.same({ false, 2 }, { table.unpack(model.output_shape) })
    for _, n in ipairs { 1, 5 } do
      local y = model:predict(ops.zeros { n, 2 }, { verbose = 0 })
      assert.same({ n, 2 }, y.shape)
      assert.is_true(ops.min(ops.std(y, 1)):item() > 0)
    end
  end)

  it("is refused when one is no size", function ()
    local function refuses(body, message) assert.error_at_line(body, message) end
    traced(function (x)
      local half, data = ops.shape(x)[1] * 0.5, ops.cast(ops.max(x), "int32")
      refuses(function () ops.reshape(x, { half, 3 }) end,
        "reshape: reshape_sized: a size is one whole number, got float32 ()")
      refuses(function () ops.zeros { half } end,
        "zeros: broadcast_sized: a size is one whole number, got float32 ()")
      refuses(function () ops.reshape(x, { data, -100 }) end, "reshape: size -100 in the new shape")
      refuses(function () ops.reshape(x, { "3" }) end,
        "reshape: argument \"newshape\" must be a table of whole numbers")
      refuses(function () ops.zeros { "3" } end, "zeros: argument \"shape\" must be sizes")
      refuses(function () ops.arange(half) end, "arange: beside a size that is only traced")
      refuses(function () ops.arange(0, 3, data) end, "arange: the step must be a whole number")
      return x
    end)
    local input = k.Input { 3 }
    refuses(function () ops.reshape(input, { ops.dim(input, 0), 3 }) end,
      "reshape: a size in \"newshape\" is a placeholder; compute with sizes in the call of a layer")
    refuses(function () ops.zeros { ops.dim(input, 0), 3 } end, "zeros: a size in \"shape\" is")
    local f = traced(function (x) return ops.zeros { ops.cast(ops.max(x), "int32") } end)
    assert.error_matches(function () f(rows(1)) end, "a size depends on data")
  end)
end)
