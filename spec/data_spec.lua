-- k.data: pipelines, and what fit makes of them.

local k = require "lunula"
local files = require "spec.support.files"
local data = k.data

-- The elements of one pass, those of one number as it is.
local function all(dataset)
  local list = {}
  for a, b in dataset:as_iterator() do
    list[#list + 1] = b and { a, b } or a
  end
  return list
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("a pipeline", function()
  it("has the elements of a list, of numbers, of an iterator, of lines", function()
    assert.same({ "a", "b" }, all(data.from { "a", "b" }))
    assert.same({ 0, 1, 2 }, all(data.range(3)))
    assert.same({ 0, 3, 6, 9 }, all(data.range(0, 10, 3)))
    assert.same({ 5, 3 }, all(data.range(5, 1, -2)))
    assert.equal(4, #data.range(0, 10, 3))
    assert.equal(0, #data.range(0, 10, -1))
    local n = 0
    local once = data.from(function()
      n = n + 1
      return n < 4 and n or nil
    end)
    assert.same({ 1, 2, 3 }, all(once))
    local again = data.from(function() return data.range(2):as_iterator() end)
    assert.same({ 0, 1, 0, 1 }, all(again:repeat_(2)))
    assert.equal("function", type(data.from(function() end).len))
    local path = os.tmpname()
    files.write(path, "one\ntwo\n")
    assert.same({ "one", "two", "one", "two" }, all(data.lines { path, path }))
    os.remove(path)
    assert.error_at_line(function() data.lines(path):as_iterator()() end, "No such file")
    assert.error_at_line(function() data.lines { path, {} } end,
      "k.data.lines: value 2 of the list is no path but a table")
    assert.error_at_line(function() data.lines { path = "x" } end,
      'k.data.lines takes a path or a list of them, got {path="x"}')
  end)

  it("is changed element by element", function()
    local five = data.range(5)
    assert.same({ 0, 1, 4, 9, 16 }, all(five:map(function(x) return x * x end)))
    assert.same({ 1, 3 }, all(five:filter(function(x) return x % 2 == 1 end)))
    assert.same({ 0, 1 }, all(five:take(2)))
    assert.same({ 3, 4 }, all(five:skip(3)))
    assert.same({}, all(five:skip(9)))
    assert.same({ 1, 3 }, all(five:shard(2, 1)))
    assert.same({ 0, 2, 4 }, all(five:shard(2, 0)))
    assert.same({ { 7, 3 }, { 8, 4 } }, all(five:skip(3):enumerate(7)))
    assert.same({ { 0, 0 }, { 1, 1 } }, all(data.zip(five, data.range(2))))
    local unknown = five:filter(function() return true end)
    assert.is_nil(data.zip(five, five, unknown, five):len())
    assert.same({ 0, 1, 2, 0, 1 }, all(data.range(3):concatenate(data.range(2))))
    assert.same({ 0, 1, 0, 1, 0 }, all(data.range(2):repeat_():take(5)))
    assert.same({ 0, 1, 0, 1 }, all(data.range(2)["repeat"](data.range(2), 2)))
    assert.same({}, all(data.range(0):repeat_()))
    assert.same({ 0, 1 }, all(data.range(2):prefetch(data.AUTOTUNE)))
  end)

  it("knows its length where that can be known", function()
    local five = data.range(5)
    for expected, dataset in pairs { [5] = five, [2] = five:take(2), [1] = five:skip(4),
      [15] = five:repeat_(3), [3] = five:batch(2), [7] = five:concatenate(data.range(2)),
      [0] = five:repeat_(0) } do
      assert.equal(expected, #dataset)
      assert.equal(expected, #all(dataset))
    end
    assert.equal(2, #five:batch(2, { drop_remainder = true }))
    assert.equal(3, #five:shard(2, 0))
    assert.equal(math.huge, five:repeat_():len())
    assert.is_nil(five:filter(print):len())
    assert.error_at_line(function() return #five:repeat_() end, "no end")
    assert.error_at_line(function() return #five:filter(print) end, "known only when")
    assert.matches("5 elements", tostring(five))
  end)

  it("is shuffled in a buffer, the same for the same seed", function()
    local ten = data.range(10)
    local one = ten:shuffle(10, { seed = 3 })
    local first, second = all(one), all(one)
    assert.are_not.same(first, second)
    assert.same(first, all(ten:shuffle(10, { seed = 3 })))
    assert.same(all(data.range(10)), sorted(first))
    local still = ten:shuffle(10, { seed = 3, reshuffle_each_iteration = false })
    assert.same(all(still), all(still))
    for i, x in ipairs(all(ten:shuffle(3))) do assert.is_true(x < i + 3) end
  end)

  it("keeps what it has seen", function()
    local calls = 0
    local kept = data.range(3):map(function(x)
      calls = calls + 1
      return x
    end):cache()
    assert.same(all(kept), all(kept))
    assert.equal(3, calls)
  end)

  it("makes batches of numbers, strings, tensors and tables", function()
    local batches = all(data.range(5):batch(2))
    assert.near_all(batches[1], { 0, 1 })
    assert.near_all(batches[3], { 4 })
    assert.same({ "a", "b" }, all(data.from { "a", "b" }:batch(2))[1]:totable())
    assert.same({ 2, 3 }, all(data.from { k.ones { 3 }, k.zeros { 3 } }:batch(2))[1].shape)
    local named = data.range(2):map(function(x) return { a = x, b = { x, x } } end):batch(2)
    assert.near_all(all(named)[1].b, { { 0, 0 }, { 1, 1 } })
    local back = all(named:unbatch())
    assert.equal(2, #back)
    assert.near_all(back[2].b, { 1, 1 })
  end)

  it("says what it cannot do, at the line", function()
    local five = data.range(5)
    assert.error_at_line(function() five:batch(0) end, "batch: batch_size must be a whole number")
    assert.error_at_line(function() five:batch() end, "batch: batch_size is missing")
    assert.error_at_line(function() five:map(3) end, "map takes a function, got number")
    assert.error_at_line(function() five:shuffle(3, { sede = 1 }) end, 'did you mean "seed"?')
    assert.error_at_line(function() five:shard(2, 2) end, "index must be below num_shards")
    assert.error_at_line(function() data.zip(five, 3) end, "zip: value 2 is no dataset")
    assert.error_at_line(function() five:enumerate "a" end,
      "enumerate: start must be a whole number")
    assert.error_at_line(function() data.from(k.ones { 2 }, 3) end, "value 2 is number")
    assert.error_at_line(function() data.from(k.ones { 2 }, k.ones { 3 }) end,
      "value 2 has 3 rows, those before have 2")
    assert.error_at_line(function() data.range "x" end, "whole numbers")
  end)
end)

describe("elements that do not go together", function()
  -- A dataset of these elements, each a list of the values of one.
  local function of(...)
    local list, at = { ... }, 0
    return data.from(function()
      at = at + 1
      if list[at] then return table.unpack(list[at]) end
    end)
  end

  it("are refused in a batch", function()
    local one = k.ones { 2 }
    assert.error_at_line(function() of({ one, one }, { one }):batch(2):as_iterator()() end,
      "batch: one of its elements is 2 values, another 1")
    local fewer = data.from { { a = 1, b = 2 }, { a = 1 } }:batch(2)
    local more = data.from { { a = 1 }, { a = 1, b = 2 } }:batch(2)
    assert.error_at_line(function() fewer:as_iterator()() end,
      'batch: its element 1 has "b", and element 2 has not')
    assert.error_at_line(function() more:as_iterator()() end,
      'batch: its element 2 has "b", and element 1 has not')
  end)

  it("are refused by unbatch", function()
    assert.error_at_line(function() of { k.ones { 4 }, k.ones { 3 } }:unbatch():as_iterator()() end,
      "unbatch: an element has tensors of 4 and of 3 rows")
    local named = of { { a = k.ones { 2 }, b = k.ones { 3 } } }:unbatch()
    assert.error_at_line(function() named:as_iterator()() end,
      "unbatch: an element has tensors of ")
    assert.error_at_line(function() of { k.ones {} }:unbatch():as_iterator()() end,
      "unbatch: an element is one number, without rows")
  end)

  it("are no nil of a map, which would end the dataset", function()
    assert.error_at_line(function() data.range(3):map(function() end):as_iterator()() end,
      "map: the function gave nil for an element, and nil ends a dataset; filter leaves "
      .. "elements out")
  end)

  it("nor is anything else passed over", function()
    assert.error_at_line(function() data.range(3):cache "elements" end,
      "cache keeps elements in memory: it takes no file")
    assert.error_at_line(function() data.range(0, 3, 0) end, "the step must not be 0")
    assert.error_at_line(function() data.range(0, 3, 0.5) end, "k.data.range takes whole numbers")
    assert.error_at_line(function() data.range(3):shuffle(2, { seed = 1.5 }) end,
      "shuffle: seed must be a whole number, got 1.5")
  end)
end)

describe("rows of tensors", function()
  local x, y = k.arange(12):reshape { 6, 2 }, k.arange(6)

  it("come one by one and in batches", function()
    local dataset = data.from(x, y)
    local a, b = dataset:skip(1):as_iterator()()
    assert.near_all(a, { 2, 3 })
    assert.near_all(b, 1)
    local batches = all(dataset:batch(4))
    assert.near_all(batches[1][1], { { 0, 1 }, { 2, 3 }, { 4, 5 }, { 6, 7 } })
    assert.near_all(batches[2][2], { 4, 5 })
    local named = all(data.from { a = x, b = y }:batch(6))[1]
    assert.near_all(named.a, x)
  end)

  it("keep together when they are shuffled", function()
    local seen = {}
    for a, b in data.from(x, y):shuffle(6, { seed = 1 }):repeat_(2):batch(4):as_iterator() do
      for i, row in ipairs(a:totable()) do
        local id = b:totable()[i]
        assert.same({ 2 * id, 2 * id + 1 }, row)
        seen[#seen + 1] = id
      end
    end
    assert.same({ 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 }, sorted(seen))
  end)

  it("are not copied for a batch in order", function()
    local big = k.zeros { 1024, 1024 }
    local before, kept = k.memory().live, {}
    for batch in data.from(big):batch(128):as_iterator() do kept[#kept + 1] = batch end
    assert.equal(8, #kept)
    assert.is_true(k.memory().live - before < 1024 * 1024)
  end)

  it("train a model", function()
    k.set_random_seed(1)
    local model = k.Sequential { k.Input { shape = { 2 } }, k.layers.Dense { 1 } }
    model:compile { optimizer = "sgd", loss = "mse" }
    local inputs = k.random.normal { 64, 2 }
    local dataset = data.from(inputs, k.ops.sum(inputs, { axis = 1, keepdims = true }))
      :shuffle(64):batch(8)
    local history = model:fit(dataset, { epochs = 30, verbose = 0, validation_data = dataset })
    assert.is_true(history.history.val_loss[30] < 1e-2)
    assert.same({ 64, 1 }, model:predict(data.from(inputs):batch(10)).shape)
    assert.error_at_line(function() model:fit(dataset:repeat_(), { verbose = 0 }) end,
      "repeats without end; say steps_per_epoch")
    model:fit(dataset:repeat_(), { steps_per_epoch = 3, verbose = 0 })
  end)
end)

describe("timeseries_dataset_from_array", function()
  local series = k.arange(20)
  local windows = k.utils.timeseries_dataset_from_array

  it("makes Keras's windows", function()
    local cases = 0
    for line in io.lines "spec/golden/timeseries.jsonl" do
      local case = require("lunula.saving.json").decode(line)
      local first = case.targets ~= k.None and 20 - case.targets
      local targets = first and k.arange(first, 20) * 10 or nil
      local o = case.options
      if o.batch_size == k.None then o.batch_size = false end
      local at, made = 0, windows(series, targets, o)
      for x, y in made:as_iterator() do
        at = at + 1
        assert.near_all(x, case.batches[at][1])
        if targets then assert.near_all(y, case.batches[at][2]) end
      end
      assert.equal(#case.batches, at)
      assert.equal(at, #made)
      cases = cases + 1
    end
    assert.equal(12, cases)
  end)

  it("shuffles windows with their targets", function()
    local made, seen = windows(series, series, { sequence_length = 2, shuffle = true, seed = 1,
      batch_size = 4 }), {}
    for x, y in made:as_iterator() do
      for i, row in ipairs(x:totable()) do
        assert.equal(row[1], y:totable()[i])
        seen[#seen + 1] = row[1]
      end
    end
    local straight = table.concat(seen, " ")
    table.sort(seen)
    assert.are_not.equal(straight, table.concat(seen, " "))
    assert.equal(19, #seen)
  end)

  it("refuses what Keras refuses", function()
    for text, options in pairs {
      ["start_index must be below the length"] = { sequence_length = 2, start_index = 20 },
      ["end_index must be higher"] = { sequence_length = 2, start_index = 5, end_index = 5 },
      ["end_index must be below"] = { sequence_length = 2, end_index = 20 },
      ["sampling_rate must be below"] = { sequence_length = 2, sampling_rate = 20 },
      ["sequence_stride must be a whole number"] = { sequence_length = 2, sequence_stride = 0 },
      ["sequence_length is missing"] = {},
    } do
      assert.error_at_line(function() windows(series, nil, options) end, text)
    end
  end)
end)

describe("strings", function()
  it("are batched, shuffled and split as numbers are", function()
    local words = k.tensor { "a", "bb", "c", "d", "e" }
    local texts = data.from(words, k.arange(5)):batch(2)
    assert.same({ { "c", "d" } }, { all(texts)[2][1]:totable() })
    assert.same({ "e" }, all(texts)[3][1]:totable())
    local mixed = all(data.from(words):shuffle(5, { seed = 1 }):batch(5))[1]:totable()
    assert.same({ "a", "bb", "c", "d", "e" }, sorted(mixed))
    local pairs_of = k.tensor { { "a", "b" }, { "c", "d" } }
    assert.same({ { "a", "b" }, { "c", "d" } }, all(data.from(pairs_of):batch(2))[1]:totable())
    assert.same({ { "a", "b" }, { "c", "d" } },
      all(data.from { pairs_of[1], pairs_of[2] }:batch(2))[1]:totable())
    local left, right = k.utils.split_dataset(words, { left_size = 2, shuffle = true, seed = 3 })
    assert.same({ 2, 3 }, { #all(left), #all(right) })
  end)
end)

describe("split_dataset", function()
  it("gives the parts that Keras gives, of tensors and of pipelines", function()
    for line in io.lines "spec/golden/split.jsonl" do
      local case = require("lunula.saving.json").decode(line)
      local numbers = k.arange(case.n)
      local left, right = k.utils.split_dataset(numbers, case.options)
      assert.same(case.parts, { all(left), all(right) })
      left, right = k.utils.split_dataset(data.range(case.n), case.options)
      assert.same(case.parts, { all(left), all(right) })
      assert.equal(#case.parts[2], #right)
    end
  end)

  it("keeps x and y together, and batches as they were", function()
    local x, y = k.arange(6), k.arange(6) * 10
    local left, right = k.utils.split_dataset({ x, y }, { left_size = 2 })
    assert.same({ { 0, 0 }, { 1, 10 } }, all(left))
    assert.equal(4, #right)
    local first, second = k.utils.split_dataset(data.from(x, y):batch(2), { right_size = 3 })
    assert.equal(2, #all(first))
    assert.near_all(all(second)[2][2], { 50 })
  end)

  it("says what it cannot do, at the line", function()
    local x = k.arange(6)
    local function fails(given, message, dataset)
      assert.error_at_line(function() k.utils.split_dataset(dataset or x, given) end, message)
    end
    fails({}, "left_size or right_size must be given")
    fails({ left_size = 6 }, "left_size must be a whole number from 1 to below the 6 samples")
    fails({ right_size = -0.5 }, "right_size must be a whole number")
    fails({ left_size = 4, right_size = 3 }, "are 4 and 3, which is more than the 6 samples")
    fails({ left_size = 0.01 }, "left_size comes to none of 6 samples")
    fails({ left_size = 2, sed = 1 }, 'did you mean "seed"?')
    fails({ left_size = 2 }, "the dataset has no end", data.range(3):repeat_())
    fails({ left_size = 2 }, "value 1 of the list is no tensor but number", { 1, 2 })
    fails({ left_size = 2 }, "a list of tensors or a dataset of k.data, got string", "x")
    fails({ left_size = 2 }, "split_dataset: value 1 is one number, without rows", k.tensor(1))
    fails({ left_size = 2, shuffle = true },
      "split_dataset: value 2 has 5 rows, those before have 6", { x, k.ones { 5 } })
  end)
end)
