-- Python's regular expressions, as far as options of Keras need them: whether one is found in a
-- short text. Lua's patterns know no alternatives and no groups.
--
-- Known are literals, . ^ $ | ( ) (?: ) [ ] * + ? {m,n}, lazy or not, and \d \w \s \b with their
-- opposites. All else is refused. An expression becomes a function match(text, at, rest), where
-- rest(at) tries what follows: so alternatives are tried in order, and given back.

local core = require "lunula.core"

local regex = {}

local function refuse(self, what)
  core.raise('the regular expression "%s" has %s at character %d', self.pattern, what, self.at)
end

local function peek(self) return self.pattern:sub(self.at, self.at) end

local function accept(self, text)
  if self.pattern:sub(self.at, self.at + #text - 1) ~= text then return false end
  self.at = self.at + #text
  return true
end

-- ---- one character ----------------------------------------------------------------------------

local classes = { d = "%d", w = "[%w_]", s = "%s", D = "%D", W = "[^%w_]", S = "%S" }
local controls = { n = "\n", t = "\t", r = "\r", f = "\f", v = "\v" }

local function one(accepts)
  return function (text, at, rest)
    local char = text:sub(at, at)
    return char ~= "" and accepts(char) and rest(at + 1)
  end
end

-- What stands behind a backslash, as a function of a character.
local function escaped(self)
  local char = peek(self)
  self.at = self.at + 1
  local class = classes[char]
  if class then return function (c) return c:find(class) ~= nil end end
  if char == "" or char:find "%w" and not controls[char] then
    self.at = self.at - 2
    refuse(self, "an escape that is not known")
  end
  return function (c) return c == (controls[char] or char) end, controls[char] or char
end

local function member(self)
  if accept(self, "\\") then return escaped(self) end
  local char = peek(self)
  self.at = self.at + 1
  return function (c) return c == char end, char
end

-- [a-z_], behind the bracket.
local function set(self)
  local negated, members = accept(self, "^"), {}
  repeat
    if peek(self) == "" then refuse(self, "no ] to its [") end
    local accepts, low = member(self)
    local is_range = low and self.pattern:find("^%-[^%]]", self.at)
    if is_range then
      self.at = self.at + 1
      local _, high = member(self)
      if not high or high < low then refuse(self, "a range that is none") end
      accepts = function (c) return low <= c and c <= high end
    end
    members[#members + 1] = accepts
  until accept(self, "]")
  return one(function (c)
    for _, accepts in ipairs(members) do
      if accepts(c) then return not negated end
    end
    return negated
  end)
end

-- ---- repetition -------------------------------------------------------------------------------

local function repeated(match, least, most, lazy)
  local function try(text, at, rest, count)
    local function more()
      return count < most and match(text, at, function (after)
        return (after > at or count < least) and try(text, after, rest, count + 1)
      end)
    end
    if count < least then return more() end
    if lazy then return rest(at) or more() end
    return more() or rest(at)
  end
  return function (text, at, rest) return try(text, at, rest, 0) end
end

-- The least and the largest number of times, or nil where nothing is repeated.
local function quantity(self)
  if accept(self, "*") then return 0, math.huge end
  if accept(self, "+") then return 1, math.huge end
  if accept(self, "?") then return 0, 1 end
  local from, to, low, comma, high = self.pattern:find("^{(%d*)(,?)(%d*)}", self.at)
  if not from or low == "" and high == "" then return nil end
  self.at = to + 1
  local least = tonumber(low) or 0
  return least, comma == "" and least or tonumber(high) or math.huge
end

-- ---- expressions ------------------------------------------------------------------------------

local function is_word(text, at) return text:find("^[%w_]", at) ~= nil end

local function at_edge(text, at)
  return (at > 1 and is_word(text, at - 1)) ~= is_word(text, at)
end

local function where(holds)
  return function (text, at, rest) return holds(text, at) and rest(at) end
end

local at_start = where(function (_, at) return at == 1 end)
local at_end = where(function (text, at) return at == #text + 1 end)
local any = one(function (char) return char ~= "\n" end)

local alternatives

local function group(self)
  if accept(self, "?") and not accept(self, ":") then refuse(self, "a kind of group not known") end
  local match = alternatives(self)
  if not accept(self, ")") then refuse(self, "no ) to its (") end
  return match
end

local function atom(self)
  if accept(self, "(") then return group(self) end
  if accept(self, "[") then return set(self) end
  if accept(self, ".") then return any end
  if accept(self, "^") then return at_start end
  if accept(self, "$") then return at_end end
  if accept(self, "\\b") then return where(at_edge) end
  if accept(self, "\\B") then return where(function (...) return not at_edge(...) end) end
  if peek(self):find "[*+?]" then refuse(self, "nothing to repeat") end
  return one((member(self)))
end

local function sequence(self)
  local list = {}
  while peek(self) ~= "" and peek(self) ~= "|" and peek(self) ~= ")" do
    local match = atom(self)
    local least, most = quantity(self)
    if least then match = repeated(match, least, most, accept(self, "?")) end
    list[#list + 1] = match
  end
  return function (text, at, rest)
    local function from(i, here)
      if i > #list then return rest(here) end
      return list[i](text, here, function (after) return from(i + 1, after) end)
    end
    return from(1, at)
  end
end

function alternatives(self)
  local list = { sequence(self) }
  while accept(self, "|") do list[#list + 1] = sequence(self) end
  return function (text, at, rest)
    for _, match in ipairs(list) do
      if match(text, at, rest) then return true end
    end
    return false
  end
end

local function found() return true end

-- Is the expression found anywhere in the text? As Python's re.search.
function regex.search(pattern, text)
  local self = { pattern = pattern, at = 1 }
  local match = alternatives(self)
  if peek(self) ~= "" then refuse(self, "no ( to its )") end
  for at = 1, #text + 1 do
    if match(text, at, found) then return true end
  end
  return false
end

return regex
