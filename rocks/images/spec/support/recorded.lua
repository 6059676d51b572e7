-- What record.py has written: the small images, and what Keras makes of them.

local files = require "spec.support.files"
local golden = require "spec.support.golden"
local json = require "lunula.saving.json"

local recorded = {}

local FOLDER <const> = "rocks/images/spec/golden/"

recorded.tensor = golden.tensor

function recorded.path(name) return FOLDER .. "files/" .. name end

function recorded.bytes(name) return files.read(recorded.path(name)) end

-- The names of the images.
function recorded.names()
  local names, seen = {}, {}
  for line in io.lines(FOLDER .. "cases.jsonl") do
    local name = line:match '^{"kind":"load","file":"([^"]+)"'
    if name and not seen[name] then names[#names + 1], seen[name] = name, true end
  end
  return names
end

local all

-- The cases of a kind: "load", "array", "save", "dataset".
function recorded.cases(kind)
  if not all then
    all = {}
    for line in io.lines(FOLDER .. "cases.jsonl") do
      local case = json.decode(line)
      all[case.kind] = all[case.kind] or {}
      table.insert(all[case.kind], case)
    end
  end
  return all[kind]
end

-- What a case is called: its options in the order of their names.
function recorded.title(case)
  local words = {}
  for name, value in pairs(case.options) do
    if type(value) == "table" then value = table.concat(value, "x") end
    words[#words + 1] = name .. "=" .. tostring(value)
  end
  table.sort(words)
  return (case.file or case.kind) .. " " .. table.concat(words, " ")
end

return recorded
