-- Writes two C files of all Lua modules, for carried.h:
--   lua5.4 src/bind/carry.lua CODE TEXTS ROOT FILE..
-- CODE has them compiled, with names and lines, by the Lua that runs this; TEXTS has their sources.
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

local function compile(text)
  if not named then return "" end
  local dump = string.dump(assert(load(text, "@")))
  assert(dump:sub(1, #head + #name) == head .. name)
  return dump:sub(#head + #name + 1)
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
