-- The loop over time of every recurrent layer: a step function, first states, and a sequence whose
-- first axis is time.
--
-- The loop is core.scan, traced once for any number of steps, or, with `unroll`, the same body as
-- often as there are steps. Masks follow Keras's rule: where the mask is false the states stay, and
-- the output is the one before, or 0 where there was none. It knows no cells.

local core = require "lunula.core"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local loop = {}

-- Row i of a sequence, from 0; -1 is the last one.
local function row(sequence, i)
  if i == -1 then
    local length = sequence.shape[1]
    if not length then return ops.squeeze(tools.part(ops.flip(sequence, 0), 0, 0, 1), 0) end
    i = length - 1
  end
  return ops.squeeze(tools.part(sequence, 0, i, 1), 0)
end

loop.row = row

-- `new` where the mask (one boolean a sample) is true, else `old`.
local function choose(mask, new, old)
  while mask.rank < new.rank do mask = ops.expand_dims(mask, -1) end
  return ops.where(mask, new, old)
end

local function place(list, x)
  for i, one in ipairs(list) do
    if rawequal(one, x) then return i end
  end
end

-- core.scan, but as a Lua loop.
local function unrolled(body, states, sequences, options)
  local length = sequences[1].shape[1]
  local results, kept = {}, {}
  for turn = 1, length do
    local i = options.reverse and length - turn or turn - 1
    local at = {}
    for k, sequence in ipairs(sequences) do at[k] = row(sequence, i) end
    local new, out = body(states, at)
    states = new
    for k, y in ipairs(out) do
      kept[k] = kept[k] or {}
      kept[k][i + 1] = y
    end
  end
  for k, list in ipairs(kept) do results[k] = ops.stack(list) end
  return states, results
end

-- The steps up to which a sample had none that counts give an output of 0.
local function any_so_far(mask, reverse)
  return ops.less(0, ops.cumsum(ops.cast(mask, "float32"), 0, nil, reverse))
end

-- loop.run{step=, states=, sequence=, mask=, reverse=, unroll=, zero_masked=, from_zero=, all=}:
-- step(x, states) gives an output and new states; states are a plain list; `mask` is (time, batch);
-- from_zero says that the first states are 0; `all` asks for the outputs of all steps, with `raw`
-- as the step gave them where the mask is false.
-- Returns the last output (nil if all were asked for), the outputs in the order of time (or nil),
-- and the states.
function loop.run(given)
  local step, mask = given.step, given.mask
  local raw, zero_masked = given.raw, given.zero_masked
  local count, sequences = #given.states, { given.sequence }
  local states = table.move(given.states, 1, count, 1, {})
  local first = given.reverse and -1 or 0
  local seen, carries = false, false
  if mask then
    sequences[2] = mask
    if not (raw or zero_masked) then
      local output, new = step(row(given.sequence, first), given.states)
      if not place(new, output) then
        carries = true
        states[count + 1] = ops.zeros_like(output)
      elseif not given.from_zero then
        seen = any_so_far(mask, given.reverse)
        sequences[3] = seen
      end
    end
  end
  local state   -- the place of the state that is the output

  local function body(old, at)
    local output, new = step(at[1], table.move(old, 1, count, 1, {}))
    state = place(new, output)
    if not mask then return new, (given.all or not state) and { output } or {} end
    local kept = {}
    for i = 1, count do kept[i] = choose(at[2], new[i], old[i]) end
    if carries then
      output = choose(at[2], output, old[count + 1])
      kept[count + 1] = output
      state = count + 1
    elseif zero_masked and not raw then
      output = choose(at[2], output, 0)
    elseif not raw then
      output = kept[state]
      if seen and given.all then output = choose(at[3], output, 0) end
    end
    return kept, (given.all or not state) and { output } or {}
  end

  local scan = given.unroll and unrolled or core.scan
  local last, results = scan(body, states, sequences, { reverse = given.reverse or false })
  local final = table.move(last, 1, count, 1, {})
  if given.all then return nil, results[1], final end
  if not state then return row(results[1], given.reverse and 0 or -1), nil, final end
  local output = last[state]
  local when = given.reverse and 0 or -1
  if mask and zero_masked then output = choose(row(mask, when), output, 0) end
  if seen then output = choose(row(seen, when), output, 0) end
  return output, nil, final
end

return loop
