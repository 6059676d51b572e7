-- The manual (spec/docs): it is written from the live objects, all its links lead somewhere, every
-- public name has its place, its examples print what they say, and search finds things.

local browser = require "spec.support.browser"
local core = require "lunula.core"
local declare = require "lunula.declare"
local examples = require "spec.docs.examples"
local html_check = require "spec.support.html_check"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local pages, index, said = {}, nil, nil

local function read(path)
  return (scratch.read("site/" .. path))
end

local function write()
  local ok
  ok, said = scratch.run("spec/docs/make.lua " .. scratch.path "site")
  assert(ok, said)
  local pipe = assert(io.popen("cd '" .. scratch.path "site" .. "' && find . -name '*.html'"))
  for line in pipe:lines() do
    local path = line:match "^%./(.*)$"
    local page = { text = read(path) }
    page.problems, page.ids, page.links = html_check.page(page.text)
    pages[path] = page
  end
  pipe:close()
  index = assert(core.json_read(read("index.js"):match "^var LUNULA_INDEX = (.*);\n$"))
end

-- "../ops.html" from "ops/add.html" is "ops.html".
local function target(from, href)
  local folder, path = from:match "^(.*/)" or "", href
  while path:find "^%.%./" do
    path, folder = path:sub(4), folder:match "^(.*/)[^/]+/$" or ""
  end
  return folder .. path
end

local function exists(path)
  if pages[path] then return true end
  local file = io.open(scratch.path "site" .. "/" .. path)
  return file ~= nil and file:close()
end

-- What is wrong with a link, or nil.
local function broken(from, href)
  if href:find "^data:" then return nil end
  if href:find "^%a+:" then return "leads out of the site" end
  local path, anchor = href:match "^([^#]*)#?(.*)$"
  local to = path == "" and from or target(from, path)
  if not exists(to) then return "no such page" end
  if anchor ~= "" and not (pages[to] and pages[to].ids[anchor]) then return "no such place" end
end

-- The rows of search that have all of these words.
local function search(word)
  local found = {}
  for _, row in ipairs(index) do
    if table.concat(row, " "):lower():find(word:lower(), 1, true) then found[row[1]] = row[2] end
  end
  return found
end

