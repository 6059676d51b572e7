-- The page of an op: from its row in the catalogue, or from the Lua function.

local comments = require "lunula.help.comments"
local core = require "lunula.core"
local functions = require "lunula.help.functions"
local html = require "spec.docs.html"
local pages = require "spec.docs.pages"

local ops = {}

-- The types of a signature in words; one that has none takes a tensor.
local kinds = {
  int = "an integer", ints = "a list of integers", wholes = "a list of integers, 0 or more",
  num = "a number", bool = "true or false", str = "a string", axes = "an axis or a list of axes",
  shape = "a shape", sizes = "a list of sizes", dtype = "a type", value = "a number or a boolean",
  any = "anything", nest = "a tensor, or a table of them", tensors = "a list of tensors",
  fn = "a function", fns = "a list of functions",
}

-- A signature's pieces: "axis:axes?=nil" is an axis that may be None, and is None if not said.
local function split(signature)
  local list, depth, piece = {}, 0, ""
  for c in (signature .. ","):gmatch "." do
    if c == "{" or c == "(" then depth = depth + 1 end
    if c == "}" or c == ")" then depth = depth - 1 end
    if c == "," and depth == 0 then
      if piece:find "%S" then list[#list + 1] = piece:match "^%s*(.-)%s*$" end
      piece = ""
    else
      piece = piece .. c
    end
  end
  return list
end

-- { { name =, kind =, default = }, … }
function ops.arguments(signature)
  local list = {}
  for i, piece in ipairs(split(signature)) do
    local left, default = piece:match "^(.-)=(.*)$"
    left = left or piece
    local name, kind = left:match "^([^:?]+):?([^?]*)"
    local several = name:sub(1, 1) == "*"
    if kind ~= "" and not kinds[kind] then error("no words for the type " .. kind) end
    list[i] = {
      name = name:gsub("^%*", ""),
      kind = (several and "tensors, as a list" or kind == "" and "a tensor or a number"
        or kinds[kind]) .. (left:find "%?" and " or None" or ""),
      default = default and (default == "nil" and "None" or default),
    }
  end
  return list
end

local function call_text(entry, list)
  local words = {}
  for i, arg in ipairs(list) do
    words[i] = arg.name .. (arg.default and "=" .. arg.default or "")
  end
  return pages.wrapped(entry.full, "(", words, ")")
end

local function row_text(entry, row, example, shapes)
  local list, rows = ops.arguments(row.signature), {}
  for i, arg in ipairs(list) do
    rows[i] = { html.code(arg.name), html.escape(arg.kind),
      arg.default and '<code class="default">' .. html.escape(arg.default) .. "</code>"
        or "required" }
  end
  local first = list[1] and list[1].kind:find "tensor" and not entry.name:find(".", 1, true)
  return pages.signature(call_text(entry, list)) .. "\n<p>" .. html.inline(row.doc) .. "</p>\n"
    .. pages.also(entry) .. "\n" .. pages.example(example) .. "\n"
    .. (#rows > 0 and '<h2 id="s-arguments">Arguments</h2>\n'
      .. html.table({ "Name", "Kind", "Default" }, rows) or "") .. "\n" .. shapes
    .. (first and ("\n<p class=\"note\">Options go by position or in a table by name; it is a "
      .. "method of tensors too: <code>%s:%s(…)</code>.</p>"):format(html.escape(list[1].name),
      html.escape(entry.name)) or "")
    .. (row.differentiable == false and '\n<p class="note">It has no gradient.</p>' or "")
end

-- The body of the page, what it takes in words, and a sentence.
function ops.body(entry, example, shapes, related)
  local row = core.catalogue(entry.name)
  local words, told, sentence = {}
  if row then
    told, sentence = row_text(entry, row, example, shapes), row.doc
    for i, arg in ipairs(ops.arguments(row.signature)) do words[i] = arg.name end
  else
    local listed = functions.facade[entry.name]
    sentence = listed and listed[2] or comments.of(entry.value)
    told = pages.signature(entry.full .. comments.parameters(entry.value)) .. "\n"
      .. pages.comment(sentence) .. pages.also(entry) .. "\n" .. pages.example(example)
  end
  return told .. "\n" .. pages.see_also(related), words, sentence
end

return ops
