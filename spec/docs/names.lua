-- The table of Keras's names: where each is here, or why it is not. From the two files that the
-- specs compare with the live objects.

local declare = require "lunula.declare"
local html = require "spec.docs.html"
local live_names = require "spec.support.live_names"
local names_missing = require "spec.support.names_missing"

local names = {}

-- The class whose page tells about a word like "lstm": of the object, or the parent whose name the
-- word is.
local function class_of_word(word, object)
  local class = declare.class_of(object)
  local own = class
  while own do
    if declare.snake_case(own.name) == word or own.name:lower() == word then return own end
    own = rawget(own, "parent")
  end
  return class
end

local function split_of(name)
  local ok, object, key, is_method = pcall(live_names.split, name)
  if ok and object ~= nil and name:find "^[%l_]+[:.][%w_]+$" then return object, key, is_method end
end

-- Keras's methods and fields by the class that has them here: { [class or word] = { { name =,
-- method =, value = } … } }. Words whose objects have no declared class stand for themselves.
function names.members(is_module)
  local found, order, rows = {}, {}, names_missing.read()
  for name in io.lines "spec/golden/names.txt" do
    local word = name:match "^([%l_]+)[:.][%w_]+$"
    if word and not is_module[word] and not names_missing.row_of(rows, name) then
      local object, key, is_method = split_of(name)
      if object ~= nil then
        local owner = type(object) == "table" and class_of_word(word, object) or word
        if not found[owner] then
          found[owner], order[#order + 1] = {}, owner
        end
        local class = type(owner) == "table" and owner.metatable
        local arg = class and not is_method and owner.by_name[key]
        local read, value = pcall(function () return object[key] end)
        table.insert(found[owner], { name = key, method = is_method, full = name,
          value = read and value, getter = class and class.getters[key] or nil,
          meaning = arg and declare.meaning(owner, arg) or nil })
      end
    end
  end
  return found, order
end

-- The names by what stands before their point or colon, and those that are missing by reason; each
-- as HTML.
local function sort_out(href_of)
  local rows, all = names_missing.read(), { order = {}, groups = {}, reasons = {}, count = 0,
    missing = 0 }
  local function add(lists, key, text)
    lists[key] = lists[key] or {}
    table.insert(lists[key], text)
  end
  for name in io.lines "spec/golden/names.txt" do
    local row, word = names_missing.row_of(rows, name), name:match "^([%w_]+)[:.]" or "keras"
    local text, href = html.escape(name), not row and href_of(name)
    if not all.groups[word] then all.order[#all.order + 1] = word end
    all.count = all.count + 1
    if row then
      all.missing = all.missing + 1
      add(all.reasons, row.reason, html.code(name))
      text = ('<span class="no" title="%s">%s</span>'):format(html.escape(row.reason), text)
    elseif href then
      text = ('<a href="@ROOT@%s">%s</a>'):format(html.escape(href), text)
    end
    add(all.groups, word, text)
  end
  return all
end

-- href_of(name): where one of the names is told, or nil.
function names.page(href_of)
  local all, why = sort_out(href_of), {}
  for reason, list in pairs(all.reasons) do
    why[#why + 1] = { html.escape(reason), table.concat(list, " ") }
  end
  table.sort(why, function (a, b) return a[1] < b[1] end)
  local parts = { ([[<p>Keras 3 has %d public names of modules, methods and fields; %d are not here,
each for the reason that is said. A name before a colon stands for an object of that kind:
<code>model:fit</code> is a method, <code>layer.weights</code> a field.</p>
<h2 id="s-missing">What is missing, and why</h2>]]):format(all.count, all.missing),
    html.table({ "Why", "Names" }, why), '<h2 id="s-all">All names</h2>' }
  for _, word in ipairs(all.order) do
    parts[#parts + 1] = ('<h3 id="%s">%s</h3>\n<p class="names">%s</p>'):format(
      html.anchor(word), html.escape(word), table.concat(all.groups[word], "\n"))
  end
  return table.concat(parts, "\n")
end

return names