describe("the manual", function ()
  setup(write)
  teardown(scratch.clear)

  it("has pages whose tags are balanced", function ()
    local count, wrong = 0, {}
    for path, page in pairs(pages) do
      count = count + 1
      for _, problem in ipairs(page.problems) do wrong[#wrong + 1] = path .. ": " .. problem end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.truthy(count > 600, count)
  end)

  it("has no broken link", function ()
    local wrong = {}
    for path, page in pairs(pages) do
      for _, href in ipairs(page.links) do
        local problem = broken(path, href)
        if problem then wrong[#wrong + 1] = ("%s: %s: %s"):format(path, href, problem) end
      end
    end
    for _, row in ipairs(index) do
      local problem = broken("index.html", row[2])
      if problem then wrong[#wrong + 1] = ("search: %s: %s: %s"):format(row[1], row[2], problem) end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("has a place for every public name", function ()
    local told, wrong = {}, {}
    for path, page in pairs(pages) do
      for full in page.text:gmatch "k%.[%w_.]+" do told[full] = path end
    end
    local function visit(prefix, module)
      for name, value in pairs(module) do
        local full = prefix .. "." .. tostring(name)
        local metatable = type(value) == "table" and getmetatable(value)
        local stands_alone = metatable and (metatable.__call or metatable.__name)
        local is_module = type(value) == "table" and not declare.is_class(value)
          and not declare.class_of(value) and not stands_alone
        if not tostring(name):find "^_" then
          if not told[full] then wrong[#wrong + 1] = full end
          if is_module and value ~= k.None then visit(full, value) end
        end
      end
    end
    visit("k", k)
    table.sort(wrong)
    assert.equal("", table.concat(wrong, " "))
  end)

  it("has a page for every class and op", function ()
    for _, row in ipairs(core.catalogue()) do
      assert.truthy(pages["ops/" .. row.name .. ".html"], row.name)
    end
    for _, name in ipairs(require("lunula.layers").names()) do
      assert.truthy(pages["layers/" .. k.layers[name].name .. ".html"], name)
    end
    assert.truthy(pages["lunula_h.html"].ids.lunula_predict)
    assert.truthy(pages["lunula_h.html"].ids.lunula_config)
    for name in io.lines "spec/golden/names.txt" do
      assert.truthy(pages["keras_names.html"].text:find(name, 1, true), name)
    end
  end)

  it("has examples that print what they say", function ()
    local count, wrong = 0, {}
    for path, page in pairs(pages) do
      local code = html_check.texts(page.text, 'class="example"')[1]
      if code then
        count = count + 1
        local wanted, got = html_check.texts(page.text, 'class="output"')[1], examples.run(code)
        if got ~= wanted then wrong[#wrong + 1] = ("%s: %s"):format(path, got) end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
    assert.truthy(count > 500, count)
  end)

  it("is found by its search", function ()
    assert.equal("layers/Conv2D.html", search("Conv2D")["k.layers.Conv2D"])
    local padding = search "padding"
    assert.truthy(padding["k.layers.Conv2D"])
    assert.truthy(padding["k.layers.ZeroPadding2D"])
    assert.truthy(search("lunula_predict")["lunula_predict"])
    assert.truthy(search("to_categorical")["k.utils.to_categorical"])
    assert.equal("models/Model.html#fit", search("fit")["model:fit"])
    assert.truthy(search("Convolution2D")["k.layers.Conv2D"])
  end)

  it("is read in a browser: nothing is broken, nothing wider than a telephone", function ()
    if not browser.program() then return pending "there is no Chromium" end
    local all, some = {}, {}
    for path in pairs(pages) do all[#all + 1] = path end
    table.sort(all)
    for i, path in ipairs(all) do   -- of pages that are alike one in ten
      if i % 10 == 0 or not path:find "/" or path:find "^guides" then some[#some + 1] = path end
    end
    local problems = browser.check(scratch.path(), scratch.path "site", some, 400)
    assert.equal("", table.concat(problems, "\n"))
  end)

  it("is searched in a browser", function ()
    if not browser.program() then return pending "there is no Chromium" end
    for word, first in pairs { Conv2D = "layers/Conv2D.html", padding = "layers/ZeroPadding1D.html",
      to_categorical = "utils.html#to_categorical" } do
      local dom, console = browser.dump(scratch.path(), scratch.path "site"
        .. "/index.html?search=" .. word)
      assert.equal("", table.concat(console, "\n"))
      local found = dom:match '<ul id="found">(.-)</ul>'
      assert.equal(first, found:match '<a href="([^"]+)"', word)
    end
  end)

  it("says something about every name and every argument, and shows every class and op at work "
    .. "(missing.txt in the site)", function ()
    assert.truthy(said:find("; 0 of %d+ arguments have no meaning, 0 names no text, 0 no example"),
      read "missing.txt")
  end)

  it("has the guides", function ()
    for path in io.popen "ls examples/guides":lines() do
      local page = pages["guides/" .. path:gsub("lua$", "html")]
      assert.truthy(page, path)
      assert.truthy(#html_check.texts(page.text, 'class="lua"') > 3, path)
    end
    assert.truthy(pages["guides/saving.html"].text:find("<p>1. The whole model", 1, true))
  end)

  it("tells the shapes that go into a layer and come out", function ()
    local without = { InputLayer = true, Lambda = true, Layer = true, Wrapper = true }
    for _, name in ipairs(require("lunula.layers").names()) do
      local class = k.layers[name].name
      assert.truthy(without[class] or pages["layers/" .. class .. ".html"].ids["s-shapes"], class)
    end
    local function tells(page, into, out)
      local row = ('<code class="in">%s</code></td><td><code class="out">%s<'):format(into, out)
      assert.truthy(pages[page].text:gsub("\u{a0}", " "):find(row, 1, true), row)
    end
    tells("layers/Conv2D.html", "(None, 5, 6, 2)", "(None, 3, 4, 3)")
    tells("layers/Conv2D.html", "(None, None, None, 2)", "(None, None, None, 3)")
    tells("ops/sum.html", "(3, 4, 2)", "(4, 2)")
  end)
end)
