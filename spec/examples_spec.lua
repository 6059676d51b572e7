-- Every example runs, says something, and ends where it should.

local real = require "_G"     -- busted gives specs globals of their own
local files = require "spec.support.files"
local native = require "spec.support.native"

local function run(name)
  local written = {}
  local old_print, old_stdout = real.print, real.io.stdout
  real.print = function(...) written[#written + 1] = table.concat({ ... }, "\t") end
  real.io.stdout = {
    write = function(_, text) written[#written + 1] = text end,
    flush = function() end,
  }
  local ok, result = pcall(dofile, "examples/" .. name .. ".lua")
  real.print, real.io.stdout = old_print, old_stdout
  assert(ok, result)
  return result, table.concat(written, "\n")
end

describe("examples", function()
  it("classifier learns the spiral", function()
    local accuracy, text = run "classifier"
    assert.truthy(accuracy > .9)
    assert.truthy(text:find('Model: "spiral"', 1, true))
    assert.truthy(text:find("arm", 1, true))
  end)

  it("antirectifier learns", function()
    assert.truthy(run "antirectifier" > .85)
  end)

  -- What each reaches it asserts itself; here the number that it returns is looked at once more.
  local reach = {
    digits_mlp = .8, digits_convnet = .9, text_classification = .95, char_lstm = .95, seq2seq = .9,
    ticket_model = .9, transformer = .9, transfer_learning = .85, many_machines = .9,
  }
  for name, least in pairs(reach) do
    it(name .. " reaches what it says", function()
      local accuracy, text = run(name)
      assert.truthy(accuracy > least)
      assert.truthy(text:find("accuracy", 1, true) or text:find("right", 1, true))
    end)
  end

  it("image_folder reaches what it says, where its rock is there", function()
    local accuracy, text = run "image_folder"
    if accuracy == nil then return assert.truthy(text:find("left out", 1, true)) end
    assert.truthy(accuracy > .9)
    assert.truthy(text:find("validation accuracy", 1, true))
  end)

  it("autoencoder cleans pictures", function() assert.truthy(run "autoencoder" < .6) end)

  it("vae and dcgan learn by steps of their own", function()
    assert.truthy(run "vae" < .9)
    assert.truthy(run "dcgan" > .5)
  end)

  it("time_series is better than the value before", function()
    assert.truthy(run "time_series" < .5)
  end)

  -- A guide asserts what it says; it returns a number, in_c nothing where there is no compiler.
  local guides = io.popen "ls examples/guides/*.lua"
  for path in guides:lines() do
    local name = path:match "guides/%w[%w_]*"
    local it = name == "guides/in_c" and native or it -- its program brings no OpenBLAS
    it(name .. " is right", function()
      local result, text = run(name)
      assert.truthy(type(result) == "number" or name == "guides/in_c")
      assert.truthy(#text > 0)
    end)
  end
  guides:close()

  it("are listed; an example is under 100 lines, a guide under 150", function()
    local listed = files.read "examples/README.md"
    local pipe = assert(io.popen "ls examples/*.lua examples/guides/*.lua")
    for path in pipe:lines() do
      assert.truthy(listed:find(path:match "[^/]+$", 1, true), path .. " is not in README.md")
      local lines = 0
      for _ in io.lines(path) do lines = lines + 1 end
      local most = path:find "guides/" and 150 or 100
      assert.truthy(lines < most, path .. " is long")
    end
    pipe:close()
  end)

  it("linear_layer learns", function()
    assert.truthy(run "linear_layer" < 1e-2)
  end)

  it("save goes on from a file", function()
    local difference, text = run "save"
    assert.equal(0, difference)
    assert.truthy(text:find("last.safetensors", 1, true))
  end)

  it("layer_norm normalises", function()
    local loss, text = run "layer_norm"
    assert.truthy(loss < .2)
    assert.truthy(text:find("LayerNorm", 1, true))
    assert.truthy(text:find("mean 0.000, deviation 1.0", 1, true)
      or text:find("mean -0.000, deviation 1.0", 1, true))
  end)
end)
