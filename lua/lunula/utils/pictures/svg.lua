-- A picture as SVG text, put together shape by shape.

local words = require "lunula.utils.pictures.words"

local svg = {}
svg.__index = svg

local FONT <const> = "Helvetica, Arial, 'Liberation Sans', sans-serif"

function svg.new() return setmetatable({ parts = {} }, svg) end

-- One element; numbers are rounded to tenths, keys stand by alphabet. content: its text, escaped.
function svg:add(element, attributes, content)
  local names, parts = {}, { "<" .. element }
  for name in pairs(attributes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = attributes[name]
    if type(value) == "number" then value = words.number(value) end
    parts[#parts + 1] = (' %s="%s"'):format((name:gsub("_", "-")), words.xml(value))
  end
  parts[#parts + 1] = content and (">%s</%s>"):format(content, element) or "/>"
  self.parts[#self.parts + 1] = table.concat(parts)
end

-- Text at its base line. options: size, anchor, fill, bold, tip (the whole of a text that was cut).
function svg:text(x, y, text, options)
  local tip = options.tip and ("<title>%s</title>"):format(words.xml(options.tip)) or ""
  self:add("text", { x = x, y = y, font_size = options.size, text_anchor = options.anchor,
    fill = options.fill, font_weight = options.bold and "bold" or nil,
    transform = options.transform }, tip .. words.xml(text))
end

-- The whole, of a width and height in units that are shown `scale` times as large.
function svg:finish(width, height, scale)
  scale = scale or 1
  local w, h = words.number(width), words.number(height)
  return ('<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" '
      .. 'font-family="%s">\n<rect width="%s" height="%s" fill="#ffffff"/>\n%s\n</svg>\n'):format(
    words.number(width * scale), words.number(height * scale), w, h, FONT, w, h,
    table.concat(self.parts, "\n"))
end

-- Writes bytes to a file, or raises what stands against it.
function svg.write_file(name, path, bytes)
  local core = require "lunula.core"
  -- The system would end the path there, and write another file.
  if path:find("\0", 1, true) then core.raise("%s: a path with a zero byte", name) end
  local file, problem = io.open(path, "wb")
  local ok = file and file:write(bytes)
  if file then
    local closed, why = file:close()
    ok, problem = ok and closed, problem or why
  end
  if not ok then core.raise("%s: cannot write %s", name, tostring(problem or path)) end
end

return svg
