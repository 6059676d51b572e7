-- Control flow with functions. With values at hand a branch is taken and a loop runs; inside a
-- trace both branches are computed and one is selected, and loops are unrolled: their length must
-- be known.

local core = require "lunula.core"
local tools = require "lunula.ops.tools"

local ops, op = core.ops, tools.op

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

op("cond", "pred, true_fn:any, false_fn:any",
  "true_fn() or false_fn(). In a trace both are computed and one is selected.",
  function (pred, true_fn, false_fn)
    if is_symbolic(pred) then
      return choose("cond", pred, table.pack(true_fn()), table.pack(false_fn()))
    end
    local taken = plain(pred)
    if taken and taken ~= 0 then return true_fn() end
    return false_fn()
  end)

op("switch", "index, branches:any, operands:any=nil",
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

op("while_loop", "cond:any, body:any, loop_vars:any, maximum_iterations:int=nil",
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

op("fori_loop", "lower:any, upper:any, body_fun:any, init_val:any",
  "value = body_fun(i, value) for i from lower up to, not including, upper.",
  function (lower, upper, body_fun, init_val)
    local value = init_val
    for i = plain(lower), plain(upper) - 1 do value = body_fun(i, value) end
    return value
  end)

-- ---- over rows --------------------------------------------------------------------------------

-- The rows of a tensor or of each tensor in a list, as f is given them.
local function rows_of(name, xs)
  if type(xs) == "table" then
    local lists, n = {}, nil
    for i, x in ipairs(xs) do
      lists[i] = rows_of(name, x)
      n = n or #lists[i]
      if #lists[i] ~= n then
        core.raise("%s: the tensors have %d and %d rows", name, n, #lists[i])
      end
    end
    local rows = {}
    for i = 1, n or 0 do
      rows[i] = {}
      for k, list in ipairs(lists) do rows[i][k] = list[i] end
    end
    return rows
  end
  if xs.rank == 0 then core.raise("%s: a scalar has no rows", name) end
  tools.known_size(name, xs, 0)
  return { ops.unstack(xs) }
end

-- Results of one shape side by side; results that are lists, part by part.
local function stacked(results)
  if #results == 0 then return nil end
  if type(results[1]) ~= "table" then return ops.stack(results, 0) end
  local parts = {}
  for k = 1, #results[1] do
    local column = {}
    for i, result in ipairs(results) do column[i] = result[k] end
    parts[k] = ops.stack(column, 0)
  end
  return parts
end

local function map_rows(name, f, xs)
  local results = {}
  for i, row in ipairs(rows_of(name, xs)) do results[i] = f(row) end
  return stacked(results)
end

op("map", "f:any, xs:any", "f of every row, side by side.", function (f, xs)
  return map_rows("map", f, xs)
end)

op("vectorized_map", "fn:any, elements:any", "fn of every row, side by side.",
  function (f, elements)
    return map_rows("vectorized_map", f, elements)
  end)

op("scan", "f:any, init:any, xs:any=nil, length:int=nil, reverse:bool=false, unroll:any=nil",
  "carry, y = f(carry, row) over the rows: the last carry, and the ys side by side.",
  function (f, init, xs, length, reverse)
    local rows = xs ~= nil and rows_of("scan", xs) or {}
    local n = xs ~= nil and #rows or length
    if not n then core.raise("scan: give xs or length") end
    if length and length ~= n then core.raise("scan: length is %d, xs has %d rows", length, n) end
    local carry, ys = init, {}
    for turn = 1, n do
      local i = reverse and n + 1 - turn or turn
      carry, ys[i] = f(carry, rows[i])
    end
    return carry, stacked(ys)
  end)
