-- Looks at a page of HTML: whether its tags are balanced, and its ids and links.

local html_check = {}

local function set(words)
  local found = {}
  for word in words:gmatch "%S+" do found[word] = true end
  return found
end

local void = set "meta link input br hr img"
local ends_paragraph = set "p pre table ul ol dl div h1 h2 h3 header main footer nav form"

-- The attributes of a tag, { name = value }.
local function attributes(text)
  local found = {}
  for name, value in text:gmatch '([%w-]+)="([^"]*)"' do found[name] = value end
  return found
end

-- What is wrong with the page (a list of sentences), its ids { id = true }, its links { href … }.
function html_check.page(text)
  local open, problems, ids, links = {}, {}, {}, {}
  local function problem(...) problems[#problems + 1] = string.format(...) end
  local function opened(name, rest)
    local found = attributes(rest)
    if found.id and ids[found.id] then problem("two ids %s", found.id) end
    if found.id then ids[found.id] = true end
    for _, key in ipairs { "href", "src" } do
      if found[key] then links[#links + 1] = found[key] end
    end
    if void[name] then return end
    if ends_paragraph[name] and open[#open] == "p" then problem("<%s> within <p>", name) end
    open[#open + 1] = name
  end
  if not text:find "^<!DOCTYPE html>" then problem "no doctype" end
  local body = text:gsub("^<!DOCTYPE html>", ""):gsub("<!%-%-.-%-%->", "")
  for slash, name, rest in body:gmatch "<(/?)(%a[%w]*)([^<>]*)>" do
    if slash == "" then
      opened(name, rest)
    elseif open[#open] == name then
      open[#open] = nil
    else
      problem("</%s> closes <%s>", name, open[#open] or "nothing")
    end
  end
  for _, name in ipairs(open) do problem("<%s> is not closed", name) end
  local plain = body:gsub("</?%a[%w]*[^<>]*>", "")
  local stray = plain:match "[^\n]*[<>][^\n]*"
  if stray then problem("a stray angle bracket: %s", stray) end
  local entity = plain:match "&[^;\n]?[^;\n]?[^;\n]?[^;\n]?[^;\n]?[^;\n]?"
  for found in plain:gmatch "&([^;]*);?" do
    if not found:find "^%l+$" or #found > 4 then problem("a stray &: %s", entity) break end
  end
  return problems, ids, links
end

-- The text of the parts of a page whose tag is this, as a reader sees it.
function html_check.texts(text, tag)
  local found = {}
  for inner in text:gmatch(tag .. ">(.-)</pre>") do
    found[#found + 1] = inner:gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&quot;", '"')
      :gsub("&amp;", "&")
  end
  return found
end

return html_check
