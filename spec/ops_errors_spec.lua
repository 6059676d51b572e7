-- What is said when an op cannot do what it is asked for, and at which line: always the one that
-- the user wrote, never one of ours.

local ask_alone = require "spec.support.ask"
local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"

local x = core.tensor({ { 1, 2, 3 }, { 4, 5, 6 } }, { dtype = "float32" })
local y = core.tensor { 1, 2 }

-- Each row: what is said, and what is done.
local function refuses(rows)
  for i = 1, #rows, 2 do
    it("says: " .. rows[i], function () assert.error_at_line(rows[i + 1], rows[i]) end)
  end
end

describe("arguments", function ()
  refuses {
    'sum: unknown argument "axs" (did you mean "axis"?)',
    function () ops.sum(x, { axs = 1 }) end,
    'sum: unknown argument "whatever"',
    function () ops.sum { x, whatever = 1 } end,
    'mean: unknown argument "keep_dims" (did you mean "keepdims"?)',
    function () ops.mean(x, 1, { keep_dims = true }) end,
    'sum: argument "x" is missing',
    function () ops.sum() end,
    'one_hot: argument "num_classes" is missing',
    function () ops.one_hot { 1, 2 } end,
    'sum: 4 arguments, it takes at most 3',
    function () ops.sum(x, 1, true, 4) end,
    'sum: argument "axis" is given twice',
    function () ops.sum(x, 1, { axis = 1 }) end,
    'sum: argument "x": a tensor, a number or a table of numbers is wanted, got string',
    function () ops.sum "x" end,
    'mean: argument "x": a tensor, a number or a table of numbers is wanted, got function',
    function () ops.mean(print) end,
    'argument "axis" must be a whole number or a table of them',
    function () ops.sum(x, "first") end,
    'argument "axis" must be a whole number',
    function () ops.sum(x, 0.5) end,
    'argument "keepdims" must be true or false, got 1',
    function () ops.mean(x, 1, 1) end,
    'argument "approximate" must be true or false',
    function () ops.gelu(x, { approximate = "tanh" }) end,
  }

  -- What has fields and no elements is no empty list.
  local kt = k.Input { shape = { 2 }, name = "kt" }
  refuses {
    "a tensor, a number or a table of numbers is wanted, got a table with the field \"a\" and no "
      .. "elements",
    function () core.tensor { a = 1 } end,
    'got a table with the field "0" and no elements',
    function () ops.add({ [0] = 1 }, 2) end,
    'element [2] of the table is a table with the field "a" and no elements, a number or a list is '
      .. "wanted",
    function () core.tensor { {}, { a = 1 } } end,
    "a table of numbers is wanted, got <KTensor kt (None, 2) float32>",
    function () core.tensor(kt) end,
    "element [1] of the table is <KTensor kt (None, 2) float32>, a number or a list is wanted",
    function () core.tensor { kt } end,
    'sum: argument "axis" must be a table of whole numbers, got a table with the field "a" and no '
      .. "elements",
    function () ops.sum(x, { axis = { a = 1 } }) end,
    'slice: argument "start_indices" must be sizes, got a table with the field "a" and no elements',
    function () ops.slice(x, { a = 1 }, { 1 }) end,
    'shape: a table of sizes is wanted, got a table with the field "a" and no elements',
    function () core.tensor({ 1 }, { shape = { a = 1 } }) end,
  }
  it("are empty lists where they have no fields, or only table.pack's n", function ()
    assert.equal(0, core.tensor(table.pack()).size)
    assert.equal(0, core.tensor({ {}, {} }).size)
  end)

  -- A default that is no number of Lua's is not read as far as it goes.
  refuses {
    'signature: the default of n must be a whole number, got 1.5',
    function () core.define { name = "op", signature = "x, n:int=1.5", fn = print } end,
    'signature: the default of n must be a number, got 2x',
    function () core.define { name = "op", signature = "x, n:num=2x", fn = print } end,
  }

  -- What a composite takes is checked before it runs, by the kinds of its signature.
  refuses {
    'map: argument "f" must be a function, got 3',
    function () ops.map(3, x) end,
    'cond: argument "true_fn" must be a function, got 1',
    function () ops.cond(true, 1, print) end,
    'switch: argument "branches" must be a list of functions, got 7',
    function () ops.switch(0, 7) end,
    'switch: argument "branches" must be a list of functions',
    function () ops.switch(0, { print, 1 }) end,
    'while_loop: argument "body" must be a function, got false',
    function () ops.while_loop { cond = print, loop_vars = 1, body = false } end,
    'tile: argument "repeats" must be',
    function () ops.tile(x, true) end,
    'repeat: argument "repeats" must be a whole number or a table of them',
    function () ops["repeat"](x, { 1, "2" }) end,
    'hsplit: argument "indices_or_sections" must be a whole number or a table of them, got s',
    function () ops.hsplit(x, "s") end,
    'roll: argument "shift" must be a whole number or a table of them, got 0.5',
    function () ops.roll(x, 0.5) end,
    'stack: argument "x" must be a list of tensors, got 7',
    function () ops.stack(7) end,
    'stack: x[2]: a tensor, a number or a table of numbers is wanted, got nil',
    function () ops.stack { 1, nil, 3 } end,
    'sum: argument "axis" must be a whole number or a table of them, got 1',
    function () ops.sum(x, "1") end,
  }

  it("names the op that is called before the one that it is made of", function ()
    assert.error_at_line(function () ops.average(x, { axis = 1, weights = { 1, 2 } }) end,
      "average: multiply: shapes (1, 2) and (2, 3) do not broadcast")
    assert.error_at_line(function () x:fliplr():hsplit(2) end,
      "hsplit: axis 1 of size 3 has no 2 equal parts")
  end)

  -- Keras's split(x, positions) and others take them as tensors too.
  it("takes whole numbers from a tensor whose values are known", function ()
    local two = core.tensor({ 1, 2 }, { dtype = "int32" })
    local a, b, c = ops.split(x, two, 1)
    assert.near_all(ops.concatenate({ c, b, a }, 1), { { 3, 2, 1 }, { 6, 5, 4 } })
    assert.near_all(ops.slice(x, two[1] * ops.ones_like(two), { 1, 2 }), { { 5, 6 } })
    assert.same({ 2, 6 }, ops.tile(x, two).shape)
    assert.same({ 5 }, ops.linspace(0, 1, core.tensor(5, { dtype = "int32" })).shape)
    assert.error_at_line(function ()
      core.trace({ { shape = { 2 }, dtype = "int32" } }, function (t)
        return (ops.split(x, t, 1))
      end)
    end, 'split: argument "indices_or_sections" must be known when the graph is made: numbers or '
      .. "a tensor with values, not a traced tensor")
    assert.error_at_line(function () ops.split(x, y, 1) end,
      'argument "indices_or_sections" must be a whole number or a table of them, got tensor float')
  end)

  it("names the line of a method and of an operator", function ()
    assert.error_at_line(function () x:sum(7) end, "sum: axis 7 is out of range for (2, 3)")
    assert.error_at_line(function () return -(x + y) end,
      "add: shapes (2, 3) and (2,) do not broadcast")
  end)

  it("names the line inside a function that was passed on", function ()
    assert.error_at_line(function ()
      ops.map(function (row)
        return ops.reshape(row, { 2, 2 })
      end, x)
    end, "reshape: (3,) has 3 elements, they do not fill (2, 2)")
  end)
end)

