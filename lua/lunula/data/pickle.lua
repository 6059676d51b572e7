-- Python's pickles, as far as NumPy's files and CIFAR need them: numbers, texts, lists, dicts, and
-- arrays of NumPy.
--
-- A pickle is a program for a small machine, and Python's may call anything. This one calls
-- nothing: the three names that make an array are all it knows, and what they make is data. Every
-- step reads bytes of the file and makes one value at most, so the file pays for what is made.

local core = require "lunula.core"
local files = require "lunula.data.files"

-- An array is {array = true, shape =, dtype =, order =, fortran =, data = bytes or a list}.
local calls = {
  ["numpy.core.multiarray._reconstruct"] = function() return { array = true } end,
  ["numpy._core.multiarray._reconstruct"] = function() return { array = true } end,
  ["numpy.dtype"] = function(arguments) return { dtype = arguments[1], order = "|" } end,
  ["numpy.ndarray"] = false,   -- named, and never called
}

local function broken() error("its pickle is broken", 0) end

local function need(value)
  if value == nil then broken() end
  return value
end

local machine = {}
machine.__index = machine

function machine:push(value)
  self.top = self.top + 1
  self.stack[self.top] = value
end

function machine:pop()
  local value = self.stack[self.top]
  if value == nil or self.top <= (self.marks[#self.marks] or 0) then broken() end
  self.stack[self.top], self.top = nil, self.top - 1
  return value
end

function machine:peek()
  return need(self.stack[self.top])
end

-- The values since the last mark, as a list.
function machine:since_mark()
  local first = need(table.remove(self.marks)) + 1
  local list = table.move(self.stack, first, self.top, 1, {})
  for i = first, self.top do self.stack[i] = nil end
  self.top = first - 1
  return list
end

function machine:number(format)
  local value
  value, self.at = string.unpack(format, self.bytes, self.at)
  return value
end

-- A text whose length comes first.
function machine:text(format)
  local n = self:number(format)
  if n < 0 or n > #self.bytes - self.at + 1 then broken() end
  self.at = self.at + n
  return self.bytes:sub(self.at - n, self.at - 1)
end

function machine:line()
  local last = need(self.bytes:find("\n", self.at, true))
  local text = self.bytes:sub(self.at, last - 1)
  self.at = last + 1
  return text
end

function machine:find(module, name)
  local full = tostring(module) .. "." .. tostring(name)
  if calls[full] == nil then
    error(("it wants %s of Python, which is not called here"):format(full:sub(1, 100)), 0)
  end
  self:push { python = full }
end

local function as_table(value)
  return type(value) == "table" and value or broken()
end

function machine:set_items(items)
  local dict = as_table(self:peek())
  for i = 1, #items, 2 do
    local key = items[i]
    if type(key) ~= "string" and math.type(key) ~= "integer" then broken() end
    dict[key] = need(items[i + 1])
  end
end

-- What an array, or a dtype, is: NumPy's __setstate__.
local function build(object, state)
  if object.array then
    local dtype = as_table(state[3])
    object.shape, object.dtype, object.order = as_table(state[2]), dtype.dtype, dtype.order
    object.fortran, object.data = state[4] == true, need(state[5])
  elseif object.dtype then
    object.order = state[2]
  else
    broken()
  end
end

local tuples = { [0x29] = 0, [0x85] = 1, [0x86] = 2, [0x87] = 3 }

local steps = {
  [0x80] = function(m) m:number "B" end,                        -- PROTO
  [0x95] = function(m) m:number "<I8" end,                      -- FRAME
  ["("] = function(m) m.marks[#m.marks + 1] = m.top end,
  ["]"] = function(m) m:push {} end,
  ["}"] = function(m) m:push {} end,
  ["a"] = function(m)
    local value = m:pop()
    local list = as_table(m:peek())
    list[#list + 1] = value
  end,
  ["e"] = function(m)
    local values = m:since_mark()
    local list = as_table(m:peek())
    table.move(values, 1, #values, #list + 1, list)
  end,
  ["s"] = function(m)
    local value = m:pop()
    m:set_items { m:pop(), value }
  end,
  ["u"] = function(m) m:set_items(m:since_mark()) end,
  ["t"] = function(m) m:push(m:since_mark()) end,
  ["l"] = function(m) m:push(m:since_mark()) end,
  ["d"] = function(m)
    local items = m:since_mark()
    m:push {}
    m:set_items(items)
  end,
  ["0"] = function(m) m:pop() end,
  ["K"] = function(m) m:push(m:number "B") end,
  ["M"] = function(m) m:push(m:number "<I2") end,
  ["J"] = function(m) m:push(m:number "<i4") end,
  [0x8a] = function(m)                                          -- LONG1
    local n = m:number "B"
    if n > 8 then error("a whole number of more than 64 bits", 0) end
    m:push(n == 0 and 0 or m:number("<i" .. n))
  end,
  ["G"] = function(m) m:push(m:number ">d") end,
  ["N"] = function(m) m:push(core.None) end,
  [0x88] = function(m) m:push(true) end,
  [0x89] = function(m) m:push(false) end,
  ["X"] = function(m) m:push(m:text "<I4") end,
  [0x8c] = function(m) m:push(m:text "B") end,
  [0x8d] = function(m) m:push(m:text "<i8") end,
  ["C"] = function(m) m:push(m:text "B") end,
  ["B"] = function(m) m:push(m:text "<I4") end,
  [0x8e] = function(m) m:push(m:text "<i8") end,
  ["T"] = function(m) m:push(m:text "<i4") end,
  ["U"] = function(m) m:push(m:text "B") end,
  ["q"] = function(m) m.memo[m:number "B"] = m:peek() end,
  ["r"] = function(m) m.memo[m:number "<I4"] = m:peek() end,
  [0x94] = function(m)                                          -- MEMOIZE
    m.memo[m.memoized] = m:peek()
    m.memoized = m.memoized + 1
  end,
  ["h"] = function(m) m:push(need(m.memo[m:number "B"])) end,
  ["j"] = function(m) m:push(need(m.memo[m:number "<I4"])) end,
  ["c"] = function(m) m:find(m:line(), m:line()) end,
  [0x93] = function(m)                                          -- STACK_GLOBAL
    local name = m:pop()
    m:find(m:pop(), name)
  end,
  ["R"] = function(m)
    local arguments = as_table(m:pop())
    local call = calls[as_table(m:pop()).python or broken()]
    m:push((call or broken())(arguments))
  end,
  ["b"] = function(m)
    local state = as_table(m:pop())
    build(as_table(m:peek()), state)
  end,
}
local by_code = {}
for code, step in pairs(steps) do by_code[type(code) == "string" and code:byte() or code] = step end
for code, n in pairs(tuples) do
  by_code[code] = function(m)
    local list = {}
    for i = n, 1, -1 do list[i] = m:pop() end
    m:push(list)
  end
end

local STOP <const> = ("."):byte()
local BYTE <const>, SHORT <const> = ("K"):byte(), ("M"):byte()

-- Small whole numbers are most of what there is: they are pushed without a call.
local function run(m)
  local bytes, stack = m.bytes, m.stack
  while true do
    local code, low, high = bytes:byte(m.at, m.at + 2)
    m.at = m.at + 1
    if code == BYTE and low then
      m.at, m.top = m.at + 1, m.top + 1
      stack[m.top] = low
    elseif code == SHORT and high then
      m.at, m.top = m.at + 2, m.top + 1
      stack[m.top] = low | high << 8
    elseif code == STOP then
      return m:pop()
    else
      local step = by_code[code or broken()]
      if not step then error(("its pickle has a step %d, which is not read"):format(code), 0) end
      step(m)
    end
  end
end

-- The value of the pickle that begins at `first` in the text of the file at the path.
return function(bytes, first, path)
  local m = setmetatable({ bytes = bytes, at = first, stack = {}, top = 0, marks = {}, memo = {},
    memoized = 0 }, machine)
  local ok, value = pcall(run, m)
  if ok then return value end
  if type(value) ~= "string" then error(value, 0) end   -- somebody ended the work
  local problem = value
  if problem:find "^.-pickle.lua:%d+:" or problem:find "too short" then
    problem = "its pickle is broken"
  end
  files.fail(path, "%s", problem)
end
