-- lunula.h as a page: its prose, and each prototype under the name that it declares.

local files = require "spec.support.files"
local html = require "spec.docs.html"

local header = {}

-- A comment without its stars; the indentation of lists stays.
local function plain(comment)
  local text = comment:gsub("^/%*+ ?", ""):gsub("%s*%*+/%s*$", "")
  return (text:gsub("\n%s*%*%* ?", "\n"))
end

-- Paragraphs, and "- item" lines as a list, each with its names linked.
local function prose(text, link)
  local parts, open, in_list = {}, nil, false
  local function close()
    if not open then return end
    if (open.item or false) ~= in_list then parts[#parts + 1] = open.item and "<ul>" or "</ul>" end
    in_list = open.item or false
    parts[#parts + 1] = (in_list and "<li>%s</li>" or "<p>%s</p>"):format(
      link(html.inline(open.text)))
    open = nil
  end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local item, rest = line:match "^%s*%- (.*)$", line:gsub("^%s+", "")
    if not line:find "%S" then
      close()
    elseif item or not open or open.item and not line:find "^%s%s%s" then
      close()
      open = { item = item ~= nil, text = item or rest }
    else
      open.text = open.text .. "\n" .. rest
    end
  end
  close()
  if in_list then parts[#parts + 1] = "</ul>" end
  return table.concat(parts, "\n")
end

-- The name that a declaration makes.
local function name_of(code)
  return code:match "}%s*(lunula_[%w_]+);%s*$"
    or code:match "typedef struct [%w_]+ (lunula_[%w_]+);"
    or code:match "(lunula_[%w_]+)%s*%(" or code:match "#define (LUNULA_[%w_]+)"
end

-- The blocks of the header: { section = title } or { comment =, code =, name = }. Empty lines part
-- them, save inside of braces.
local function blocks(text)
  local list, lines, depth = {}, {}, 0
  local function flush()
    local block = table.concat(lines, "\n")
    lines = {}
    local title = block:match "^/%* %-%-%-%- (.-) %-+ %*/$"
    if title then
      list[#list + 1] = { section = title }
    elseif block:find "%S" then
      local comment, code = block:match "^(/%*.-%*/)\n?(.*)$"
      code = code or block
      list[#list + 1] = { comment = comment, code = code, name = name_of(code) }
    end
  end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if line:find '^extern "C"' then
      lines[#lines + 1] = "#"
    elseif not line:find "%S" and depth == 0 then
      flush()
    else
      lines[#lines + 1] = line
      local code = line:gsub("/%*.-%*/", ""):gsub("/%*.*", ""):gsub("^%s*%*%*.*", "")
      depth = depth + select(2, code:gsub("{", "")) - select(2, code:gsub("}", ""))
    end
  end
  flush()
  return list
end

-- What compilers need and readers do not.
local function is_machinery(block)
  local code = block.code
  return not block.name and (code:find "^#" or code:find "^struct lua_State" or code:find "^}"
    or not code:find "%S") or code:find "^#if defined" ~= nil or code:find "^#ifdef" ~= nil
end

local function names_in(list)
  local names = {}
  for _, block in ipairs(list) do
    if block.name and not is_machinery(block) then
      names[block.name] = names[block.name] or block.name
      for constant in block.code:gmatch "%f[%w_]LUNULA_[%u%d_]+" do
        if constant ~= "LUNULA_API" then names[constant] = names[constant] or block.name end
      end
    end
  end
  return names
end

local Page = {}   -- what is being written: parts, names, contents, found, seen
Page.__index = Page

function Page:link(escaped)
  return (escaped:gsub("%f[%w_]([lL][uU][nN][uU][lL][aA]_[%w_]+)", function (name)
    return self.names[name] and ('<a href="#%s">%s</a>'):format(self.names[name], name)
  end))
end

function Page:add(part) self.parts[#self.parts + 1] = part end

function Page:prose(comment)
  if not comment then return end
  self:add(prose(plain(comment), function (escaped) return self:link(escaped) end))
end

function Page:section(title)
  local anchor, text = html.anchor(title), html.escape(title)
  self:add(('<h2 id="%s">%s</h2>'):format(anchor, text))
  self.contents[#self.contents + 1] = ('<li><a href="#%s">%s</a></li>'):format(anchor, text)
end

-- A heading at the first block of a name, its code, its prose.
function Page:declaration(block)
  local id = block.name
  if not self.seen[id] then
    self.seen[id] = true
    self:add(('<h3 id="%s">%s</h3>'):format(id, html.code(id)))
    local first = block.comment and plain(block.comment):match "^[^.]*%.?" or ""
    self.found[#self.found + 1] = { name = id, anchor = id, text = (first:gsub("%s+", " ")) }
  end
  local code = html.escape((block.code:gsub("LUNULA_API ", "")))
  self:add("<pre>" .. self:link(code) .. "</pre>")
  self:prose(block.comment)
end

-- path: of the header. Returns the HTML and its names: { { name =, anchor =, text = } … }.
function header.page(path)
  local list = blocks((files.read(path):gsub("%f[^\n]#ifndef LUNULA_H\n.-\n\n", "\n", 1)))
  local page = setmetatable({ parts = {}, contents = {}, found = {}, seen = {},
    names = names_in(list) }, Page)
  for _, block in ipairs(list) do
    if block.section then
      page:section(block.section)
    elseif not is_machinery(block) then
      page:declaration(block)
    else
      page:prose(block.comment)
    end
  end
  local opening = table.remove(page.parts, 1)
  return opening .. "\n<ul class=\"contents\">" .. table.concat(page.contents, "\n")
    .. "</ul>\n" .. table.concat(page.parts, "\n"), page.found
end

return header