describe("shapes", function ()
  refuses {
    "add: shapes (2, 3) and (2,) do not broadcast",
    function () return x + y end,
    "where: shapes",
    function () ops.where(ops.less(x, 3), y, 0) end,
    "matmul: inner sizes differ: x1 is (2, 3), x2 is (2, 3) (3 against 2)",
    function () ops.matmul(x, x) end,
    "matmul: batch sizes differ: x1 is (2, 1, 3), x2 is (4, 3, 1)",
    function () ops.matmul(ops.ones { 2, 1, 3 }, ops.ones { 4, 3, 1 }) end,
    "reshape: (2, 3) has 6 elements, they do not fill (4, 2)",
    function () ops.reshape(x, { 4, 2 }) end,
    "reshape: more than one size to infer",
    function () ops.reshape(x, { -1, -1 }) end,
    "broadcast_to: (2, 3) does not broadcast to (3, 3)",
    function () ops.broadcast_to(x, { 3, 3 }) end,
    "concatenate: (2, 3) and (1, 2) differ beside axis 0",
    function () ops.concatenate({ x, { { 1, 2 } } }, 0) end,
    "concatenate: nothing to join",
    function () ops.concatenate({}, 0) end,
    "stack: there is nothing to stack",
    function () ops.stack {} end,
    "split: axis 1 of size 3 has no 2 equal parts: x is (2, 3)",
    function () ops.split(x, 2, 1) end,
    "split: positions must ascend, 1 follows 2",
    function () ops.split(x, { 2, 1 }, 1) end,
    "unstack: axis 0 has 2 parts, not 3",
    function () ops.unstack(x, 3) end,
    "squeeze: axis 0 has size 2, not 1: x is (2, 3)",
    function () ops.squeeze(x, 0) end,
    "do not lie in axis 1 of (2, 3)",
    function () ops.slice(x, { 0, 2 }, { 2, 2 }) end,
    "slice_update: axis 1: 2 elements from 2 on do not fit into 3",
    function () ops.slice_update(x, { 0, 2 }, ops.ones { 2, 2 }) end,
    'pad: the mode is "reflect": a border of 3 has no such elements in axis 1 of (2, 3), which has '
      .. "room for 2",
    function () ops.pad(x, { { 0, 0 }, { 3, 0 } }, "reflect") end,
    'pad: the mode is "symmetric": a border of 4 has no such elements in axis 1 of (2, 3), which '
      .. "has room for 3",
    function () ops.pad(x, { { 0, 0 }, { 1, 4 } }, "symmetric") end,
    'pad: the mode is "edge": a border of 1 has no such elements in axis 0 of (0, 3), which has '
      .. "room for 0",
    function () ops.pad(ops.ones { 0, 3 }, { { 1, 0 }, { 0, 0 } }, "edge") end,
    "pad: pad_width has 3 entries for a tensor of rank 2",
    function () ops.pad(x, { { 1, 1 }, { 1, 1 }, { 1, 1 } }) end,
    'pad: mode must be constant, reflect, symmetric or edge, got "mirror"',
    function () ops.pad(x, 1, "mirror") end,
    "binary_crossentropy: target and output must have the same shape: target is (2, 3)",
    function () ops.binary_crossentropy(x, x[1]) end,
    "sparse_categorical_crossentropy: target must have output's shape without axis 1",
    function () ops.sparse_categorical_crossentropy(x, x) end,
    "dot_product_attention: query, key and value are (batch, time, heads, size)",
    function () ops.dot_product_attention(x, x, x) end,
    "conv: inputs have a batch, 1 to 3 spatial axes and channels: they are (2, 3)",
    function () ops.conv(x, x) end,
    "conv: 3 channels and 5 filters do not fit a kernel of shape (2, 2, 5)",
    function () ops.conv(ops.ones { 1, 4, 3 }, ops.ones { 2, 2, 5 }) end,
    'max_pool: padding must be "valid" or "same", got "causal"',
    function () ops.max_pool(ops.ones { 1, 4, 3 }, 2, nil, "causal") end,
    'einsum: "ij,jk": axis "j" has the sizes 3 and 2',
    function () ops.einsum("ij,jk", x, x) end,
    'einsum: "ijk": "ijk" names 3 axes of a tensor of rank 2',
    function () ops.einsum("ijk", x) end,
    'einsum: "ij->k": no operand has the axis "k"',
    function () ops.einsum("ij->k", x) end,
    'einsum: "ij,jk": names more operands than the 1 that are given',
    function () ops.einsum("ij,jk", x) end,
    "tensordot: 2 axes of x1 for 1 of x2",
    function () ops.tensordot(x, x, { { 0, 1 }, { 0 } }) end,
    "cross: vectors have 2 or 3 components, got 4",
    function () ops.cross(ops.ones { 4 }, ops.ones { 3 }) end,
    "norm: ord=half is not a norm of matrices",
    function () ops.norm(x, "half", { 0, 1 }) end,
  }
end)

