-- The variables of metrics as files name them, "metrics/loss/total".

local saved = {}

-- metrics: {{label=, metric=}, …}. Returns {{name = "metrics/loss/total", variable =}, …}.
function saved.variables(metrics)
  local list = {}
  for _, entry in ipairs(metrics) do
    for _, variable in ipairs(entry.metric.variables) do
      local name = ("metrics/%s/%s"):format(entry.label, variable.name:match "([^/]*)$")
      list[#list + 1] = { name = name, variable = variable }
    end
  end
  return list
end

-- Gives the metrics the values of such variables, {["metrics/loss/total"] = tensor}. Those of
-- variables that are not made yet wait for them. Returns those of metrics that are not there.
function saved.take(metrics, values)
  local rest, made = {}, {}
  for name, value in pairs(values) do rest[name] = value end
  for _, entry in ipairs(saved.variables(metrics)) do
    local value = rest[entry.name]
    if value then entry.variable:assign(value) end
    rest[entry.name] = nil
  end
  for _, entry in ipairs(metrics) do made[entry.label] = entry.metric end
  for name, value in pairs(rest) do
    local label, own = name:match "^metrics/(.+)/([^/]+)$"
    if made[label] then
      made[label]:await(own, value)
      rest[name] = nil
    end
  end
  return rest
end

return saved
