-- Instruction sets: which one is used, and that the numbers do not depend on it. Each is asked in a
-- process of its own, since the choice is made once.

local core = require "lunula.core"
local ask = require "spec.support.ask"
local isas = core.build_info().isas

describe("an instruction set", function()
  local which = [[
    local ok, core = pcall(require, "lunula.core")
    io.write(ok and core.build_info().isa or core)]]

  it("is the best of the machine, or the one that LUNULA_ISA names", function()
    assert.equal(isas[#isas], ask("", which))
    assert.equal(isas[#isas], ask("LUNULA_ISA=", which))
    for _, isa in ipairs(isas) do assert.equal(isa, ask("LUNULA_ISA=" .. isa, which)) end
  end)

  it("that is not there is an error, and no other is taken", function()
    local message = 'lunula: the environment variable LUNULA_ISA is "sse9"; the instruction sets '
      .. "of this machine are: " .. table.concat(isas, ", ")
    assert.equal(message, ask("LUNULA_ISA=sse9", which))
  end)

  -- Widths around each set's vectors, gradients included.
  local work = [[
    local core, k = require "lunula.core", require "lunula"
    local ops = k.ops
    local function show(name, t)
      local bytes, h = t:tobytes(), 0
      for i = 1, #bytes do h = (h * 31 + bytes:byte(i)) & 0xffffffffffff end
      print(("%s %d %.9g"):format(name, h, ops.mean(ops.abs(t)):item()))
    end
    k.set_random_seed(3)
    local x = k.random.uniform({2, 13, 11, 6}, -1, 1)
    show("uniform", x)
    for _, filters in ipairs { 1, 4, 8, 9, 16, 33 } do
      local w = k.random.uniform({3, 3, 6, filters}, -1, 1)
      local _, d = core.value_and_grad(function(a, b)
        return ops.sum(ops.square(ops.conv(a, b)))
      end)(x, w)
      show("conv", ops.conv(x, w)) show("dx", d[1]) show("dw", d[2])
    end
    for _, filters in ipairs { 32, 48 } do
      local w = core.variable { value = k.random.uniform({3, 3, 48, filters}, -1, 1) }
      local image = k.random.uniform({2, 13, 14, 48}, -1, 1)
      local far = ops.where(ops.less(ops.arange(14 * 48) % 97, 1), 0, 1)
      for _, y in ipairs { image, image + 1e6 * (1 - ops.reshape(far, {14, 48})) } do
        show("winograd", core.trace({ { shape = y.shape } }, function(a)
          return ops.convolution(a, w.value, { same = true })
        end)(y))
      end
    end
    for _, n in ipairs { 1, 2, 8, 15, 17, 33, 100 } do
      local a, b = k.random.uniform({29, 70}, -1, 1), k.random.uniform({70, n}, -1, 1)
      show("product", ops.matmul(a, b))
      show("column", core.ops.matmul(a, ops.transpose(a), false, false))
      show("row", core.ops.matmul(b, a, true, true))
    end
    for _, channels in ipairs { 2, 5, 8, 15, 16, 40 } do
      local y = k.random.uniform({2, 9, 7, channels}, -1, 1)
      show("depthwise", ops.depthwise_conv(y, k.random.uniform({3, 3, channels, 1}, -1, 1)))
      show("max", ops.max_pool(y, 2)) show("mean", ops.average_pool(y, 2))
      show("softmax", ops.softmax(y)) show("sum", ops.sum(y, 2)) show("turned", ops.transpose(y))
    end
    for _, n in ipairs { 7, 33, 100 } do
      local y, gamma = k.random.normal({ 9, n }), k.random.normal({ n })
      local function loss(a, b)
        return ops.sum(ops.sin(ops.layer_normalization(ops.softmax(a * 3), b)))
      end
      local _, d = core.value_and_grad(loss)(y, gamma)
      show("rows", ops.log_softmax(y)) show("rowsdx", d[1]) show("rowsdw", d[2])
      local ids = ops.cast(ops.arange(9) % 7, "int32")
      local _, e = core.value_and_grad(function(a, b)
        local mean, variance = ops.column_moments(ops.reshape(a * b, { 3, 3, n }))
        return ops.sum(ops.class_losses(a, ids)) + ops.sum(mean * variance)
          + ops.sum(ops.gelu(a)) + ops.sum(ops.gelu(b, false))
      end)(y, gamma)
      show("lossdx", e[1]) show("lossdw", e[2])
    end
    for _, n in ipairs { 5, 40, 300 } do
      local q, g = k.random.normal({ 2, n, 2, 9 }), k.random.normal({ 2, n, 2, 9 })
      local _, d = core.value_and_grad(function(a, b)
        return ops.sum(ops.dot_product_attention(a, b, b, nil, nil, nil, true) * g)
      end)(q, g)
      show("attention", ops.dot_product_attention(q, g, q)) show("attendq", d[1])
      show("attendk", d[2])
    end
    for _, f in ipairs { "exp", "tanh", "sigmoid", "erf", "sin", "softplus", "gelu", "silu" } do
      show(f, ops[f](x))
    end]]

  it("gives the same bits as another with multiply-add, and nearly those of one without", function()
    local base = {}
    local plain = ask("LUNULA_GEMM=native LUNULA_ISA=" .. isas[1], work)
    for name, value in plain:gmatch "(%l+) %d+ (%S+)" do
      base[#base + 1] = { name = name, value = tonumber(value) }
    end
    assert.equal(1 + 6 * 3 + 4 + 7 * 3 + 6 * 6 + 3 * 5 + 3 * 3 + 8, #base, plain)
    local first
    for i = 2, #isas do
      local text, n = ask("LUNULA_GEMM=native LUNULA_ISA=" .. isas[i], work), 0
      first = first or text
      assert.equal(first, text)
      for name, value in text:gmatch "(%l+) %d+ (%S+)" do
        n = n + 1
        assert.equal(base[n].name, name)
        assert.near(base[n].value, tonumber(value), 1e-5 * (1 + base[n].value), name)
      end
      assert.equal(#base, n)
    end
  end)
end)