-- Products of sizes that no 64 bits hold would come out small, and so would the memory.
describe("sizes beyond all memory", function ()
  local one = ops.ones { 1, 1, 1 }
  local huge = { 1 << 31, 1 << 32, 1 << 31 }
  refuses {
    "full: no memory has so many numbers: (2147483648, 4294967296, 2147483648)",
    function () ops.zeros(huge) end,
    "broadcast_to: no memory has so many numbers: (2147483648, 4294967296, 2147483648)",
    function () ops.broadcast_to(one, huge) end,
    "full: no memory has so many numbers: (0, 4294967296, 4294967296)",
    function () ops.zeros { 0, 1 << 32, 1 << 32 } end,
  }

  it("are refused in a trace too", function ()
    assert.error_at_line(function ()
      core.trace({ { shape = { 1, 1, 1 } } }, function (a) return ops.broadcast_to(a, huge) end)
    end, "broadcast_to: no memory has so many numbers")
  end)
end)

describe("rows that only gradients and plans make", function ()
  local hidden = debug.getregistry()["lunula.hidden"]
  local ones = ops.ones
  refuses {
    "unslice: 33 elements from 1073741824 in steps of 1 do not lie in axis 0 of (33,)",
    function () hidden.unslice(ones { 33 }, ones { 33 }, { 1 << 30 }) end,
    "unslice: 2 elements from 2 in steps of 3 do not lie in axis 0 of (5,)",
    function () hidden.unslice(ones { 2 }, ones { 5 }, { 2 }, { 3 }) end,
    "unslice: (2,) is no part of (5, 5): their ranks differ",
    function () hidden.unslice(ones { 2 }, ones { 5, 5 }, { 2 }) end,
    "slice_like: (2, 3) is no part of (3,): their ranks differ",
    function () ops.slice_like(ones { 3 }, ones { 2, 3 }, { 0 }) end,
    "slice_like: 2 elements from 2 in steps of 1 do not lie in axis 0 of (3,)",
    function () ops.slice_like(ones { 3 }, ones { 2 }, { 2 }) end,
    "piece: part 2 of 2",
    function () hidden.piece(ones { 5 }, { ones { 2 }, ones { 3 } }, 0, 2) end,
    "piece: the parts have 6 places together, (5,) has 5",
    function () hidden.piece(ones { 5 }, { ones { 3 }, ones { 3 } }, 0, 1) end,
    "piece: (3, 1) is no part of (5,)",
    function () hidden.piece(ones { 5 }, { ones { 3, 1 }, ones { 3 } }, 0, 1) end,
    "layer_normalization: gamma is (4,), it should have the last axes of x, (2, 3)",
    function () ops.layer_normalization(ones { 2, 3 }, ones { 4 }) end,
    "layer_normalization: beta is (1, 3), it should have the last axes of x, (2, 3)",
    function () core.row "layer_normalization" (ones { 2, 3 }, ones { 3 }, ones { 1, 3 }, 0) end,
    "class_losses: ids are (3,), they should be as logits (2, 3) without the last axis",
    function () ops.class_losses(ones { 2, 3 }, ops.cast(ones { 3 }, "int32")) end,
    "class_losses: logits are float32, ids float32: float32 and int32 are wanted",
    function () ops.class_losses(ones { 2, 3 }, ones { 2 }) end,
    "column_moments: x must have 3 axes or more, got (2, 3)",
    function () ops.column_moments(ones { 2, 3 }) end,
    "max_windows_pick: h is (1, 3, 1), it should be (1, 4, 1)",
    function () hidden.max_windows_pick(ones { 1, 4, 1 }, ones { 1, 3, 1 }, { 2 }) end,
    "convolution_kernel_gradient: g is (1, 4, 1), the convolution gives (1, 3, 1)",
    function ()
      hidden.convolution_kernel_gradient(ones { 1, 4, 1 }, ones { 1, 4, 1 }, ones { 2, 1, 1 })
    end,
  }
end)

