-- Callbacks: what they are told, in which order, and what the ready-made ones do.

local k = require "lunula"
local files = require "spec.support.files"
local layers = k.layers

local function model_and_data(rate)
  k.set_random_seed(5)
  local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(1) }
  model:compile { optimizer = k.optimizers.SGD { learning_rate = rate or .1 }, loss = "mse" }
  local x = k.random.normal { 20, 2 }
  return model, x, k.ops.sum(x, 1, true)
end

describe("callbacks", function()
  it("hear all events in Keras's order", function()
    local model, x, y = model_and_data()
    local heard = {}
    local recorder = {}
    for _, hook in ipairs { "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end",
      "on_train_batch_begin",
      "on_train_batch_end", "on_test_begin", "on_test_end" } do
      recorder[hook] = function(self, number)
        assert.equal(model, self.model)
        heard[#heard + 1] = type(number) == "number" and hook .. " " .. number or hook
      end
    end
    model:fit(x, y, { epochs = 1, batch_size = 10, validation_data = { x, y },
      callbacks = { recorder }, verbose = 0 })
    assert.same({
      "on_train_begin", "on_epoch_begin 0", "on_train_batch_begin 0", "on_train_batch_end 0",
      "on_train_batch_begin 1",
      "on_train_batch_end 1", "on_test_begin", "on_test_end", "on_epoch_end 0", "on_train_end",
    }, heard)
  end)

  it("may yield: a coroutine trains in slices, with the same numbers", function()
    local whole, x, y = model_and_data()
    whole:fit(x, y, { epochs = 2, batch_size = 5, verbose = 0 })
    local model, other = model_and_data(), model_and_data()
    local turns = {
      on_train_batch_end = function(_, batch) coroutine.yield("batch", batch) end,
      on_epoch_end = function(_, epoch) coroutine.yield("epoch", epoch) end,
    }
    local heard = {}
    for what, number in coroutine.wrap(function()
      model:fit(x, y, { epochs = 2, batch_size = 5, verbose = 0, callbacks = { turns } })
    end) do
      heard[#heard + 1] = what .. " " .. number
      other:fit(x, y, { epochs = 1, verbose = 0 })   -- others train meanwhile
      model:predict(x, { verbose = 0 })
    end
    assert.same({ "batch 0", "batch 1", "batch 2", "batch 3", "epoch 0",
      "batch 0", "batch 1", "batch 2", "batch 3", "epoch 1" }, heard)
    for i, w in ipairs(whole:get_weights()) do
      assert.same(w:totable(), model:get_weights()[i]:totable())
    end
  end)

  it("count the batches of a validation split from 0", function()
    local model, x, y = model_and_data()
    local heard = {}
    local function note(name)
      return function(_, batch) heard[#heard + 1] = name .. batch end
    end
    model:fit(x, y, {
      batch_size = 4, validation_split = .5, verbose = 0,
      callbacks = { { on_test_batch_begin = note "begin ", on_test_batch_end = note "end " } },
    })
    assert.same({ "begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2" }, heard)
  end)

  it("may add to the logs that History keeps", function()
    local model, x, y = model_and_data()
    local history = model:fit(x, y, {
      epochs = 2, verbose = 0,
      callbacks = { k.callbacks.LambdaCallback { on_epoch_end = function(epoch, logs)
        logs.twice = epoch * 2
      end } },
    })
    assert.same({ 0, 2 }, history.history.twice)
    assert.same({ 0, 1 }, history.epoch)
    assert.equal(history, model.history)
  end)

  it("stop training", function()
    local model, x, y = model_and_data()
    local history = model:fit(x, y, {
      epochs = 10, verbose = 0,
      callbacks = { k.callbacks.LambdaCallback {
        on_epoch_end = function(epoch) if epoch == 2 then model.stop_training = true end end,
      } },
    })
    assert.equal(3, #history.epoch)
  end)

  it("stop training within an epoch", function()
    local model, x, y = model_and_data()
    local heard = {}
    local history = model:fit(x, y, {
      epochs = 3, batch_size = 4, verbose = 0,
      callbacks = { { on_train_batch_end = function(_, batch)
        heard[#heard + 1] = batch
        if batch == 1 then model.stop_training = true end
      end } },
    })
    assert.same({ 0, 1 }, heard)
    assert.same({ 0 }, history.epoch)
  end)

  it("are declared by users", function()
    local Counter = k.callback "Counter" {
      args = { { "from", "integer", default = 0 } },
      on_train_batch_end = function(self) self.from = self.from + 1 end,
    }
    local model, x, y = model_and_data()
    local counter = Counter { from = 100 }
    model:fit(x, y, { batch_size = 5, verbose = 0, callbacks = { counter } })
    assert.equal(104, counter.from)
  end)

  it("EarlyStopping waits and restores", function()
    local model, x, y = model_and_data(0)
    local history = model:fit(x, y, {
      epochs = 20, verbose = 0, shuffle = false,
      callbacks = { k.callbacks.EarlyStopping { monitor = "loss",
        patience = 3 } },
    })
    assert.equal(4, #history.epoch)
    model = model_and_data(.1)
    local best
    history = model:fit(x, y, {
      epochs = 6, verbose = 0, batch_size = 5,
      callbacks = {
        k.callbacks.LambdaCallback { on_epoch_end = function(epoch)
          if epoch == 1 then
            best = model:get_weights()[1]:totable()
            model.optimizer.learning_rate = 3
          end
        end },
        k.callbacks.EarlyStopping { monitor = "loss", patience = 0, restore_best_weights = true },
        k.callbacks.TerminateOnNaN {},
      },
    })
    assert.truthy(#history.epoch < 6)
    assert.near_all(model:get_weights()[1], best)
  end)

  it("ReduceLROnPlateau and LearningRateScheduler set the rate", function()
    local model, x, y = model_and_data(1e-12)
    local history = model:fit(x, y, {
      epochs = 5, verbose = 0,
      callbacks = { k.callbacks.ReduceLROnPlateau { monitor = "loss", factor = .5, patience = 2 } },
    })
    assert.near_all(history.history.learning_rate[1], 1e-12, 1e-18)
    assert.near_all(model.optimizer.learning_rate, .25e-12, 1e-18)
    model, x, y = model_and_data()
    history = model:fit(x, y, {
      epochs = 3, verbose = 0,
      callbacks = { k.callbacks.LearningRateScheduler(function(epoch, rate)
        return epoch == 0 and rate or rate / 2
      end) },
    })
    assert.near_all(history.history.learning_rate, { .1, .05, .025 }, 1e-9)
  end)

  it("TerminateOnNaN ends instead of raising", function()
    local model, x, y = model_and_data(1e30)
    local printed = {}
    local real = require "_G"
    local old_print = real.print
    real.print = function(text) printed[#printed + 1] = text end
    local ok, history = pcall(model.fit, model, x, y, {
      epochs = 50, verbose = 0, callbacks = { k.callbacks.TerminateOnNaN {} },
    })
    real.print = old_print
    assert.truthy(ok, history)
    assert.truthy(#history.epoch < 50)
    assert.truthy(printed[1]:find("Invalid loss", 1, true))
  end)

  it("CSVLogger writes a line an epoch", function()
    local model, x, y = model_and_data()
    local name = os.tmpname()
    model:fit(x, y, { epochs = 2, verbose = 0, callbacks = { k.callbacks.CSVLogger(name) } })
    local text = files.read(name)
    os.remove(name)
    assert.truthy(text:match "^epoch,loss\r\n0,[%d.e-]+\r\n1,[%d.e-]+\r\n$")
  end)

  it("CSVLogger quotes what would be several cells", function()
    local model, x, y = model_and_data()
    model:compile { optimizer = "sgd", loss = "mse", metrics = { k.metrics.MeanMetricWrapper {
      k.losses.mean_absolute_error, name = 'a;"b"' } } }
    local name = os.tmpname()
    model:fit(x, y, { verbose = 0,
      callbacks = { k.callbacks.CSVLogger { name, separator = ";" } } })
    local text = files.read(name)
    os.remove(name)
    assert.truthy(text:find('epoch;"a;""b""";loss\r\n', 1, true), text)
    assert.error_at_line(function() k.callbacks.CSVLogger { name, separator = "" } end,
      "separator must be a string that is not empty")
  end)

  it("that write files tell when the disk is full", function()
    if not io.open("/dev/full", "w") then return pending "there is no /dev/full" end
    local model, x, y = model_and_data()
    assert.error_at_line(function()
      model:fit(x, y, { verbose = 0, callbacks = { k.callbacks.CSVLogger "/dev/full" } })
    end, "CSVLogger: cannot write /dev/full: No space left on device")
    local event_file = require "lunula.callbacks.event_file"
    local events = setmetatable({ file = io.open("/dev/full", "wb"), path = "events" }, event_file)
    events:scalar("loss", 1, 0)
    assert.has_error(function() events:flush() end,
      "TensorBoard: cannot write events: No space left on device")
  end)

  it("say what is wrong with them", function()
    local model, x, y = model_and_data()
    assert.error_at_line(function()
      model:fit(x, y, { callbacks = { k.callbacks.History } })
    end, "make one with")
    assert.error_at_line(function()
      model:fit(x, y, { callbacks = { { on_epoch_ends = print } } })
    end,
      'did you mean "on_epoch_end"?')
    assert.error_at_line(function()
      model:fit(x, y, { callbacks = { k.callbacks.EarlyStopping { monitor = "speed" } } })
    end, "mode")
    for _, wrong in ipairs { { foo = 3 }, { k.callbacks.History() }, {} } do
      assert.error_at_line(function() model:fit(x, y, { callbacks = { wrong } }) end,
        "callbacks[1] is no callback: it has no hook, as { on_epoch_end = ")
    end
    assert.error_at_line(function() model:predict(x, { callbacks = { { on_epoch_end = 3 } } }) end,
      "callbacks[1]: on_epoch_end must be a function, got 3")
  end)

  it("are declared with hooks that are there", function()
    assert.error_at_line(function() k.callback "A" { on_epoch_en = print } end,
      'callback "A" has a method "on_epoch_en"; did you mean "on_epoch_end"?')
    assert.error_at_line(function() k.callback "A" { on_epoch_end = 3 } end,
      'callback "A": on_epoch_end must be a function, got 3')
    assert.error_at_line(function() k.callback "A" { best = 0 } end,
      'callback "A": "best" is no hook and no field of a declaration')
    assert.error_at_line(function() k.callback "A"(print) end,
      'callback "A" is declared with a table: k.callback "Name" { on_epoch_end = ')
    assert.error_at_line(function() k.callback { on_epoch_end = print } end,
      "k.callback takes a name first")
    assert.truthy(k.callback "A" { parent = k.callbacks.History, on_epoch_end = print } ())
  end)
end)

describe("progress", function()
  local progbar = require "lunula.utils.progbar"

  it("is one line an epoch where there is no terminal", function()
    local written = {}
    local bar = progbar.new { target = 10, title = "Epoch 1/3 - ", live = false, write = function(t)
      written[#written + 1] = t
    end }
    bar:update(5, {})
    bar:finish(10, { { "loss", .1 }, { "accuracy", .5 } })
    assert.equal(1, #written)
    assert.truthy(written[1]:match "^Epoch 1/3 %- 10/10 %- 0s %- %d+us/step %- loss: 0%.1000 "
      .. "%- accuracy: 0%.5000\n$")
  end)

  it("redraws one line on a terminal", function()
    local written = {}
    local bar = progbar.new { target = 10, live = true, write = function(t)
      written[#written + 1] = t
    end }
    bar:update(5)                  -- logs may be left out
    bar:update(5, { { "loss", .4567 } })
    bar:finish(10, { { "loss", .4567 } })
    local plain = table.concat(written):gsub("\27%[%d+m", "")
    assert.truthy(plain:find("\r 5/10 " .. ("━"):rep(20), 1, true))
    assert.truthy(plain:find("\r10/10 ", 1, true))
    assert.truthy(plain:find("- loss: 0.4567", 1, true))
    assert.equal("\n", plain:sub(-1))
  end)

  -- The lines of a finished bar, without colours.
  local function finished_lines(columns, logs)
    local written = {}
    local bar = progbar.new { target = 1875, live = true, columns = columns, write = function(t)
      written[#written + 1] = t
    end }
    bar:finish(1875, logs)
    local lines = {}
    for line in table.concat(written):gsub("\27%[%d+m", ""):gmatch "[^\r\n]+" do
      lines[#lines + 1] = line
    end
    return lines
  end

  it("fits a finished bar into 50 columns, and loses nothing in 30", function()
    local logs = { { "accuracy", .5 }, { "loss", .1 } }
    local lines = finished_lines(50, logs)
    for _, line in ipairs(lines) do assert.truthy(utf8.len(line) < 50, line) end
    assert.truthy(lines[1]:find(("━"):rep(20), 1, true))
    assert.truthy(lines[2]:find "^   %- accuracy: 0%.5000 %- loss: 0%.1000$", lines[2])
    lines = finished_lines(30, { { "accuracy", .5 }, { "loss", .1 }, { "val_loss", 2 } })
    for _, line in ipairs(lines) do assert.truthy(utf8.len(line) < 30, line) end
    assert.truthy(table.concat(lines):find "accuracy: 0%.5000.* %- loss: 0%.1000.* %- val_loss: 2")
    assert.truthy(finished_lines(120, logs)[1]:find(("━"):rep(20) .. " 0s", 1, true))
  end)

  it("can be turned off, and reads verbose in fit, evaluate and predict", function()
    local model, x, y = model_and_data()
    assert.is_true(k.utils.is_interactive_logging_enabled())
    k.utils.disable_interactive_logging()
    assert.is_false(k.utils.is_interactive_logging_enabled())
    assert.is_false(progbar.new({}).live)
    k.utils.enable_interactive_logging()
    for _, verbose in ipairs { "auto", 0, false } do
      model:evaluate(x, y, { verbose = verbose })
      model:predict(x, { verbose = verbose })
    end
    local bad = { verbose = 3 }
    for _, name in ipairs { "fit", "evaluate" } do
      assert.error_at_line(function() model[name](model, x, y, bad) end,
        name .. ': verbose must be "auto", 0, 1 or 2, got 3')
    end
    assert.error_at_line(function() model:predict(x, bad) end, "predict: verbose must be")
  end)

  it("tells hooks of predict about the batches of an iterator", function()
    local model, x = model_and_data()
    local heard, given = {}, 0
    local watcher = {}
    for _, hook in ipairs { "begin", "batch_begin", "batch_end", "end" } do
      watcher["on_predict_" .. hook] = function(_, batch)
        heard[#heard + 1] = hook .. (batch or "")
      end
    end
    model:predict(function()
      given = given + 1
      if given < 3 then return x end
    end, { callbacks = { watcher } })
    assert.equal("begin batch_begin0 batch_end0 batch_begin1 batch_end1 end",
      table.concat(heard, " "))
  end)

  it("formats numbers as Keras does", function()
    assert.equal("0.1000", progbar.format_value(.1))
    assert.equal("1.0000e-04", progbar.format_value(1e-4))
    assert.equal("1:05", progbar.format_seconds(65))
    assert.equal("1:02:05", progbar.format_seconds(3725))
    assert.equal("60ms/step", progbar.format_step_time(.06, "step"))
    assert.equal("3us/step", progbar.format_step_time(3e-6, "step"))
  end)
end)
