-- What each Lua file requires. A require of a name in quotes is read from the text, wherever it
-- stands; one of a computed name is known only when it runs, so the specs below run with `require`
-- watched (watch.lua). A computed require that none of them reached is a breach too.

-- The order of lua/lunula, lowest first. Files of a folder may require each other, and what is on
-- lower rows; what shares a row stands side by side, and may not.
local storeys = {
  { "ops.config", "json_path", "late" },
  { "declare" },
  { "kinds", "records" },
  { "ops" },
  { "utils" },
  { "distribution" },
  { "data" },
  { "datasets" },
  { "dtype_policies", "tree", "types" },
  { "activations", "backend", "constraints", "gradients", "initializers", "losses",
    "regularizers" },
  { "callbacks", "metrics" },
  { "optimizers" },
  { "layers" },
  { "trainers", "variables" },
  { "models" },
  { "saving" },
  { "config", "preprocessing" },
  { "features", "mixed_precision" },
  { "help" },
  { "command" },
  { "init" },
}

-- Requires that point upwards all the same, all of them late. This list may only shrink.
local exceptions = {
  ["lunula.declare.registry"] = { "lunula.activations", "lunula.constraints",
    "lunula.initializers", "lunula.layers", "lunula.losses", "lunula.metrics", "lunula.optimizers",
    "lunula.optimizers.schedules", "lunula.regularizers",
    why = "a name in a config loads the catalogue of its kind" },
  ["lunula.declare.classes"] = { "lunula.kinds", why = "a word in args is a kind" },
  ["lunula.layers"] = { "lunula.models", "lunula.models.deserialize",
    why = "keras.layers has Input and deserialize, and a model is a layer" },
  ["lunula.utils"] = { "lunula.layers.base.names", "lunula.models.ktensor",
    "lunula.saving.objects", "lunula.data.py_dataset",
    "lunula.data.timeseries", "lunula.data.npy", "lunula.data.texts",
    "lunula.data.csv", "lunula.data.idx", "lunula.data.split",
    "lunula.features",
    why = "keras.utils has clear_session, is_keras_tensor, datasets and what keras.saving says" },
  ["lunula.models"] = { "lunula.saving", why = "keras.models has model_from_json" },
  ["lunula.models.model"] = { "lunula.saving", why = "a model has to_json and save" },
}

-- What is no file of lua/lunula: the module in C, and the sister rocks.
local elsewhere = { ["lunula.core"] = true, ["lunula.hdf5"] = true, ["lunula.images"] = true,
  ["lunula.mpi"] = true }

-- They reach every computed require.
local specs = { "spec/declare_spec.lua", "spec/utils_spec.lua", "spec/optimizers_spec.lua",
                "spec/constraints_spec.lua", "spec/models/config_spec.lua",
                "spec/models/json_errors_spec.lua", "spec/help_spec.lua" }

local storey = {}
for i, row in ipairs(storeys) do
  for _, name in ipairs(row) do storey[name] = i end
end

-- "lunula.layers.base" has the place of "layers": its name in the order, and how high that is
local function place_of(module)
  local name = module:match "^lunula%.(.+)" or "init"
  if not storey[name] then name = name:match "^[^.]+" end
  return name, storey[name]
end

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

local used = {}   -- "from to" -> true, exceptions that something needs

local function is_exception(from, to)
  for _, name in ipairs(exceptions[from] or {}) do
    if name == to then
      used[from .. " " .. to] = true
      return true
    end
  end
  return false
end

-- What is wrong with a require of `wanted` in the file of `module`, or nil.
local function complaint(module, wanted)
  local file = "lua/" .. wanted:gsub("%.", "/")
  if not exists(file .. ".lua") and not exists(file .. "/init.lua") then
    return wanted .. " does not exist"
  end
  local here, height = place_of(module)
  local there, other = place_of(wanted)
  if not other then return wanted .. " has no place in the order of lua/lunula" end
  if here == there or other < height or is_exception(module, wanted) then return nil end
  return ("%s may not know %s, which is %s it"):format(module, wanted,
    other > height and "above" or "beside")
