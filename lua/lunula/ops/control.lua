-- Control flow with functions. With values at hand a branch is taken and a loop runs; inside a
-- trace both branches are computed and one is selected, and fori_loop is unrolled. What goes over
-- rows is always traced, once, for any number of them.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.family "core"

local function is_symbolic(x)
  return core.is_symbolic(core.is_variable(x) and x.value or x)
end

-- The value of what a user's function returned as a condition or a bound.
local function plain(x)
  if type(x) == "userdata" then return x:item() end
  return x
end

-- ---- branches ---------------------------------------------------------------------------------

-- Both results, element by element: lists of equal length.
local function choose(name, condition, first, second)
  if first.n ~= second.n then
    core.raise("%s: the branches return %d and %d results", name, first.n, second.n)
  end
  local y = {}
  for i = 1, first.n do y[i] = ops.where(condition, first[i], second[i]) end
  return table.unpack(y, 1, first.n)
end

op("cond", "pred, true_fn:fn, false_fn:fn",
  "true_fn() or false_fn(). In a trace both are computed and one is selected.",
  function (pred, true_fn, false_fn)
    if is_symbolic(pred) then
      return choose("cond", pred, table.pack(true_fn()), table.pack(false_fn()))
    end
    local taken = plain(pred)
    if taken and taken ~= 0 then return true_fn() end
    return false_fn()
  end)

