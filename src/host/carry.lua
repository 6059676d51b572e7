-- Writes the C file that carries Lua modules inside the static library:
--   lua5.4 src/host/carry.lua OUTPUT ROOT FILE..
-- ROOT/lunula/x/init.lua becomes module "lunula.x" with the chunk name
-- "@lunula/x/init.lua".

local output, root = arg[1], arg[2]

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return (text:gsub("^#[^\n]*", ""))
end

local function module_name(path)
  return (path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local modules = {}
for i = 3, #arg do
  local path = arg[i]:sub(#root + 2)
  modules[#modules + 1] = { name = module_name(path), chunk = "@" .. path, text = read(arg[i]) }
end
table.sort(modules, function (a, b) return a.name < b.name end)

-- one C string a line of source, so that the file can be read and diffed
local special = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\""] = "\\\"", ["\\"] = "\\\\",
                  ["?"] = "\\?" }
local function quote(text)
  return '"' .. text:gsub('[%c"\\?\128-\255]', function (c)
    return special[c] or ("\\%03o"):format(c:byte())
  end) .. '"'
end

local out = { '/* Written by src/host/carry.lua. */\n#include "host/carried.h"\n\n',
              "const CarriedFile carried_files[] = {\n" }
for _, module in ipairs(modules) do
  out[#out + 1] = ("  {%s, %s,\n"):format(quote(module.name), quote(module.chunk))
  for line in (module.text == "" and "\n" or module.text):gmatch "[^\n]*\n?" do
    if line ~= "" then out[#out + 1] = "   " .. quote(line) .. "\n" end
  end
  out[#out + 1] = ("   , %d},\n"):format(#module.text == 0 and 1 or #module.text)
end
out[#out + 1] = "  {NULL, NULL, NULL, 0}\n};\n"

local file = assert(io.open(output, "wb"))
assert(file:write(table.concat(out)))
assert(file:close())
