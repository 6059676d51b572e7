-- The guides (examples/guides), which are scripts with prose: comments at the beginning of a line
-- become paragraphs, all else code. Their order is that of examples/README.md.

local html = require "spec.docs.html"

local guides = {}

-- The text of a comment's lines: an indented line behind another keeps its indent, and stays so.
local function prose(lines)
  local text = {}
  for i, line in ipairs(lines) do text[i] = line:gsub("^%-%-%s?", "") end
  text = table.concat(text, "\n")
  -- An indented block stands by itself.
  text = ("\n" .. text .. "\n"):gsub("\n(%S[^\n]*)\n(  )", "\n%1\n\n%2")
    :gsub("\n(  [^\n]*)\n(%S)", "\n%1\n\n%2")
  text = html.prose((text:gsub("\n  ([^\n])", "\n   %1"):gsub("^\n+", "")))
  return (text:gsub("<pre>%s+", "<pre>"):gsub("\n   ", "\n"))
end

local function code(lines)
  local text = table.concat(lines, "\n"):gsub("^%s*\n", ""):gsub("%s+$", "")
  return text ~= "" and '<pre class="lua">' .. html.escape(text) .. "</pre>" or ""
end

-- The body of the page, its title and its first sentence.
local function read(path)
  local parts, block, is_prose, title = {}, {}, true, nil
  local function flush()
    if #block > 0 then parts[#parts + 1] = (is_prose and prose or code)(block) end
    block = {}
  end
  for line in io.lines(path) do
    if not title then
      title = line:gsub("^%-%-%s*", "")
    else
      local comment = line:find "^%-%-" ~= nil
      if comment ~= is_prose then
        flush()
        is_prose = comment
      end
      block[#block + 1] = line
    end
  end
  flush()
  return table.concat(parts, "\n"), (title:gsub("%.$", ""))
end

-- { { path of the page, title, body, what the list says } … }
function guides.all()
  local list = {}
  for line in io.lines "examples/README.md" do
    local name, text = line:match "^| `guides/([%w_]+)%.lua` | (.-) |$"
    if name then
      local body, title = read("examples/guides/" .. name .. ".lua")
      list[#list + 1] = { page = "guides/" .. name .. ".html", title = title, body = body,
        text = text }
    end
  end
  return list
end

return guides
