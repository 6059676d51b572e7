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
