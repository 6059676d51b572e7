-- K's loops: over rows, and over the time of a recurrent layer.

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local takes = tools.takes

local K = {}

-- What fn gives for each row of elems, as one tensor.
K.map_fn = takes("K.map_fn", "fn:fn, elems:nest, name:str=nil, dtype:dtype=nil",
  function (fn, elems) return ops.map(fn, elems) end)

local function fold(fn, elems, initializer, backwards)
  local rows = { ops.unstack(elems) }
  if backwards then
    for i = 1, #rows // 2 do rows[i], rows[#rows + 1 - i] = rows[#rows + 1 - i], rows[i] end
  end
  local value, first = initializer, 1
  if value == nil then value, first = rows[1], 2 end
  for i = first, #rows do value = fn(value, rows[i]) end
  return value
end

-- fn(value so far, row) from the first row to the last; the first row begins, or initializer.
K.foldl = takes("K.foldl", "fn:fn, elems:data, initializer:any=nil, name:str=nil",
  function (fn, elems, initializer)
  return fold(fn, elems, initializer, false)
end)
-- fn(value so far, row) from the last row to the first; the last row begins, or initializer.
K.foldr = takes("K.foldr", "fn:fn, elems:data, initializer:any=nil, name:str=nil",
  function (fn, elems, initializer)
  return fold(fn, elems, initializer, true)
end)

-- step(x_t, states and constants) -> output, new states, over time. Where the mask is false the
-- states stay, and the output is the one before (or 0). Returns the last output, all of them, the
-- states.
K.rnn = takes("K.rnn",
  "step_function:fn, inputs:data, initial_states:tensors, go_backwards:bool=false, "
    .. "mask:data=nil, constants:tensors=nil, unroll:any=nil, input_length:any=nil, "
    .. "time_major:bool=false, zero_output_for_mask:bool=false, return_all_outputs:any=nil",
  function (step, inputs, initial, go_backwards, mask, constants, _, _, time_major, zero_masked)
    local function by_time(x) return time_major and x or ops.swapaxes(x, 0, 1) end
    local count = #initial
    local rows = { by_time(inputs) }
    if mask then rows[2] = by_time(tools.cast(mask, "bool")) end
    if go_backwards then
      for i, x in ipairs(rows) do rows[i] = ops.flip(x, 0) end
    end

    local function call(x, states)
      local all = table.move(states, 1, count, 1, {})
      return step(x, table.move(constants or {}, 1, #(constants or {}), count + 1, all))
    end
    local function keep(allowed, new, old)
      while allowed.rank < new.rank do allowed = ops.expand_dims(allowed, -1) end
      return ops.where(allowed, new, old)
    end

    local first = call(ops.squeeze(tools.part(rows[1], 0, 0, 1), 0), initial)
    local carried = table.move(initial, 1, count, 1, {})
    carried[count + 1] = ops.zeros_like(first)
    local states, results = core.scan(function (old, at)
      local output, new = call(at[1], old)
      local next_states = table.move(new, 1, count, 1, {})
      if at[2] then
        output = keep(at[2], output, zero_masked and 0 or old[count + 1])
        for i = 1, count do next_states[i] = keep(at[2], next_states[i], old[i]) end
      end
      next_states[count + 1] = output
      return next_states, { output }
    end, carried, rows)
    local last = table.remove(states)
    return last, by_time(results[1]), states
  end)

return K