op("switch", "index, branches:fns, operands:any=nil",
  "branches[index + 1](operands...), the index held inside the list.",
  function (index, branches, operands)
    operands = operands or {}
    if not is_symbolic(index) then
      local i = math.max(0, math.min(#branches - 1, plain(index)))
      return branches[math.tointeger(i) + 1](table.unpack(operands))
    end
    local results = table.pack(branches[1](table.unpack(operands)))
    for i = 2, #branches do
      local later = table.pack(branches[i](table.unpack(operands)))
      results = table.pack(choose("switch", ops.less_equal(i - 1, index), later, results))
    end
    return table.unpack(results, 1, results.n)
  end)

-- ---- loops ------------------------------------------------------------------------------------

op("while_loop", "cond:fn, body:fn, loop_vars:any, maximum_iterations:int=nil",
  "body on the variables as long as cond holds; needs values, so it cannot be traced.",
  function (cond, body, loop_vars, maximum_iterations)
    local vars = type(loop_vars) == "table" and loop_vars or { loop_vars }
    vars.n = #vars
    local turns = 0
    while turns ~= maximum_iterations do
      local more = plain(cond(table.unpack(vars, 1, vars.n)))
      if not more or more == 0 then break end
      vars = table.pack(body(table.unpack(vars, 1, vars.n)))
      turns = turns + 1
    end
    return table.unpack(vars, 1, vars.n)
  end)

op("fori_loop", "lower:value, upper:value, body_fun:fn, init_val:any",
  "value = body_fun(i, value) for i from lower up to, not including, upper.",
  function (lower, upper, body_fun, init_val)
    local value = init_val
    for i = plain(lower), plain(upper) - 1 do value = body_fun(i, value) end
    return value
  end)

-- ---- over rows --------------------------------------------------------------------------------

local function listed(x)
  if x == nil then return {} end
  return type(x) == "table" and x or { x }
end

-- Rows and carries come and go as the caller wrote them: a tensor alone, or a list.
op("scan", "f:fn, init:nest, xs:nest=nil, length:int=nil, reverse:bool=false, unroll:any=nil",
  "carry, y = f(carry, row) over the rows: the last carry, and the ys side by side.",
  function (f, init, xs, length, reverse)
    if xs == nil and not length then core.raise("scan: give xs or length") end
    local many_states, many_rows = type(init) == "table", type(xs) == "table"
    local many_results
    local states, results = core.scan(function (states, rows)
      local carry, y = f(many_states and states or states[1], many_rows and rows or rows[1])
      many_results = type(y) == "table"
      return listed(carry), listed(y)
    end, listed(init), listed(xs), { reverse = reverse, length = length })
    return many_states and states or states[1], many_results and results or results[1]
  end)

local function map_rows(f, xs)
  local many_rows, many_results = type(xs) == "table", false
  local _, results = core.scan(function (_, rows)
    local y = f(many_rows and rows or rows[1])
    many_results = type(y) == "table"
    return {}, listed(y)
  end, {}, listed(xs))
  return many_results and results or results[1]
end

op("map", "f:fn, xs:nest", "f of every row, side by side.", map_rows)
op("vectorized_map", "function:fn, elements:nest", "The function of every row, side by side.",
  map_rows)

-- f(x, ...) returns its result and a function of the result's gradient, which returns one gradient
-- for each argument.
op("custom_gradient", "f:fn", "f with a gradient of its own: f returns its result and a function "
  .. "from the result's gradient to those of its arguments.", function (f)
    return function (...)
      return table.unpack(core.call(function (...)
        local y, gradient = f(...)
        if type(gradient) ~= "function" then
          core.raise("custom_gradient: the function must return its result and a function, got %s",
            type(gradient))
        end
        return listed(y), gradient
      end, { ... }))
    end
  end)

-- ---- a running result in few steps -----------------------------------------------------------

-- Every second row of each, from `start` on.
local function every_second(list, start)
  local y = {}
  for i, x in ipairs(list) do
    local starts, steps = tools.fill(x.rank, 0), tools.fill(x.rank, 1)
    starts[1], steps[1] = start, 2
    y[i] = ops.slice_steps(x, starts, steps)
  end
  return y
end

-- Rows of a and b by turns; a has as many, or one more.
local function by_turns(a, b)
  local n, m = a.shape[1], b.shape[1]
  local sizes = tools.sizes(a)
  sizes[1] = 2 * m
  local y = ops.reshape(ops.stack({ tools.part(a, 0, 0, m), b }, 1), sizes)
  return n > m and ops.concatenate({ y, tools.part(a, 0, m, 1) }, 0) or y
end

-- The running results of an even number of rows are those of pairs; what lies between comes from
-- one more row each.
local function scan_pairs(combine, list)
  local n = list[1].shape[1]
  if n < 2 then return list end
  local first, second = every_second(list, 0), every_second(list, 1)
  local m = n // 2
  local pairs_of = {}
  for i, x in ipairs(first) do pairs_of[i] = tools.part(x, 0, 0, m) end
  local odd = scan_pairs(combine, combine(pairs_of, second))
  local before, after = {}, {}
  for i in ipairs(list) do
    before[i] = tools.part(odd[i], 0, 0, (n - 1) // 2)
    after[i] = tools.part(first[i], 0, 1, -1)
  end
  local even = n > 2 and combine(before, after)
  local y = {}
  for i, x in ipairs(list) do
    local row = tools.part(x, 0, 0, 1)
    y[i] = by_turns(even and ops.concatenate({ row, even[i] }, 0) or row, odd[i])
  end
  return y
end

op("associative_scan", "f:fn, elems:nest, reverse:bool=false, axis:int=0",
  "What f makes of all rows up to each one, for an f of two rows (or many pairs of them) that does "
  .. "not mind in which order it is taken: in about 2 log2(n) steps.",
  function (f, elems, reverse, axis)
    local many = type(elems) == "table"
    local list, n = {}, nil
    for i, x in ipairs(many and elems or { elems }) do
      local at = tools.axis("associative_scan", axis, x.rank)
      local size = tools.known_size("associative_scan", x, at)
      n = n or size
      if size ~= n then
        core.raise("associative_scan: the elements have %d and %d rows along the axis", n, size)
      end
      x = ops.moveaxis(x, at, 0)
      list[i] = reverse and ops.flip(x, 0) or x
    end
    if #list == 0 then core.raise "associative_scan: there are no elements" end
    local y = scan_pairs(function (a, b)
      local result = listed(f(many and a or a[1], many and b or b[1]))
      for i in ipairs(b) do
        if not core.is_tensor(result[i]) or result[i].shape ~= b[i].shape then
          core.raise("associative_scan: f must give values like those that it gets, of shape %s, "
            .. "got %s", tostring(b[i].shape),
            core.is_tensor(result[i]) and tostring(result[i].shape) or type(result[i]))
        end
      end
      return result
    end, list)
    for i, x in ipairs(y) do
      x = reverse and ops.flip(x, 0) or x
      y[i] = ops.moveaxis(x, 0, axis)
    end
    return many and y or y[1]
  end, { file_called = "f elems" })

-- ---- functions of single elements --------------------------------------------------------------

-- "(n,m),(m)->(n)" as lists of names, for the arguments and for the results.
local function core_axes(signature)
  local inputs, outputs = signature:gsub("%s", ""):match "^(%(.*%))%->(%(.*%))$"
  if not inputs then
    core.raise("vectorize: the signature is as \"(n,m),(m)->(n)\", got \"%s\"", signature)
  end
  local function lists(text)
    local all = {}
    for inner in text:gmatch "%((.-)%)" do
      local names = {}
      for name in inner:gmatch "[%w_]+" do names[#names + 1] = name end
      all[#all + 1] = names
    end
    return all
  end
  return lists(inputs), lists(outputs)
end

local function check_core(names, x, known, i)
  if x.rank < #names then
    core.raise("vectorize: argument %d has shape %s, and should have %d axes", i,
      tools.shape_text(x.shape), #names)
  end
  for k, name in ipairs(names) do
    local size = x.shape[x.rank - #names + k]
    known[name] = known[name] or size
    if size and size ~= known[name] then
      core.raise("vectorize: %s is %d, and %d in argument %d", name, known[name], size, i)
    end
  end
end

-- The axes before the last `core_rank`.
local function outer_of(x, core_rank)
  local sizes = x.shape
  return table.move(sizes, 1, #sizes - core_rank, 1, {})
end

local function joined(a, b)
  local y = {}
  for i = 1, math.max(#a, #b) do
    local m, n = a[#a + 1 - i] or 1, b[#b + 1 - i] or 1
    if m ~= n and m ~= 1 and n ~= 1 then
      core.raise("vectorize: shapes %s and %s do not broadcast", tools.shape_text(a),
        tools.shape_text(b))
    end
    table.insert(y, 1, m == 1 and n or m)
  end
  return y
end

-- pyfunc of the elements (or of the last axes, as the signature says) of broadcast arguments.
local function vectorized(pyfunc, args, signature)
  local names, outputs, known = {}, nil, {}
  if signature then names, outputs = core_axes(signature) end
  if signature and #names ~= #args then
    core.raise("vectorize: %d arguments, the signature has %d", #args, #names)
  end
  local outer = {}
  for i, x in ipairs(args) do
    args[i] = tools.tensor("vectorize", x)
    names[i] = names[i] or {}
    check_core(names[i], args[i], known, i)
    outer = joined(outer, outer_of(args[i], #names[i]))
  end
  for i, x in ipairs(args) do
    local shape = table.move(outer, 1, #outer, 1, {})
    local inner = { -1 }
    for k = x.rank - #names[i] + 1, x.rank do
      shape[#shape + 1], inner[#inner + 1] = x.shape[k], x.shape[k]
    end
    args[i] = ops.reshape(ops.broadcast_to(x, shape), inner)
  end
  local results = listed(map_rows(function (rows)
    local y = table.pack(pyfunc(table.unpack(rows)))
    return y.n == 1 and y[1] or table.move(y, 1, y.n, 1, {})
  end, args))
  for i, y in ipairs(results) do
    local inner = y.shape
    if outputs and #inner - 1 ~= #(outputs[i] or {}) then
      core.raise("vectorize: result %d has shape %s, the signature says %d axes", i,
        tools.shape_text(table.move(inner, 2, #inner, 1, {})), #(outputs[i] or {}))
    end
    local shape = table.move(outer, 1, #outer, 1, {})
    results[i] = ops.reshape(y, table.move(inner, 2, #inner, #shape + 1, shape))
  end
  return table.unpack(results)
end

op("vectorize", "pyfunc:fn, excluded:any=nil, signature:str=nil",
  "A function that gives pyfunc's results for each element of its broadcast arguments, or for "
  .. "their last axes, as a signature \"(n),(n)->()\" says.", function (pyfunc, excluded, signature)
    if excluded ~= nil and (type(excluded) ~= "table" or next(excluded) ~= nil) then
      core.raise("vectorize: excluded must be nil: keep what is not broadcast in a closure")
    end
    return function (...) return vectorized(pyfunc, { ... }, signature) end
  end, { file_class = "numpy" })

-- ---- derivatives along a direction -------------------------------------------------------------

-- The gradient of <f(x), v> by x is linear in v; the gradient by v of its product with the tangent
-- is what f changes by.
local function directional(fun, primals, tangents)
  local function f(...)
    local results = {}
    for i, y in ipairs(listed((fun(...)))) do results[i] = tools.tensor("jvp: the result", y) end
    return results
  end
  local function paired(list, others)
    local sum
    for i, x in ipairs(list) do
      if others[i] and tools.is_float(x) then
        local part = ops.sum(x * others[i])
        sum = sum and sum + part or part
      end
    end
    return sum or core.tensor(0.0)
  end
  local zeros = {}
  for i, y in ipairs(f(table.unpack(primals))) do zeros[i] = ops.zeros_like(y) end
  local _, changes = core.value_and_grad(function (...)
    local v = { ... }
    local _, grads = core.value_and_grad(function (...)
      return paired(f(...), v)
    end)(table.unpack(primals))
    for i, x in ipairs(primals) do grads[i] = grads[i] or ops.zeros_like(x) end
    return paired(grads, tangents) + 0 * paired(v, v)
  end)(table.unpack(zeros))
  for i, zero in ipairs(zeros) do changes[i] = changes[i] or zero end
  return changes
end

tools.family "linalg"("jvp", "fun:fn, primals:nest, tangents:nest, has_aux:bool=false",
  "fun(primals ...) and what it changes by along the tangents; with has_aux also fun's second "
  .. "result.", function (fun, primals, tangents, has_aux)
    primals, tangents = table.move(listed(primals), 1, #listed(primals), 1, {}),
      table.move(listed(tangents), 1, #listed(tangents), 1, {})
    if #primals ~= #tangents then
      core.raise("jvp: %d primals and %d tangents", #primals, #tangents)
    end
    for i, x in ipairs(primals) do
      primals[i], tangents[i] = tools.tensor("jvp", x), tools.tensor("jvp", tangents[i])
      x = primals[i]
      if tools.shape_text(x.shape) ~= tools.shape_text(tangents[i].shape) then
        core.raise("jvp: primal %d is %s, its tangent %s", i, tools.shape_text(x.shape),
          tools.shape_text(tangents[i].shape))
      end
      tangents[i] = tools.cast(tangents[i], x.dtype)
    end
    local y, aux = fun(table.unpack(primals))
    local changes = directional(fun, primals, tangents)
    if type(y) ~= "table" then changes = changes[1] end
    if has_aux then return y, changes, aux end
    return y, changes
  end, { file_class = "linalg.JVP", file_called = "fun primals tangents" })
