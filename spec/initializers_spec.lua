local core = require "lunula.core"
local declare = require "lunula.declare"
local initializers = require "lunula.initializers"
local lua = require "spec.support.lua"
local ops = require "lunula.ops"

local function mean(x) return ops.mean(x):item() end
local function deviation(x) return ops.std(x):item() end
local function extent(x) return ops.max(ops.abs(x)):item() end

describe("initializers", function ()
  it("fill with constants", function ()
    assert.near_all(initializers.Zeros() { 2, 2 }, { { 0, 0 }, { 0, 0 } })
    assert.near_all(initializers.ones() { 3 }, { 1, 1, 1 })
    assert.near_all(initializers.Constant(2.5) { 2 }, { 2.5, 2.5 })
    assert.near_all(initializers.Constant { value = { 1, 2 } } { 2, 2 }, { { 1, 2 }, { 1, 2 } })
    assert.near_all(initializers.Identity(2) { 2, 3 }, { { 2, 0, 0 }, { 0, 2, 0 } })
    assert.are.equal("int32", initializers.Ones()({ 2 }, "int32").dtype)
    assert.near_all(initializers.Zeros() {}, 0)
  end)

  it("compute fans as Keras does", function ()
    local function fans(...) return { initializers.compute_fans(...) } end
    assert.are.same({ 1, 1 }, fans {})
    assert.are.same({ 7, 7 }, fans { 7 })
    assert.are.same({ 3, 4 }, fans { 3, 4 })
    assert.are.same({ 9 * 2, 9 * 5 }, fans { 3, 3, 2, 5 })
    assert.are.same({ 2, 12 }, fans({ 2, 3, 4 }, { 0 }, { 1, 2 }))
    assert.are.same({ 6, 4 }, fans({ 2, 3, 4 }, { 0, 1 }, { -1 }))
  end)

  it("draw from the distributions they name", function ()
    local shape = { 200, 300 }
    local uniform = initializers.RandomUniform { -1, 3, seed = 1 } (shape)
    assert.near_all(mean(uniform), 1, 0.03)
    assert.is_true(ops.min(uniform):item() >= -1 and ops.max(uniform):item() <= 3)
    local normal = initializers.RandomNormal { 2, 0.5, seed = 2 } (shape)
    assert.near_all(mean(normal), 2, 0.02)
    assert.near_all(deviation(normal), 0.5, 0.02)
    local cut = initializers.TruncatedNormal { 0, 1, seed = 3 } (shape)
    assert.near_all(deviation(cut), 0.8796256610342398, 0.02)
    assert.is_true(extent(cut) <= 2)
  end)

  it("scale with the fans", function ()
    local shape = { 200, 300 }
    local deviations = {
      GlorotUniform = math.sqrt(2 / 500), GlorotNormal = math.sqrt(2 / 500),
      HeUniform = math.sqrt(2 / 200), HeNormal = math.sqrt(2 / 200),
      LecunUniform = math.sqrt(1 / 200), LecunNormal = math.sqrt(1 / 200),
    }
    for name, wanted in pairs(deviations) do
      local x = initializers[name] { seed = 5 } (shape)
      assert.near_all(deviation(x) / wanted, 1, 0.02)
      assert.near_all(mean(x) / wanted, 0, 0.02)
      local limit = name:find "Uniform" and math.sqrt(3) or 2 / 0.8796256610342398
      assert.is_true(extent(x) <= wanted * limit * 1.0001)
    end
    local out = initializers.VarianceScaling { 3, "fan_out", "untruncated_normal", seed = 1 }
    assert.near_all(deviation(out(shape)), math.sqrt(3 / 300), 0.02)
  end)

  it("draw the same numbers at every call of one object", function ()
    for _, name in ipairs { "RandomNormal", "TruncatedNormal", "RandomUniform", "GlorotUniform",
      "Orthogonal" } do
      local one, other = initializers[name] {}, initializers[name] {}
      assert.near_all(one { 4, 5 }, one { 4, 5 }, 0)
      assert.is_false(ops.all(ops.equal(one { 4, 5 }, other { 4, 5 })):item() == 1)
      local seeded, again = initializers[name] { seed = 7 }, initializers[name] { seed = 7 }
      assert.near_all(seeded { 4, 5 }, again { 4, 5 }, 0)
      local different = initializers[name] { seed = 8 }
      assert.is_true(extent(seeded { 4, 5 } - different { 4, 5 }) > 0)
    end
  end)

  it("follow the seed of the program", function ()
    core.seed(11)
    local first = initializers.GlorotUniform() { 3, 4 }
    core.seed(11)
    assert.near_all(initializers.GlorotUniform() { 3, 4 }, first, 0)
    core.seed(12)
    assert.is_true(extent(initializers.GlorotUniform() { 3, 4 } - first) > 0)
  end)

  it("make orthogonal matrices", function ()
    local shapes = { { 3, 3 }, { 20, 20 }, { 5, 12 }, { 12, 5 }, { 3, 2, 4, 10 }, { 1, 6 } }
    for _, shape in ipairs(shapes) do
      local q = initializers.Orthogonal { seed = 3 } (shape)
      assert.are.same(shape, q.shape)
      local columns = shape[#shape]
      local flat = ops.reshape(q, { -1, columns })
      local rows = flat.shape[1]
      local product = rows <= columns and ops.matmul(flat, flat, false, true)
        or ops.matmul(flat, flat, true, false)
      assert.near_all(product, ops.eye(math.min(rows, columns)), 1e-5)
    end
    local q = initializers.Orthogonal { gain = 2 } { 4, 4 }
    assert.near_all(ops.matmul(q, q, true, false), ops.eye(4) * 4, 1e-4)
    assert.error_at_line(function () initializers.Orthogonal() { 4 } end,
      "must have rank 2 or more")
  end)

  it("make Fourier kernels", function ()
    local real = initializers.STFT { "real", window = "hann" } { 4, 1, 3 }
    local imag = initializers.STFT { "imag", window = false } { 4, 1, 3 }
    local scale = math.sqrt(0.75 ^ 2 * 2)   -- hann of 4: 0 0.75 0.75 0
    assert.near_all(real, {
      { { 0, 0, 0 } }, { { 0.75 / scale, 0, -0.75 / scale } },
      { { 0.75 / scale, -0.75 / scale, 0.75 / scale } }, { { 0, 0, 0 } },
    }, 1e-6)
    assert.near_all(imag, {
      { { 0, 0, 0 } }, { { 0, -1, 0 } }, { { 0, 0, 0 } }, { { 0, 1, 0 } },
    }, 1e-6)
  end)

  it("are found by Keras's names", function ()
    for name, class in pairs {
      zeros = "Zeros", zero = "Zeros", ones = "Ones", one = "Ones", constant = "Constant",
      identity = "Identity", normal = "RandomNormal", random_normal = "RandomNormal",
      uniform = "RandomUniform", random_uniform = "RandomUniform",
      truncated_normal = "TruncatedNormal", variance_scaling = "VarianceScaling",
      glorot_uniform = "GlorotUniform", he_normal = "HeNormal", lecun_uniform = "LecunUniform",
      orthogonal = "Orthogonal", stft = "STFT", GlorotNormal = "GlorotNormal",
    } do
      assert.are.equal(class, declare.class_of(initializers.get(name)).name)
    end
  end)

  it("leave a user's class of the same name in its place, though they are loaded later", function ()
    local pipe = io.popen(("%s %s -e %q 2>&1"):format(lua.paths(package.path, package.cpath),
      lua.command, [[
        local k, declare = require "lunula", require "lunula.declare"
        local Own = declare.class { name = "Zeros", kind = "initializer", parent = k.Initializer }
        local _ = k.initializers.ones, k.initializers.Zeros, k.initializers.get "one"
        print(declare.class_of(k.initializers.get "Zeros") == Own,
          declare.class_of(k.initializers.get "zeros") == k.initializers.Zeros,
          k.initializers.Zeros ~= Own)]]))
    assert.equal("true\ttrue\ttrue\n", pipe:read "a")
    pipe:close()
  end)

  it("survive serialization", function ()
    local record = initializers.serialize(initializers.VarianceScaling { 2, "fan_out", seed = 4 })
    local copy = initializers.deserialize(record)
    assert.are.same(record.config, copy:get_config())
    assert.near_all(copy { 3, 4 }, initializers.deserialize(record) { 3, 4 }, 0)
    assert.are.equal("keras.initializers", record.module)
    assert.is_nil(initializers.GlorotUniform():get_config().seed)
  end)

  it("say what is wrong", function ()
    assert.error_at_line(function () initializers.Identity() { 3 } end,
      "the shape must have rank 2")
    assert.error_at_line(function () initializers.Zeros() { false, 3 } end, "known sizes")
    assert.error_at_line(function () initializers.VarianceScaling { mode = "fan_inn" } end,
      'did you mean "fan_in"?')
    assert.error_at_line(function () initializers.VarianceScaling { scale = -1 } end,
      "scale must be above 0")
  end)
end)