describe("sizes beyond reason", function ()
  local most = math.maxinteger
  refuses {
    "shape: no memory has so many numbers: (1099511627776, 1099511627776)",
    function () core.frombytes("abc", { shape = { 1 << 40, 1 << 40 } }) end,
    "trace: input 1: no memory has so many numbers",
    function () core.trace({ { shape = { 1 << 40, 1 << 40 } } }, function (t) return t end) end,
    "reshape: no memory has so many numbers",
    function () ops.reshape(x, { 1 << 62, 1 << 62 }) end,
    "range: no memory has so many numbers: from 0 to 1e+30 in steps of 1",
    function () ops.range(0, 1e30) end,
    "range: no memory has so many numbers: from 0 to inf",
    function () ops.range(0, math.huge) end,
    "patches: windows of",
    function () ops.patches(ops.ones { 1, 1, 1, 1, 1 << 8 }, { 1 << 20, 1 << 20, 1 << 20 }) end,
    "transposed_convolution: strides of 1048576",
    function () ops.transposed_convolution(ops.ones { 0, 1 << 50, 1 }, ops.ones { 1, 1, 1 },
      { 1 << 20 }) end,
    "pad_with: 2147483647 cells between the elements of (0, 4503599627370496)",
    function () ops.pad_with(ops.ones { 0, 1 << 52 }, { 0, 0 }, { 0, 0 }, { 0, (1 << 31) - 1 }) end,
    "broadcast_to: (2,) has no axis whose size -1 could be",
    function () ops.broadcast_to(y, { -1, 2 }) end,
    "slice_steps: -5 elements along axis 1",
    function () ops.slice_steps(x, { 0, 0 }, nil, { 1, -5 }) end,
  }

  it("may be steps: no more than one fits", function ()
    assert.near_all(ops.slice_steps(x, { 0, 1 }, { most, most }), { { 2 } })
    assert.near_all(ops.broadcast_to(y, { 2, -1 }), { { 1, 2 }, { 1, 2 } })
  end)
end)

