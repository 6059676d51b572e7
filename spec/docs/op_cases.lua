-- What the cases of the specs (spec/support/ops_cases) tell of an op: an example with numbers, and
-- the shapes that come in and go out.

local harness = require "spec.support.ops_harness"
local written = require "spec.docs.written"

local op_cases = {}

local most_numbers <const> = 40   -- of inputs that are written down; of larger ones the shape is
local most_rows <const> = 6

local letters = { "x", "y", "z", "u", "v", "w" }

-- ---- inputs ------------------------------------------------------------------------------------

local function number(x)
  if type(x) ~= "number" then return tostring(x) end
  if x ~= x then return "0/0" end
  if x == math.huge or x == -math.huge then return x > 0 and "1/0" or "-1/0" end
  if math.type(x) == "integer" or x % 1 == 0 then return ("%d"):format(x) end
  return (("%.2f"):format(x):gsub("0$", ""))
end

-- Numbers of a flat list, nested as the shape says.
local function nested(data, shape, depth, at)
  if depth > #shape then
    at.i = at.i + 1
    return number(data[at.i])
  end
  local parts = {}
  for i = 1, shape[depth] do parts[i] = nested(data, shape, depth + 1, at) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function literal(input)
  local data = input.data
  if #data == 0 then return nil end
  if input.dtype == "bool" then
    data = {}
    for i, x in ipairs(input.data) do data[i] = x ~= 0 and x ~= false end
  elseif input.dtype == "string" then
    data = {}
    for i, x in ipairs(input.data) do data[i] = ("%q"):format(x) end
  end
  local text = nested(data, input.shape, 1, { i = 0 })
  if input.dtype == "float32" then return ("k.tensor(%s)"):format(text) end
  return ('k.tensor(%s, "%s")'):format(text, input.dtype)
end

-- One of many numbers: random ones of the same shape.
local function large(input)
  local sizes = {}
  for i, size in ipairs(input.shape) do sizes[i] = size end
  return input.dtype == "float32"
    and ("k.random.uniform { %s }"):format(table.concat(sizes, ", ")) or nil
end

local function count_of(case)
  local count = 0
  for _, input in ipairs(case.inputs) do count = count + #input.data end
  return count
end

-- ---- the call ----------------------------------------------------------------------------------

local function names_of(case)
  local names = {}
  for i in ipairs(case.inputs) do names[i] = case.names and case.names[i] or letters[i] end
  return names
end

-- The arguments of the call, as spec/support/ops_harness.lua passes them on.
local function arguments_of(case, names, options)
  if case.call == "list" then return { "{ " .. table.concat(names, ", ") .. " }" } end
  if case.call == "einsum" then
    local subscripts = options.subscripts
    options.subscripts = nil
    return { ("%q"):format(subscripts), table.unpack(names) }
  elseif case.call == "rest" then
    return { names[1], "{ " .. table.concat(names, ", ", 2) .. " }" }
  elseif case.call == "pairs" then
    local half = #names // 2
    return { "{ " .. table.concat(names, ", ", 1, half) .. " }",
      "{ " .. table.concat(names, ", ", half + 1) .. " }" }
  end
  return case.names and { names[1] } or table.move(names, 1, #names, 1, {})
end

-- "k.ops.sum(x, { axis = 1 })", or nil where an option cannot be written.
local function call_text(case)
  local names, options, parts = names_of(case), {}, {}
  if #case.inputs > #letters then return nil end
  for name, value in pairs(case.attributes) do options[name] = value end
  local list = arguments_of(case, names, options)
  local text = written.value(options)
  if not text then return nil end
  if text ~= "{}" then parts[1] = text:sub(3, -3) end
  for i = 2, case.names and #names or 0 do parts[#parts + 1] = names[i] .. " = " .. names[i] end
  if #parts > 0 then list[#list + 1] = "{ " .. table.concat(parts, ", ") .. " }" end
  if case.op:find "^image%." or case.op:find "^[%a_][%w_]*$" and case.op ~= "repeat" then
    return ("k.ops.%s(%s)"):format(case.op, table.concat(list, ", "))
  end
  return ('k.ops["%s"](%s)'):format(case.op, table.concat(list, ", "))
end

-- ---- examples ----------------------------------------------------------------------------------

local function code_of(case)
  local call = call_text(case)
  if not call then return nil end
  local lines, names, count = {}, names_of(case), count_of(case)
  local is_large = count > most_numbers
  for i, input in ipairs(case.inputs) do
    local text = #input.data > most_numbers and large(input) or literal(input)
    if not text or #input.data > most_numbers and input.dtype ~= "float32" then return nil end
    lines[i] = ("local %s = %s"):format(names[i], text)
  end
  lines[#lines + 1] = is_large and ("print((%s).shape)"):format(call) or ("print(%s)"):format(call)
  return table.concat(lines, "\n"), count
end

local all = require "spec.support.ops_cases"

-- Lists of { code =, score = }, by op, the best first: of middle size, with options.
function op_cases.codes()
  local lists = {}
  for _, case in ipairs(all) do
    local ok, code, size = pcall(code_of, case)
    if ok and code then
      lists[case.op] = lists[case.op] or {}
      local score = math.abs(size - 8) + (code:find "{ }" and 100 or 0)
        - (next(case.attributes) ~= nil and 5 or 0)
        + (code:find "%d/0" and 1000 or 0) + (size > most_numbers and 5000 or 0)
      table.insert(lists[case.op], { code = code, score = score, order = #lists[case.op] })
    end
  end
  for _, list in pairs(lists) do
    table.sort(list, function (a, b)
      if a.score ~= b.score then return a.score < b.score end
      return a.order < b.order
    end)
  end
  return lists
end

-- ---- shapes ------------------------------------------------------------------------------------

local function shape_text(list)
  local texts = {}
  for i, x in ipairs(list) do texts[i] = tostring(x.shape) end
  return table.concat(texts, ", ")
end

local function row_of(case)
  local call = call_text(case)
  if not call or #call > 90 or #case.inputs == 0 then return nil end
  local tensors = harness.tensors(case.inputs)
  local results = harness.call(case, tensors)
  for _, y in ipairs(results) do
    if not y.shape then return nil end
  end
  local key = { #results }
  for i, x in ipairs(tensors) do key[i + 1] = #x.shape end
  local names = {}
  for name in pairs(case.attributes) do names[#names + 1] = name end
  table.sort(names)
  table.move(names, 1, #names, #key + 1, key)
  return { call, shape_text(tensors), shape_text(results), key = table.concat(key, " ") }
end

-- op -> rows { call, shapes in, shapes out }; each other options, or other numbers of axes.
function op_cases.shapes()
  local by_op, seen = {}, {}
  for _, case in ipairs(all) do
    local rows = by_op[case.op] or {}
    by_op[case.op] = rows
    local ok, row = pcall(row_of, case)
    local key = ok and row and case.op .. " " .. row.key
    if key and not seen[key] and #rows < most_rows then
      seen[key] = true
      rows[#rows + 1] = row
    end
  end
  return by_op
end

return op_cases
