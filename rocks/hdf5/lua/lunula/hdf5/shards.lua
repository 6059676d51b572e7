-- Weights in several files, as Keras writes them with max_shard_size: NAME_00000.weights.h5 and so
-- on, each laid out as a file of weights is (weights.lua), and beside them NAME.weights.json, which
-- says in which of them each group of variables stands; a group may stand in several.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"
local json = require "lunula.saving.json"
local node = require "lunula.hdf5.node"
local weights = require "lunula.hdf5.weights"
local writing = require "lunula.hdf5.writing"

local shards = {}

local checked = writing.checked

-- The folder of a path, with the "/" behind it, and what is called NAME above.
local function parts_of(path)
  local folder, name = path:match "^(.-)([^/]*)$"
  return folder, name:sub(1, -#".weights.json" - 1)
end

-- ---- writing -----------------------------------------------------------------------------------

-- It is written to as one file is, and begins another one where that would become too large.
local Set = {}
Set.__index = Set

function Set:close_file()
  local writer = self.writer
  self.writer = nil
  if writer then checked(writer:close()) end
end

function Set:begin_file()
  self:close_file()
  local name = ("%s_%05d.weights.h5"):format(self.name, #self.files)
  local place = self.folder .. name
  if core.file_kind(place) and not self.overwrite then
    core.raise('"%s" is there already; give overwrite=true, or another path', place)
  end
  local temporary = checked(files.temporary(place))
  self.files[#self.files + 1] = { name = name, place = place, temporary = temporary }
  self.writer = checked(files.create(temporary))
  self.size, self.group_here = 0, false
end

-- A group is made where its first variable is written, so that none is empty.
function Set:group(path)
  self.at, self.texts, self.group_here = path, {}, false
  return true
end

-- A text of a group stands wherever a part of the group does.
function Set:text(path, name, text)
  if path == self.at then
    self.texts[name] = text
    if not self.group_here then return true end
  end
  return self.writer:text(path, name, text)
end

function Set:make_group()
  checked(self.writer:group(self.at))
  for name, text in pairs(self.texts) do checked(self.writer:text(self.at, name, text)) end
  local key = "/" .. self.at
  local list = self.map[key] or {}
  list[#list + 1] = self.files[#self.files].name
  self.map[key], self.group_here = list, true
end

function Set:dataset(path, dtype, shape, bytes)
  if #bytes > self.most then
    core.raise("%s has %d bytes, a file of max_shard_size=%g may have %d; give more",
      path, #bytes, self.most / 2 ^ 30, self.most // 1)
  end
  if not self.writer or self.size + #bytes > self.most then self:begin_file() end
  self.size, self.total = self.size + #bytes, self.total + #bytes
  if not self.group_here then self:make_group() end
  return self.writer:dataset(path, dtype, shape, bytes)
end

-- All files take their places, the one that lists them last.
function Set:finish()
  if #self.files == 0 then self:begin_file() end
  self:close_file()
  for _, file in ipairs(self.files) do checked(files.commit(file.temporary, file.place)) end
  for key, list in pairs(self.map) do self.map[key] = #list == 1 and list[1] or list end
  local text = json.encode({
    metadata = { total_size = self.total }, weight_map = setmetatable(self.map, json.object),
  }, 4)
  writing.file(self.path, function (temporary)
    local file <close> = checked(io.open(temporary, "wb"))
    checked(file:write(text))
    checked(file:close())
  end)
end

function Set.__close(self)
  if self.writer then self.writer:close() end
  for _, file in ipairs(self.files) do os.remove(file.temporary) end
end

-- max_shard_size: in GB, of 2^30 bytes.
function shards.write(model, path, max_shard_size, overwrite)
  local folder, name = parts_of(path)
  local set <close> = setmetatable({
    path = path, folder = folder, name = name, overwrite = overwrite, files = {}, map = {},
    most = max_shard_size * 2 ^ 30, total = 0, size = 0,
  }, Set)
  writing.of(path, function ()
    weights.write(set, model, true)
    set:finish()
  end)
end

-- ---- reading -----------------------------------------------------------------------------------

-- A group that stands in several files, as one.
local Group = {}
Group.__index = Group

function Group:count()
  local count = 0
  for _, part in ipairs(self) do count = count + part:count() end
  return count
end

function Group:find(name)
  for _, part in ipairs(self) do
    local found = part:find(name)
    if found then return found end
  end
end

function Group:get(name)
  return self:find(name) or self[1]:get(name)
end

-- What is said of the group was known, at the latest, when its last part was written.
function Group:text(name)
  return self[#self]:text(name)
end

function Group:fail(...)
  return self[#self]:fail(...)
end

-- The root of all of them.
local Root = {}
Root.__index = Root

function Root:fail(format, ...)
  core.raise("%s: %s", self.path, format:format(...))
end

-- A file beside the list: a name that leads elsewhere is none.
function Root:part(name)
  if type(name) ~= "string" or name == "" or name:find "[/\\\0]" then
    self:fail "weight_map: a name of a file beside it is wanted"
  end
  if not self.parts[name] then
    local path = self.folder .. name
    local bytes, problem = files.open(path)
    if not bytes then self:fail('its part "%s" cannot be read: %s', path, problem) end
    self.parts[name] = node.root(bytes, path)
  end
  return self.parts[name]
end

function Root:find(path)
  local names = self.map["/" .. path]
  if names == nil then return nil end
  local group = setmetatable({}, Group)
  for i, name in ipairs(type(names) == "table" and names or { names }) do
    group[i] = self:part(name):get(path)
  end
  return group[1] and group or self:fail("weight_map: no file has %s", path)
end

local most_text <const> = 1 << 26

local function read_text(path)
  local file <close>, problem = io.open(path, "rb")
  if not file then core.raise("%s", problem) end
  local text = file:read(most_text)
  if file:read(1) then core.raise("%s: it is longer than any list of files", path) end
  return text or ""
end

-- What weights.read reads from.
function shards.root(path)
  local list, problem = json.decode(read_text(path))
  if list == nil then core.raise("%s: %s", path, problem) end
  local map = type(list) == "table" and list.weight_map
  if type(map) ~= "table" then core.raise("%s: there is no weight_map in it", path) end
  return setmetatable({
    path = path, folder = parts_of(path), map = map, parts = {}, object = { links = {} },
  }, Root)
end

return shards