describe("axes", function ()
  refuses {
    "sum: axis 2 is out of range for (2, 3) of rank 2",
    function () ops.sum(x, 2) end,
    "sum: axis 0 is given twice",
    function () ops.sum(x, { 0, -2 }) end,
    "axis 5 is out of range",
    function () ops.mean(x, 5) end,
    "expand_dims: axis 5 is out of range for a tensor of rank 3",
    function () ops.expand_dims(x, 5) end,
    "swapaxes: axis 2 is out of range for a tensor of rank 2",
    function () ops.swapaxes(x, 0, 2) end,
    "moveaxis: 2 axes for 1 places",
    function () ops.moveaxis(x, { 0, 1 }, 0) end,
    "transpose: axis 0 is given twice",
    function () ops.transpose(x, { 0, 0 }) end,
    "argmax: axis 2 is out of range",
    function () ops.argmax(x, 2) end,
    "diagonal: axis1 and axis2 are the same axis 1",
    function () ops.diagonal(x, 0, 1, -1) end,
    "softmax: axis 2 is out of range",
    function () ops.softmax(x, 2) end,
  }
end)

describe("a table of strings that a finalizer changes meanwhile", function ()
  -- Room for them makes a collection due: it has to be more than 64 MB, in a process that holds
  -- little else.
  it("is refused", function ()
    local out, name = ask_alone("", [[
      local core = require "lunula.core"
      local long, list = ("x"):rep(1 << 20), {}
      for i = 1, 80 do list[i] = long end
      collectgarbage()  -- so that Lua itself wants none before
      setmetatable({}, { __gc = function () list[1] = long .. long end })
      print(select(2, pcall(function () local t = core.tensor(list) return t end)))]])
    assert.equal(name .. ":7: the table changed while it was read\n", out)
  end)
end)

describe("types and values", function ()
  refuses {
    "unknown dtype float3",
    function () core.tensor({ 1, 2 }, { dtype = "float3" }) end,
    "complex64: there are no complex types; keep the real and the imaginary part as two tensors",
    function () ops.cast(x, "complex64") end,
    "unknown dtype integer",
    function () ops.cast(x, "integer") end,
    "a ragged table: element [2] has 1 elements, the first one there has 2",
    function () core.tensor { { 1, 2 }, { 3 } } end,
    "a ragged table: element [2] is number, the first one there is a table of 2",
    function () ops.sum { { 1, 2 }, 3 } end,
    "element [2][2] of the table is string, a number is wanted",
    function () return x + { { 1, 2, 3 }, { 4, "5", 6 } } end,
    "3 elements do not fill shape (2, 2)",
    function () core.tensor({ 1, 2, 3 }, { shape = { 2, 2 } }) end,
    "gather: id 7 in sample 2 is out of range 0..1",
    function () ops.take(x, { 0, 7 }, 0) end,
    "take_along_axis",
    function () ops.take_along_axis(x, { { 3 }, { 0 } }, 1) end,
    "scatter: with indices of shape (2, 1) the values have shape (2, 4), they are (1, 4)",
    function () ops.scatter({ { 0 }, { 1 } }, { { 1, 2, 3, 4 } }, { 3, 4 }) end,
    "scatter_update: with indices of shape (2, 1) the values have shape (2, 3), they are (6,)",
    function () ops.scatter_update(x, { { 0 }, { 1 } }, { 1, 2, 3, 4, 5, 6 }) end,
    "one_hot: tensors are dense here, sparse=true cannot be had",
    function () ops.one_hot({ 1 }, 2, -1, nil, true) end,
    "normalize: order must be 1 or more, got 0",
    function () ops.normalize(x, -1, 0) end,
  }
end)

