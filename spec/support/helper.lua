-- What every spec may use beside luassert's own, loaded once by busted:
--   assert.near_all(t, expected [, tolerance])     numbers, nested tables, tensors
--   assert.error_at_line(f, text [, line])         f raises text at a line of its own
-- and tensors show their numbers when an assertion about them fails.

local assert = require "luassert"
local say = require "say"

say:set("assertion.lunula", "%s")

-- An assertion whose check returns nil, or the sentence that says what differs.
local function register(name, check)
  assert:register("assertion", name, function (_, arguments)
    local complaint = check(table.unpack(arguments, 1, arguments.n))
    arguments[1], arguments.n = complaint or name .. " holds, and should not", 1
    arguments.nofmt = { true }
    return complaint == nil
  end, "assertion.lunula", "assertion.lunula")
end

local function is_tensor(value)
  local metatable = type(value) == "userdata" and debug.getmetatable(value)
  local name = metatable and metatable.__name
  return type(name) == "string" and name:find "^lunula%." ~= nil
end

local function plain(value)
  if not is_tensor(value) then return value end
  if not value.totable then value = value.value end
  return value.rank == 0 and value:item() or value:totable()
end

local function describe(value)
  if type(value) ~= "table" then return tostring(value) end
  return "a table of " .. #value
end

local function close(a, b, tolerance)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return a == b or math.abs(a - b) <= tolerance * math.max(1, math.abs(b))
end

-- Finds the places that differ and keeps the first and the worst of them.
local function compare(given, wanted, tolerance, where, found)
  if type(given) == "number" and type(wanted) == "number" then
    found.compared = found.compared + 1
    if close(given, wanted, tolerance) then return end
    local size = math.abs(given - wanted)
    if size ~= size then size = math.huge end
    found.count = found.count + 1
    if size > found.size then
      found.size = size
      found.text = ("%s is %.9g, wanted %.9g (%.3g apart)"):format(where, given, wanted, size)
    end
  elseif type(given) == "table" and type(wanted) == "table" and #given == #wanted then
    for i = 1, #wanted do
      compare(given[i], wanted[i], tolerance, ("%s[%d]"):format(where, i), found)
    end
  elseif given ~= wanted or type(given) == "table" then
    found.count, found.size = found.count + 1, math.huge
    found.text = ("%s is %s, wanted %s"):format(where, describe(given), describe(wanted))
  end
end

register("near_all", function (given, wanted, tolerance)
  local found = { compared = 0, count = 0, size = -1 }
  tolerance = tolerance or 1e-5
  compare(plain(given), plain(wanted), tolerance, "it", found)
  if found.count == 0 then return nil end
  return ("%d of %d numbers differ by more than %g; %s"):format(
    found.count, found.compared, tolerance, found.text)
end)

register("error_at_line", function (f, text, line)
  local ok, message = pcall(f)
  if ok then return ("no error, wanted: %s"):format(text) end
  message = tostring(message)
  local info = debug.getinfo(f, "S")
  local file, at = message:match "^(.-):(%d+): "
  at = tonumber(at)
  if file ~= info.short_src then
    return ("the error is not at a line of %s: %s"):format(info.short_src, message)
  elseif at < (line or info.linedefined) or at > (line or info.lastlinedefined) then
    return ("the error is not at line %s: %s"):format(
      line or info.linedefined .. ".." .. info.lastlinedefined, message)
  elseif text and not message:find(text, 1, true) then
    return ("the error does not say: %s\nbut: %s"):format(text, message)
  end
end)

assert:add_formatter(function (value)
  if is_tensor(value) then return tostring(value) end
end)
