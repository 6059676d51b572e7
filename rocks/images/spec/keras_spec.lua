-- The same numbers as Keras, with PIL and TensorFlow behind it (spec/golden/record.py).

local core = require "lunula.core"
local k = require "lunula"
local recorded = require "rocks.images.spec.support.recorded"
local scratch = require "spec.support.scratch"

local ops, utils = k.ops, k.utils

-- Two tensors of one shape whose numbers are no more than `most` apart.
local function near(x, wanted, most)
  assert.equal(tostring(wanted.shape), tostring(x.shape))
  local apart = ops.max(ops.abs(ops.cast(x, "float32") - ops.cast(wanted, "float32"))):item()
  assert(apart <= most, ("they are %g apart"):format(apart))
end

-- Another release of libjpeg may round otherwise.
local function tolerance(name) return name:find "%.jpg$" and 2 or 0 end

teardown(scratch.clear)

describe("load_img gives PIL's pixels of", function()
  for _, case in ipairs(recorded.cases "load") do
    it(recorded.title(case), function()
      local x, wanted = utils.load_img(recorded.path(case.file), case.options),
        recorded.tensor(case.result)
      near(x, wanted, tolerance(case.file))
      assert.equal(wanted.dtype == "int32" and "int32" or x.dtype, x.dtype)
      assert.equal("float32", utils.img_to_array(x).dtype)
    end)
  end
end)

describe("array_to_img gives Keras's pixels with", function()
  for i, case in ipairs(recorded.cases "array") do
    it(("%s (%d)"):format(recorded.title(case), i), function()
      local x = utils.array_to_img(recorded.tensor(case.x), case.options)
      local wanted = recorded.tensor(case.result)
      assert.equal(wanted.dtype, x.dtype)
      near(x, wanted, 0)
    end)
  end
end)

describe("save_img writes what PIL writes with", function()
  for _, case in ipairs(recorded.cases "save") do
    it(recorded.title(case), function()
      local path = scratch.path "saved.jpg"
      utils.save_img(path, recorded.tensor(case.x), case.options)
      near(utils.load_img(path), recorded.tensor(case.result), 2)
    end)
  end
end)

-- The folder of the recording, which has nine of the files in three classes.
local classes = {
  cats = { "rgb.png", "rgba.png", "gray16.png" },
  dogs = { "gray.png", "interlaced.png", "rgb16.png" },
  owls = { "gray4.png", "palette.png", "gray_alpha.png" },
}

local function make_folder()
  for name, files in pairs(classes) do
    core.make_folders(scratch.path("images/" .. name))
    for _, file in ipairs(files) do
      scratch.write(("images/%s/%s"):format(name, file), recorded.bytes(file))
    end
  end
  return scratch.path "images"
end

-- Gray of colours is computed otherwise by libpng, which TensorFlow lets do it.
local function nearness(options) return options.color_mode == "grayscale" and 1.01 or 2e-3 end

local function options_of(case)
  local options = { verbose = false }
  for name, value in pairs(case.options) do options[name] = value end
  return options
end

describe("image_dataset_from_directory gives Keras's batches with", function()
  local folder
  setup(function() folder = make_folder() end)

  for _, case in ipairs(recorded.cases "dataset") do
    it(recorded.title(case), function()
      local dataset = utils.image_dataset_from_directory(folder, options_of(case))
      assert.same(case.class_names ~= core.None and case.class_names or nil, dataset.class_names)
      for i, path in ipairs(dataset.file_paths) do
        assert.equal(folder .. "/" .. case.files[i], path)
      end
      local count = 0
      for x, y in dataset:as_iterator() do
        count = count + 1
        local wanted = case.batches[count]
        assert.equal("float32", x.dtype)
        near(x, recorded.tensor(wanted.x), nearness(case.options))
        assert.equal(wanted.y ~= nil, y ~= nil)
        if y then
          assert.equal(wanted.y.dtype, y.dtype)
          near(y, recorded.tensor(wanted.y), 0)
        end
      end
      assert.equal(#case.batches, count)
      assert.equal(count, dataset:len())
    end)
  end
end)
