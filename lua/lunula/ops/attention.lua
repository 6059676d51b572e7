-- Attention: every query takes a mean of the values, weighted by how well the keys match it.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "nn"

local hidden_score = -0.7 * 3.4028234663852886e38 -- Keras's: far below any score, yet finite

-- Grouped heads: each head of x serves `times` neighbouring queries.
local function spread_heads(x, heads)
  local own = tools.size(x, 2)
  if tools.is_known(own) and tools.is_known(heads) then
    if own == heads then return x end
    if own == 0 or heads % own ~= 0 then
      core.raise("dot_product_attention: %d query heads cannot share %d key heads", heads, own)
    end
    return ops["repeat"](x, heads // own, 2)
  end
  local each = ops.broadcast_to(ops.expand_dims(x, 3), { -2, -3, -4, heads // own, -6 })
  return ops.reshape(each, { -2, -3, heads, -6 })
end

local function check_rank(query, key, value)
  for _, x in ipairs { query, key, value } do
    if x.rank ~= 4 then
      core.raise("dot_product_attention: query, key and value are (batch, time, heads, size): "
        .. "query is %s, key is %s, value is %s", tools.shape_text(query.shape),
        tools.shape_text(key.shape), tools.shape_text(value.shape))
    end
  end
end

-- ---- the fused row ------------------------------------------------------------------------------

local blocks = tools.row "dot_product_attention"

local largest = 512   -- sizes of heads that the row takes

local function same(a, b) return not (a and b) or a == b end

-- Float operands whose heads have known sizes.
local function fit(query, key, value)
  local q, k, v = query.shape, key.shape, value.shape
  return tools.is_float(query) and tools.is_float(key) and tools.is_float(value)
    and q[3] and k[3] and v[3] and k[3] > 0 and q[3] % k[3] == 0 and k[3] == v[3]
    and q[4] and v[4] and q[4] == k[4] and q[4] <= largest and v[4] <= largest
    and same(k[2], v[2])
end

-- x with the four axes of scores, if it has no more and these take it as it is; else nil.
local function laid(x, query, key)
  if x.rank > 4 then return nil end
  local q, k = query.shape, key.shape
  local sizes = { q[1] ~= 1 and q[1] or k[1], q[3], q[2], k[2] }
  for axis = 1, x.rank do
    local size = x.shape[axis]
    if size ~= 1 and not same(size, sizes[4 - x.rank + axis]) then return nil end
  end
  while x.rank < 4 do x = ops.expand_dims(x, 0) end
  return x
end

-- The result by blocks of scores, or nil where they do not serve. Options are those of the row;
-- `draw`: the key by which weights are dropped when there is a rate.
local function by_blocks(query, key, value, bias, mask, options, draw)
  if not fit(query, key, value) then return nil end
  local seen = {}
  if bias ~= nil then
    bias = tools.is_float(bias) and laid(bias, query, key)
    if not bias then return nil end
    seen[#seen + 1] = bias
  end
  if mask ~= nil then
    mask = laid(mask, query, key)
    if not mask then return nil end
    seen[#seen + 1] = tools.cast(mask, "bool")
  end
  seen[#seen + 1] = draw
  return (blocks(query, key, value, seen, options))
end

op("dot_product_attention",
  "query, key, value, bias=nil, mask=nil, scale:num=nil, is_causal:bool=false, "
    .. "flash_attention:bool=nil, attn_logits_soft_cap:num=nil",
  "softmax(query . key * scale + bias) . value over (batch, time, heads, size).",
  function (query, key, value, bias, mask, scale, is_causal, _, soft_cap)
    check_rank(query, key, value)
    local heads, size = tools.size(query, 2), tools.size(query, 3)
    scale = scale or (tools.is_known(size) and 1 / math.sqrt(size) or ops.rsqrt(size))
    local y = not soft_cap and by_blocks(query, key, value, bias, mask,
      { scale = scale, causal = is_causal or false, hidden = hidden_score })
    if y then return y end
    key, value = spread_heads(key, heads), spread_heads(value, heads)

    local q = ops.transpose(query, { 0, 2, 1, 3 }) * scale
    local scores = ops.matmul(q, ops.transpose(key, { 0, 2, 3, 1 }))
    if soft_cap then scores = ops.tanh(scores / soft_cap) * soft_cap end
    if bias ~= nil then scores = scores + bias end
    if mask ~= nil then scores = ops.where(mask, scores, hidden_score) end
    if is_causal then
      local time_of_query, time_of_key = ops.iota_like(scores, -2), ops.iota_like(scores, -1)
      scores = ops.where(ops.less_equal(time_of_key, time_of_query), scores, hidden_score)
    end
    local weights = ops.softmax(scores, -1)
    return ops.transpose(ops.matmul(weights, ops.transpose(value, { 0, 2, 1, 3 })), { 0, 2, 1, 3 })
  end, { file_class = "nn", file_called = "scale" })

return { by_blocks = by_blocks }
