-- fit, evaluate and predict with datasets: PyDataset, and any object with the protocol.

local k = require "lunula"
local layers = k.layers

-- y = x, an error of x² at learning rate 0
local function still_model(rate)
  local model = k.Sequential {
    k.Input { shape = { 1 } },
    layers.Dense { 1, kernel_initializer = "ones", use_bias = false },
  }
  model:compile { optimizer = k.optimizers.SGD { rate or 0 }, loss = "mse" }
  return model
end

local seen
local Numbers = k.utils.PyDataset "Numbers" {
  init = function(self, n) self.n, self.epochs = n, 0 end,
  len = function(self) return self.n end,
  get_item = function(_, index)
    seen[#seen + 1] = index
    return k.tensor { { index }, { index } }, k.zeros { 2, 1 }
  end,
  on_epoch_end = function(self) self.epochs = self.epochs + 1 end,
}

-- A stream, and nothing more of the protocol.
local function stream(n, len)
  return {
    as_iterator = function()
      local at = 0
      return function()
        if at == n then return nil end
        at = at + 1
        return k.full({ 2, 1 }, at), k.zeros { 2, 1 }
      end
    end,
    len = len and function() return len end,
  }
end

local quiet = { verbose = 0 }

describe("a dataset", function()
  before_each(function() seen = {} end)

  it("is trained on in every form of fit", function()
    local model, data = still_model(), Numbers(3)
    local mean = (0 + 1 + 4) / 3
    assert.near_all(model:fit(data, { verbose = 0, epochs = 2 }).history.loss, { mean, mean })
    assert.equal(2, data.epochs)
    assert.near_all(model:fit { data, verbose = 0 }.history.loss, { mean })
    assert.near_all(model:fit { x = data, verbose = 0 }.history.loss, { mean })
    assert.near_all(model:evaluate(data, quiet), mean)
    assert.near_all(model:predict(data), { { 0 }, { 0 }, { 1 }, { 1 }, { 2 }, { 2 } })
    assert.equal(6, data.epochs)
    assert.equal(3, #data)
  end)

  it("is predicted however many batches it has", function()
    local y = still_model():predict(Numbers(450))
    assert.same({ 900, 1 }, { table.unpack(y.shape) })
    for i, row in ipairs(y:totable()) do assert.equal((i - 1) // 2, row[1]) end
  end)

  it("comes in another order every epoch, unless shuffle is false", function()
    local model, data = still_model(), Numbers(20)
    model:fit(data, { verbose = 0, shuffle = false })
    for i = 1, 20 do assert.equal(i - 1, seen[i]) end
    seen = {}
    model:fit(data, { verbose = 0, epochs = 2 })
    local first, second = table.concat(seen, " ", 1, 20), table.concat(seen, " ", 21, 40)
    assert.are_not.equal(first, second)
    table.sort(seen)
    for i = 1, 40 do assert.equal((i - 1) // 2, seen[i]) end
  end)

  it("tells how many steps an epoch has, and goes on where steps are counted", function()
    local model, data, steps = still_model(), Numbers(3), nil
    local look = { on_train_begin = function(self) steps = self.params.steps end }
    model:fit(data, { verbose = 0, callbacks = { look } })
    assert.equal(3, steps)
    seen = {}
    model:fit(data, { verbose = 0, epochs = 2, steps_per_epoch = 2, shuffle = false })
    assert.same({ 0, 1, 2, 0 }, seen)
    model:fit(stream(3), { verbose = 0, epochs = 2, callbacks = { look } })
    assert.is_nil(steps)
  end)

  it("may be any object with the protocol, and validates", function()
    local model = still_model()
    local history = model:fit(stream(2), { validation_data = Numbers(3), verbose = 0, epochs = 2 })
    assert.near_all(history.history.loss, { 2.5, 2.5 })
    assert.near_all(history.history.val_loss, { 5 / 3, 5 / 3 })
    assert.near_all(model:fit(k.ones { 2, 1 }, k.zeros { 2, 1 },
      { validation_data = stream(2), verbose = 0 }).history.val_loss, { 2.5 })
  end)

  it("is weighed by class", function()
    local model = still_model()
    local data = { as_iterator = function()
      local done
      return function()
        if done then return nil end
        done = true
        return k.tensor { { 1 }, { 3 } }, k.tensor { { 0 }, { 1 } }
      end
    end }
    local loss = model:fit(data, { class_weight = { [0] = 1, [1] = 2 }, verbose = 0 }).history.loss
    assert.near_all(loss, { (1 + 2 * 4) / 2 })
  end)

  it("says what does not go with it", function()
    local model, data = still_model(), Numbers(2)
    assert.error_at_line(function() model:fit(data, k.zeros { 4, 1 }, quiet) end,
      "fit: when x is a dataset, y should not be given; the targets should be part of its batches")
    assert.error_at_line(function() model:fit(data, k.zeros { 4, 1 }) end,
      "fit: when x is a dataset, y should not be given")
    assert.error_at_line(function() model:evaluate(data, { sample_weight = k.ones { 4 } }) end,
      "evaluate: when x is a dataset, sample_weight should not be given")
    assert.error_at_line(function() model:fit(data, { batch_size = 2 }) end,
      "fit: batch_size cannot be used with a dataset, which yields batches")
    assert.error_at_line(function() model:fit(data, { validation_split = .5, verbose = 0 }) end,
      "an iterator or a dataset cannot be split")
    assert.error_at_line(function() model:fit(stream(2, math.huge), quiet) end,
      "fit: the dataset repeats without end; say steps_per_epoch")
    assert.error_at_line(function() model:fit(stream(0), quiet) end, "the dataset gave no batch")
    assert.error_at_line(function() model:fit(stream(2, 1.5), quiet) end,
      "the dataset's len must give a whole number of batches, got 1.5")
    assert.error_at_line(function() model:fit(Numbers(0), quiet) end, "its len is 0")
  end)

  it("is told from what was meant as one", function()
    local model, x = still_model(), k.ones { 2, 1 }
    local function batch() return x, x end
    local function refuses(data, message)
      assert.error_at_line(function() model:fit(data, quiet) end, message)
      assert.error_at_line(function() model:evaluate(data, quiet) end, message)
      assert.error_at_line(function() model:predict(data) end, message)
    end
    refuses({ __len__ = batch, __getitem__ = batch },
      'x has a field "__getitem__", a function (did you mean "get_item"?), and is no dataset: ')
    refuses({ as_iterator = 3 }, 'x has a field "as_iterator", which is 3, and is no dataset: ')
    refuses({ get_item = batch },
      "the dataset must have a function len(self) that gives the number of its batches, nil where "
      .. "nobody knows it, got nothing")
    refuses({ get_item = batch, len = 2 }, "nil where nobody knows it, got 2")
    refuses({ as_iterator = function() return 3 end },
      "the dataset's as_iterator must return a function that gives the next batch, got 3")
    refuses(Numbers, "class Numbers is given where a dataset of it is wanted: call it to make one")
    refuses({ Numbers(2) }, "got a list of datasets; a dataset is given alone, in place of x")
    refuses({ len = function() return 1 end, get_item = function() return { x, x } end },
      "a batch is x, y and sample_weight as several returns (return x, y), got one list of 2")
    assert.error_at_line(function() model:fit(x, Numbers(2), quiet) end,
      "y must be a tensor or a table of numbers or strings, got a dataset")
    assert.error_at_line(function() k.Sequential { layers.Dense(1) }:predict { rows = batch } end,
      'x has a field "rows", a function, and is no dataset')
    assert.error_at_line(function()
      model:fit(x, x, { validation_data = Numbers, verbose = 0 })
    end, "class Numbers is given")
  end)
end)

describe("PyDataset", function()
  local function nothing() end

  it("is declared with what it needs", function()
    assert.equal(k.utils.PyDataset, k.utils.Sequence)
    assert.error_at_line(function() k.utils.PyDataset "A" { len = nothing } end,
      'PyDataset "A" needs a function get_item(self, index)')
    assert.error_at_line(function() k.utils.PyDataset "A" { len = 3, get_item = nothing } end,
      "len must be a function, got 3")
    assert.error_at_line(function() k.utils.PyDataset "A" { getitem = nothing, len = nothing } end,
      'there is no getitem (did you mean "get_item"?)')
    assert.error_at_line(function() k.utils.PyDataset "A" { __getitem__ = nothing } end,
      "write get_item for __getitem__")
    assert.error_at_line(function() k.utils.PyDataset { len = nothing } end, "is declared as")
    assert.matches("index counts from 0", require("lunula.help").text "PyDataset")
  end)

  it("has no workers", function()
    for _, option in ipairs { "workers", "use_multiprocessing", "max_queue_size" } do
      assert.error_at_line(function() Numbers(3, { [option] = 2 }) end,
        ("Numbers: %s is not for Lua"):format(option))
    end
  end)
end)
