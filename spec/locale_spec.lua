-- Where the process has a locale with a decimal comma, numbers are read and written as elsewhere.

local ask = require "spec.support.ask"
local comma = require "spec.support.comma"
local scratch = require "spec.support.scratch"

describe("a locale with a decimal comma", function()
  after_each(scratch.clear)

  -- What a script prints there.
  local function prints(wanted, script)
    if not comma.is_known() then return pending "this C library has locales of another kind" end
    assert.equal(wanted .. "\n", (ask(comma.settings(), comma.script .. script)))
  end

  it("leaves defaults of ops as they are written", function()
    prints("true", [[
      local k = require "lunula"
      print(k.ops.leaky_relu(k.tensor { -1.0 }):item() == k.tensor { -0.2 }:item())]])
  end)

  it("leaves files of results as they are", function()
    prints("true\ttrue\ttrue\ttrue", ([[
      local k = require "lunula"
      local files = require "spec.support.files"
      local model = k.Sequential { k.Input { shape = { 1 } },
        k.layers.Dense { 1, kernel_initializer = "zeros" } }
      model:compile { loss = "mse", optimizer = k.optimizers.SGD(0.0) }
      local folder = %q
      local history = model:fit({ { 1 }, { 1 } }, { { 0.5 }, { 0.5 } }, { verbose = 0, callbacks = {
        k.callbacks.CSVLogger(folder .. "/log.csv"),
        k.callbacks.ModelCheckpoint { folder .. "/{loss:.2f}-{loss:%%}.safetensors" },
      } })
      k.utils.plot_history(history, folder .. "/history.svg")
      local picture = files.read(folder .. "/history.svg")
      print(files.read(folder .. "/log.csv") == "epoch,loss\r\n0,0.25\r\n",
        io.open(folder .. "/0.25-25.000000%%.safetensors") ~= nil,
        picture:find("training 0.25", 1, true) ~= nil, not picture:find "%%d,%%d")]])
      :format(scratch.path()))
  end)
end)
