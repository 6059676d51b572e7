-- The parts of which pages are made: signatures, arguments, examples, members, further reading.

local comments = require "lunula.help.comments"
local core = require "lunula.core"
local declare = require "lunula.declare"
local fields = require "lunula.help.fields"
local functions = require "lunula.help.functions"
local html = require "spec.docs.html"
local meanings = require "lunula.help.options"

local pages = {}

-- The name, and a row for each thing that something takes.
function pages.signature(text)
  return '<pre class="signature">' .. html.escape(text) .. "</pre>"
end

-- "Dense{units, activation}" over several lines where it is long.
local function wrapped(name, open, words, close)
  local line, lines = name .. open, {}
  for i, word in ipairs(words) do
    local piece = word .. (i < #words and ", " or "")
    if #line + #piece > 76 then
      lines[#lines + 1] = (line:gsub("%s+$", ""))
      line = "    "
    end
    line = line .. piece
  end
  lines[#lines + 1] = line .. close
  return table.concat(lines, "\n")
end

pages.wrapped = wrapped

-- example: { code =, output = }
function pages.example(example)
  if not example then return "" end
  return '<h2 id="s-example">Example</h2>\n<pre class="example">' .. html.escape(example.code)
    .. '</pre>\n<p class="prints">prints</p>\n<pre class="output">' .. html.escape(example.output)
    .. "</pre>"
end

function pages.links(entries)
  local parts = {}
  for i, entry in ipairs(entries) do
    parts[i] = ('<a href="@ROOT@%s">%s</a>'):format(html.escape(entry.href),
      html.escape(entry.full))
  end
  return table.concat(parts, ", ")
end

function pages.also(entry)
  if #entry.also == 0 then return "" end
  local names = {}
  for i, name in ipairs(entry.also) do names[i] = html.code(name) end
  table.sort(names)
  return '<p class="also">Also ' .. table.concat(names, ", ") .. ".</p>"
end

function pages.see_also(entries)
  if #entries == 0 then return "" end
  return '<h2 id="s-see">See also</h2>\n<p>' .. pages.links(entries) .. "</p>"
end

-- ---- what a class takes ------------------------------------------------------------------------

local function default_text(default)
  if default == "required" then return default end
  return '<code class="default">' .. html.escape((default:gsub("^default ", ""))) .. "</code>"
end

-- missing(text) counts what nothing is said about.
function pages.arguments(class, missing)
  local shown, rows = declare.shown_arguments(class), {}
  if #shown == 0 then return "<p>It takes no arguments.</p>" end
  for i, arg in ipairs(shown) do
    local kind, default = declare.kind_and_default(arg)
    local meaning = declare.meaning(class, arg)
    if not meaning and not kind:find "^not supported" then missing(class.name, arg.name) end
    local more = {}
    for _, alias in ipairs(arg.alias) do more[#more + 1] = html.code(alias) end
    rows[i] = { ('<code id="arg.%s">%s</code>'):format(html.anchor(arg.name),
        html.escape(arg.name)) .. (arg.keyword and ' <span class="note">by name</span>' or ""),
      html.escape(kind), default_text(default),
      html.inline(meaning or "") .. (#more > 0 and ' <span class="note">(old name: '
        .. table.concat(more, ", ") .. ")</span>" or "") }
  end
  return '<h2 id="s-arguments">Arguments</h2>\n'
    .. html.table({ "Name", "Kind", "Default", "Meaning" }, rows)
end

-- Shapes, which are not cut at the end of a line.
local function unbroken(text)
  return (html.escape(text):gsub("%b()", function (shape) return shape:gsub(" ", "\u{a0}") end))
end

-- rows: { call, shapes in, shapes out } of layers.shapes or of ops.
function pages.shapes(rows, head)
  if #rows == 0 then return "" end
  local cells, same = {}, true
  for i, row in ipairs(rows) do
    cells[i] = { '<code class="call">' .. html.escape(row[1]) .. "</code>",
      '<code class="in">' .. unbroken(row[2]) .. "</code>",
      '<code class="out">' .. unbroken(row[3]) .. "</code>" }
    same = same and row[2] == row[3]
  end
  local told = same and "<p>What comes out has the shape of what goes in.</p>\n"
    or html.table({ head, "In", "Out" }, cells)
  return '<h2 id="s-shapes">Shapes</h2>\n' .. told
end

-- ---- functions and members ---------------------------------------------------------------------

-- A comment's text: lines that are indented in it stay lines.
function pages.comment(text)
  return text and html.prose((text:gsub("\n  ", "\n"))) or ""
end

local function options_of(row)
  local rows = {}
  for i, option in ipairs(require(row.module).options) do
    rows[i] = { html.code(option), html.inline(meanings[option] or "") }
  end
  return html.table({ "Option", "Meaning" }, rows)
end

-- Whose methods and fields an object has, too.
local above = { sequential = "model", model = "layer", variable = "tensor", placeholder = "tensor",
  callback_list = "callback" }

-- What k.help's lists say of a method or a field. All objects have get_config.
local function member_row(lists, word, name)
  local owner = word
  while owner do
    local row = (lists[owner] or {})[name]
    if row then return row end
    owner = above[owner]
  end
  return name:find "_config$" and lists.layer[name] or nil
end

function pages.function_row(entry)
  if entry.module == "" then return functions.facade[entry.name] end
  if entry.module:find "^preprocessing" then return functions.utils[entry.name] end
  for _, module in ipairs(functions.of_modules) do
    if module == entry.module then return functions[module][entry.name] end
  end
end

local function parameters(f)
  local text = comments.parameters(f)
  return (text:gsub("^%(self,? ?", "("))
end

-- What is said of a method or a field: in help's lists, above it in the source, or in the row of
-- the op that it is.
function pages.text_of_member(word, row)
  local f = type(row.value) == "function" and row.value or row.getter
  local listed = member_row(row.method and functions.methods or fields, word, row.name)
  local op = above[word] == "tensor" and core.catalogue(row.name)
  return listed and listed[2] or f and comments.of(f) or row.meaning or op and op.doc
end

-- One method or field of an object that is called `word`.
local function member(word, row)
  local f = type(row.value) == "function" and row.value or nil
  local id, told = html.anchor(row.name), pages.comment(pages.text_of_member(word, row))
  local title = word .. (row.method and ":" or ".") .. row.name
  local listed = row.method and member_row(functions.methods, word, row.name)
  if listed then
    title = ("%s(%s%s)"):format(title, listed[1], listed.module and " … }" or "")
  elseif row.method and f then
    title = title .. parameters(f)
  end
  if listed and listed.module then told = told .. "\n" .. options_of(listed) end
  return ('<dt id="%s"><code>%s</code></dt>\n<dd>%s</dd>'):format(id, html.escape(title), told)
end

-- rows: of names.members; methods before fields.
function pages.members(word, rows)
  if not rows or #rows == 0 then return "" end
  local parts = {}
  for _, wanted in ipairs { true, false } do
    local list = {}
    for _, row in ipairs(rows) do
      if row.method == wanted then list[#list + 1] = member(word, row) end
    end
    if #list > 0 then
      parts[#parts + 1] = wanted and '<h2 id="s-methods">Methods</h2>'
        or '<h2 id="s-fields">Fields</h2>'
      parts[#parts + 1] = '<dl class="members">\n' .. table.concat(list, "\n") .. "\n</dl>"
    end
  end
  return table.concat(parts, "\n")
end

-- A function of a module, under its own heading. `told`: HTML that stands for its comment.
function pages.of_function(entry, told)
  local f, row = type(entry.value) == "function" and entry.value or nil, pages.function_row(entry)
  local title = entry.full .. (row and "(" .. row[1] .. ")" or f and comments.parameters(f) or "")
  return ('<h3 id="%s"><code>%s</code></h3>\n%s\n%s'):format(entry.anchor, html.escape(title),
    told or f and pages.comment(comments.of(f)) or "", pages.also(entry))
end

return pages
