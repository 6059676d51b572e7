-- Text as HTML, and the frame of a page.

local html = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

function html.escape(text)
  return (tostring(text):gsub('[&<>"]', entities))
end

-- Text with `code` in backquotes.
function html.inline(text)
  return (html.escape(text):gsub("`([^`\n]+)`", "<code>%1</code>"))
end

-- Paragraphs, which empty lines part; lines that are indented stay as they are.
function html.prose(text)
  local parts = {}
  for block in (text .. "\n\n"):gmatch "(.-)\n%s*\n" do
    if block:find "^%s%s%s" then
      parts[#parts + 1] = "<pre>" .. html.escape(block) .. "</pre>"
    elseif block:find "%S" then
      parts[#parts + 1] = "<p>" .. html.inline(block) .. "</p>"
    end
  end
  return table.concat(parts, "\n")
end

-- An id that may stand in an address.
function html.anchor(name)
  return (name:gsub("[^%w_.-]", "-"))
end

function html.link(href, text)
  return ('<a href="%s">%s</a>'):format(html.escape(href), html.escape(text))
end

function html.code(text)
  return "<code>" .. html.escape(text) .. "</code>"
end

-- rows: lists of cells that are HTML.
function html.table(heads, rows)
  local lines = { '<div class="wide"><table>', "<thead><tr>" }
  for _, head in ipairs(heads) do lines[#lines + 1] = "<th>" .. html.escape(head) .. "</th>" end
  lines[#lines + 1] = "</tr></thead><tbody>"
  for _, row in ipairs(rows) do
    lines[#lines + 1] = "<tr><td>" .. table.concat(row, "</td><td>") .. "</td></tr>"
  end
  lines[#lines + 1] = "</tbody></table></div>"
  return table.concat(lines, "\n")
end

local frame = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>@TITLE@</title>
<link rel="stylesheet" href="@ROOT@style.css">
<link rel="icon" href="data:,">
</head>
<body data-root="@ROOT@">
<header>
<div class="bar">
<a class="brand" href="@ROOT@index.html">lunula</a>
<form class="search" role="search">
<input id="search" type="search" placeholder="Search: Conv2D, padding …" aria-label="Search"
  autocomplete="off">
<ul id="found" hidden></ul>
</form>
</div>
<nav>@NAV@</nav>
</header>
<main>
@CRUMBS@<h1>@HEADING@</h1>
@BODY@
</main>
<footer>lunula @VERSION@. Written by <code>make docs</code> from the declarations.</footer>
<script src="@ROOT@index.js"></script>
<script src="@ROOT@search.js"></script>
</body>
</html>
]]

-- page: path below the site, title, body, crumbs = { { href, text } … };
-- site: nav = { { href, text } … }, version. Addresses of links are from the top of the site.
function html.page(page, site)
  local root = ("../"):rep(select(2, page.path:gsub("/", "")))
  local nav, crumbs = {}, {}
  for i, row in ipairs(site.nav) do
    local here = row[1] == page.path and ' aria-current="page"' or ""
    nav[i] = ('<a href="@ROOT@%s"%s>%s</a>'):format(row[1], here, html.escape(row[2]))
  end
  for i, row in ipairs(page.crumbs or {}) do
    crumbs[i] = ('<a href="@ROOT@%s">%s</a>'):format(row[1], html.escape(row[2]))
  end
  local title = html.escape(page.title)
  local fill = {
    TITLE = title .. (title == "lunula" and "" or " · lunula"), HEADING = title,
    NAV = table.concat(nav, "\n"), VERSION = site.version,
    CRUMBS = #crumbs > 0 and '<p class="crumbs">' .. table.concat(crumbs, " › ") .. "</p>\n" or "",
    BODY = page.body,
  }
  -- Addresses in the body begin with @ROOT@ too, so it is filled in last.
  local text = frame:gsub("@(%u+)@", function (name) return fill[name] end)
  return (text:gsub("@ROOT@", root))
end

return html
