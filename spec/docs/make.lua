-- Writes the site: lua5.4 spec/docs/make.lua FOLDER (make docs; build/docs). Run at the top of a
-- checkout that is built.

package.path = "./?.lua;lua/?.lua;lua/?/init.lua;" .. package.path

local comments = require "lunula.help.comments"
local core = require "lunula.core"
local declare = require "lunula.declare"
local help = require "lunula.help"
local k = require "lunula"

local catalogue = require "spec.docs.catalogue"
local examples = require "spec.docs.examples"
local files = require "spec.support.files"
local guides = require "spec.docs.guides"
local header = require "spec.docs.header"
local html = require "spec.docs.html"
local layers = require "spec.docs.layers"
local names = require "spec.docs.names"
local op_cases = require "spec.docs.op_cases"
local ops = require "spec.docs.ops"
local pages = require "spec.docs.pages"

local site = {}

local function first_sentence(text)
  local line = (text or ""):gsub("%s+", " ")
  local sentence = line:match "^(.-[^%s]%.)%s" or line
  if #sentence <= 160 then return sentence end
  return sentence:sub(1, 157):gsub("%s*[^%s]*$", "") .. " …"
end

-- ---- what is written ---------------------------------------------------------------------------

function site.new(folder)
  local self = { folder = folder, nav = { { "index.html", "Start" },
    { "guides.html", "Guides" } }, index = {}, count = 0,
    version = core.version, examples = 0,
    missing = { arguments = {}, texts = {}, examples = {}, told = 0 } }
  return setmetatable(self, { __index = site })
end

function site:file(path, text)
  core.make_folders(self.folder .. "/" .. (path:match "^(.*)/" or ""))
  files.write(self.folder .. "/" .. path, text)
end

function site:page(page)
  self.count = self.count + 1
  self:file(page.path, html.page(page, self))
end

-- What search finds: a name, where it is told, a sentence, and the words of its arguments.
function site:find(name, href, sentence, words)
  self.index[#self.index + 1] = ("[%s, %s, %s, %s]"):format(core.json_quote(name),
    core.json_quote(href), core.json_quote(first_sentence(sentence)),
    core.json_quote(table.concat(words or {}, " ")))
end

-- The methods and fields that stand on a page.
function site:find_members(word, page, rows)
  for _, row in ipairs(rows or {}) do
    local text = pages.text_of_member(word, row)
    if not text then
      table.insert(self.missing.texts, word .. ":" .. row.name)
    end
    if not row.meaning then -- else it is an argument, by which its class is found
      self:find(word .. (row.method and ":" or ".") .. row.name,
        page .. "#" .. html.anchor(row.name), text or (row.method and "a method" or "a field"))
    end
  end
end

