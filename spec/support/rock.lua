-- A smoke test of the installed rock, the first place on package.path. It is
-- run from an empty folder, so that nothing can come from the checkout.

local tree = package.path:match "^(.-)/share/lua/"
local failed = 0

local function check(name, f)
  local ok, message = pcall(f)
  if not ok then failed = failed + 1 end
  print((ok and "ok - rock: " or "not ok - rock: ") .. name)
  if not ok then print("  " .. tostring(message)) end
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text
end

check("the modules come from the rock", function ()
  local face = assert(package.searchpath("lunula", package.path))
  local core = assert(package.searchpath("lunula.core", package.cpath))
  assert(face:find(tree, 1, true) == 1, face)
  assert(core:find(tree, 1, true) == 1, core)
end)

check("require prints nothing and sets no global", function ()
  local before = {}
  for name in pairs(_G) do before[name] = true end
  require "lunula"
  for name in pairs(_G) do assert(before[name], name) end
  assert(output(arg[-1] .. " -l lunula -e 'os.exit(true, true)' 2>&1") == "")
end)

check("tensors compute", function ()
  local k = require "lunula"
  local x = k.tensor { { 1, 2 }, { 3, 4 } }
  assert(k.ops.matmul(x, x):get(2, 2) == 22)
end)

check("every module of the rock loads", function ()
  local find = ("cd '%s/share/lua/%s' && find lunula -name '*.lua'"):format(tree,
    _VERSION:match "[%d.]+")
  for path in output(find):gmatch "%S+" do
    require((path:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")))
  end
end)

check("editors find its names", function ()
  local file = assert(io.open(assert(package.searchpath("lunula.meta", package.path))))
  assert(file:read "l" == "---@meta lunula")
  assert(file:read "a":find("function Model:fit(", 1, true))
  file:close()
end)

check("only public names are exported", function ()
  local core = assert(package.searchpath("lunula.core", package.cpath))
  local seen = 0
  for name in output("nm -D --defined-only '" .. core .. "'"):gmatch "%S+ %a (%S+)" do
    assert(name:find "^lunula_" or name:find "^luaopen_", name)
    seen = seen + 1
  end
  assert(seen > 0, "nothing is exported")
end)

-- Whether a sister rock is in the tree, too.
local function there(name)
  local place = package.searchpath(name, package.path)
  return place and place:find(tree, 1, true) == 1
end

check("files of Keras and pictures are written and read, where their rocks are", function ()
  local k = require "lunula"
  local path = os.tmpname()
  if there "lunula.hdf5" then
    local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense(1) }
    model:save(path .. ".keras")
    local x = k.ones { 1, 2 }
    assert(k.models.load_model(path .. ".keras"):predict(x) == model:predict(x))
  end
  if there "lunula.images" then
    k.utils.save_img(path .. ".png", k.ones { 2, 3, 3 }, { scale = false })
    assert(k.utils.img_to_array(k.utils.load_img(path .. ".png")) == k.ones { 2, 3, 3 })
  end
  for _, ending in ipairs { "", ".keras", ".png" } do os.remove(path .. ending) end
end)

check("the command runs", function ()
  local text = output("'" .. tree .. "/bin/lunula' help 2>&1")
  assert(text:find("lunula show FILE", 1, true), text)
end)

os.exit(failed == 0, true)
