-- Objects as they stand in Keras's files: what declare.serialize gives, completed with what only a
-- file holds.

local core = require "lunula.core"
local declare = require "lunula.declare"

local records = {}

local None = core.None

-- A config with what Keras's files hold in place of values that it shows plainly.
local function written_config(class, config)
  local written = setmetatable({}, getmetatable(config))
  for key, value in pairs(config) do written[key] = value end
  for _, arg in ipairs(class.arguments) do
    local value = config[arg.name]
    local told = value ~= nil and arg.config ~= false
    if told and value == false and not arg.kind.takes_false then
      written[arg.name] = None
    elseif told and arg.kind.record then
      written[arg.name] = arg.kind.record(value, config)
    end
  end
  return written
end

local function shallow_copy(t)
  local new = {}
  for key, value in pairs(t) do new[key] = value end
  return new
end

-- What declare.serialize gave, with the build_config of what was built and the compile_config of
-- what can be compiled.
function records.with_state(record)
  local object = (getmetatable(record) or {}).describes
  if not object then return record end
  local full, order = shallow_copy(record), { "module", "class_name", "config", "registered_name" }
  full.build_config = object.get_build_config and object:get_build_config()
  if object.get_compile_config then
    full.compile_config = object:get_compile_config()
      or setmetatable({}, { __jsontype = "object" })
  end
  for _, field in ipairs { "build_config", "compile_config", "name", "inbound_nodes" } do
    if full[field] ~= nil then order[#order + 1] = field end
  end
  return setmetatable(full, { __jsonorder = order, describes = object })
end

-- The record of declare.serialize in full, as it stands in a file.
function records.in_full(record)
  local object = (getmetatable(record) or {}).describes
  if not object then return record end
  local full = records.with_state(record)
  full.config = written_config(declare.class_of(object), record.config)
  return setmetatable(full, { __jsonorder = getmetatable(full).__jsonorder })
end

return records