-- A name is found by its other names too.
local function with_others(words, entry)
  local all = table.move(words, 1, #words, 1, {})
  for _, name in ipairs(entry.also) do
    if name:match "[^.]+$" ~= entry.name then all[#all + 1] = name:match "[^.]+$" end
  end
  return all
end

-- Nothing can be shown of what is not here, and says so, nor of what sends to a server.
local without_example = { ["k.ops.convert_to_numpy"] = true, ["k.ops.eig"] = true,
  ["k.callbacks.RemoteMonitor"] = true }

function site:show_example(example, full)
  if example then self.examples = self.examples + 1
  elseif not without_example[full] then table.insert(self.missing.examples, full) end
  return example
end

-- ---- pages of classes and ops ------------------------------------------------------------------

local function crumbs_of(entry)
  local module = entry.module
  return { { catalogue.page_of(module), module == "" and "k" or "k." .. module } }
end

local function ancestors(class, all)
  local list, parent = {}, rawget(class, "parent")
  while parent do
    local entry = all.home[parent]
    if entry then list[#list + 1] = entry end
    parent = rawget(parent, "parent")
  end
  return list
end

-- What k.layer, k.model and the like say of themselves stands with the class that they extend.
local function door_of(class)
  local text = declare.snake_case(class.name)
  if class == k.Model then text = "model" end
  return rawget(class, "abstract") ~= false and (class == k.Layer or class == k.Model)
    and help.door_text(text)
end

function site:class_page(entry, all)
  local class, words, told = entry.value, {}, {}
  for i, arg in ipairs(declare.shown_arguments(class)) do words[i] = arg.name end
  local positional = {}
  for i, arg in ipairs(class.positional) do positional[i] = arg.name end
  told[#told + 1] = pages.signature(pages.wrapped(entry.full, "{", positional, "}"))
  if class.doc then told[#told + 1] = "<p>" .. html.inline(class.doc) .. "</p>" end
  if not class.doc then table.insert(self.missing.texts, entry.full) end
  told[#told + 1] = pages.also(entry)
  told[#told + 1] = pages.example(self:show_example(
    examples.of_class(class, entry.full), entry.full))
  local door = door_of(class)
  if door then told[#told + 1] = "<pre>" .. html.escape(door) .. "</pre>" end
  told[#told + 1] = pages.arguments(class, function (name, argument)
    table.insert(self.missing.arguments, name .. "." .. argument)
  end)
  self.missing.told = self.missing.told + #words
  if class.kind == "layer" then
    told[#told + 1] = pages.shapes(layers.shapes(class), "Layer")
  end
  local word, members = declare.snake_case(entry.name), all.members[class] or all.adopted[class]
  told[#told + 1] = pages.members(word, members)
  self:find_members(word, entry.page, members)
  local above = ancestors(class, all)
  if #above > 0 then
    told[#told + 1] = '<p class="note">It has what ' .. pages.links(above) .. " has, too.</p>"
  end
  told[#told + 1] = pages.see_also(catalogue.see_also(all, entry))
  self:page { path = entry.page, title = entry.full, crumbs = crumbs_of(entry),
    body = table.concat(told, "\n") }
  self:find(entry.full, entry.href, class.doc, with_others(words, entry))
  entry.text = class.doc
end

function site:op_page(entry, all)
  local example = self:show_example(all.examples[entry.name]
    or examples.further(entry.full), entry.full)
  local body, words, sentence = ops.body(entry, example, pages.shapes(all.shapes[entry.name] or {},
    "Call"), catalogue.see_also(all, entry))
  if not sentence then table.insert(self.missing.texts, entry.full) end
  self:page { path = entry.page, title = entry.full, crumbs = crumbs_of(entry), body = body }
  self:find(entry.full, entry.href, sentence, with_others(words, entry))
  entry.text = sentence
end

-- ---- pages of modules --------------------------------------------------------------------------

-- What a module is for: a sentence that begins and ends as one.
local function sentence_of(module)
  if module.path == "" then return "Keras for Lua." end
  local text = help.of_module(module.path) or error("help has no line of " .. module.path)
  return text:sub(1, 1):upper() .. text:sub(2) .. (text:find "…$" and "" or ".")
end

-- Another function of the same name that something is said about: k.models.load_model reads what
-- k.saving.load_model does.
local function twin_of(entry, all)
  for _, other in ipairs(all.primary) do
    local told = core.catalogue(other.name) and other.kind == "op" or pages.function_row(other)
      or type(other.value) == "function" and comments.of(other.value)
    if told and other ~= entry and other.name == entry.name then return other end
  end
end

-- What is said about a name, wherever that stands, as text; and as HTML where it is no comment.
local function text_of(entry, all)
  local value = entry.value
  if entry.text or declare.is_class(value) then return entry.text or value.doc end
  local door = help.door_text(value)
  if door then
    return (door:match "^[^\n]*\n(.*)$"), "<pre>" .. html.escape(door) .. "</pre>"
  end
  local row = pages.function_row(entry)
  if row then return row[2], "<p>" .. html.inline(row[2]) .. "</p>" end
  local own_class = declare.class_of(value)
  local doc = own_class and rawget(own_class, "doc")
  if doc then return doc, "<p>" .. html.inline(doc) .. "</p>" end
  local class = catalogue.class_of_function(all, entry)
  if class and class.value.doc then
    return class.value.doc, ('<p>%s (<a href="@ROOT@%s">%s</a> as a function)</p>'):format(
      html.inline(class.value.doc), class.href, html.escape(class.full))
  end
  local own = type(value) == "function" and comments.of(value)
  if own then return own end
  local twin = twin_of(entry, all)
  if twin then
    return "See " .. twin.full .. ".", "<p>See " .. pages.links { twin } .. ".</p>"
  end
end

local function listed(entries, all)
  local rows = {}
  for _, entry in ipairs(entries) do
    rows[#rows + 1] = { ('<a href="@ROOT@%s">%s</a>'):format(html.escape(entry.href),
      html.escape(entry.name)), html.inline(first_sentence(text_of(entry.home, all))) }
  end
  return html.table({ "Name", "What it is" }, rows)
end

local function value_text(entry, told)
  local value = entry.value
  if told then
    return ('<h3 id="%s"><code>%s</code></h3>\n%s'):format(entry.anchor, html.escape(entry.full),
      told)
  end
  return ('<h3 id="%s"><code>%s</code></h3>\n<p>A %s%s.</p>'):format(entry.anchor,
    html.escape(entry.full), math.type(value) or type(value),
    type(value) == "number" and ", " .. value or type(value) == "string" and ', "' .. value .. '"'
    or "")
end

function site:functions_of(list, all)
  local parts = {}
  for _, entry in ipairs(list) do
    local text, told = text_of(entry, all)
    if entry.kind == "value" then
      parts[#parts + 1] = value_text(entry, told)
    else
      parts[#parts + 1] = pages.of_function(entry, told)
      if not text then table.insert(self.missing.texts, entry.full) end
    end
    self:find(entry.full, entry.href, text, with_others({}, entry))
  end
  return table.concat(parts, "\n")
end

function site:module_page(module, all)
  local title = module.path == "" and "k" or "k." .. module.path
  local linked, here, inner, parts = {}, {}, {}, {}
  for _, entry in ipairs(all.entries) do
    if entry.module == module.path then
      if entry.home == entry and entry.anchor then here[#here + 1] = entry
      else linked[#linked + 1] = entry end
    end
  end
  local told = sentence_of(module)
  parts[#parts + 1] = "<p>" .. html.inline(told) .. "</p>"
  for i, name in ipairs(module.inner) do
    local path = module.path == "" and name or module.path .. "." .. name
    inner[i] = ('<a href="@ROOT@%s">k.%s</a>'):format(catalogue.page_of(path), path)
  end
  if #inner > 0 then
    parts[#parts + 1] = '<p id="s-modules">Modules: ' .. table.concat(inner, ", ") .. "</p>"
  end
  if #linked > 0 then parts[#parts + 1] = '<h2 id="s-names">Names</h2>\n' .. listed(linked, all) end
  if #here > 0 then
    parts[#parts + 1] = '<h2 id="s-functions">Functions</h2>\n' .. self:functions_of(here, all)
  end
  local crumbs = module.path:find "%." and { { catalogue.page_of(module.path:match "^[^.]+"),
    "k." .. module.path:match "^[^.]+" } } or nil
  self:page { path = catalogue.page_of(module.path), title = title, crumbs = crumbs,
    body = table.concat(parts, "\n") }
  self:find(title, catalogue.page_of(module.path), told)
end

-- ---- further pages -----------------------------------------------------------------------------

-- Objects whose classes nobody declares: variables, placeholders, and tensors.
function site:object_pages(all)
  for _, word in ipairs(all.member_order) do
    if type(word) == "string" then
      local path = "objects/" .. word .. ".html"
      self:page { path = path, title = word:gsub("_", " "), crumbs = { { "k.html", "k" } },
        body = pages.members(word, all.members[word]) }
      self:find(word, path, "the methods and fields of such an object")
      self:find_members(word, path, all.members[word])
      all.objects[#all.objects + 1] = { path, word }
    end
  end
  self:page { path = "objects/tensor.html", title = "tensor", crumbs = { { "k.html", "k" } },
    body = html.prose((help.tensor_text(k.ones { 2, 3 }):gsub("\n  ", "\n"))) .. "\n"
      .. '<p>What there is: <a href="@ROOT@ops.html">k.ops</a>.</p>' }
  self:find("tensor", "objects/tensor.html", "methods and operators of tensors")
  all.objects[#all.objects + 1] = { "objects/tensor.html", "tensor" }
end

function site:guide_pages()
  local rows = {}
  for i, guide in ipairs(guides.all()) do
    self:page { path = guide.page, title = guide.title, crumbs = { { "guides.html", "Guides" } },
      body = guide.body }
    self:find("guide: " .. guide.title, guide.page, guide.text)
    rows[i] = { ('<a href="@ROOT@%s">%s</a>'):format(guide.page, html.escape(guide.title)),
      html.inline(guide.text) }
  end
  self:page { path = "guides.html", title = "Guides", body = "<p>Prose with the lines that prove "
    .. "it. Each is a script in <code>examples/guides</code>, and runs in a second.</p>\n"
    .. html.table({ "Guide", "What it tells" }, rows) }
end

function site:header_page()
  local body, found = header.page "src/host/lunula.h"
  self:page { path = "lunula_h.html", title = "lunula.h", body = body }
  self:find("lunula.h", "lunula_h.html", "The manual for C programs")
  for _, row in ipairs(found) do
    self:find(row.name, "lunula_h.html#" .. row.anchor, row.text)
  end
end

-- Where a name of Keras's table is told here.
local function href_of(all)
  local of = {}
  for _, entry in ipairs(all.entries) do
    of[entry.full:sub(3)] = of[entry.full:sub(3)] or entry.href
  end
  for _, module in ipairs(all.modules) do of[module.path] = catalogue.page_of(module.path) end
  for owner, rows in pairs(all.members) do
    local page = type(owner) == "string" and "objects/" .. owner .. ".html"
      or all.home[owner] and all.home[owner].page
    for _, row in ipairs(page and rows or {}) do
      of[row.full] = page .. "#" .. html.anchor(row.name)
    end
  end
  return function (name) return of[name] end
end

function site:names_page(all)
  self:page { path = "keras_names.html", title = "Names of Keras",
    body = names.page(href_of(all)) }
  self:find("names of Keras", "keras_names.html", "What is missing, and why")
end

function site:start_page(all)
  local readme = files.read "README.md"
  local objects, rows = {}, {}
  for i, row in ipairs(all.objects) do
    objects[i] = ('<a href="@ROOT@%s">%s</a>'):format(row[1], row[2]:gsub("_", " "))
  end
  for _, module in ipairs(all.modules) do
    rows[#rows + 1] = { ('<a href="@ROOT@%s">%s</a>'):format(
      catalogue.page_of(module.path), module.path == "" and "k" or "k." .. module.path),
      html.inline(sentence_of(module)) }
  end
  local opening = readme:match "^# lunula\n\n(.-)\n\n##":gsub("%s*%(%[[^%]]+%]%([^)]*%)%)", "")
    :gsub("%*(%w+)%*", "%1")
  self:page { path = "index.html", title = "lunula", body =
    html.prose(opening) .. '\n<pre class="lua">'
    .. html.escape(readme:match "```lua\n(.-)```") .. "</pre>\n"
    .. '<h2 id="s-modules">Modules</h2>\n' .. html.table({ "Module", "What it is" }, rows)
    .. '\n<h2 id="s-objects">Objects</h2>\n<p>' .. table.concat(objects, ", ") .. "</p>\n"
    .. '<h2 id="s-more">More</h2>\n<p><a href="@ROOT@guides.html">The guides</a> are prose that '
    .. 'runs. <a href="@ROOT@lunula_h.html">lunula.h</a> is the manual '
    .. 'for C programs; <a href="@ROOT@keras_names.html">the names of Keras</a> tells what is '
    .. "missing, and why.</p>" }
end

-- ---- all of it ---------------------------------------------------------------------------------

-- Members of a class without a name in k, as the parent of all models, are told with the class that
-- has its name there.
local function adopt(all)
  for owner, rows in pairs(all.members) do
    if type(owner) ~= "string" and not all.home[owner] then
      for _, entry in ipairs(all.primary) do
        if entry.kind == "class" and entry.name == owner.name then
          all.home[owner] = entry
          all.adopted[entry.value] = rows
        end
      end
    end
  end
end

local function gather()
  local all = catalogue.gather(k)
  local is_module = {}
  for _, module in ipairs(all.modules) do is_module[module.path] = true end
  all.members, all.member_order = names.members(is_module)
  all.examples, all.objects, all.adopted = examples.of_ops(), {}, {}
  all.shapes = op_cases.shapes()
  adopt(all)
  return all
end

-- What nothing is said about: how much on the terminal, all of it in missing.txt.
function site:report()
  local missing = self.missing
  table.sort(missing.arguments)
  table.sort(missing.texts)
  table.sort(missing.examples)
  self:file("missing.txt", ("arguments without a meaning: %d of %d\n%s\n\nwithout a text: %d\n%s"
    .. "\n\nwithout an example: %d\n%s\n"):format(#missing.arguments, missing.told,
      table.concat(missing.arguments, "\n"), #missing.texts, table.concat(missing.texts, "\n"),
      #missing.examples, table.concat(missing.examples, "\n")))
  print(("%s: %d pages, %d names, %d examples; %d of %d arguments have no meaning, %d names no "
    .. "text, %d no example"):format(self.folder, self.count, #self.index, self.examples,
      #missing.arguments, missing.told, #missing.texts, #missing.examples))
end

local function write(folder)
  local self, all = site.new(folder), gather()
  for _, module in ipairs(all.modules) do
    if not module.path:find "%." then
      table.insert(self.nav, { catalogue.page_of(module.path),
        module.path == "" and "k" or module.path })
    end
  end
  table.insert(self.nav, { "lunula_h.html", "lunula.h" })
  table.insert(self.nav, { "keras_names.html", "Keras's names" })
  for _, entry in ipairs(all.primary) do
    if entry.kind == "class" then self:class_page(entry, all) end
    if entry.kind == "op" then self:op_page(entry, all) end
  end
  for _, module in ipairs(all.modules) do self:module_page(module, all) end
  self:object_pages(all)
  self:guide_pages()
  self:header_page()
  self:names_page(all)
  self:start_page(all)
  self:file("index.js", "var LUNULA_INDEX = [\n" .. table.concat(self.index, ",\n") .. "\n];\n")
  for _, name in ipairs { "style.css", "search.js" } do
    self:file(name, files.read("spec/docs/" .. name))
  end
  self:report()
end

write(assert(arg[1], "usage: lua5.4 spec/docs/make.lua FOLDER"))
