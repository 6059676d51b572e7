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

op("dot_product_attention",
  "query, key, value, bias=nil, mask=nil, scale:num=nil, is_causal:bool=false, "
    .. "flash_attention:bool=nil, attn_logits_soft_cap:num=nil",
  "softmax(query . key * scale + bias) . value over (batch, time, heads, size).",
  function (query, key, value, bias, mask, scale, is_causal, _, soft_cap)
    check_rank(query, key, value)
    local heads, size = tools.size(query, 2), tools.size(query, 3)
    scale = scale or (tools.is_known(size) and 1 / math.sqrt(size) or ops.rsqrt(size))
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
