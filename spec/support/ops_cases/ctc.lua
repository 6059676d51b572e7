-- Labels without times beside frames of scores.

local from = require "spec.support.ops_inputs"
local real, exact = from.real, from.exact

local function numbers(data, shape)
  return exact(data, { dtype = "int32", shape = shape or { #data } })
end

-- Labels 1 … classes - 1 for the whole of a batch.
local function labels(batch, n, classes)
  local data = {}
  for i = 1, batch * n do data[i] = i * 7 % (classes - 1) + 1 end
  return numbers(data, { batch, n })
end

local function lengths(batch, low, high)
  local data = {}
  for i = 1, batch do data[i] = low + i * 5 % (high - low + 1) end
  return numbers(data)
end

local none <const> = -math.huge

local function log_sum(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + math.exp(x) end
  return math.log(sum)
end

-- Of one sequence: minus g times the share of all paths that are of each class at each frame, by
-- the states of a path: blank, label, blank …
local function shares(label, logs, frames, blank, loss, paths, g)
  local n, room = #label, (#paths[1] - 1) // 2
  local function class(s) return s % 2 == 0 and label[s // 2] or blank end
  local function into(t, s) return paths[t][s % 2 == 0 and room + 1 + s // 2 or (s + 1) // 2] end
  local rest, y = {}, {}
  for s = 1, 2 * n + 1 do rest[s] = s >= 2 * n and 0 or none end
  for t = #logs, 1, -1 do
    y[t] = {}
    for k = 1, #logs[t] do y[t][k] = 0 end
    for s = 1, t <= frames and 2 * n + 1 or 0 do
      local k = class(s) + 1
      y[t][k] = y[t][k] - g * math.exp(into(t, s) + rest[s] + loss)
    end
    local before = {}
    for s = 1, 2 * n + 1 do
      local function way(to) return rest[to] and rest[to] + logs[t][class(to) + 1] or none end
      local skips = s % 2 == 0 and rest[s + 2] and class(s) ~= class(s + 2)
      before[s] = log_sum { way(s), way(s + 1), skips and way(s + 2) or none }
    end
    if t <= frames then rest = before end
  end
  return y
end

local function cut(list, n)
  local rows = {}
  for i = 1, #list, n do rows[#rows + 1] = table.move(list, i, i + n - 1, 1, {}) end
  return rows
end

local function back(data)
  local target, n = cut(data[1], 2), #data[3]
  local logs, paths = cut(cut(data[2], 3), 4), cut(cut(data[6], 5), 4)
  local y = {}
  for i = 1, n do
    local label = table.move(target[i], 1, data[3][i], 1, {})
    for _, row in ipairs(shares(label, logs[i], data[4][i], 0, data[5][i], paths[i], data[7][i])) do
      table.move(row, 1, #row, #y + 1, y)
    end
  end
  return y
end

local all = { { 0, 1 }, { 0, 1 }, { 0 }, { 0 } }
local batches = { { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 } }

return {
  { "ctc_loss", { labels(3, 2, 4), real { 3, 5, 4 }, numbers { 2, 1, 0 }, numbers { 5, 3, 4 } },
    grad = { 2 }, second = false, free = all,
    big = { labels(40, 20, 30), real { 40, 60, 30 }, lengths(40, 3, 20), lengths(40, 45, 60) } },
  { "ctc_loss", { numbers({ 3, 3, 1, 0, 2, 1 }, { 2, 3 }), real { 2, 7, 5 }, numbers { 3, 3 },
    numbers { 7, 6 } }, { mask_index = 4 }, grad = { 2 }, second = false, free = all },
  { "ctc_loss_back", { numbers({ 1, 1, 2, 1, 1, 2 }, { 3, 2 }), real { 3, 4, 3 },
    numbers { 2, 1, 0 }, numbers { 4, 4, 3 }, real { 3, seed = 2 }, real { 3, 4, 5, seed = 3 },
    real { 3, seed = 4 } }, ref = back, tol = 1e-4, grad = false, free = batches,
    big = { labels(40, 20, 30), real { 40, 60, 30 }, lengths(40, 3, 20), lengths(40, 45, 60),
      real { 40 }, real { 40, 60, 41 }, real { 40 } } },
  { "ctc_decode", { real { 2, 7, 5 }, numbers { 7, 4 } }, grad = false,
    free = { { 0, 1, 2 }, { 0 } }, big = { real { 60, 90, 20 }, lengths(60, 0, 90) } },
  { "ctc_decode", { real { 2, 7, 5 }, numbers { 7, 4 } }, { merge_repeated = false,
    mask_index = 2 }, grad = false, free = { { 0, 1 }, { 0 } } },
  { "ctc_decode", { real { 2, 7, 5 }, numbers { 7, 4 } }, { strategy = "beam_search",
    beam_width = 20, top_paths = 3 }, grad = false, free = { { 0, 1, 2 }, { 0 } },
    big = { real { 30, 40, 20 }, lengths(30, 20, 40) } },
  { "ctc_decode", { real { 3, 6, 4 }, numbers { 6, 5, 3 } }, { strategy = "beam_search",
    beam_width = 3, top_paths = 2, mask_index = 3 }, grad = false, free = { { 0, 1 }, { 0 } } },
}
