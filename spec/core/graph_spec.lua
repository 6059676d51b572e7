-- Graphs as texts: what was traced comes back with the same bits, in a trace and outside; what is
-- wrong in a text is an error that names the node.

local core = require "lunula.core"
local k = require "lunula"
local own = require "spec.support.own_models"
local stored = require "spec.support.stored"

local ops, layers = k.ops, k.layers

local trace, read = core.trace, core.graph_function

describe("a graph", function ()
  it("keeps the names of inputs and outputs, and unknown sizes", function ()
    local f = trace({ { shape = { false, 3 } }, { shape = { false }, dtype = "int32" } },
      function (a, b) return a * 2, ops.cast(b, "float32") + ops.sum(a, 1) end)
    local text, constants = core.graph_text(f, { inputs = { "größe", "b\n" },
      outputs = { "double", "sum" } })
    assert.same({}, constants)
    local g, inputs, outputs = core.graph_function(text)
    assert.same({ "größe", "b\n" }, inputs)
    assert.same({ "double", "sum" }, outputs)
    assert.same({ false, 3 }, { table.unpack(g.inputs[1].shape) })
    assert.equal("int32", g.inputs[2].dtype)
    for rows = 1, 3 do
      local a, b = k.random.normal { rows, 3 }, core.tensor(ops.ones { rows }, "int32")
      local wanted, given = { f(a, b) }, { g(a, b) }
      for i = 1, 2 do assert.equal(wanted[i]:tobytes(), given[i]:tobytes()) end
    end
    assert.equal(text, (core.graph_text(g, { inputs = inputs, outputs = outputs })))
    assert.same({ "input_1", "input_2" }, (select(2, core.graph_function((core.graph_text(f))))))
  end)

  it("names its variables as it is told, and finds them again", function ()
    local w = core.variable { value = ops.ones { 2 }, name = "w" }
    local v = core.variable { value = core.tensor { 3 }, name = "w" }
    local f = trace({ { shape = { 2 } } }, function (x) return x * w + v end)
    local seen = {}
    local text = core.graph_text(f, { variable = function (x)
      seen[#seen + 1] = x
      return rawequal(x, w) and "first/w" or "second/w"
    end })
    assert.is_true(rawequal(seen[1], w) and rawequal(seen[2], v))
    local g = core.graph_function(text, nil, function (name)
      return name == "first/w" and w or name == "second/w" and v
    end)
    w:assign { 5, 6 }
    assert.same({ 8, 15 }, g(core.tensor { 1, 2 }):totable())
    local path = os.tmpname()
    core.file_write(path, { { "first/w", w }, { "second/w", v } })
    local file = core.file_read(path)
    os.remove(path)
    assert.same({ 8, 15 }, core.graph_function(text, file)(core.tensor { 1, 2 }):totable())
    assert.same({ 10, 17 }, core.graph_function(text, file, function (name)
      return name == "second/w" and core.variable { value = core.tensor { 5 } } or nil
    end)(core.tensor { 1, 2 }):totable())
  end)

  it("has constants, in the text and as tensors", function ()
    local values = { core.tensor(1.5), core.tensor { 1, 2, 3 }, ops.full({ 100 }, 7),
      core.tensor({ 1, -2 }, "int8"), core.tensor({ true, false }),
      core.tensor({ 1 / 3 }, "float64"), core.tensor { 1 / 0, 0 / 0 },
      core.tensor({ math.maxinteger, 5 }, "int64"),
      core.tensor({ 0.1, -0.0 }), core.tensor({ 0.1 }, "float16") }
    for _, value in ipairs(values) do
      local f = trace({ { shape = { 1 } } }, function (x) return ops.cast(x, "float32"), value end)
      local again, _, text = stored.again(f)
      assert.equal(value:tobytes(), select(2, again(core.tensor { 0 })):tobytes(), text)
    end
    local big = k.random.normal { 100 }
    local f = trace({ { shape = { 100 } } }, function (x)
      return core.call(function (y) return y * big end, { x + big })[1] + ops.full({ 50 }, 2)[1]
    end)
    local text, constants = core.graph_text(f)
    assert.equal(1, #constants)
    assert.equal("lunula/constant/0", constants[1][1])
    local path = os.tmpname()
    core.file_write(path, constants, nil, { dtype = "float16" })
    local g = core.graph_function(text, core.file_read(path))
    os.remove(path)
    local x = k.random.normal { 100 }
    assert.near_all(g(x), f(x), 1e-2)
  end)

  it("has loops, loops in loops, and calls", function ()
    local f = trace({ { shape = { 4, false, 3 } }, { shape = { false, 3 } } }, function (x, s)
      local states, results = core.scan(function (state, step)
        local inner = core.scan(function (a, _)
          return { a[1] * 0.5 + core.call(function (y) return ops.tanh(y) end, { step[1] })[1] }, {}
        end, { state[1] }, {}, { length = 3 })
        return { inner[1] }, { inner[1] + step[1] }
      end, { s }, { x }, { reverse = true })
      return states[1], results[1]
    end)
    assert.is_nil(stored.check(f, { k.random.normal { 4, 2, 3 }, k.random.normal { 2, 3 } }))
  end)

  it("draws the same numbers, and leaves the same in variables", function ()
    local v = core.variable { value = ops.zeros { 2 }, name = "v" }
    local f = trace({ { shape = { false, 2 } } }, function (x)
      local drawn = x + core.ops.random_normal_like(x)
      v:assign(v.value + ops.sum(drawn, 0))
      local first = v.value * 2
      v:assign(first)
      return drawn, first
    end)
    assert.is_nil(stored.check(f, { ops.ones { 3, 2 } }))
    local w = core.variable { value = ops.zeros { 2, 2 }, name = "w" }
    local g = trace({ { shape = { false, 2 } } }, function (x)
      w:assign(x)
      return w.value + 1
    end)
    assert.is_nil(stored.check(g, { ops.ones { 2, 2 } }))
    local again = stored.again(g)
    assert.error_at_line(function () again(ops.ones { 3, 2 }) end, 'variable "w" is (2, 2)')
  end)

  it("has sizes that are computed", function ()
    local f = trace({ { shape = { false, 4 } } }, function (x)
      local n = ops.shape(x)[1]
      return ops.reshape(x, { n * 2, 2 }), k.random.uniform { n, 3 }, ops.zeros { n }
    end)
    assert.is_nil(stored.check(f, { ops.ones { 3, 4 } }))
    assert.is_nil(stored.check(f, { ops.ones { 5, 4 } }))
  end)

  it("that was read is called in a trace, and under a tape", function ()
    local w = core.variable { value = core.tensor { 2, 3 }, name = "w" }
    local f = trace({ { shape = { false, 2 } } }, function (x) return ops.tanh(x * w) end)
    local g = stored.again(f)
    local outer = trace({ { shape = { 3, 2 } } }, function (x) return g(x + 1) * 2 end)
    local x = k.random.normal { 3, 2 }
    assert.equal((f(x + 1) * 2):tobytes(), outer(x):tobytes())
    local function loss(y) return ops.sum(g(y)) end
    local _, grads = core.value_and_grad(loss)(x)
    local _, wanted = core.value_and_grad(function (y) return ops.sum(ops.tanh(y * w)) end)(x)
    assert.near_all(grads[1], wanted[1])
    assert.near_all(trace({ { shape = { 3, 2 } } }, loss)(x), loss(x))
    assert.error_at_line(function ()
      trace({ { shape = { 3, 3 } } }, function (y) return g(y) end)
    end, "input 1 is (3, 3), it should be (None, 2)")
  end)

  it("has no step of Lua, and no gradient", function ()
    local f = trace({ { shape = { 2 } } }, function (x)
      return layers.Lambda { function (y) return y * 2 end, trace = false, output_shape = {} } (x)
    end)
    assert.error_at_line(function () core.graph_text(f) end, "a step of Lua at ")
    local g = trace({ { shape = { 2, 3 } } }, function (x)
      return table.unpack((select(2, core.value_and_grad(function (y)
        return ops.sum(ops.softmax(y) ^ 3)
      end)(x))))
    end)
    assert.error_at_line(function () core.graph_text(g) end,
      "is a part of a gradient, which is not written into files")
    assert.error_at_line(function () core.graph_text(f, { inputs = { "a", "b" } }) end,
      "graph_text: inputs is a list of 1 names")
  end)

  it("with the gradient of its author keeps it", function ()
    local f = trace({ { shape = { 2 } } }, function (x)
      return ops.custom_gradient(function (y)
        return y * 2, function (dy) return dy * y * 100 end
      end)(x)
    end)
    local g = stored.again(f)
    local loss = function (x) return ops.sum(g(x)) end
    local _, grads = core.value_and_grad(loss)(core.tensor { 1, 2 })
    assert.same({ 100, 200 }, grads[1]:totable())
  end)
end)

-- ---- models ------------------------------------------------------------------------------------

local function specs_of(data)
  local specs = {}
  for i, x in ipairs(data) do
    local sizes = { table.unpack(x.shape) }
    sizes[1] = false
    specs[i] = { shape = sizes, dtype = x.dtype }
  end
  return specs
end

local function flat(value, found)
  if core.is_tensor(value) then
    found[#found + 1] = value
  elseif type(value) == "table" then
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function (a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do flat(value[key], found) end
  end
  return found
end

local texts = {}   -- of small models, for what follows

describe("the graph of a model", function ()
  for _, form in ipairs(own) do
    it("gives the same bits: " .. form.name, function ()
      k.set_random_seed(3)
      local model, data = form.make(k, layers), own.inputs(k, form)
      model(#data > 1 and data or data[1])
      for _, training in ipairs { false, true } do
        local f = trace(specs_of(data), function (...)
          local given = { ... }
          return table.unpack(flat({ model(#given > 1 and given or given[1],
            { training = training }) }, {}))
        end)
        assert.is_nil(stored.check(f, data))
        local again, _, text, variables = stored.again(f)
        if again and #text < 20000 then
          texts[#texts + 1] = { text = text, data = data, variables = variables }
        end
      end
    end)
  end
end)

-- ---- what is wrong in a text -------------------------------------------------------------------

describe("a graph with something wrong", function ()
  local x, y = '{"op": "input", "name": "x", "type": ["float32", null, 3]}', '"outputs": [1]'

  local function refused(nodes, rest, what)
    local text = ('{"format": 1, "nodes": [%s], %s, "output_names": ["y"]}'):format(nodes, rest)
    assert.error_at_line(function () read(text) end, what)
  end

  local function node(text, what)
    refused(x .. ", " .. text, y, what)
  end

  it("is refused as JSON", function ()
    assert.error_at_line(function () read "" end, "a value is missing at line 1, column 1")
    assert.error_at_line(function () read "[]" end, "no graph")
    assert.error_at_line(function () read "{}" end, "its outputs are missing")
    assert.error_at_line(function () read '{"colour": 1}' end, 'what is "colour"?')
    assert.error_at_line(function () read '{"format": 2}' end,
      "a graph of format 2, lunula reads format 1")
    assert.error_at_line(function () read '{"nodes": [3]}' end, "node 0 is no object")
    assert.error_at_line(function () read '{"nodes": [{"op": ' end,
      "node 0: unterminated object at line 1, column 12")
    refused(x, '"outputs": [0], "outputs": [0]', "its outputs stand there twice")
    refused(x, '"outputs": 0', "a list of values is wanted")
    refused(x, '"outputs": [0], "updates": [[-4294967296, 0]]',
      "updates: node -1 is no variable that it could assign to")
  end)

  it("is refused for what a node is", function ()
    node("{}", "node 1: its op is missing")
    node('{"in": []}', "node 1: its op comes first")
    node('{"op": "tahn"}', 'node 1: there is no op "tahn" that files may have')
    for _, hidden in ipairs { "host", "lerp", "panels", "softmax_back", "assigned", "unslice" } do
      node(('{"op": "%s"}'):format(hidden),
        ('there is no op "%s" that files may have'):format(hidden))
    end
    node('{"op": "tanh", "version": 2}',
      "node 1 (tanh): version 2 of this op, lunula has version 1")
    node('{"op": "tanh", "colour": 2}', 'node 1 (tanh): what is "colour"?')
    node('{"op": "tanh", "in": [1]}', "node 1 (tanh): there is no node 1 before it")
    node('{"op": "tanh", "in": [-1]}', "node 1 (tanh): there is no node -1 before it")
    node('{"op": "tanh", "in": [[0, 1]]}', "node 1 (tanh): node 0 has no output 1")
    node('{"op": "tanh", "in": 0}', "node 1 (tanh): a list of values is wanted")
    node('{"op": "tanh", "in": []}', "node 1 (tanh): 0 inputs, it takes 1")
    node('{"op": "tanh", "in": [0, 0]}', "node 1 (tanh): 2 inputs, it takes 1")
    node('{"op": "tanh", "in": [0], "types": []}', "node 1 (tanh): 0 types, it has 1 outputs")
    node('{"op": "tanh", "in": [0], "types": [["float32", 2, 4]]}',
      "node 1 (tanh): output 0 is float32 (None, 3), the file says float32 (2, 4)")
    node('{"op": "tanh", "in": [0], "types": [["int32", 2, 3]]}',
      "node 1 (tanh): output 0 is float32 (None, 3), the file says int32 (2, 3)")
    node('{"op": "tanh", "in": [0], "attr": {"axis": 1}}',
      'node 1 (tanh): it has no attribute "axis"')
    node('{"op": "softmax", "in": [0]}', "node 1 (softmax): axis is missing")
    node('{"op": "softmax", "in": [0], "attr": {"axis": "x"}}',
      "node 1 (softmax): axis: it is of another kind")
    node('{"op": "softmax", "in": [0], "attr": {"axis": 5}}',
      "node 1 (softmax): softmax: axis 5 is out of range")
    node('{"op": "top_k", "in": [0], "attr": {"k": 5000}}',
      "k is 5000, this row finds at most 4096")
    node('{"op": "irdft", "in": [0, 0], "attr": {"length": -1}}', "irdft: a length of -1")
    node('{"op": "input", "name": "i", "type": ["int32", 1, 2, 3]}, {"op": "input", ' ..
      '"name": "n", "type": ["int32", 1]}, {"op": "ctc_decode", "in": [1, 2], "attr": ' ..
      '{"beam_width": 4, "top_paths": 1, "mask_index": 0}}', "ctc_decode: inputs must be float32")
    node('{"op": "constant", "type": ["float32", 1, 2], "values": [1, 2]}, {"op": "matmul", ' ..
      '"in": [0, 1], "attr": {"transpose_a": false, "transpose_b": false}}',
      "node 2 (matmul): matmul: inner sizes differ")
    node('{"op": "full", "attr": {"shape": [100000, 100000], "fill_value": 1}}',
      "node 1 (full): full: nothing that it reads comes later")
    node('{"op": "input", "type": ["float32"]}', "node 1 (input): its name is missing")
    node('{"op": "input", "name": "x", "type": ["float33"]}', 'there is no element type "float33"')
    node('{"op": "input", "name": "x", "type": ["float32", -1]}', "a type has at most 8 sizes")
    node('{"op": "constant", "type": ["float32", 2], "values": [1]}',
      "node 1 (constant): 1 values, its type has 2")
    node('{"op": "constant", "type": ["float32", 1000000000], "values": [1]}',
      "node 1 (constant): these are not all of its values")
    node('{"op": "constant", "type": ["int8"], "values": [300]}', "int8 cannot hold 300")
    node('{"op": "constant", "type": ["float32", 2], "tensor": "w"}', 'there is no tensor "w"')
    node('{"op": "variable", "type": ["float32", 2], "name": "w"}', 'there is no tensor "w"')
    node('{"op": "assign", "variable": 0, "in": [0]}',
      "node 1 (assign): node 0 is no variable that it could assign to")
    node('{"op": "shape", "type": ["float32", 2]}, {"op": "tanh", "in": [1]}',
      "node 2 (tanh): input 1 is a shape, a value is wanted")
    node('{"op": "shape", "type": ["float32", 2]}', "output 1 is a shape, a value is wanted")
  end)

  it("has words of its own, which no op has", function ()
    local words = { input = true, variable = true, constant = true, shape = true, assign = true }
    for name in pairs(debug.getregistry()["lunula.hidden"]) do assert.is_nil(words[name]) end
    for _, row in ipairs(core.catalogue()) do
      assert.is_true(not words[row.name] or row.kind == "composite", row.name)
    end
  end)

  it("is refused for its loops", function ()
    local body = '{"nodes": [%s], "outputs": [0]}'
    local function scan(inner, rest, what)
      node(('{"op": "scan", "in": [0], "attr": {"body": %s, "consts": 0, "carry": 1, ' ..
        '"reverse": false, "length": 3%s}}'):format(body:format(inner), rest), what)
    end
    local input = '{"op": "input", "type": ["float32", null, 3]}'
    scan(input .. ', {"op": "variable"}', "",
      "node 1 (scan): body: node 1 (variable): a body has no")
    scan('{"op": "input", "type": ["int32", null, 3]}', "",
      "input 1 is float32 (None, 3), its function takes int32 (None, 3)")
    scan('{"op": "input", "type": ["float32", null]}', "", "its function takes float32 (None,)")
    scan("", "", "there is no node 0 before it")
    scan(input .. "," .. input, "", "a body that does not fit its 1 inputs")
    scan(input, ', "backward": ' .. body:format(input), "a part of a gradient in a file")
    local deep = input
    for _ = 1, 20 do
      deep = input .. ', {"op": "call", "in": [0], "attr": {"body": ' .. body:format(deep) ..
        ', "results": 1, "consts": 0}}'
    end
    node(deep:sub(#input + 2), "more than 8 functions in one another")
  end)

  it("names the tensor that does not fit, and its file", function ()
    local path = os.tmpname()
    core.file_write(path, { { "w", core.tensor({ 1, 2 }, "int32") } })
    local file = core.file_read(path)
    os.remove(path)
    local text = ('{"format": 1, "nodes": [%s, {"op": "variable", "name": "w", "type": ' ..
      '["float32", 2]}], "outputs": [1], "output_names": ["y"]}'):format(x)
    assert.error_at_line(function () core.graph_function(text, file) end,
      'node 1 (variable): tensor "w" is int32 (2,), not float32 (2,)')
    assert.error_at_line(function ()
      core.graph_function(text, nil, function ()
        return core.variable { value = core.tensor(1) }
      end)
    end, 'node 1 (variable): variable "w" is float32 (), not float32 (2,)')
    assert.error_at_line(function ()
      core.graph_function(text, nil, function () error "no such" end)
    end, "no such")
    assert.error_at_line(function () core.graph_function(text, nil, function () return 1 end) end,
      "a variable is expected, got number")
  end)
end)

-- ---- any texts ---------------------------------------------------------------------------------

local seed = tonumber(os.getenv "LUNULA_FUZZ_SEED") or 7
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2^31
  return math.tointeger(seed // 65536 % n) + 1
end

local wrong = { "null", "-1", "0", "1", "2", "3", "7", "8", "100", "-100", "2147483648",
  "8589934592", "4611686018427387904", "0.5", "1e30", '"x"', "true", "false", "[]", "[0]", "[1,1]",
  "[-1,2]", "[0,1]", "{}", '["float32",2]', '["float32",null,3]', '"tanh"', '"matmul"', '"scan"',
  '"call"', '"gather"', '"reshape"', '"transpose"', '"sum"', '"assign"', '"constant"', '"float32"',
  '"int32"', '"bool"', '"add"', '"convolution"', '"layer_normalization"', '"as_int32"' }

-- Where the words, numbers and lists of a text stand.
local function places(text)
  local found = {}
  for _, pattern in ipairs { '()"[^"]*"()', "()%-?%d[%d%.]*()", "()%b[]()", "()%b{}()" } do
    for from, to in text:gmatch(pattern) do found[#found + 1] = { from, to - 1 } end
  end
  return found
end

-- The text with one of them replaced: by one of the list, or by another one of the text.
local function changed(text)
  local found = places(text)
  if #found == 0 then return text end
  local place, other = found[random(#found)], found[random(#found)]
  local by = random(2) == 1 and text:sub(other[1], other[2]) or wrong[random(#wrong)]
  return text:sub(1, place[1] - 1) .. by .. text:sub(place[2] + 1)
end

local function mangled(text)
  if random(5) > 1 then
    for _ = 1, random(3) == 1 and 2 or 1 do text = changed(text) end
    return text
  end
  local at = random(#text)
  return text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + random(3) - 1)
end

describe(("any graph, seed %d,"):format(seed), function ()
  local limit = core.memory().limit
  setup(function () core.set_memory_limit(core.memory().live + (64 << 20)) end)
  teardown(function () core.set_memory_limit(limit) end)

  local function is_ours(message)
    return not message:find "graph_spec.lua:%d+: " or message:find "attempt to"
  end

  local function try(one)
    local text = mangled(one.text)
    local read_well, g = pcall(function ()
      return (core.graph_function(text, nil, function (name)
        return one.variables[math.tointeger(tonumber(name))]
      end))
    end)
    if not read_well then
      if is_ours(tostring(g)) then error(text .. "\n" .. tostring(g), 0) end
      return
    end
    local ok, message = pcall(function () return g(table.unpack(one.data)) end)
    if not ok and is_ours(tostring(message)) then error(text .. "\n" .. tostring(message), 0) end
    return true
  end

  it("is an error or is right", function ()
    local count = (tonumber(os.getenv "LUNULA_FUZZ_COUNT") or 20000) // 5
    local alive = 0
    for _ = 1, count do
      if try(texts[random(#texts)]) then alive = alive + 1 end
    end
    assert.is_true(alive > 0 and alive < count, alive)
  end)
end)