end

-- What names a module in quotes. ("lunula.ops." .. family) is computed: the name ends in a point.
local quoted = { "%f[%w_]require%s*%(?%s*[\"']([%w_.]*[%w_])[\"']()",
                 "package%.loaded%s*%[%s*[\"']([%w_.]*[%w_])[\"']()" }

-- A line without comments, requires of a quoted name and whatever else is in quotes; take(name)
-- is called for each of those requires.
local function without_quotes(line, take)
  line = line:gsub("^%s*%-%-.*", ""):gsub("%-%- .*", "")
  for _, pattern in ipairs(quoted) do
    line = line:gsub(pattern, function (name, after)
      if line:find("^%s*%.%.", after) then return nil end
      take(name)
      return ""
    end)
  end
  return (line:gsub("%b\"\"", ""):gsub("%b''", ""))
end

-- Notes each require of a quoted name by note(path, number, name), and returns the places of the
-- computed ones, {"lua/lunula/x.lua:12" = {path, number}}.
local function read_text(paths, note)
  local computed = {}
  for _, path in ipairs(paths) do
    local number, long = 0, nil
    for whole in io.lines(path) do
      local line = whole
      number, long = number + 1, long or line:find "^%s*%-%-%[=*%["
      if long then line, long = "", not line:find "%]=*%]" end
      local rest = without_quotes(line, function (name) note(path, number, name) end)
      if rest:find "%f[%w_]require%f[^%w_]" then
        computed[("%s:%d"):format(path, number)] = { path, number }
      end
    end
  end
  return computed
end

-- Runs the specs under watch, notes what was required by note(path, number, name), and returns
-- the places of the requires, and whether all of them passed.
local function watch(build, breach, note)
  local record, log = build .. "/requires.txt", build .. "/requires.log"
  local command = ("%s spec/support/watch.lua %s './%s/?.so' %s >%s 2>&1"):format(
    arg[-1], record, build, table.concat(specs, " "), log)
  local passed, places = os.execute(command), {}
  if not passed then
    breach("spec/support/watch.lua", 1, "the watched specs do not pass, see " .. log)
  end
  for line in io.lines(record) do
    local place, name = line:match "^(%S+) (%S+)$"
    local path, number = place:match "^(.*):(%d+)$"
    places[place] = true
    note(path, tonumber(number), name)
  end
  return places, passed
end

local function print_unused()
  for from, list in pairs(exceptions) do
    for _, to in ipairs(list) do
      if not used[from .. " " .. to] then
        print(("  nothing needs the exception %s -> %s any more: take it out"):format(from, to))
      end
    end
  end
end

-- paths: the files of lua; breach(path, line, text) notes a breach.
return function (paths, build, breach)
  local said = {}
  local function note(path, number, name)
    if not name:find "^lunula%f[^%w_]" or elsewhere[name] then return end
    local text = complaint(module_of(path), name)
    local key = text and ("%s:%d %s"):format(path, number, text)
    if text and not said[key] then
      said[key] = true
      breach(path, number, text)
    end
  end
  local placed = {}
  for _, path in ipairs(paths) do
    local _, height = place_of(module_of(path))
    if path:find "%.lua$" and height then
      placed[#placed + 1] = path
    else
      breach(path, 1, "has no place in the order of lua/lunula")
    end
  end
  local computed = read_text(placed, note)
  local reached, passed = watch(build, breach, note)
  if not passed then return end
  for place, where in pairs(computed) do
    if not reached[place] then
      breach(where[1], where[2], "no watched spec reached this computed require, or it is in a "
        .. "tail call, which hides it: see spec/support/floors_requires.lua")
    end
  end
  print_unused()
end
