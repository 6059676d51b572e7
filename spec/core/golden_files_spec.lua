-- Files of this release and of those before it: they load, and give what they gave.

local core = require "lunula.core"
local k = require "lunula"

local function names()
  local list = {}
  for name in io.popen "ls spec/golden/files":lines() do
    if name:find "^lunula.*%.safetensors$" then list[#list + 1] = name end
  end
  return list
end

local function tensors(file, kind)
  local list = {}
  while pcall(file.type, file, kind .. #list) do
    list[#list + 1] = file:tensor(kind .. #list)
  end
  return list
end

describe("a file of a release", function ()
  it("is there", function () assert.is_true(#names() > 0) end)

  for _, name in ipairs(names()) do
    it("loads and gives what it gave: " .. name, function ()
      local file = core.file_read("spec/golden/files/" .. name)
      assert.equal("lunula 1", file.metadata.format)
      local f, inputs, outputs = core.graph_function(file.metadata.graph, file)
      local given = tensors(file, "lunula/test/input/")
      local wanted = tensors(file, "lunula/test/output/")
      assert.equal(#inputs, #given)
      assert.equal(#outputs, #wanted)
      for i, y in ipairs { f(table.unpack(given)) } do
        assert.equal(wanted[i].dtype, y.dtype)
        assert.near_all(y, wanted[i], 1e-5)
      end
    end)

    if core.file_read("spec/golden/files/" .. name).metadata.config then
      it("loads as a model, and trains on: " .. name, function ()
        local path = "spec/golden/files/" .. name
        local file, model = core.file_read(path), k.models.load_model(path, { check = true })
        local x = file:tensor "lunula/test/input/0"
        assert.near_all(model:predict(x), file:tensor "lunula/test/output/0", 1e-5)
        local steps = model.optimizer.iterations
        model:fit(x, core.tensor({ 0, 1, 0 }, "int32"), { verbose = 0 })
        assert.equal(steps + 1, model.optimizer.iterations)
      end)
    end
  end
end)
