-- Our Lua files are Lua 5.4 and Lua 5.5. What 5.5 refuses is looked for in the texts: the first
-- variable of a loop cannot be assigned to, and `global` is no name. A lua5.5, where there is one,
-- reads them too.

local files = require "spec.support.files"

local kinds = {   -- of tokens, the first that fits
  "^%s+", "^%-%-%[(=*)%[.-%]%1%]", "^%-%-[^\n]*", "^%[(=*)%[.-%]%1%]", "^[%a_][%w_]*",
  "^%d[%w.]*[+-]?%d*", "^==", "^[~<>]=", "^%.%.%.?", "^::", "^.",
}

local function quoted(text, at)
  local quote, last = text:sub(at, at), at
  repeat
    last = text:find("[\\" .. quote .. "]", last + 1)
    local escaped = text:sub(last, last) == "\\"
    if escaped then last = last + 1 end
  until not escaped
  return last
end

-- The names, keywords and marks of a text, each with its line.
local function tokens(text)
  local list, at, line = {}, 1, 1
  while at <= #text do
    local last, kind
    if text:find("^[\"']", at) then
      last = quoted(text, at)
    else
      repeat
        kind = (kind or 0) + 1
        last = select(2, text:find(kinds[kind], at))
      until last
    end
    local token = text:sub(at, last)
    if (kind or 0) >= 5 then list[#list + 1] = { token, line } end
    line = line + select(2, token:gsub("\n", ""))
    at = last + 1
  end
  return list
end

-- Reads the tokens once. `scopes` has what is open: a block with its names, which are "loop" or
-- "local", or a bracket.
local function refused(list)
  local scopes, found, loop, i = { { names = {} } }, {}, nil, 0
  local function top() return scopes[#scopes] end
  local function open(names) scopes[#scopes + 1] = { names = names } end
  local function names_until(last)   -- of a declaration
    local names = {}
    while not last[list[i + 1] and list[i + 1][1] or "in"] do
      i = i + 1
      local name = list[i][1]
      if name == "<" then i = i + 2   -- an attribute
      elseif name:find "^[%a_]" then names[#names + 1] = name
      elseif name ~= "," then break end
    end
    return names
  end
  local function declare(into, names, as)
    for _, name in ipairs(names) do into[name] = as end
    return into
  end
  local function kind_of(name)
    for k = #scopes, 1, -1 do
      local kind = scopes[k].names and scopes[k].names[name]
      if kind then return kind end
    end
  end
  local steps = {
    ["for"] = function()
      local names = names_until { ["in"] = true, ["="] = true }
      loop = declare({}, names, "local")
      loop[names[1]] = "loop"
    end,
    ["do"] = function() open(loop or {}) loop = nil end,
    ["then"] = function() open {} end,
    ["repeat"] = function() open {} end,
    ["end"] = function() scopes[#scopes] = nil end,
    ["elseif"] = function() scopes[#scopes] = nil end,
    ["else"] = function() top().names = {} end,
    ["local"] = function()
      if list[i + 1][1] == "function" then return end
      while list[i + 1] and list[i + 1][1]:find "^[%a_]" do
        i = i + 1
        top().names[list[i][1]] = "local"
        if list[i + 1] and list[i + 1][1] == "<" then i = i + 3 end
        if not list[i + 1] or list[i + 1][1] ~= "," then break end
        i = i + 1
      end
    end,
    ["function"] = function()
      while list[i][1] ~= "(" do i = i + 1 end
      open(declare({}, names_until { [")"] = true }, "local"))
      i = i + 1
    end,
  }
  steps["until"] = steps["end"]
  while i < #list do
    i = i + 1
    local token, line = list[i][1], list[i][2]
    local before = list[i - 1] and list[i - 1][1]
    if token == "global" then found[#found + 1] = line .. ": global" end
    if token:find "^[%[{(]$" then
      scopes[#scopes + 1] = {}
    elseif token:find "^[%]})]$" then
      scopes[#scopes] = nil
    elseif steps[token] and before ~= "." then
      steps[token]()
    elseif token:find "^[%a_]" and before ~= "." and top().names then
      local last = i
      while list[last + 1] and list[last + 1][1] == "," and list[last + 2] do last = last + 2 end
      local after = list[last + 1] and list[last + 1][1]
      if after == "=" and kind_of(token) == "loop" then
        found[#found + 1] = ("%d: %s = "):format(line, token)
      end
    end
  end
  return found
end

local function read(path)
  return (files.read(path):gsub("^#[^\n]*", ""))
end

local function lines(command)
  local pipe, list = assert(io.popen(command)), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local paths = lines "find lua src rocks spec examples -name build -prune -o -name '*.lua' -print"

describe("our Lua files", function()
  it("assign to no first variable of a loop, and use no name `global`", function()
    assert.same({ "1: i = ", "1: a = ", "2: global" }, refused(tokens [[
      for i = 1, 2 do i = i + 1 local j = 1 j = 2 end for a, b in f() do c, a, b = b, c end
      local function f(i) t.i, i = { i = 1, global }, 2 end]]))
    assert.is_true(#paths > 500)
    local all = {}
    for _, path in ipairs(paths) do
      local place = refused(tokens(read(path)))
      if place[1] then all[#all + 1] = path .. ":" .. place[1] end
    end
    assert.same({}, all)
  end)

  local if_there = #lines "command -v lua5.5" > 0 and it or pending

  if_there("are read by Lua 5.5", function()
    local script = os.tmpname()
    files.write(script,
      "for path in io.lines() do if not loadfile(path) then print(loadfile(path)) end end")
    local said = lines(("printf '%%s\\n' %s | lua5.5 %s 2>&1"):format(table.concat(paths, " "),
      script))
    os.remove(script)
    assert.same({}, said)
  end)
end)
