-- Calls that nobody means: every name that a script can reach, with arguments of any type. A call
-- is a line of Lua made from (seed, number) alone, so that each can be made again by itself. It
-- may give whatever it likes, or raise at the line of the call; it may not crash, take a second,
-- or blame a file of ours.

local core = require "lunula.core"
local k = require "lunula"
local declare = require "lunula.declare"

local fuzz = {}

-- ---- random numbers ---------------------------------------------------------------------------

local Random = {}
Random.__index = Random

local function random_of(seed, number)
  return setmetatable({ state = (seed * 0x9E3779B97F4A7C15 ~ number * 0xD1B54A32D192ED03) | 1 },
    Random)
end

-- Number `number` goes round the list; what is drawn for an item depends on its own text and on
-- the round, so that a new item leaves the calls of all others as they are.
local function item_of(list, text_of, seed, number)
  local item = list[(number - 1) % #list + 1]
  local hash = 0
  for _, byte in ipairs { item[text_of]:byte(1, -1) } do hash = (hash ~ byte) * 0x100000001B3 end
  local r = random_of(seed, hash + (number - 1) // #list)
  r:upto(2) -- near states begin with near numbers
  return item, r
end

-- A number from 1 to n (xorshift64*).
function Random:upto(n)
  local s = self.state
  s = s ~ (s >> 12)
  s = s ~ (s << 25)
  s = s ~ (s >> 27)
  self.state = s
  return ((s * 0x2545F4914F6CDD1D) >> 33) % n + 1
end

function Random:one(list) return list[self:upto(#list)] end

function Random:chance(percent) return self:upto(100) <= percent end

-- ---- arguments, as Lua texts ------------------------------------------------------------------

local dtypes = {
  "float32", "float32", "float32", "int32", "bool", "float16", "bfloat16", "float64", "int8",
  "uint8", "int64",
}

local small = { "0", "1", "2", "3", "-1", "-2", "1", "2" }

local numbers = {
  "0", "1", "-1", "2", "3", "7", "8", "9", "33", "0.5", "1.5", "-0.0", "2.0", "-7", "1e6",
  "1000000", "1e-30", "1e308", "2^31", "2147483647", "2147483648", "-2147483649", "(1 << 40)",
  "(1 << 62)", "2^63", "-2^63", "math.maxinteger", "math.mininteger", "0/0", "math.huge",
  "-math.huge",
}

local strings = {
  '""', '"x"', '"same"', '"valid"', '"causal"', '"relu"', '"mean"', '"sum"', '"float32"', '"int32"',
  '"int64"', '"bool"', '"channels_first"', '"channels_last"', '"bilinear"', '"nearest"',
  '"ij,jk->ik"', '"constant"', '"reflect"', '"edge"', '"ij"', '"zeros"', '"adam"', '"mse"', '"l2"',
  '"%s%d%n"', '"\\0"', '("x"):rep(300)', '"fro"', '"Dense"',
}

-- Values of a user: the helpers of the environment below.
local others = {
  "nil", "k.None", "true", "false", "identity", "nothing", "print", "pair", "io.stdout",
  "released()", "variable{1, 2}", "variable(3)", "k.Input{shape={3}}", "k.layers.Dense(2)",
  "traced", "{}", "setmetatable({}, {})", "k", "coroutine.create(print)",
  "k.losses.MeanSquaredError()",
}

local value -- forward

local function tensor(r)
  local shape, size = {}, 1
  for _ = 1, r:one { 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8 } do
    local n = r:one { 1, 1, 2, 3, 2, 3, 4, 5, 7, 0 }
    if size * n > 200 then n = 1 end
    size = size * n
    shape[#shape + 1] = n
  end
  return ("T(%q, {%s}, %d)"):format(r:one(dtypes), table.concat(shape, ", "), r:upto(9))
end

local function list(r, element, most)
  local words = {}
  for i = 1, r:upto(most) - 1 do words[i] = element(r) end
  return "{" .. table.concat(words, ", ") .. "}"
end

local function number(r) return r:one(r:chance(70) and small or numbers) end

local function numbers_of(r) return list(r, number, 5) end

local function table_of(r, depth)
  local words = {}
  for _ = 1, r:upto(4) - 1 do
    local key = r:one { "", "", "", "x = ", "axis = ", "[3] = ", "[0] = ", "dtype = ", "shape = ",
      "name = ", "[1.5] = " }
    words[#words + 1] = key .. value(r, depth - 1)
  end
  return "{" .. table.concat(words, ", ") .. "}"
end

local any = {
  tensor, tensor, tensor, number, number, numbers_of,
  function (r) return r:one(numbers) end,
  function (r) return r:one(strings) end,
  function (r) return r:one(others) end,
  function (r) return list(r, tensor, 4) end,
  function (r) return list(r, numbers_of, 4) end,
}

function value(r, depth)
  if depth > 0 and r:chance(10) then return table_of(r, depth) end
  return r:one(any)(r)
end

-- What a parameter of this kind would take, most of the time.
local of_kind = {
  tensor = tensor, tensors = function (r) return list(r, tensor, 4) end, int = number,
  num = number, bool = function (r) return r:one { "true", "false" } end, ints = numbers_of,
  axes = function (r) return r:chance(50) and number(r) or numbers_of(r) end,
  dtype = function (r) return ("%q"):format(r:one(dtypes)) end,
  str = function (r) return r:one(strings) end,
  fn = function (r) return r:one { "identity", "nothing", "pair", "constant" } end,
}

function of_kind.any(r) return value(r, 2) end

local signatures_of_a_user = {
  "x", "x, y:int=3", "*xs, axis:axes=nil", "x:any, y:nonsense", "x:fn=3", "x:value=1, y:sizes=nil",
  'x:str="a", y:dtype="int8"', ",", "x:nest, y:wholes", "x:variable=nil, y:data",
}

function of_kind.signature(r) return ("%q"):format(r:one(signatures_of_a_user)) end

-- How often a loop goes round is asked for, so only a few times are.
function of_kind.turns(r) return r:one(small) end

local function argument(r, kind)
  if kind == "turns" then return of_kind.turns(r) end
  local make = r:chance(75) and of_kind[kind]
  return make and make(r) or value(r, 2)
end

-- ---- what is called ---------------------------------------------------------------------------

-- "x, *xs, axis:axes=nil" as { { "x", "tensor" }, { "xs", "tensors" }, { "axis", "axes" } }
local function parameters_of(signature)
  local list_of = {}
  for word in (signature .. ","):gmatch "%s*([^,]*)," do
    local star, name, kind = word:match "^(%*?)([%a_][%w_]*):?(%a*)"
    if name then
      list_of[#list_of + 1] = { name, star == "*" and "tensors" or kind ~= "" and kind or "tensor" }
    end
  end
  return list_of
end

-- Names whose call would end or change the run, with the reason.
fuzz.excepted = {
  ["core.make_folders"] = "makes folders", ["k.utils.save_npy"] = "writes files",
  ["core.file_write"] = "writes files", ["k.utils.save_img"] = "writes files",
  ["core.random_state"] = "moves them",
  ["core.set_memory_limit"] = "bounds the run", ["core.set_ktensor"] = "replaces placeholders",
  ["core.define"] = "replaces ops", ["core.threads"] = "tried in memory_spec",
  ["core.enter"] = "is left by its caller", ["k.backend.name_scope"] = "is left by its caller",
  ["k.activations.register"] = "replaces names", ["k.backend.set_floatx"] = "changes defaults",
  ["k.backend.set_epsilon"] = "changes defaults", ["k.seed"] = "as core.seed",
  ["k.backend.set_image_data_format"] = "changes defaults", ["k.threads"] = "as core.threads",
  ["k.config.set_floatx"] = "changes defaults", ["k.config.set_epsilon"] = "changes defaults",
  ["k.config.set_image_data_format"] = "changes defaults",
  -- they run as long as they are asked to
  ["k.ops.while_loop"] = "a loop", ["k.ops.fori_loop"] = "a loop", ["core.raise"] = "raises texts",
}

local modules = {
  "ops", "ops.image", "ops.linalg", "random", "backend", "losses", "metrics", "activations",
  "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules", "callbacks",
  "utils", "models", "config", "saving",
}

local function module_of(path)
  local module = k
  for word in path:gmatch "[^.]+" do module = module[word] end
  return module
end

local function place_of(name)
  return name:match "^[%a_][%w_]*$" and "." .. name or ("[%q]"):format(name)
end

local reserved = { ["repeat"] = true, ["end"] = true, ["not"] = true, ["and"] = true,
  ["or"] = true }

local function field(path, name)
  if reserved[name] then return ("%s[%q]"):format(path, name) end
  return path .. place_of(name)
end

-- Methods of a tensor that are not ops.
local tensor_methods = { "get", "set", "assign", "totable", "tobytes", "item", "release" }

local function add_names(targets, path, module, signatures)
  local names = {}
  for name in pairs(module) do if type(name) == "string" then names[#names + 1] = name end end
  table.sort(names)
  for _, name in ipairs(names) do
    local text, x = field(path, name), module[name]
    local class = declare.is_class(x)
    local called = type(x) == "function" or class
      or type(x) == "table" and getmetatable(x) and getmetatable(x).__call
    if called and not fuzz.excepted[text] then
      local target = { text = text, class = class and x or nil }
      if signatures and signatures[name] then
        target.parameters = parameters_of(signatures[name])
        for _, parameter in ipairs(name == "scan" and target.parameters or {}) do
          if parameter[1] == "length" then parameter[2] = "turns" end
        end
      end
      targets[#targets + 1] = target
    end
  end
end

-- What takes a table of options, or is a value's method: "~kind" stands for an argument.
local templates = {
  "core.host{fn = ~fn, inputs = ~tensors, outputs = {{shape = ~ints, dtype = ~dtype}}, "
    .. "values = ~int}",
  "core.host{fn = ~fn, inputs = ~tensors, outputs = ~any}",
  "core.scan(~fn, ~tensors, ~tensors, {reverse = ~bool, length = ~turns})",
  "core.scan(~fn, ~any, ~tensors, ~any)", "core.call(~fn, ~tensors)",
  "core.variable{value = ~any, name = ~str, trainable = ~bool}",
  "core.batch_rows(~tensor, ~int, ~int, ~fn, ~tensor)",
  "core.define{name = ~str, signature = ~signature, fn = ~fn}(~tensor, ~any)",
  "core.frombytes(~str, {shape = ~ints, dtype = ~dtype})",
  "core.tensor(~any, {shape = ~ints, dtype = ~dtype})",
  "core.trace({{shape = ~ints, dtype = ~dtype}}, ~fn)(~tensor)",
  "core.value_and_grad(~fn)(~tensor, ~any)", "core.grad(~tensor, ~tensors)",
  "new_traced():rows{inputs = ~tensors, outputs = ~tensors, order = ~any, first = ~int, "
    .. "last = ~int, batch = ~int, seconds = ~num}",
  "new_traced():rows{inputs = {T(\"float32\", {3, 2}, 1)}, outputs = ~tensors, order = ~tensor, "
    .. "first = ~int, last = ~int, batch = ~int}",
  "new_traced():memory{batch = ~int}", "new_traced():passes(~str)", "new_traced():describe(~any)",
  "new_traced()(~tensor)", "new_traced()[~str]",
  "try_method(new_traced(), \"release\", pack())",
  "k.ops.conv(~tensor, ~tensor, {strides = ~axes, padding = ~str, dilation_rate = ~axes})",
  "k.Sequential{k.layers.Dense(~int), ~any}", "k.Sequential{k.layers.Flatten(), ~any}(~tensor)",
  "k.layers.Lambda{~fn}(~tensor)", "k.layers.Dense(2)(~any)", "k.layers.LSTM(2)(~tensor, ~any)",
  "k.layers.Conv2D(2, 1)(~tensor)", "k.layers.Embedding(3, 2)(~tensor)",
  "k.layers.AdditiveAttention{}(~any)", "k.layers.Add{}(~any)",
  "k.layers.MultiHeadAttention{1, 2}(~tensor, ~tensor)", "k.layers.BatchNormalization()(~tensor)",
}

-- Every name, with what is known of its parameters.
function fuzz.targets()
  local targets, signatures = {}, {}
  require "lunula.ops"
  for _, row in ipairs(core.catalogue()) do signatures[row.name] = row.signature end
  for _, path in ipairs(modules) do
    add_names(targets, "k." .. path, module_of(path), path:find "^ops" and signatures)
  end
  local classes = {}
  for _, name in ipairs(k.layers.names()) do classes[name] = k.layers[name] end
  add_names(targets, "k.layers", classes)
  add_names(targets, "core", core)
  add_names(targets, "k", { tensor = k.tensor, zeros = k.zeros, ones = k.ones, full = k.full,
    arange = k.arange, Input = k.Input, Sequential = k.Sequential, Model = k.Model,
    layer = k.layer, model = k.model, callback = k.callback, remat = k.remat,
    value_and_grad = k.value_and_grad, gradcheck = k.gradcheck, help = k.help,
    set_random_seed = k.set_random_seed, is_tensor = k.is_tensor })
  for _, name in ipairs(tensor_methods) do
    targets[#targets + 1] = { text = "tensor:" .. name, method = name }
  end
  for _, sign in ipairs { "+", "-", "*", "/", "//", "%", "^", "&", "|", "..", "<", "<=", "==" } do
    targets[#targets + 1] = { text = "tensor " .. sign, sign = sign }
  end
  for _, text in ipairs(templates) do
    targets[#targets + 1] = { text = text, template = text }
  end
  targets[#targets + 1] = { text = "tensor[]", index = true }
  targets[#targets + 1] = { text = "tensor[]=", newindex = true }
  return targets
end

-- ---- calls ------------------------------------------------------------------------------------

local function arguments_by_signature(r, parameters)
  local words, named = {}, {}
  local n = r:chance(80) and #parameters or r:upto(#parameters + 2) - 1
  for i = 1, n do
    local parameter = parameters[i]
    local text = parameter and argument(r, parameter[2]) or value(r, 2)
    if parameter and i > 1 and r:chance(25) then
      named[#named + 1] = ("[%q] = %s"):format(parameter[1], text)
    elseif i > 1 and r:chance(40) then
      words[#words + 1] = "nil"
    else
      words[#words + 1] = text
    end
  end
  if #named > 0 then words[#words + 1] = "{" .. table.concat(named, ", ") .. "}" end
  return table.concat(words, ", ")
end

local function arguments(r, most)
  local words = {}
  for i = 1, r:upto(most + 1) - 1 do words[i] = i == 1 and argument(r, "tensor") or value(r, 2) end
  return table.concat(words, ", ")
end

-- A constructor's options: by their names, mostly with small numbers and words.
local function options(r, class)
  local words, args = {}, class.arguments
  for i, arg in ipairs(class.positional) do
    if arg.required or i == 1 then words[#words + 1] = r:chance(80) and number(r) or value(r, 2) end
    if not arg.required then break end
  end
  for _ = 1, r:upto(3) - 1 do
    if #args > 0 then
      words[#words + 1] = ("[%q] = %s"):format(args[r:upto(#args)].name,
        r:chance(60) and r:one { small, strings, { "true", "false" } }[r:upto(2)] or value(r, 2))
    end
  end
  return "{" .. table.concat(words, ", ") .. "}"
end

-- Not the hooks (call, update_step ...): what they get was checked by whoever calls them.
local object_methods = {
  "", "", "", "", ":get_config", ":build", ":update_state", ":result", ":apply", ":count_params",
  ":compute_output_shape", ":get_weights", ":set_weights", ":add_weight", ":from_config",
}

local function call_of(r, target)
  if target.class then
    local made = target.text .. options(r, target.class)
    if r:chance(30) then return made end
    local method = r:one(object_methods)
    return ("try_method(%s, %q, %s)"):format(made, method:sub(2), "pack(" .. arguments(r, 3) .. ")")
  elseif target.template then
    return (target.template:gsub("~(%l+)", function (kind) return argument(r, kind) end))
  elseif target.method then
    return ("(%s):%s(%s)"):format(r:chance(80) and tensor(r) or "variable{1, 2}", target.method,
      arguments(r, 3))
  elseif target.sign then
    return ("%s %s %s"):format(tensor(r), target.sign, argument(r, "tensor"))
  elseif target.index then
    return ("(%s)[%s]"):format(tensor(r), "key(" .. value(r, 2) .. ")")
  elseif target.newindex then
    return ("put(%s, key(%s), %s)"):format(tensor(r), value(r, 2), value(r, 2))
  elseif target.parameters then
    return target.text .. "(" .. arguments_by_signature(r, target.parameters) .. ")"
  end
  return target.text .. "(" .. arguments(r, 4) .. ")"
end

-- In a trace: tensors of sizes that are not known take the places of some.
local function traced_call(text)
  local n = 0
  text = text:gsub("T%b()", function (made)
    n = n + 1
    return n <= 2 and (n == 1 and "a" or "b") or made
  end)
  return ('core.trace({{shape={false, 3}}, {shape={2, false}, dtype="int32"}}, '
    .. "function (a, b) return (%s) end)"):format(text)
end

-- The line of call `number`; no tail call, which would leave no line to blame.
function fuzz.line(targets, seed, number_of_call, traced)
  local target, r = item_of(targets, "text", seed, number_of_call)
  local text = call_of(r, target)
  return ("return (%s)"):format(traced and traced_call(text) or text)
end

-- ---- running them -----------------------------------------------------------------------------

local function made_tensor(dtype, shape, first)
  local size, data = 1, {}
  for _, n in ipairs(shape) do size = size * n end
  for i = 1, size do data[i] = (i * 7 + first) % 11 - (dtype == "uint8" and 0 or 4) end
  if #shape == 0 then return core.tensor(data[1], { dtype = dtype }) end
  if size == 0 then return core.ops.zeros(shape, dtype) end
  return core.tensor(data, { shape = shape, dtype = dtype })
end

local environment = setmetatable({
  k = k, core = core, T = made_tensor, print = function () end, pack = table.pack,
  identity = function (...) return ... end, nothing = function () end,
  pair = function (x) return x, x end, constant = function () return 1 end,
  released = function ()
    local t = core.tensor { 1, 2 }
    t:release()
    return t
  end,
  variable = function (x) return core.variable { value = x, name = "v" } end,
  traced = core.trace({ { shape = { 2 } } }, function (x) return x end),
  new_traced = function ()
    return core.trace({ { shape = { false, 2 } } }, function (x) return x * 2, x + 1 end)
  end,
  key = function (x) return x == nil and 1 or x end,
}, { __index = _G })

-- These stand in the text's own chunk, so that what they raise is at its line.
local prelude = [[
local function put(t, key, value) t[key] = value end
local function try_method(object, name, args)
  local f = object
  if name ~= "" then
    f = type(object) ~= "function" and object[name]
    if type(f) ~= "function" then return end
    return (f(object, table.unpack(args, 1, args.n)))
  elseif type(f) ~= "function" and not (getmetatable(f) or {}).__call then return end
  return (f(table.unpack(args, 1, args.n)))
end
]]
prelude = prelude:gsub("\n", " ")

-- What a message may not hold: the marks of an error in our code.
local marks = {
  "attempt to ", "bad argument #%d+ to", 'unknown option "%?"', "lua/lunula/",
  "lunula/[%w_/]+%.lua", "stack overflow", "'for' ", "invalid value %(at index",
  "invalid order function", "error in error",
}

local function blame(message)
  if not message:find "^fuzz:1: " then return "not at the caller's line" end
  for _, mark in ipairs(marks) do
    if message:find(mark) then return "the mark of an error in our code" end
  end
end

local function watched(f, seconds)
  local start = os.clock()
  local memory = collectgarbage "count"
  local hook = debug and debug.sethook or function () end -- a sandbox has its budget
  hook(function ()
    if os.clock() - start > seconds then error("it takes too long", 0) end
    if collectgarbage "count" - memory > 500000 then error("it takes all memory", 0) end
  end, "", 10000)
  local say = print
  print = environment.print -- luacheck: ignore
  local ok, message = pcall(f)
  hook()
  print = say -- luacheck: ignore
  return ok, message, os.clock() - start
end

-- nil, or what is wrong about the call.
function fuzz.complaint(line)
  local f, mistake = load(prelude .. line, "=fuzz", "t", environment)
  if not f then error("the generator wrote " .. line .. ": " .. mistake, 0) end
  local ok, message, seconds = watched(f, 1)
  if ok then message = nil end -- what came of it
  local function probe() return core.tensor(1) + 1 end
  local clean, left = pcall(probe)
  if not clean then -- the memory may only be full
    collectgarbage()
    clean, left = pcall(probe)
  end
  if not clean then return "leaves an error behind: " .. tostring(left) end
  if seconds > 1 then return ("takes %.1f s: %s"):format(seconds, tostring(message):sub(1, 200)) end
  if ok then return nil end
  message = tostring(message)
  if message:find "^it takes " then return message end
  local why = blame(message)
  return why and why .. ": " .. message:sub(1, 300)
end

-- ---- nearly right -----------------------------------------------------------------------------

local near = { 0, 1, -1, 2, 3, 5, -2, 1 << 20, 1 << 31, 1 << 40, math.maxinteger, math.mininteger }

-- A copy in which one number is another one, or one is missing.
local function mutated(r, tree)
  local copy, keys = {}, {}
  for key, x in pairs(tree) do
    copy[key] = x
    keys[#keys + 1] = key
  end
  if #keys == 0 then return copy end
  table.sort(keys, function (a, b) return tostring(a) < tostring(b) end)
  local key = r:one(keys)
  local x = copy[key]
  if type(x) == "table" then
    copy[key] = mutated(r, x)
  elseif type(x) == "number" then
    copy[key] = r:chance(50) and x + r:one { 1, -1 } or r:one(near)
  elseif type(x) == "boolean" then
    copy[key] = not x
  end
  return copy
end

-- An input of a case whose shape may be another one.
local function mutated_tensor(r, input)
  local shape, size = table.move(input.shape, 1, #input.shape, 1, {}), 1
  if #shape > 0 and r:chance(60) then
    local axis = r:upto(#shape)
    shape[axis] = r:one { 0, 1, shape[axis] + 1, math.max(shape[axis] - 1, 0), 7 }
  elseif r:chance(20) then
    shape[#shape + 1] = r:one { 1, 2 }
  end
  for _, n in ipairs(shape) do size = size * n end
  local data = {}
  for i = 1, size do data[i] = input.data[(i - 1) % math.max(#input.data, 1) + 1] or 1 end
  return { shape = shape, dtype = input.dtype, data = data }
end

-- Case `number` of the table of cases, with something else about it: what a kernel would meet if a
-- shape rule let it pass. call(case, inputs, specs) makes the call, through a trace with inputs of
-- these specs when there are some.
function fuzz.near_case(cases, seed, number_of_call, call)
  local case, r = item_of(cases, "key", seed, number_of_call)
  local changed, inputs_of = {}, {}
  for key, x in pairs(case) do changed[key] = x end
  changed.attributes = r:chance(70) and mutated(r, case.attributes) or case.attributes
  for i, input in ipairs(case.inputs) do
    inputs_of[i] = r:chance(40) and mutated_tensor(r, input) or input
  end
  local specs = r:chance(40) and {}
  for i, input in ipairs(specs and case.inputs or {}) do -- traced with sizes that are not known
    local shape = table.move(input.shape, 1, #input.shape, 1, {})
    for axis = 1, #shape do shape[axis] = not r:chance(50) and shape[axis] end
    specs[i] = { shape = shape, dtype = input.dtype }
  end
  local ok, message, seconds = watched(function () call(changed, inputs_of, specs) end, 1)
  if seconds > 1 then return ("%s takes %.1f s"):format(case.key, seconds) end
  if ok then return nil end
  for _, mark in ipairs(marks) do
    if tostring(message):find(mark) then return case.key .. ": " .. tostring(message) end
  end
end

-- Makes `count` calls from number `first` on. Gives the complaints, at most `most`, each once a
-- target. `log` is told every line before it is run.
function fuzz.run(options_of)
  local targets, found, seen = fuzz.targets(), {}, {}
  for i = options_of.first or 1, (options_of.first or 1) + options_of.count - 1 do
    local line = fuzz.line(targets, options_of.seed, i, options_of.traced)
    if options_of.log then options_of.log(i, line) end
    local complaint = fuzz.complaint(line)
    if complaint then
      local kind = complaint:gsub("%d+", "0"):gsub("0x%w+", "0")
      if not seen[kind] then
        seen[kind] = true
        found[#found + 1] = ("call %d: %s\n    %s"):format(i, line, complaint)
        if #found >= (options_of.most or 30) then break end
      end
    end
  end
  return found
end

return fuzz
