-- k.datasets: small files in their formats, beside what Keras reads from them
-- (spec/golden/datasets.jsonl); pickles that are none.

local core = require "lunula.core"
local json = require "lunula.saving.json"
local k = require "lunula"
local files = require "spec.support.files"
local pickle = require "lunula.data.pickle"
local scratch = require "spec.support.scratch"

local FILES <const> = "spec/golden/files/datasets/"

local paths = {
  imdb = "imdb.npz", reuters = "reuters.npz", boston_housing = "boston_housing.npz",
  california_housing = "california_housing.npz", mnist = "mnist.npz",
  fashion_mnist = "fashion-mnist", cifar10 = "cifar-10-batches-py-target/cifar-10-batches-py",
  cifar100 = "cifar-100-python-target/cifar-100-python",
}

-- What the recording has of an array of pixels.
local function sum(x)
  local weights = k.ops.mod(k.arange(x.size), 97)
  return k.ops.sum(k.ops.cast(x:reshape { -1 }, "float32") * weights):item()
end

local function check(expected, found)
  if type(expected) == "table" and expected.shape then
    assert.same(expected.shape, table.move(found.shape, 1, #found.shape, 1, {}))
    assert.equal("uint8", found.dtype)
    assert.near(expected.sum, sum(found), expected.sum * 1e-6)
  elseif core.is_tensor(found) then
    assert.near_all(found, expected)
  else
    assert.same(expected, found)
  end
end

describe("the datasets of Keras", function()
  teardown(scratch.clear)

  it("are read from files that are there", function()
    for line in io.lines "spec/golden/datasets.jsonl" do
      local case = json.decode(line)
      local given = case.options
      given.path = FILES .. paths[case.name]
      local found = table.pack(k.datasets[case.name].load_data(given))
      assert.equal(4, found.n)
      for i = 1, 4 do check(case.results[i], found[i]) end
    end
  end)

  it("are looked for in Keras's folder", function()
    scratch.write("script.lua", [[
      local k = require "lunula"
      for _, name in ipairs { "mnist", "fashion_mnist", "cifar10", "cifar100" } do
        print(k.datasets[name].load_data())
      end
      print(#k.datasets.imdb.load_data { num_words = 10 }, k.datasets.boston_housing.load_data(nil))
    ]])
    local ok, text = scratch.run(scratch.path "script.lua", "KERAS_HOME=spec/golden/files")
    assert.is_true(ok, text)
    assert.matches("uint8 %(3, 28, 28%)", text)
    assert.matches("uint8 %(5, 32, 32, 3%)", text)
  end)

  it("take one value for the first option", function()
    assert.equal(3, #k.datasets.mnist.load_data(FILES .. "mnist.npz"))
  end)

  it("have the words behind the numbers", function()
    scratch.write("index.json", '{"fawn": 34701, "the": 1}')
    local index = k.datasets.imdb.get_word_index(scratch.path "index.json")
    assert.same({ fawn = 34701, the = 1 }, index)
    assert.same(index, k.datasets.imdb.get_word_index { path = scratch.path "index.json" })
    local names = k.datasets.reuters.get_label_names()
    assert.same({ 46, "cocoa", "lead" }, { #names, names[1], names[46] })
  end)

  it("say where they can be got, and what is wrong", function()
    assert.error_at_line(function() k.datasets.mnist.load_data { path = "no.npz" } end,
      "no.npz is not there. Nothing is downloaded here: get https://storage.googleapis.com")
    assert.error_at_line(function() k.datasets.cifar10.load_data { path = "nowhere" } end,
      "cifar-10-python.tar.gz")
    assert.error_at_line(function() k.datasets.mnist.load_data(FILES .. "reuters.npz") end,
      "there is no x_train in it, as in Keras's mnist.npz")
    assert.error_at_line(function() k.datasets.imdb.load_data(FILES .. "mnist.npz") end,
      "x_train is no list of as many texts")
    assert.error_at_line(function() k.datasets.reuters.load_data(FILES .. "mnist.npz") end,
      "there is no x in it")
    assert.error_at_line(function() k.datasets.imdb.load_data { max_len = 3 } end,
      'did you mean "maxlen"?')
    assert.error_at_line(function()
      k.datasets.imdb.load_data { path = FILES .. "imdb.npz", maxlen = 1 }
    end, "no text has fewer than maxlen = 1 words")
    assert.error_at_line(function()
      k.datasets.boston_housing.load_data { path = FILES .. "boston_housing.npz", test_split = 1 }
    end, "test_split must be from 0 to below 1")
    assert.error_at_line(function() k.datasets.cifar100.load_data { label_mode = "all" } end,
      'label_mode must be "fine" or "coarse"')
    assert.is_nil(k.datasets.imagenet)
  end)

  it("take only strings for paths", function()
    for _, name in ipairs { "mnist", "fashion_mnist", "cifar10", "imdb", "boston_housing" } do
      assert.error_at_line(function() k.datasets[name].load_data { path = 5 } end,
        "k.datasets." .. name .. ".load_data: path must be a string, got 5")
    end
    assert.error_at_line(function() k.datasets.imdb.get_word_index(true) end,
      "k.datasets.imdb.get_word_index: path must be a string, got true")
    assert.error_at_line(function() k.datasets.mnist.load_data { path = k.None } end,
      "mnist.npz is not there")
  end)

  it("split only what can be split", function()
    for _, split in ipairs { -0.1, 1, 3 } do
      assert.error_at_line(function()
        k.datasets.reuters.load_data { path = FILES .. "reuters.npz", test_split = split }
      end, "k.datasets.reuters.load_data: test_split must be from 0 to below 1")
    end
  end)
end)

describe("a pickle", function()
  local function read(bytes) return pickle(bytes, 1, "x.pkl") end

  it("is data", function()
    assert.same({ 1, 300, -1, { "a", 2.5 }, true, false }, read("\x80\2](K\1M\44\1J\255\255\255\255"
      .. "(U\1aG" .. string.pack(">d", 2.5) .. "t\x88\x89e."))
    assert.same({ a = 1, b = { 7 } }, read "}(X\1\0\0\0aK\1\x8c\1b]K\7aq\5h\0050u.")
    assert.equal(-2, read "\x8a\1\xfe.")
    assert.equal(core.None, read "N.")
  end)

  it("calls nothing, and may be broken in any way", function()
    local function fails(bytes, message)
      assert.error_at_line(function() pickle(bytes, 1, "x.pkl") end, '"x.pkl": ' .. message)
    end
    fails("cos\nsystem\n(U\4echotR.", "it wants os.system of Python, which is not called here")
    fails("\x8c\8builtins\x8c\4eval\x93.", "it wants builtins.eval")
    fails("cnumpy\nndarray\n(tR.", "its pickle is broken")
    fails("", "its pickle is broken")
    fails("]a.", "its pickle is broken")
    fails("K", "its pickle")
    fails("X\255\255\255\255a.", "its pickle is broken")
    fails("P1\n.", "its pickle has a step 80, which is not read")
    local whole, state = files.read(FILES .. paths.cifar100 .. "/test"), 3
    local function draw(n)
      state = (state * 1103515245 + 12345) % 2 ^ 31
      return math.tointeger(state // 65536 % n + 1)
    end
    local short = whole:gsub("T..\0\0.-tb", "T\4\0\0\0abcdtb")
    for i = 1, 3000 do
      local bytes = i % 2 == 0 and whole or short
      local at = draw(math.min(#bytes, 400))
      local ok, problem = pcall(read, bytes:sub(1, at - 1) .. string.char(draw(256) - 1)
        .. (i % 3 == 0 and "" or bytes:sub(at + 1)))
      assert.is_true(ok or problem:find('"x.pkl"', 1, true) ~= nil, problem)
    end
  end)
end)
