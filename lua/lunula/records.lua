-- Objects as they stand in Keras's files: what declare.serialize gives, completed with what only a
-- file holds.

local core = require "lunula.core"
local declare = require "lunula.declare"

local records = {}

local None = core.None

-- A config with what Keras's files hold in place of values that it shows plainly.
local function written_config(class, config)
  local written, by_name = setmetatable({}, getmetatable(config)), class.by_name
  for key, value in next, config do
    local arg = by_name[key]
    local kind = arg and arg.name == key and arg.config ~= false and arg.kind
    if kind and kind.record and (value ~= false or kind.takes_false) then
      value = kind.record(value, config)
    elseif kind and value == false and not kind.takes_false then
      value = None
    end
    written[key] = value
  end
  return written
end

local further = { "build_config", "compile_config", "name", "inbound_nodes" }

-- The metatables of full records, by which of the further fields they have.
local orders = {}
for set = 0, (1 << #further) - 1 do
  local order = { "module", "class_name", "config", "registered_name" }
  for i, field in ipairs(further) do
    if set >> (i - 1) & 1 == 1 then order[#order + 1] = field end
  end
  orders[set] = { __jsonorder = order }
end

local function completed(record, object)
  local full, set = {}, 0
  for key, value in next, record do full[key] = value end
  local build_config, compile_config = object.get_build_config, object.get_compile_config
  full.build_config = build_config and build_config(object)
  if compile_config then
    full.compile_config = compile_config(object) or setmetatable({}, { __jsontype = "object" })
  end
  for i = 1, #further do
    if full[further[i]] ~= nil then set = set | 1 << (i - 1) end
  end
  return setmetatable(full, orders[set])
end

-- What declare.serialize gave, with the build_config of what was built and the compile_config of
-- what can be compiled.
function records.with_state(record)
  local object = (getmetatable(record) or {}).describes
  if not object then return record end
  local full = completed(record, object)
  return setmetatable(full, { __jsonorder = getmetatable(full).__jsonorder, describes = object })
end

-- The record of declare.serialize in full, as it stands in a file.
function records.in_full(record)
  local object = (getmetatable(record) or {}).describes
  if not object then return record end
  local full = completed(record, object)
  full.config = written_config(declare.class_of(object), record.config)
  return full
end

return records
