-- Files of TensorBoard's events: records framed as TFRecord frames them, each a protocol buffer
-- Event, written by hand. Field numbers are those of event.proto and summary.proto.

local core = require "lunula.core"

local event_file = {}
event_file.__index = event_file

-- ---- checksums ---------------------------------------------------------------------------------

local CRC_32C <const> = 0x82F63B78   -- its polynomial, the bits reversed

-- TFRecord turns and shifts the sum, since one over bytes that hold their own sum means little.
local function masked_crc(bytes)
  local sum = core.checksum(bytes, CRC_32C)
  return ((sum >> 15 | sum << 17) + 0xA282EAD8) & 0xFFFFFFFF
end

-- ---- protocol buffers --------------------------------------------------------------------------

local function varint(n)
  local parts = {}
  repeat
    local rest = n >> 7
    parts[#parts + 1] = string.char(n & 127 | (rest ~= 0 and 128 or 0))
    n = rest
  until n == 0
  return table.concat(parts)
end

local function number_field(field, n) return varint(field << 3) .. varint(n) end

local function double_field(field, x) return varint(field << 3 | 1) .. string.pack("<d", x) end

local function float_field(field, x) return varint(field << 3 | 5) .. string.pack("<f", x) end

local function bytes_field(field, bytes)
  return varint(field << 3 | 2) .. varint(#bytes) .. bytes
end

local function doubles(list)
  local parts = {}
  for i, x in ipairs(list) do parts[i] = string.pack("<d", x) end
  return table.concat(parts)
end

local BUCKETS <const> = 30

-- HistogramProto: extremes, sums, and how many numbers lie in buckets of one width.
local function histogram_bytes(values)
  local low, high, sum, squares, count = math.huge, -math.huge, 0, 0, 0
  for _, x in ipairs(values) do
    if x == x and math.abs(x) < math.huge then
      low, high, count = math.min(low, x), math.max(high, x), count + 1
      sum, squares = sum + x, squares + x * x
    end
  end
  if count == 0 then low, high = 0, 0 end
  local limits, numbers = {}, {}
  local buckets = high > low and BUCKETS or 1
  local width = (high - low) / buckets
  for i = 1, buckets do limits[i], numbers[i] = i == buckets and high or low + i * width, 0 end
  for _, x in ipairs(values) do
    if x == x and math.abs(x) < math.huge then
      local i = width > 0 and math.min(math.floor((x - low) / width) + 1, buckets) or 1
      numbers[i] = numbers[i] + 1
    end
  end
  return double_field(1, low) .. double_field(2, high) .. double_field(3, count)
    .. double_field(4, sum) .. double_field(5, squares) .. bytes_field(6, doubles(limits))
    .. bytes_field(7, doubles(numbers))
end

-- ---- the file ----------------------------------------------------------------------------------

-- What the disk has no room for may be said only when the file is flushed, or closed.
local function check(self, ok, problem)
  if not ok then core.raise("TensorBoard: cannot write %s: %s", self.path, problem) end
end

-- One event: its time, its step, and a field of its own.
function event_file:write(step, field)
  local event = double_field(1, os.time()) .. number_field(2, step) .. field
  local length = string.pack("<I8", #event)
  check(self, self.file:write(length, string.pack("<I4", masked_crc(length)), event,
    string.pack("<I4", masked_crc(event))))
end

local SUMMARY <const>, VALUE <const>, TAG <const> = 5, 1, 1

local function summary(tag, value)
  return bytes_field(SUMMARY, bytes_field(VALUE, bytes_field(TAG, tag) .. value))
end

function event_file:scalar(tag, value, step)
  self:write(step, summary(tag, float_field(2, value)))
end

-- values: a flat list.
function event_file:histogram(tag, values, step)
  self:write(step, summary(tag, bytes_field(5, histogram_bytes(values))))
end

-- A text for a plugin: a tensor that holds one string (TensorProto), and the plugin's name.
function event_file:text(tag, plugin, text, step)
  local STRING <const> = 7   -- DT_STRING
  local tensor = number_field(1, STRING) .. bytes_field(2, "") .. bytes_field(8, text)
  local metadata = bytes_field(1, bytes_field(1, plugin))
  self:write(step, summary(tag, bytes_field(8, tensor) .. bytes_field(9, metadata)))
end

function event_file:flush() check(self, self.file:flush()) end

function event_file:close() check(self, self.file:close()) end

-- A new file in the folder, under a name that nobody has.
function event_file.new(folder)
  core.make_folders(folder)
  local stem, n = ("%s/events.out.tfevents.%010d.lunula"):format(folder, os.time()), 0
  local path
  repeat
    path, n = ("%s.%d.v2"):format(stem, n), n + 1
  until not core.file_kind(path)
  local file, problem = io.open(path, "wb")
  if not file then core.raise("TensorBoard: %s", problem) end
  local self = setmetatable({ file = file, path = path }, event_file)
  self:write(0, bytes_field(3, "brain.Event:2"))
  return self
end

return event_file