-- What Keras refuses when it sees the values is NaN, or refused, when a plan meets it.
describe("values that a plan meets", function ()
  local function int(t) return k.tensor(t, { dtype = "int32" }) end

  it("have no inverse: NaN, and the others have theirs", function ()
    local f = core.trace({ { shape = { false, 2, 2 } } }, function (t)
      return ops.inv(t), (ops.slogdet(t))
    end)
    local nan = 0 / 0
    local inverse, sign = f(k.tensor { { { 1, 2 }, { 2, 4 } }, { { 1, 2 }, { 3, 4 } } })
    assert.near_all(inverse, { { { nan, nan }, { nan, nan } }, { { -2, 1 }, { 1.5, -0.5 } } }, 1e-4)
    assert.near_all(sign, { 0, -1 })
  end)

  it("are places outside: refused when they come", function ()
    local f = core.trace({ { shape = { false, 1 }, dtype = "int32" } }, function (ids)
      return (ops.scatter_update(ops.zeros { 4 }, ids, ops.ones_like(ids[{ {}, 1 }])))
    end)
    assert.near_all(f(int { { 1 }, { 3 } }), { 0, 1, 0, 1 })
    assert.error_at_line(function () f(int { { 1 }, { 7 } }) end,
      "index 7 in sample 2 is out of range 0..3")
    assert.error_at_line(function () f(int { { 1 }, { -1 } }) end,
      "index -1 in sample 2 is out of range 0..3")
  end)

  it("are places outside of a size that comes with them", function ()
    local specs = { { shape = { false } }, { shape = { 1, 1 }, dtype = "int32" } }
    local f = core.trace(specs, function (t, ids)
      return (ops.scatter_update(t, ids, { 7 }))
    end)
    assert.near_all(f(k.tensor { 1, 2 }, int { { 1 } }), { 1, 7 })
    assert.error_at_line(function () f(k.tensor { 1 }, int { { 1 } }) end,
      "index 1 in sample 1 is out of range 0..0")
  end)

  it("stretch along axes of unknown size", function ()
    local f = core.trace({ { shape = { false, 3 } }, { shape = { 1, 2 }, dtype = "int32" } },
      function (t, ids) return (ops.take_along_axis(t, ids, 1)) end)
    assert.near_all(f(x, int { { 2, 0 } }), { { 3, 1 }, { 6, 4 } })
  end)

  it("are counted by where alone, which needs them", function ()
    assert.error_at_line(function ()
      core.trace({ { shape = { 3 } } }, function (t) return (ops.where(t)) end)
    end, "where: how many places there are depends on values that are not known yet")
  end)
end)

describe("numbers of classes and segments", function ()
  local logits = { { 1, 2, 3 }, { 3, 2, 1 }, { 1, 1, 1 } }
  local labels = k.tensor({ 0, 2, -1 }, { dtype = "int32" })
  local text = "index -1 in sample 3 is out of range 0..2"

  it("do not count from the end: a label of -1 is refused, eager and planned", function ()
    for _, from_logits in ipairs { false, true } do
      assert.error_at_line(function ()
        ops.sparse_categorical_crossentropy(labels, logits, from_logits)
      end, text)
      local f = core.trace({ { shape = { false }, dtype = "int32" }, { shape = { false, 3 } } },
        function (t, p) return (ops.sparse_categorical_crossentropy(t, p, from_logits)) end)
      assert.error_at_line(function () f(labels, logits) end, text)
    end
    local taken = ops.take_along_axis(logits, { { -1 }, { 0 }, { 1 } }, 1)
    assert.near_all(taken, { { 3 }, { 3 }, { 1 } })
  end)

  it("below 0 or too large are in no segment", function ()
    local data = k.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } }
    local sums = ops.segment_sum(data, { 0, -1, 0, 5 }, 2)
    assert.near_all(sums, { { 6, 8 }, { 0, 0 } })
    local _, grads = k.value_and_grad(function (d)
      return ops.sum(ops.segment_sum(d, { 0, -1, 0, 5 }, 2) * 2)
    end)(data)
    assert.near_all(grads[1], { { 2, 2 }, { 0, 0 }, { 2, 2 }, { 0, 0 } })
    assert.same({ 0, 2 }, ops.segment_sum(data, { -1, -1, -1, -1 }).shape)
  end)
