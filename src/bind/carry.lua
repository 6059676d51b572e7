-- Writes two C files of all Lua modules, for carried.h:
--   lua5.4 src/bind/carry.lua CODE TEXTS ROOT FILE..
-- CODE has them compiled, with lines and the names of parameters, by the Lua that runs this; TEXTS
-- has their sources.
-- ROOT/lunula/x/init.lua is the module "lunula.x".

local code_path, texts_path, root = arg[1], arg[2], arg[3]

-- A bit of everything: a Lua that compiles this to the same bytes has the same bytecode.
local probe = [[
local a, b <const>, c <close> = 1, 2.5, nil
local t = { a, x = b, y = { 1, 2, 3 }, ... }
function t:f(i, ...)
  for k, v in pairs(self) do i = i + k // 2 - #v .. "text" end
  if i == "text" and a ~= 3 then goto done end
  ::done::
  return t.f(i, ...)
end
for i = 1, 10, 2 do
  local d <close> = t
  t[i] = function () a = a + i return a < 3 and not t or t.x << 1 end
end
while a <= b do a = -a & 7 ~ 0x7fffffffff ^ 2 % 5 end
repeat local e = ~a >> 1 | t.y[1] until e
return t, function () return b, c, a / 2, a > 1.5, a >= -1 end
]]

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, parts)
  local file = assert(io.open(path, "wb"))
  assert(file:write(table.concat(parts)))
  assert(file:close())
end

local function module_name(path)
  return (path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- As `hash` of carried.c.
local function hash(text)
  local h = { #text, 1, 2, 3 }
  for at = 1, #text, 32 do
    local words = { string.unpack("i8i8i8i8", text:sub(at, at + 31) .. ("\0"):rep(32)) }
    for lane = 1, 4 do
      local word = (h[lane] ~ words[lane]) * 0x9E3779B97F4A7C15
      h[lane] = word ~ word >> 32
    end
  end
  return h[1] ~ h[2] ~ h[3] ~ h[4]
end

-- A dump of Lua 5.4 is a head that all have, the name of the chunk, and the rest. A nested function
-- has the name of the outer one, and does not say it again. In Lua 5.5 the name stands among the
-- functions, and the places of all that follow depend on its length: no bytecode is carried.
local named = _VERSION == "Lua 5.4"
local name = "\x82@"
local head = named and string.dump(assert(load("", "@"))):match("^(.-)" .. name) or ""

-- ---- shorter bytecode --------------------------------------------------------------------------

-- Parameters are found by name, and k.help looks into functions that wrap others by the names of
-- their upvalues (lua/lunula/help/comments.lua). Nothing asks for the names of other locals and
-- upvalues, which are a third of the time that it takes to read the code.
local asked_for = { method = true, fn = true, module = true }

local INSTRUCTION <const>, NUMBER <const>, INTEGER <const> = 4, 8, 8
local of_constant = { [0x00] = 0, [0x01] = 0, [0x11] = 0, [0x03] = INTEGER, [0x13] = NUMBER }

local function write_size(n)
  local text = string.char(n & 127 | 128)
  while n >> 7 > 0 do
    n = n >> 7
    text = string.char(n & 127) .. text
  end
  return text
end

-- What follows the name of the chunk, without those names.
local function without_names(code)
  local at, from, parts = 1, 1, {}

  local function byte()
    at = at + 1
    return code:byte(at - 1)
  end
  local function size()
    local n, b = 0, 0
    while b < 128 do
      b = byte()
      n = n << 7 | b & 127
    end
    return n
  end
  local function skip(n) at = at + n end
  local function text()
    local n = math.max(size() - 1, 0)
    skip(n)
    return code:sub(at - n, at - 1)
  end
  local function each(f)
    for _ = 1, size() do f() end
  end
  local function local_name()
    text()
    size()                           -- where it begins,
    size()                           -- and ends
  end

  local read_function
  local function nested()
    text()                           -- the chunk's name, which is that of the outer function
    read_function()
  end

  function read_function()
    size()                           -- the first line,
    size()                           -- and the last
    local parameters = byte()
    skip(2)                          -- vararg, registers
    skip(size() * INSTRUCTION)
    each(function ()
      local tag = byte()
      if of_constant[tag] then skip(of_constant[tag]) else text() end
    end)
    skip(size() * 3)                 -- upvalues: in the stack, number, kind
    each(nested)
    skip(size())                     -- a difference of lines for each instruction,
    each(function () size() size() end)   -- and here and there the line itself
    parts[#parts + 1] = code:sub(from, at - 1)
    local names = size()
    local kept = math.min(parameters, names)
    parts[#parts + 1] = write_size(kept)
    from = at
    for _ = 1, kept do local_name() end
    parts[#parts + 1] = code:sub(from, at - 1)
    for _ = kept + 1, names do local_name() end
    from = at
    local wraps = false
    each(function () wraps = asked_for[text()] or wraps end)   -- names of upvalues
    if not wraps then
      parts[#parts + 1] = write_size(0)
      from = at
    end
  end

  read_function()
  assert(at == #code + 1)
  return table.concat(parts) .. code:sub(from)
end

local function compile(text)
  if not named then return "" end
  local dump = string.dump(assert(load(text, "@")))
  assert(dump:sub(1, #head + #name) == head .. name)
  local code = without_names(dump:sub(#head + #name + 1))
  assert(load(head .. name .. code, "@", "b"))
  return code
end

local modules = {}
for i = 4, #arg do
  local path = arg[i]:sub(#root + 2)
  modules[#modules + 1] = { name = module_name(path), path = path, text = read(arg[i]) }
end
table.sort(modules, function (a, b) return a.name < b.name end)

-- The bytes as C strings, a line of source or 64 bytes of code in each.
local special = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\""] = "\\\"", ["\\"] = "\\\\",
                  ["?"] = "\\?" }
local function quote(text, line)
  return (text:gsub(line or "[^\n]+\n?", function (part)
    return '   "' .. part:gsub('[%c"\\?\128-\255]', function (c)
      return special[c] or ("\\%03o"):format(c:byte())
    end) .. '"\n'
  end))
end
local bytes = "." .. (".?"):rep(63)

local code = { '/* Written by src/bind/carry.lua. */\n#include "bind/carried.h"\n\n' }
local function array(field, text)
  code[#code + 1] = ('const Bytes %s = {\n   ""\n%s   , %d};\n'):format(field, quote(text, bytes),
    #text)
end
array("carried_head", head)
array("carried_probe", probe)
array("carried_probe_code", named and string.dump(assert(load(probe, "@"))) or "")
code[#code + 1] = "const CarriedFile carried_files[] = {\n"
for _, module in ipairs(modules) do
  local rest = compile(module.text)
  code[#code + 1] = ('  {"%s", "%s", %d, 0x%x, {\n   ""\n%s   , %d}},\n'):format(module.name,
    module.path, #module.text, hash(module.text), quote(rest, bytes), #rest)
end
code[#code + 1] = ("};\nconst int carried_count = %d;\n"):format(#modules)
write(code_path, code)

local texts = { '/* Written by src/bind/carry.lua. */\n#include "bind/carried.h"\n\n',
                "const char *const carried_texts[] = {\n" }
for _, module in ipairs(modules) do
  texts[#texts + 1] = '   ""\n' .. quote(module.text, "[^\n]*\n?") .. "   ,\n"
end
texts[#texts + 1] = "  NULL\n};\n"
write(texts_path, texts)
