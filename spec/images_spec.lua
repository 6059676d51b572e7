-- Images in the core: tensors and back, help, and the word about the sister rock that reads files.
-- What that reads and writes is tested in rocks/images/spec.

local core = require "lunula.core"
local k = require "lunula"
local help = require "lunula.help"
local scratch = require "spec.support.scratch"

local utils = k.utils

teardown(scratch.clear)

describe("img_to_array", function()
  it("gives floats, channels last or first", function()
    local image = k.tensor({ { { 1, 2, 3 }, { 4, 5, 6 } } }, "uint8")
    local x = utils.img_to_array(image)
    assert.equal("float32", x.dtype)
    assert.near_all(x, { { { 1, 2, 3 }, { 4, 5, 6 } } })
    x = utils.img_to_array(image, { data_format = "channels_first", dtype = "int32" })
    assert.equal("int32", x.dtype)
    assert.near_all(x, { { { 1, 4 } }, { { 2, 5 } }, { { 3, 6 } } })
  end)

  it("gives gray a channel", function()
    local x = utils.img_to_array { { 1, 2 }, { 3, 4 } }
    assert.near_all(x, { { { 1 }, { 2 } }, { { 3 }, { 4 } } })
  end)

  it("says what it takes", function()
    assert.error_at_line(function() utils.img_to_array(k.ones { 2, 3, 4, 1 }) end,
      "img_to_array: an image is (height, width, channels), got (2, 3, 4, 1)")
    assert.error_at_line(function() utils.img_to_array "cat.png" end,
      "img_to_array takes a tensor or a table of numbers, got string")
    assert.error_at_line(function() utils.img_to_array({ { 1 } }, { data_formt = 1 }) end,
      'did you mean "data_format"?')
  end)
end)

describe("array_to_img", function()
  it("scales to 0 … 255, or cuts off fractions", function()
    local x = k.tensor { { { -1 }, { 0 } }, { { 0.5 }, { 1 } } }
    local image = utils.array_to_img(x)
    assert.equal("uint8", image.dtype)
    assert.near_all(image, { { { 0 }, { 127 } }, { { 191 }, { 255 } } })
    image = utils.array_to_img(x * 100, { scale = false })
    assert.near_all(image, { { { 0 }, { 0 } }, { { 50 }, { 100 } } })
    image = utils.array_to_img(k.ones { 2, 2, 3 } * 300.7, { scale = false })
    assert.near_all(image, k.full({ 2, 2, 3 }, 255):totable())
  end)

  it("keeps gray beyond 255 as int32", function()
    local image = utils.array_to_img(k.tensor { { { 3 }, { 70000.5 } } }, { scale = false })
    assert.equal("int32", image.dtype)
    assert.near_all(image, { { { 3 }, { 70000 } } })
  end)

  it("says what it takes", function()
    assert.error_at_line(function() utils.array_to_img(k.ones { 3, 4 }) end,
      "array_to_img: one image has 3 axes, got (3, 4)")
    assert.error_at_line(function() utils.array_to_img(k.ones { 3, 4, 5 }) end,
      'got (3, 4, 5); for channels first say data_format = "channels_first"')
  end)
end)

describe("files of images", function()
  it("are told by help", function()
    for _, name in ipairs { "load_img", "save_img", "image_dataset_from_directory" } do
      local text = help.text("k.utils." .. name)
      assert.truthy(text:find("k.utils." .. name .. "(", 1, true))
      assert.truthy(text:find("lunula-images", 1, true))
      assert.equal(text, help.text(utils[name]))
    end
  end)

  -- In a process that sees no rock but lunula.
  it("need a rock, which is named", function()
    local script = scratch.path "alone.lua"
    scratch.write("alone.lua", [[
      package.path = package.path:gsub("[^;]*rocks/[^;]*;?", "")
      package.cpath = package.cpath:gsub("[^;]*rocks/[^;]*;?", "")
      local k = require "lunula"
      for _, name in ipairs { "load_img", "save_img", "image_dataset_from_directory" } do
        print(select(2, pcall(k.utils[name], "x.png")))
      end
      print(k.utils.img_to_array { { 1 } }.shape)
    ]])
    local ok, said = scratch.run(script)
    assert(ok, said)
    for _, name in ipairs { "load_img", "save_img", "image_dataset_from_directory" } do
      assert.truthy(said:find(("alone.lua:5: %s: PNG and JPEG are read and written by another "
        .. "rock: luarocks install lunula-images"):format(name), 1, true), said)
    end
    assert.truthy(said:find("(1, 1, 1)", 1, true), said)
  end)

  it("lend what rocks in C want", function()
    assert.equal("userdata", type(core.for_rocks))
  end)
end)

-- What Keras gives.
describe("smart_resize", function()
  local resize = k.preprocessing.image.smart_resize
  local x = k.ops.reshape(k.ops.arange(24, { dtype = "float32" }), { 4, 6, 1 })
  local function flat(y) return k.ops.reshape(y, { -1 }) end

  it("takes the middle that has the form of the size", function()
    assert.near_all(flat(resize(x, { 2, 2 })), { 4.5, 6.5, 16.5, 18.5 })
    assert.near_all(flat(resize(x, { 1, 3 }, { interpolation = "nearest" })), { 13, 15, 17 })
    local rows = k.ops.reshape(x, { 1, 1, 4, 6 })
    local y = resize(rows, { 3, 2 }, { data_format = "channels_first" })
    assert.same({ 1, 1, 3, 2 }, { table.unpack(y.shape) })
    assert.near_all(flat(y), { 3, 4, 11, 12, 19, 20 })
  end)

  it("refuses what is no image, and no size", function()
    assert.error_at_line(function() resize(k.ones { 2, 2 }, { 1, 1 }) end,
      "an image is (height, width, channels), or a batch of such, got (2, 2)")
    assert.error_at_line(function() resize(x, { 2 }) end, "size must be {height, width}")
  end)
end)