end)

describe("where there is no number", function ()
  local nan = 0 / 0

  it("the extremes are NaN, as in NumPy", function ()
    local t = k.tensor { { nan, nan }, { 1, nan }, { -1 / 0, nan } }
    assert.near_all(ops.nanmax(t, 1), { nan, 1, -1 / 0 })
    assert.near_all(ops.nanmin { nan, nan }, nan)
    assert.near_all(ops.nanmin(t, 1, true), { { nan }, { 1 }, { -1 / 0 } })
  end)

  it("the norm of nothing has the gradient 0", function ()
    local _, grads = k.value_and_grad(function (t) return ops.sum(ops.norm(t, nil, 1)) end)(
      k.tensor { { 0, 0 }, { 3, 4 } })
    assert.near_all(grads[1], { { 0, 0 }, { 0.6, 0.8 } })
    _, grads = k.value_and_grad(function (t) return ops.norm(t, 2) end)(k.zeros { 3 })
    assert.near_all(grads[1], { 0, 0, 0 })
  end)

  -- Numbers of Keras on torch; on TensorFlow those of the first row are NaN.
  it("neither has a norm of order 3, nor the deviation of what is constant", function ()
    local t = k.tensor { { 0, 0, 0 }, { 1, 2, 2 } }
    local function gradient(f)
      local _, grads = k.value_and_grad(function (v) return ops.sum(f(v)) end)(t)
      return grads[1]
    end
    assert.near_all(gradient(function (v) return ops.norm(v, 3, -1) end),
      { { 0, 0, 0 }, { 0.15125185, 0.60500741, 0.60500741 } }, 1e-6)
    assert.near_all(gradient(function (v) return ops.std(v, -1) end),
      { { 0, 0, 0 }, { -0.47140449, 0.23570229, 0.23570229 } }, 1e-6)
    assert.near_all(gradient(function (v) return ops.std(v * 0 + 2) end), t * 0)
  end)
end)

describe("comparisons", function ()
  it("of tensors name the op to use", function ()
    assert.error_at_line(function () return x < 3 end,
      "a comparison gives one Lua boolean, not a tensor: use k.ops.less (and k.ops.where)")
    assert.error_at_line(function () return x >= y end, "k.ops.less_equal")
  end)

  it("of one number each work", function ()
    assert.is_true(core.tensor(2) < 3)
    assert.is_false(core.tensor(2) > core.tensor { 5 })
  end)

  it("of traced tensors name the op, or that there is no value yet", function ()
    core.trace({ { shape = { false, 3 }, dtype = "float32" } }, function (t)
      assert.error_at_line(function () return t < 3 end, "k.ops.less")
      assert.error_at_line(function () return t == t * 1 end, "k.ops.equal")
      for _, ask in ipairs {
        function () return ops.sum(t) < 3 end, function () return t:item() end,
        function () return t:totable() end, function () return #t end,
      } do
        local ok, message = pcall(ask)
        assert.is_false(ok)
        assert.is_true(message.symbolic)
        assert.error_at_line(ask, "has no value yet")
      end
      return t
    end)
  end)
end)

describe("unknown sizes", function ()
  it("are named where an op needs them", function ()
    core.trace({ { shape = { false, 3 }, dtype = "float32" } }, function (t)
      local rows = {
        "unstack: num must be given, the size of axis 0 is unknown",
        function () ops.unstack(t) end,
        "split: axis 0 of size None has no 0 equal parts: x is (None, 3)",
        function () ops.split(t, 0) end,
        "cross: the size of axis 0 must be known, the shape is (None, 3)",
        function () ops.cross(t, t, { axis = 0 }) end,
        "bincount: the length of the result depends on values that are not known yet",
        function () ops.bincount(t) end,
      }
      for i = 1, #rows, 2 do assert.error_at_line(rows[i + 1], rows[i]) end
      return t
    end)
  end)

  it("that turn out not to fit are refused when the function runs", function ()
    local f = core.trace({ { shape = { false }, dtype = "float32" }, { shape = { false },
      dtype = "float32" } }, function (a, b) return a + b end)
    assert.error_at_line(function () f(ops.ones { 2 }, ops.ones { 3 }) end,
      "add: shapes (2,) and (3,) do not broadcast")
    f = core.trace({ { shape = { false }, dtype = "float32" } }, function (t)
      return ops.split(t, 2)
    end)
    assert.error_at_line(function () f(ops.ones { 5 }) end,
      "reshape: (5,) has 5 elements, they do not fill (4,)")
  end)
end)

