-- Single calls of ops beside Keras's: golden/ops_calls.txt has a call and its result on each line,
-- numbers or "refused". What Keras refuses must be refused here too, at the line of the call and by
-- the name of the op. Types are compared elsewhere.

local core = require "lunula.core"
local ops = require "lunula.ops"
local inputs = require "spec.support.ops_inputs"

-- Where we differ, by the start of the line, and why.
local differs = require "spec.support.ops_calls_differ"

-- ---- the words of a call ----------------------------------------------------------------------

local function of_dtype(dtype)
  return function (data)
    if type(data) == "table" and next(data) == nil then return ops.zeros({ 0 }, dtype) end
    return core.tensor(data, { dtype = dtype })
  end
end

local function sized(make)
  return function (options)
    for _, size in ipairs(options) do
      if size == 0 then return ops.zeros(table.move(options, 1, #options, 1, {})) end
    end
    return inputs.tensor(make(options))
  end
end

local words = setmetatable({
  F = sized(inputs.real), I = sized(inputs.ints), A = of_dtype "float32", J = of_dtype "int32",
  B = of_dtype "bool", nan = 0 / 0, inf = math.huge, pack = table.pack,
  None = core.None,
}, { __index = ops })

-- ---- results ----------------------------------------------------------------------------------

local function flat(value, list)
  if type(value) == "table" then
    for _, one in ipairs(value) do flat(one, list) end
  else
    list[#list + 1] = value == true and 1 or tonumber(value) or 0
  end
  return list
end

local function numbers(text)
  local list = {}
  for word in text:gmatch "[^,]+" do
    list[#list + 1] = word == "nan" and 0 / 0 or word == "inf" and math.huge
      or word == "-inf" and -math.huge or tonumber(word)
  end
  return list
end

local function near(a, b)
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return a == b or math.abs(a - b) <= 1e-4 * math.max(1, math.abs(b))
end

local function compare(output, text)
  if not core.is_tensor(output) then output = core.tensor(output) end
  local shape, data = text:match "^(.-):(.*)$"
  if table.concat(output.shape, ",") ~= shape then
    return ("(%s), wanted (%s)"):format(table.concat(output.shape, ","), shape)
  end
  local given, wanted = flat(output.rank == 0 and output:item() or output:totable(), {}),
    numbers(data)
  for i = 1, #wanted do
    if not near(given[i], wanted[i]) then
      return ("number %d is %.7g, wanted %.7g"):format(i, given[i], wanted[i])
    end
  end
end

local function check(call, result)
  local name = call:match "^[%w_.]+"
  local chunk = "return pack(" .. call:gsub("^repeat", "_ENV[\"repeat\"]") .. ")"
  local ok, outputs = pcall(assert(load(chunk, "=call", "t", words)))
  if result == "refused" then
    local at = ("call:1: %s: "):format(name)
    if ok then return "it is not refused" end
    return outputs:sub(1, #at) ~= at and "it is refused with " .. outputs or nil
  end
  if not ok then return outputs end
  local wanted = {}
  for text in (result .. ";"):gmatch "(.-);" do wanted[#wanted + 1] = text end
  if outputs.n ~= #wanted then
    return ("%d results, wanted %d"):format(outputs.n, #wanted)
  end
  for i, text in ipairs(wanted) do
    local complaint = compare(outputs[i], text)
    if complaint then return complaint end
  end
end

-- ---- the table --------------------------------------------------------------------------------

local families, order = {}, {}
for line in io.lines "spec/golden/ops_calls.txt" do
  local call, result = line:match "^(.*) %-> (.*)$"
  if call then
    local name = call:match "^[%w_.]+"
    if not families[name] then
      families[name] = {}
      order[#order + 1] = name
    end
    table.insert(families[name], { call, result })
  end
end

describe("calls as Keras", function ()
  for _, name in ipairs(order) do
    it(name, function ()
      local complaints = {}
      for _, row in ipairs(families[name]) do
        local complaint = check(row[1], row[2])
        if complaint and not differs[row[1]] then
          complaints[#complaints + 1] = row[1] .. ": " .. complaint
        elseif not complaint and differs[row[1]] then
          complaints[#complaints + 1] = row[1] .. ": it does not differ any more"
        end
      end
      if #complaints > 0 then error(table.concat(complaints, "\n"), 0) end
    end)
  end
end)
