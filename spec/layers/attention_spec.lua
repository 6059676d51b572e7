-- Attention layers, where Keras's numbers do not reach: unknown sizes, dropout, models, errors.

local core = require "lunula.core"
local k = require "lunula"
local ops = require "lunula.ops"
local warn = require "lunula.utils.warn"
local check_layer = require "spec.support.check_layer"

local layers = k.layers
local q = core.tensor { { { 1, 0 }, { 0, 1 }, { 1, 1 } } }
local v = core.tensor { { { 1, 2 }, { 3, 4 } } }

local function masked(tensor, mask)
  local y = tensor * 1
  y.mask = core.tensor({ mask }, { dtype = "bool" })
  return y
end

describe("Attention", function ()
  it("returns its scores beside its result", function ()
    local y, scores = layers.Attention() ({ q, v }, { return_attention_scores = true })
    assert.are.same({ 1, 3, 2 }, y.shape)
    assert.are.same({ 1, 3, 2 }, scores.shape)
    assert.near_all(ops.sum(scores, -1), { { 1, 1, 1 } })
    assert.near_all(y, ops.matmul(scores, v))
  end)

  it("keeps unknown lengths", function ()
    local y, scores = layers.Attention():compute_output_shape(
      { { false, false, 4 }, { false, false, 5 }, { false, false, 4 } },
      { return_attention_scores = true, use_causal_mask = true })
    assert.are.same({ false, false, 5 }, y)
    assert.are.same({ false, false, false }, scores)
    check_layer.any { layer = layers.AdditiveAttention { use_scale = false }, input = { q, v },
      options = { use_causal_mask = true }, output = { 1, 3, 2 }, weights = 0 }
  end)

  it("drops weights in training only", function ()
    local attention = layers.Attention { dropout = 0.5, seed = 1 }
    local quiet = attention { q, v }
    assert.near_all(attention({ q, v }, { training = false }), quiet, 0)
    local long = ops.ones { 1, 50, 4 }
    local _, scores = attention({ long, long },
      { training = true, return_attention_scores = true })
    local kept = ops.mean(ops.cast(ops.not_equal(scores, 0), "float32")):item()
    assert.near_all(kept, 0.5, 0.05)
    assert.near_all(ops.max(scores), 2 / 50, 1e-6)
  end)

  it("gives the same by blocks as from its scores", function ()
    local a, b = k.random.normal { 2, 5, 4 }, k.random.normal { 2, 7, 4 }
    local masks = { false, ops.less(k.random.uniform { 2, 7 }, 0.4) }
    for _, options in ipairs { {}, { use_scale = true }, { dropout = 0.5 } } do
      for _, causal in ipairs { false, true } do
        for _, mask in ipairs { false, masks } do
          local attention = layers.Attention(options)
          attention:build { { 2, 5, 4 }, { 2, 7, 4 } }
          if options.use_scale then attention:set_weights { core.tensor(0.7) } end
          local given = { use_causal_mask = causal, mask = mask or nil }
          local y = attention({ a, b }, given)
          given.return_attention_scores = true
          assert.near_all(y, (attention({ a, b }, given)), 1e-5)
        end
      end
    end
  end)

  it("says what it takes", function ()
    local attention = layers.Attention { name = "a" }
    assert.error_at_line(function () attention(q) end,
      'layer "a" (Attention): takes a list of two or three tensors')
    assert.error_at_line(function () attention { q, ops.ones { 1, 2, 3 } } end,
      "do not fit: they are (1, 3, 2), (1, 2, 3) and (1, 2, 3)")
    assert.error_at_line(function () attention({ q, v }, { mask = { { true } } }) end,
      "mask must be a list, {query_mask, value_mask}")
    assert.error_at_line(function () layers.Attention { score_mode = "dott" } end,
      'did you mean "dot"?')
  end)
end)

