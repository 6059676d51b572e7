-- What is written is read again; each option; what is said at the user's line when something is
-- wrong.

local core = require "lunula.core"
local k = require "lunula"
local recorded = require "rocks.images.spec.support.recorded"
local scratch = require "spec.support.scratch"
local warn = require "lunula.utils.warn"

local ops, utils = k.ops, k.utils

teardown(scratch.clear)

local function same(x, y)
  assert.equal(tostring(y.shape), tostring(x.shape))
  assert.equal(y:tobytes(), x:tobytes())
end

-- A path of this name with some file there.
local function copy(name, as)
  scratch.write(as or name, recorded.bytes(name))
  return scratch.path(as or name)
end

-- What is warned of while f runs.
local function warned(f)
  local said, sink = {}, warn.sink
  warn.sink = function(text) said[#said + 1] = text end
  local ok, problem = pcall(f)
  warn.sink = sink
  assert(ok, problem)
  return table.concat(said, "\n")
end

describe("a PNG", function()
  local plain = { scale = false }

  it("comes back as it was", function()
    for channels, mode in pairs { [1] = "grayscale", [3] = "rgb", [4] = "rgba" } do
      local x = ops.cast(ops.floor(k.random.uniform({ 23, 9, channels }) * 256), "uint8")
      for level = 0, 9, 3 do
        local path = scratch.path "x.png"
        utils.save_img(path, x, { scale = false, compress_level = level })
        same(utils.load_img(path, { color_mode = mode }), x)
      end
    end
  end)

  it("keeps 16 bits of gray", function()
    local x = k.tensor({ { { 0 }, { 255 }, { 256 } }, { { 257 }, { 65535 }, { 70000 } } }, "int32")
    utils.save_img(scratch.path "wide.png", x, plain)
    local y = utils.load_img(scratch.path "wide.png", { color_mode = "grayscale" })
    assert.equal("int32", y.dtype)
    assert.near_all(y, { { { 0 }, { 255 }, { 256 } }, { { 257 }, { 65535 }, { 65535 } } })
  end)

  it("is scaled unless that is said, and takes channels first", function()
    local x = k.tensor { { { 0.25, 0.5 } }, { { 0.5, 0.75 } }, { { 0.75, 0.25 } } }
    utils.save_img(scratch.path "x.png", x, { data_format = "channels_first" })
    assert.near_all(utils.load_img(scratch.path "x.png"), { { { 0, 127, 255 }, { 127, 255, 0 } } })
  end)

  it("may have a side of more than a million", function()
    local x = ops.cast(ops.reshape(k.random.uniform { 1000001 } * 255, { 1, -1, 1 }), "uint8")
    utils.save_img(scratch.path "long.png", x, plain)
    same(utils.load_img(scratch.path "long.png", { color_mode = "grayscale" }), x)
  end)

  it("can be told by file_format", function()
    local path = scratch.path "image.data"
    utils.save_img(path, k.ones { 2, 2, 3 }, { file_format = "PNG" })
    assert.equal("\x89PNG", scratch.read "image.data":sub(1, 4))
    assert.equal("(2, 2, 3)", tostring(utils.load_img(path).shape))
  end)
end)

describe("a JPEG", function()
  it("is smaller and worse with less quality", function()
    local x = utils.load_img(recorded.path "rgb.jpg")
    local sizes, errors = {}, {}
    for i, quality in ipairs { 10, 50, 100 } do
      utils.save_img(scratch.path "x.jpeg", x, { quality = quality, scale = false })
      sizes[i] = #scratch.read "x.jpeg"
      local y = utils.img_to_array(utils.load_img(scratch.path "x.jpeg"))
      errors[i] = ops.mean(ops.abs(y - utils.img_to_array(x))):item()
    end
    assert.truthy(sizes[1] < sizes[2] and sizes[2] < sizes[3])
    assert.truthy(errors[1] > errors[2] and errors[2] > errors[3] and errors[3] < 5)
  end)

  it("is progressive where that is wanted", function()
    for _, progressive in ipairs { false, true } do
      utils.save_img(scratch.path "x.jpg", k.ones { 9, 9, 1 }, { progressive = progressive })
      local marker = progressive and "\xFF\xC2" or "\xFF\xC0"
      assert.truthy(scratch.read "x.jpg":find(marker, 1, true))
    end
  end)

  it("has no alpha, and says so", function()
    local said = warned(function()
      utils.save_img(scratch.path "x.jpg", k.ones { 4, 4, 4 }, { scale = false })
    end)
    assert.matches("a JPEG has no transparency, it is written without", said)
    assert.equal("(4, 4, 3)", tostring(utils.load_img(scratch.path "x.jpg").shape))
  end)
end)

describe("load_img", function()
  it("reads bytes in memory", function()
    same(utils.load_img { bytes = recorded.bytes "rgb.png" },
      utils.load_img(recorded.path "rgb.png"))
  end)

  it("takes None for what is not said", function()
    local path = recorded.path "rgb.png"
    same(utils.load_img(path, { target_size = false, keep_aspect_ratio = false }),
      utils.load_img(path, { target_size = k.None }))
  end)
end)

describe("image_dataset_from_directory", function()
  local folder
  setup(function()
    for i = 1, 6 do
      core.make_folders(scratch.path("set/" .. (i % 2 == 0 and "even" or "odd")))
      copy(i % 3 == 0 and "rgb.jpg" or "rgb.png",
        ("set/%s/%d.%s"):format(i % 2 == 0 and "even" or "odd", i, i % 3 == 0 and "JPG" or "png"))
    end
    folder = scratch.path "set"
  end)

  local function dataset(options)
    options.verbose = false
    return utils.image_dataset_from_directory(folder, options)
  end

  it("has batches, or single images", function()
    local sizes = {}
    for x, y in dataset { batch_size = 4 }:as_iterator() do
      assert.equal(x.shape[1], y.shape[1])
      sizes[#sizes + 1] = tostring(x.shape)
    end
    assert.same({ "(4, 256, 256, 3)", "(2, 256, 256, 3)" }, sizes)
    local n = 0
    for x, y in dataset { batch_size = false, image_size = 5 }:as_iterator() do
      assert.equal("(5, 5, 3)", tostring(x.shape))
      assert.truthy(y == 0 or y == 1)
      n = n + 1
    end
    assert.equal(6, n)
  end)

  it("has two parts", function()
    local train, validation = dataset { subset = "both", validation_split = 0.34, seed = 3 }
    assert.equal(4, #train.file_paths)
    assert.equal(2, #validation.file_paths)
    assert.same({ "even", "odd" }, validation.class_names)
  end)

  it("has the same bits on any number of threads", function()
    local bytes, threads = {}, core.threads()
    for i, n in ipairs { 1, 4 } do
      core.threads(n)
      local x = dataset { shuffle = false, image_size = { 31, 17 } }:as_iterator()()
      bytes[i] = x:tobytes()
    end
    core.threads(threads)
    assert.equal(bytes[1], bytes[2])
  end)

  it("trains a model", function()
    local model = k.Sequential { k.Input { shape = { 8, 8, 3 } }, k.layers.Rescaling(1 / 255),
      k.layers.Flatten {}, k.layers.Dense(2) }
    model:compile { loss = k.losses.SparseCategoricalCrossentropy { from_logits = true } }
    local history = model:fit(dataset { image_size = { 8, 8 }, batch_size = 2 },
      { epochs = 2, verbose = 0 })
    assert.equal(2, #history.history.loss)
  end)

  it("names the file that is broken, at the line that wants it", function()
    local bad = scratch.path "bad"
    core.make_folders(bad .. "/one")
    copy("rgb.png", "bad/one/a.png")
    scratch.write("bad/one/b.png", "no picture")
    local broken = utils.image_dataset_from_directory(bad, { verbose = false, shuffle = false })
    assert.error_at_line(function() broken:as_iterator()() end,
      "image_dataset_from_directory: " .. bad .. "/one/b.png: it is no image")
    os.remove(bad .. "/one/b.png")
    copy("rgb.png", "bad/one/b.gif")
    local quiet = { verbose = false }
    assert.error_at_line(function() utils.image_dataset_from_directory(bad, quiet) end,
      bad .. "/one/b.gif: PNG and JPEG are read, GIF is not; convert it")
  end)

  it("says what is wrong with its options", function()
    local function says(options, text)
      assert.error_at_line(function() dataset(options) end,
        "image_dataset_from_directory: " .. text)
    end
    says({ image_size = { 3 } }, "image_size is {height, width}, got")
    says({ image_size = { 3, 0 } }, "the width of image_size must be a whole number of at least 1")
    says({ image_size = { 3, 70000 } }, "the width of image_size goes from 1 to 65536, got 70000")
    says({ color_mode = "rbg" }, 'color_mode must be "grayscale", "rgb", "rgba", got "rbg" '
      .. '(did you mean "rgb"?)')
    says({ interpolation = "box" }, 'interpolation must be "bilinear", "nearest"')
    says({ crop_to_aspect_ratio = true, interpolation = "area" },
      'interpolation with crop_to_aspect_ratio must be "bilinear"')
    says({ crop_to_aspect_ratio = true, pad_to_aspect_ratio = true },
      "crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    says({ image_sizes = 3 }, 'unknown option "image_sizes" (did you mean "image_size"?)')
    says({ label_mode = "one_hot" }, 'label_mode must be "int", "categorical", "binary"')
  end)
end)

describe("errors", function()
  local function says(f, text) assert.error_at_line(f, text) end

  it("of load_img name the file", function()
    says(function() utils.load_img "nothing.png" end,
      "load_img: nothing.png: No such file or directory")
    says(function() utils.load_img "spec" end, "load_img: spec: it is a folder")
    says(function() utils.load_img(recorded.path "rgb.png" .. "\0.png") end,
      "a path with a zero byte")
    says(function() utils.load_img "Makefile" end, "load_img: Makefile: it is no image; PNG and")
    says(function() utils.load_img { bytes = "" } end, "load_img: the bytes: it is empty")
    says(function() utils.load_img { bytes = "GIF89a" } end, "it is a GIF; PNG and JPEG are read")
  end)

  it("of load_img tell the option", function()
    local path = recorded.path "rgb.png"
    says(function() utils.load_img(3) end, "load_img takes the path of a file, or { bytes = … }")
    says(function() utils.load_img(path, "rgb") end, "load_img: the options must be a table")
    says(function() utils.load_img(path, { colour_mode = "rgb" }) end,
      'unknown option "colour_mode" (did you mean "color_mode"?)')
    says(function() utils.load_img(path, { color_mode = "gray" }) end,
      'color_mode must be "grayscale", "rgb", "rgba", got "gray"')
    says(function() utils.load_img(path, { target_size = 32 }) end,
      "target_size is {height, width}, got 32")
    says(function() utils.load_img(path, { interpolation = "lanczos3" }) end,
      '"lanczos", got "lanczos3" (did you mean "lanczos"?)')
  end)

  it("of save_img", function()
    local x = k.ones { 2, 2, 3 }
    says(function() utils.save_img(x, "x.png") end, "save_img takes the path of a file first")
    says(function() utils.save_img("x", x) end, '"x" has no ending that says what it is')
    says(function() utils.save_img("x.bmp", x) end, 'PNG and JPEG are written, "bmp" is not')
    says(function() utils.save_img("/no/such/x.png", x) end,
      "save_img: cannot write /no/such/x.png: No such file or directory")
    says(function() utils.save_img(scratch.path "x.png\0.png", x) end,
      "save_img: a path with a zero byte")
    says(function() utils.save_img("x.png", k.ones { 2, 2 }) end, "one image has 3 axes")
    says(function() utils.save_img("x.png", x, { quality = 3 }) end, "quality is for JPEG")
    says(function() utils.save_img("x.jpg", x, { compress_level = 3 }) end,
      "compress_level is for PNG")
    says(function() utils.save_img("x.jpg", x, { quality = 101 }) end,
      "quality goes from 1 to 100, got 101")
    says(function() utils.save_img("x.jpg", k.full({ 2, 2, 1 }, 300), { scale = false }) end,
      '"x.jpg": a JPEG has 8 bits, and the numbers go beyond 255; write a PNG')
    says(function() utils.save_img("x.jpg", k.ones { 1, 65501, 3 }) end,
      "a JPEG has at most 65500 pixels on a side, not 65501 x 1")
  end)
end)
