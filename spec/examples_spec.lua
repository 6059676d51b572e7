-- Every example runs, says something, and ends where it should.

local real = require "_G"     -- busted gives specs globals of their own

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
