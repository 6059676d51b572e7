-- The results of an epoch, {{name, value}, …} in the order they are shown, and their other forms.

local results = {}

-- As a table by name.
function results.by_name(list, into)
  into = into or {}
  for _, entry in ipairs(list) do into[entry[1]] = entry[2] end
  return into
end

-- As evaluate returns them: the loss, then the metrics; or as a table.
function results.as_returns(list, return_dict)
  if return_dict then return results.by_name(list) end
  local values = {}
  for i, entry in ipairs(list) do values[i] = entry[2] end
  return table.unpack(values)
end

-- As Keras shows them: by alphabet.
function results.shown(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted, function(a, b) return a[1] < b[1] end)
  return sorted
end

-- Those of validation, beside those of training.
function results.of_validation(list)
  local renamed = {}
  for i, entry in ipairs(list) do renamed[i] = { "val_" .. entry[1], entry[2] } end
  return renamed
end

-- The list and, behind it by alphabet, the numbers that callbacks added to the logs.
function results.with_added(list, logs)
  local all, known, added = {}, {}, {}
  for i, entry in ipairs(list) do all[i], known[entry[1]] = entry, true end
  for key, value in pairs(logs) do
    if not known[key] and type(value) == "number" then added[#added + 1] = key end
  end
  table.sort(added)
  for _, key in ipairs(added) do all[#all + 1] = { key, logs[key] } end
  return all
end

return results