describe("MultiHeadAttention", function ()
  local function small(options)
    local given = { 2, 3 }
    for name, value in pairs(options or {}) do given[name] = value end
    return layers.MultiHeadAttention(given)
  end

  it("keeps unknown lengths", function ()
    local mha = small()
    assert.are.same({ false, false, 5 },
      (mha:compute_output_shape({ false, false, 5 }, { false, false, 4 })))
    local y, scores = mha:compute_output_shape({ false, false, 5 }, { false, false, 4 },
      { return_attention_scores = true, use_causal_mask = true })
    assert.are.same({ false, false, 5 }, y)
    assert.are.same({ false, 2, false, false }, scores)
    local x = ops.ones { 2, 4, 5 }
    check_layer.any { layer = small { sliding_window = 2 }, input = x,
      options = { value = x, use_causal_mask = true }, output = { 2, 4, 5 }, weights = 8 }
  end)

  it("plans one graph for every length", function ()
    local mha = small()
    local spec = { shape = { false, false, 2 } }
    local f = core.trace({ spec, spec }, function (a, b)
      return mha(a, b, { use_causal_mask = true })
    end)
    local weights_of = small()
    weights_of:build({ false, 3, 2 }, { false, 2, 2 })
    weights_of:set_weights(mha:get_weights())
    assert.near_all(f(q, v), weights_of(q, v, { use_causal_mask = true }), 1e-6)
    assert.near_all(f(v, q), weights_of(v, q, { use_causal_mask = true }), 1e-6)
  end)

  it("gives the same numbers with and without scores", function ()
    local mha = small { sliding_window = 2 }
    local y = mha(q, v, { use_causal_mask = true })
    local other, scores = mha(q, v, { use_causal_mask = true, return_attention_scores = true })
    assert.near_all(other, y, 1e-5)
    assert.near_all(scores[1][1][1][2], 0, 0)
    assert.near_all(scores[1][1][3][1], 0, 0)     -- two steps away
  end)

  it("takes causal and window along the axis that it attends over", function ()
    local mha = small { attention_axes = { 2 } }
    local x = ops.ones { 1, 2, 4, 3 }
    local _, scores = mha(x, x, { use_causal_mask = true, return_attention_scores = true })
    assert.are.same({ 1, 2, 2, 4, 4 }, scores.shape)
    assert.near_all(scores[1][1][1][1], { 1, 0, 0, 0 })
    assert.error_at_line(function () small()(x, x, { use_causal_mask = true }) end,
      "use_causal_mask goes along one axis, attention goes over 2")
  end)

  it("carries the query's mask, and hides what the value's hides", function ()
    local said = {}
    local sink = warn.sink
    local _ <close> = setmetatable({}, { __close = function () warn.sink = sink end })
    warn.sink = function (text) said[#said + 1] = text end
    local mha = small()
    local y, scores = mha(masked(q, { true, true, false }), masked(v, { true, false }),
      { return_attention_scores = true })
    assert.near_all(y.mask, { { true, true, false } })
    assert.near_all(scores[1][1], { { 1, 0 }, { 1, 0 }, { 0, 0 } }, 0)
    assert.is_nil(scores.mask)
    assert.are.same({}, said)
  end)

  it("works in a functional model", function ()
    local query, value = k.Input { shape = { false, 5 } }, k.Input { shape = { false, 4 } }
    local mha = small()
    local y, scores = mha(query, value, { return_attention_scores = true })
    local model = k.Model { inputs = { query, value }, outputs = { y, scores } }
    local a, b = ops.ones { 2, 3, 5 }, ops.ones { 2, 6, 4 }
    local predicted, weights = model:predict({ a, b }, { verbose = 0 })
    local direct, own = mha(a, b, { return_attention_scores = true })
    assert.near_all(predicted, direct, 1e-5)
    assert.near_all(weights, own, 1e-5)
    assert.are.same({ 2, 2, 3, 6 }, weights.shape)
  end)

  it("starts its projections apart", function ()
    local mha = small()
    mha:build({ false, 3, 4 }, { false, 3, 4 })
    assert.is_true(ops.max(ops.abs(mha.query_dense.kernel - mha.key_dense.kernel)):item() > 0.01)
    assert.are.same({ 4, 2, 3 }, mha.query_dense.kernel.shape)
    assert.are.same({ 2, 3, 4 }, mha.output_dense.kernel.shape)
  end)

  it("drops weights in training only", function ()
    local mha = small { dropout = 0.5, seed = 3 }
    local long = ops.ones { 1, 40, 2 }
    local quiet = mha(long, long)
    assert.near_all(mha(long, long), quiet, 0)
    assert.is_true(ops.max(ops.abs(mha(long, long, { training = true }) - quiet)):item() > 1e-3)
  end)

  it("that drops weights gives the same by blocks as from its scores", function ()
    local a, b = k.random.normal { 2, 5, 4 }, k.random.normal { 2, 7, 4 }
    local some = ops.less(k.random.uniform { 2, 5, 7 }, 0.3)
    for _, window in ipairs { false, 2 } do
      local mha = small { dropout = 0.5, sliding_window = window or nil }
      for _, causal in ipairs { false, true } do
        for _, mask in ipairs { false, some } do
          local options = { value = b, use_causal_mask = causal, attention_mask = mask or nil }
          local y = mha(a, options)
          options.return_attention_scores = true
          assert.near_all(y, (mha(a, options)), 1e-5)
        end
      end
    end
  end)

  it("makes scores only where they are asked for", function ()
    local function ops_of(object, options)
      return core.trace({ { shape = { 2, 5, 4 } } }, function (x)
        return (object(x, options))
      end):describe()
    end
    local function blocks(...)
      return ops_of(...):find("dot_product_attention", 1, true) ~= nil
    end
    local one, drops = small(), small { dropout = 0.1 }
    local x = ops.ones { 2, 5, 4 }
    one(x, x) drops(x, x)
    assert.is_true(blocks(one, { value = x, use_causal_mask = true }))
    assert.is_true(blocks(drops, { value = x }))
    assert.is_true(blocks(drops, { value = x, training = true }))
    assert.is_false(blocks(one, { value = x, return_attention_scores = true }))
    local attention = layers.Attention()
    assert.is_truthy(core.trace({ { shape = { 2, 5, 4 } } }, function (a)
      return attention { a, a }
    end):describe():find("dot_product_attention", 1, true))
  end)

  it("drops weights by blocks as among all scores", function ()
    k.set_random_seed(8)
    local x = k.random.normal { 2, 7, 4 }
    local mask = ops.less(k.random.uniform { 2, 7, 7 }, 0.5)
    local drops = small { dropout = 0.5, seed = 3 }
    drops(x, x)
    local function mean(options)
      options.value, options.training, options.attention_mask = x, true, mask
      local total = 0
      for _ = 1, 300 do total = total + (drops(x, options)) end
      return total / 300
    end
    for _, causal in ipairs { false, true } do
      local whole = drops(x, x, { attention_mask = mask, use_causal_mask = causal })
      assert.near_all(whole, mean { use_causal_mask = causal }, 0.25)
      assert.near_all(whole,
        mean { use_causal_mask = causal, return_attention_scores = true }, 0.25)
    end
  end)

  it("draws anew in each run, by itself or in a plan", function ()
    local x = k.random.normal { 2, 7, 4 }
    local some = { small { dropout = 0.5, seed = 3 }, layers.Attention { dropout = 0.5 } }
    for _, layer in ipairs(some) do
      local function call(z)
        if layer.num_heads then return (layer(z, z, { training = true })) end
        return layer({ z, z }, { training = true })
      end
      local f = core.trace({ { shape = { false, 7, 4 } } }, call)
      assert.not_equal(call(x):tobytes(), call(x):tobytes())
      assert.not_equal(f(x):tobytes(), f(x):tobytes())
    end
  end)

  it("keeps no scores in training, also when it drops some", function ()
    local inputs = k.Input { shape = { 1024, 256 } }
    local model = k.Model { inputs = inputs,
      outputs = layers.MultiHeadAttention { 8, 32, dropout = 0.1 } (inputs, inputs) }
    model:compile { optimizer = "sgd", loss = "mse" }
    local x = k.random.normal { 8, 1024, 256 }
    collectgarbage()
    local before = core.memory().peak
    model:fit(x, x, { batch_size = 8, verbose = 0 })
    assert.is_true(core.memory().peak - before < 200e6)
  end)

  it("says what it takes", function ()
    local mha = small { name = "m" }
    assert.error_at_line(function () mha(q) end,
      'layer "m" (MultiHeadAttention): takes a query and a value: layer(query, value)')
    assert.error_at_line(function () mha(q, v, ops.ones { 1, 5, 2 }) end,
      "do not fit: they are (1, 3, 2), (1, 2, 2) and (1, 5, 2)")
    assert.error_at_line(function () mha(ops.ones { 1, 2 }, ops.ones { 1, 2 }) end, "do not fit")
    assert.error_at_line(function () small { attention_axes = { 0 } } (q, v) end,
      "attention_axes {0}: axis 0 of an input of rank 3 is not one of steps")
    assert.error_at_line(function () small { key_dim = 4 } end, "key_dim is given twice")
    assert.error_at_line(function () small { flash_attention = true, dropout = 0.1 } end,
      "flash_attention cannot drop out")
    assert.error_at_line(function () small { sliding_window = 0 } end,
      "sliding_window must be a positive integer")
  end)
end)

describe("GroupQueryAttention", function ()
  it("repeats each head of key and value", function ()
    local gqa = layers.GroupQueryAttention { 2, 4, 2 }
    local y, scores = gqa(q, v, { return_attention_scores = true })
    assert.near_all(gqa(q, v), y, 1e-5)
    assert.are.same({ 1, 4, 3, 2 }, scores.shape)
    assert.are.same({ 2, 2, 2 }, gqa.key_dense.kernel.shape)
    assert.are.equal("grouped_query_attention", (gqa.name:gsub("_%d+$", "")))
  end)

  it("says which heads do not fit", function ()
    assert.error_at_line(function () layers.GroupQueryAttention { 2, 3, 2 } end,
      "3 query heads cannot share 2 key and value heads")
    assert.error_at_line(function ()
      layers.GroupQueryAttention { 2, 2, 1 } (ops.ones { 1, 2, 3, 4 }, v)
    end, "takes an input of rank 3")
  end)
end)