describe("released tensors", function ()
  it("say so", function ()
    local t = core.tensor { 1, 2 }
    t:release()
    for _, use in ipairs {
      function () return t + 1 end, function () return ops.mean(t) end,
      function () return t:totable() end, function () return t.shape end,
    } do
      assert.error_at_line(use, "this tensor was released")
    end
  end)
end)

describe("images", function ()
  local images, corners = ops.ones { 2, 3, 4, 3 }, ops.ones { 4, 2 }
  local image = ops.image
  refuses {
    "image.ssim: images have 3 axes, or 4 with the batch: they are (2, 3) and (2, 3)",
    function () image.ssim(x, x) end,
    "image.ssim: both must have the same shape: they are (2, 3, 4, 3) and (3, 4, 3)",
    function () image.ssim(images, images[1]) end,
    "image.ssim: both must have the same shape: they are (2, 3, 4, 3) and (2, 3, 4, 1)",
    function () image.ssim(images, ops.ones { 2, 3, 4, 1 }) end,
    "image.ssim: filter_size goes from 1 to 1024, and to height and width: it is 11, the images "
      .. "are (2, 3, 4, 3)",
    function () image.ssim(images, images) end,
    "and to height and width: it is 0, the images are (2, 3, 4, 3)",
    function () image.ssim(images, images, { filter_size = 0 }) end,
    "image.resize: from (65536, 1) to (65536, 1) is too far at once",
    function () image.resize(ops.ones { 65536, 1, 1 }, { 65536, 1 }) end,
    "image.extract_patches_3d: strides is a number or a list of 3, got 2 numbers",
    function () image.extract_patches_3d(images, 2, { 1, 1 }) end,
    "image.gaussian_blur: images have 3 axes, or 4 with the batch: they are (2, 3)",
    function () image.gaussian_blur(x) end,
    "image.gaussian_blur: kernel_size has two sizes of 1 or more",
    function () image.gaussian_blur(images, { 3, 0 }) end,
    "image.gaussian_blur: sigma has two numbers, or is a tensor of two",
    function () image.gaussian_blur(images, { 3, 3 }, { 1 }) end,
    "image.gaussian_blur: sigma has two numbers: it is (3,)",
    function () image.gaussian_blur(images, { 3, 3 }, core.tensor { 1, 2, 3 }) end,
    "image.perspective_transform: start_points are (4, 2), or (batch, 4, 2): they are (2,)",
    function () image.perspective_transform(images, y, corners) end,
    "image.perspective_transform: images are (2, 3, 4, 3), start_points are (3, 4, 2), "
      .. "end_points are (3, 4, 2)",
    function () image.perspective_transform(images, ops.ones { 3, 4, 2 }, ops.ones { 3, 4, 2 }) end,
    "image.perspective_transform: interpolation must be nearest or bilinear",
    function () image.perspective_transform(images, corners, corners, "cubic") end,
    "image.perspective_transform: no perspective brings the start_points to the end_points; three "
      .. "of the end_points lie on a line, or two are the same",
    function () image.perspective_transform(images, corners, corners) end,
    "three of the end_points lie on a line",
    function ()
      local square = core.tensor { { 0, 0 }, { 3, 0 }, { 0, 3 }, { 3, 3 } }
      local line = core.tensor { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 1 } }
      image.perspective_transform(images, square, line)
    end,
    "image.sobel_edges: images are mirrored at their edges, so they must have 2 or more rows and "
      .. "columns; they are (1, 1, 1, 1)",
    function () image.sobel_edges(ops.ones { 1, 1, 1, 1 }) end,
    "2 or more rows and columns; they are (1, 5, 1, 2)",
    function () image.sobel_edges(ops.ones { 1, 5, 1, 2 }) end,
    "image.affine_transform: transform is (8,) or (batch, 8)",
    function () image.affine_transform(images, y) end,
  }
end)
