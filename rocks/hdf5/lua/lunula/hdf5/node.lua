-- The objects of an HDF5 file: groups with attributes, and datasets that become tensors.
--
-- What is wrong with a file is an error at the user's line that begins with the file's name.

local core = require "lunula.core"
local files = require "lunula.hdf5.core"

local Node = {}
Node.__index = Node

local node = {}

-- In a sound file every byte belongs to one object, which is looked at a few times.
local times_read <const>, at_least <const> = 16, 1 << 20

-- Objects that lie on one another would take time beyond all measure.
local function spend(self, work)
  local file = self.file
  file.work = file.work + work
  if file.work > times_read * #file.bytes + at_least then
    self:fail "too many objects of the file lie on the same bytes"
  end
end

-- The object at an address. file: {path =, bytes =, objects = {address = object}, work = bytes that
-- were looked at}. Each is read once: a file may name one as often as it likes.
local function at(file, address, name)
  local object, problem = file.objects[address], nil
  local is_new = not object
  if is_new then object, problem = files.object(file.bytes, address) end
  file.objects[address] = object
  local self = setmetatable({ file = file, address = address, name = name, object = object }, Node)
  if not object then self:fail("%s", problem) end
  if is_new then spend(self, object.work) end
  return self
end

-- The root of the HDF5 file that lies in some bytes; `path` names it in errors.
function node.root(bytes, path)
  local address, problem = files.root(bytes)
  if not address then core.raise("%s: %s", path, problem) end
  return at({ bytes = bytes, path = path, objects = {}, work = 0 }, address, "")
end

-- Raises, with the file and the object.
function Node:fail(format, ...)
  local place = self.name == "" and "" or self.name .. ": "
  core.raise("%s: %s%s", self.file.path, place, format:format(...))
end

-- ---- groups ------------------------------------------------------------------------------------

function Node:child(name)
  local address = self.object.links[name]
  if not address then return nil end
  return at(self.file, address, self.name == "" and name or self.name .. "/" .. name)
end

-- The object at a path below, or nil.
function Node:find(path)
  local found = self
  for name in path:gmatch "[^/]+" do
    found = found and found:child(name)
  end
  return found
end

-- The object at a path below, which must be there.
function Node:get(path)
  return self:find(path) or self:fail('there is no "%s" in it', path)
end

-- How many links it has, which are counted once.
function Node:count()
  local object = self.object
  if not object.count then
    object.count = 0
    for _ in pairs(object.links) do object.count = object.count + 1 end
  end
  return object.count
end

-- ---- attributes --------------------------------------------------------------------------------

local function attribute(self, name, kind, words)
  local value, problem = self.object.attributes[name], self.object.problems[name]
  if problem then self:fail('the attribute "%s" cannot be read: %s', name, problem) end
  if value ~= nil and type(value) ~= kind then
    self:fail('the attribute "%s" is not %s', name, words)
  end
  return value
end

-- A text, nil where there is none.
function Node:text(name)
  return attribute(self, name, "string", "a text")
end

-- A list of texts, nil where there is none. One that was too long for an attribute is told in
-- several: name0, name1 …
function Node:texts(name)
  local list = attribute(self, name, "table", "a list of texts")
  if list then return list end
  local part, number = attribute(self, name .. "0", "table", "a list of texts"), 0
  while part do
    list = table.move(part, 1, #part, list and #list + 1 or 1, list or {})
    number = number + 1
    part = attribute(self, name .. number, "table", "a list of texts")
  end
  return list
end

-- ---- datasets ----------------------------------------------------------------------------------

function Node:shape()
  return self.object.shape or self:fail "it is no dataset"
end

local known = {
  float32 = true, float64 = true, float16 = true, bfloat16 = true, bool = true, int8 = true,
  uint8 = true, int32 = true, int64 = true,
}

local function dtype_of(self)
  local dtype = self.object.dtype
  if dtype == "opaque16" and self:text "dtype" == "bfloat16" then return "bfloat16" end
  if not known[dtype] then self:fail("its elements are %s, which is not read", dtype) end
  return dtype
end

-- The numbers as a tensor.
function Node:tensor()
  local shape = self:shape()
  local dtype = dtype_of(self)
  local data, told = files.data(self.file.bytes, self.address)    -- or nil and a problem
  if not data then self:fail("%s", told) end
  spend(self, told)
  if dtype == "bool" and data:string():find "[^\0\1]" then
    self:fail "a boolean that is neither 0 nor 1"
  end
  local tensor = core.frombytes(data, { shape = shape, dtype = dtype })
  data:forget()       -- or all of the file would be in memory beside its tensors
  return tensor
end

return node
