-- The command `lunula`: what is in a file, from one kind of file to another, a file's self-test;
-- and what a prompt can complete.
--
-- rocks/lunula.lua is the script; it ends with the status that is returned here.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"
local formats = require "lunula.saving.formats"
local saving = require "lunula.saving"
local state = require "lunula.saving.state"
local warn = require "lunula.utils.warn"

local help = [[
lunula: models in files, and words for a prompt

  lunula show FILE         what is in it: layers, inputs, outputs, tensors, sizes
  lunula convert FROM TO   writes the model in FROM to TO; the endings tell the kinds of file
  lunula check FILE        loads it, and makes the self-test that it has
  lunula words             the words that a prompt can complete, one a line:
                           rlwrap -a -t dumb -b ' (){}[],=' -f <(lunula words) lua5.4 -l k=lunula -i
  lunula help              this text

Files end in ]] .. formats.endings .. [[.
]]

-- A text of an error without the line of ours where it was raised.
local function without_place(problem)
  return (tostring(problem):gsub("^%S+:%d+: ", ""))
end

local function say(format, ...)
  io.stdout:write(format:format(...), "\n")
end

-- ---- sizes -------------------------------------------------------------------------------------

local function bytes_text(n)
  for _, unit in ipairs { { 30, "GB" }, { 20, "MB" }, { 10, "KB" } } do
    if n >= 1 << unit[1] then return ("%.1f %s"):format(n / (1 << unit[1]), unit[2]) end
  end
  return n .. " bytes"
end

local function size_of(path)
  local file = assert(io.open(path, "rb"))
  local size = file:seek "end"
  file:close()
  return size
end

local bits = {
  float32 = 32, float64 = 64, float16 = 16, bfloat16 = 16, int8 = 8, uint8 = 8, int32 = 32,
  int64 = 64, bool = 8,
}

-- ---- show --------------------------------------------------------------------------------------

-- rows: {{name, shape, dtype}, …}
local function show_tensors(rows)
  local width, total = 0, 0
  for _, row in ipairs(rows) do width = math.max(width, #row[1]) end
  for _, row in ipairs(rows) do
    local count = 1
    for _, size in ipairs(row[2]) do count = count * size end
    local bytes = bits[row[3]] and count * bits[row[3]] // 8
    total = total + (bytes or 0)
    say("  %-" .. width .. "s  %-8s  %-16s  %s", row[1], row[3], tools.shape_text(row[2]),
      bytes and bytes_text(bytes) or "?")
  end
  say("%d tensors, %s", #rows, bytes_text(total))
end

local function show_ends(heading, names, shapes)
  for i, shape in ipairs(shapes or {}) do
    say("%s %s %s", heading, names and names[i] or i, tools.shape_text(shape))
  end
end

local function show_model(model)
  model:summary()
  show_ends("input ", model:_input_names(), model:_input_shapes())
  show_ends("output", model:_output_names(), model:_output_shapes())
end

-- Without the classes of a user the model cannot be made, but told.
local function show_if_made(path)
  local ok, model = pcall(saving.load_model, path, { compile = false })
  if ok then return show_model(model) end
  say("the model: %s", without_place(model))
end

local function show_ours(path)
  local reader <close> = core.file_read(path)
  local metadata, rows = reader.metadata, {}
  say("%s: %s, %s", path, metadata.format and ("%s, written by lunula %s"):format(metadata.format,
    metadata.lunula_version or "?") or "safetensors", bytes_text(size_of(path)))
  if metadata.config then show_if_made(path) end
  if metadata.class_names then say("classes: %s", metadata.class_names) end
  for i, name in ipairs(reader.names) do
    local shape, dtype = reader:type(name)
    rows[i] = { name, shape, dtype }
  end
  show_tensors(rows)
end

local function show_keras(path)
  say("%s: %s", path, bytes_text(size_of(path)))
  local model, rows = saving.load_model(path, { compile = false }), {}
  show_model(model)
  for i, entry in ipairs((state.weights(model))) do
    rows[i] = { entry.name, entry.variable.shape, entry.variable.dtype }
  end
  show_tensors(rows)
end

local commands = {}

function commands.show(path)
  if formats.ending(path) == ".safetensors" then
    if not core.file_kind(path) then core.raise('there is no file "%s"', path) end
    show_ours(path)
  else
    show_keras(path)
  end
end

-- ---- convert, check ----------------------------------------------------------------------------

function commands.convert(from, to)
  formats.of(to)
  local model, ending = saving.load_model(from), formats.ending(to)
  if ending == ".weights.h5" then
    saving.save_weights(model, to)
  else
    local both = ending == ".safetensors" and formats.ending(from) == ending
    saving.save_model(model, to, both and formats.of(from).extras(from) or nil)
  end
  say("%s -> %s", from, to)
end

local function has_test(path)
  if formats.ending(path) ~= ".safetensors" then return false end
  local reader <close> = core.file_read(path)
  for _, name in ipairs(reader.names) do
    if name:find "^lunula/test/" then return true end
  end
  return false
end

function commands.check(path)
  if not core.file_kind(path) then core.raise('there is no file "%s"', path) end
  local tests = has_test(path)
  saving.load_model(path, { compile = false, check = tests or nil })
  say("%s: %s", path, tests and "it loads, and the self-test passes"
    or "it loads; it has no self-test")
end

function commands.words()
  say("%s", table.concat(require("lunula.help").words(), "\n"))
end

function commands.help()
  io.stdout:write(help)
end

local takes = { show = 1, convert = 2, check = 1, words = 0, help = 0 }

-- ---- the command -------------------------------------------------------------------------------

local function complain(text)
  io.stderr:write("lunula: ", text, "\n")
  return 1
end

-- Runs `lunula` with these arguments and returns the status to end with.
return function (arguments)
  local name = arguments[1] or "help"
  if name == "--help" or name == "-h" then name = "help" end
  if not commands[name] then
    return complain(('there is no command "%s"; lunula help tells which there are'):format(name))
  end
  if #arguments - 1 ~= takes[name] and arguments[1] then
    return complain(("%s takes %d argument%s, got %d; lunula help tells more"):format(name,
      takes[name], takes[name] == 1 and "" or "s", #arguments - 1))
  end
  function warn.sink(text) io.stderr:write("lunula: ", without_place(text), "\n") end
  local ok, problem = pcall(commands[name], table.unpack(arguments, 2))
  if ok then return 0 end
  return complain(without_place(problem))
end
