-- The command `lunula`, run as from a checkout.

local core = require "lunula.core"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local function run(...)
  local words = {}
  for i, word in ipairs { ... } do words[i] = "'" .. word .. "'" end
  local ok, text = scratch.run("rocks/lunula.lua " .. table.concat(words, " "))
  return text, ok
end

local function says(texts, ...)
  local text, ok = run(...)
  assert(ok, text)
  for _, wanted in ipairs(texts) do assert(text:find(wanted, 1, true), text) end
end

-- An error is one line on stderr alone.
local function complains(wanted, ...)
  local text, ok = run(...)
  assert.is_false(ok)
  assert(text:find("lunula: " .. wanted, 1, true) == 1, text)
  assert.equal(1, select(2, text:gsub("\n", "")))
  local words = table.concat({ ... }, " ")
  local _, out = scratch.run("rocks/lunula.lua " .. words, "", "2>/dev/null")
  assert.equal("", out)
end

describe("the command", function ()
  local path, other = scratch.path "model.safetensors", scratch.path "other.safetensors"

  setup(function ()
    k.set_random_seed(3)
    local model = k.Sequential { k.Input { shape = { 3 }, name = "x" },
      k.layers.Dense { 4, name = "hidden" }, k.layers.Dense { 2, name = "out" }, name = "small" }
    model:compile { optimizer = "adam", loss = "mse" }
    model:fit(k.ones { 4, 3 }, k.ones { 4, 2 }, { verbose = 0 })
    model:save(path, { test = k.random.normal { 2, 3 }, class_names = { "yes", "no" } })
  end)
  teardown(scratch.clear)

  it("helps", function ()
    for _, word in ipairs { "help", "--help", "-h" } do says({ "lunula show FILE" }, word) end
    says { "lunula show FILE" }
  end)

  it("has words for a prompt", function ()
    says({ "\nk.Sequential\n", "\nk.layers.Conv2D\n", "\nk.ops.sum\n", "\nkernel_size\n",
      "\npredict\n" }, "words")
  end)

  it("shows what is in a file", function ()
    says({ "lunula 1, written by lunula " .. core.version, 'Model: "small"', "hidden (Dense)",
      "input  x (None, 3)", "output out (None, 2)", 'classes: ["yes", "no"]', "hidden/kernel",
      "optimizer/out_kernel_momentum", "48 bytes", "18 tensors, 368 bytes" }, "show", path)
    core.file_write(other, { { "a", k.ones { 2, 2 } } })
    says({ "safetensors", "float32   (2, 2)", "1 tensors, 16 bytes" }, "show", other)
  end)

  it("shows files with classes that it does not know", function ()
    local Own = k.layer "OwnOfTheCommand" { call = function (_, x) return x end }
    k.Sequential { k.Input { shape = { 2 } }, Own {}, k.layers.Dense(1) }:save(other)
    says({ "own_of_the_command (OwnOfTheCommand)", "2 tensors" }, "show", other)
    core.file_write(other, { { "dense/kernel", k.ones { 2 } } }, { format = "lunula 1",
      config = '{"class_name": "OwnOfTheCommand", "config": {}}' })
    says({ 'unknown layer "OwnOfTheCommand"', "1 tensors" }, "show", other)
  end)

  it("makes the self-test", function ()
    says({ "it loads, and the self-test passes" }, "check", path)
    core.file_write(other, {}, { format = "lunula 1", config = k.Sequential {}:to_json() })
    says({ "it loads; it has no self-test" }, "check", other)
    local reader <close> = core.file_read(path)
    local items = {}
    for i, name in ipairs(reader.names) do
      local tensor = reader:tensor(name)
      items[i] = { name, name == "out/bias" and k.ops.add(tensor, .5) or tensor }
    end
    core.file_write(other, items, reader.metadata)
    complains(other .. ": the self-test failed: output 1 is 0.", "check", other)
    assert.error_at_line(function () k.models.load_model(other, { check = true }) end,
      "the self-test failed")
    assert.truthy(k.models.load_model(path, { check = true }))
  end)

  it("converts", function ()
    says({ path .. " -> " .. other }, "convert", path, other)
    local a, b = k.models.load_model(path), k.models.load_model(other)
    assert.same(a:get_weights()[1]:totable(), b:get_weights()[1]:totable())
    assert.equal(1, b.optimizer.iterations)
    says({ 'classes: ["yes", "no"]' }, "show", other)
    says({ "the self-test passes" }, "check", other)
  end)

  it("ends with status 1 and one line when something is wrong", function ()
    complains('there is no file "no.safetensors"', "show", "no.safetensors")
    complains('there is no file "no.safetensors"', "check", "no.safetensors")
    complains('"x.txt" has no ending', "show", "x.txt")
    complains('there is no command "shew"', "shew")
    complains("convert takes 2 arguments, got 1", "convert", path)
    complains("show takes 1 argument, got 0", "show")
    complains('"x.txt" has no ending', "convert", path, "x.txt")
  end)
end)
