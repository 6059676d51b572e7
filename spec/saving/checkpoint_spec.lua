-- ModelCheckpoint and BackupAndRestore. That a killed fit goes on is in going_on_spec.lua.

local core = require "lunula.core"
local k = require "lunula"
local warn = require "lunula.utils.warn"
local file_pattern = require "lunula.callbacks.file_pattern"
local scratch = require "spec.support.scratch"

local layers = k.layers
local real = require "_G"

local function model_and_data(name)
  k.set_random_seed(5)
  local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense { 1, name = name } }
  model:compile { optimizer = "sgd", loss = "mse", metrics = { "mae" } }
  local x = k.random.normal { 20, 2 }
  return model, x, k.ops.sum(x, 1, true)
end

local function fit(options, more)
  local model, x, y = model_and_data()
  options.filepath = scratch.path(options.filepath)
  local o = { epochs = 3, batch_size = 5, verbose = 0, validation_split = .5,
    callbacks = { k.callbacks.ModelCheckpoint(options) } }
  for key, value in pairs(more or {}) do o[key] = value end
  return model:fit(x, y, o), model
end

local function files()
  local list = {}
  local pipe = io.popen("cd " .. scratch.path() .. " && find . -type f | sort")
  for line in pipe:lines() do list[#list + 1] = line:sub(3) end
  pipe:close()
  return list
end

local function printed(fn)
  local lines, old = {}, real.print
  local _ <close> = setmetatable({}, { __close = function () real.print = old end })
  real.print = function (text) lines[#lines + 1] = text end
  fn()
  return table.concat(lines, "\n")
end

describe("the path of a checkpoint", function ()
  it("is filled as Python fills it", function ()
    local values = { epoch = 7, loss = 0.123456, big = 12345.5, low = -2.5, batch = 12 }
    for pattern, wanted in pairs {
      ["m-{epoch}.keras"] = "m-7.keras", ["{epoch:02d}"] = "07", ["{epoch:4d}|"] = "   7|",
      ["{epoch:<4d}|"] = "7   |", ["{epoch:^5d}|"] = "  7  |", ["{epoch:*>4d}"] = "***7",
      ["{epoch:+d}"] = "+7", ["{epoch: d}"] = " 7", ["{loss:.2f}"] = "0.12",
      ["{loss:.2F}"] = "0.12",
      ["{loss:08.3f}"] = "0000.123", ["{low:08.3f}"] = "-002.500", ["{loss:.1e}"] = "1.2e-01",
      ["{loss:.3g}"] = "0.123", ["{loss:.1%}"] = "12.3%", ["{loss}"] = "0.123456",
      ["{big}"] = "12345.5", ["{low}"] = "-2.5", ["{low:=+7.1f}"] = "-   2.5",
      ["{{x}}-{epoch:03d}-{batch:03d}-{loss:f}"] = "{x}-007-012-0.123456",
    } do
      assert.equal(wanted, file_pattern.fill(pattern, values))
    end
  end)

  it("names what there is", function ()
    local values = { epoch = 7, val_loss = .5 }
    assert.error_at_line(function () file_pattern.fill("{val_los:.2f}", values) end,
      'names "val_los", which is not among epoch, val_loss (did you mean "val_loss"?)')
    assert.error_at_line(function () file_pattern.fill("{epoch:2q}", values) end, '"2q"')
    assert.error_at_line(function () file_pattern.fill("{val_loss:.100f}", values) end, '".100f"')
    assert.error_at_line(function () file_pattern.fill("{epoch:0100d}", values) end, '"0100d"')
    for _, pattern in ipairs { "m-{epoch", "m-epoch}", "{{epoch}" } do
      assert.error_at_line(function () file_pattern.fill(pattern, values) end,
        'a brace in the path "' .. pattern .. '" is without its other; two braces are one')
    end
    assert.error_at_line(function () file_pattern.fill("{val_loss:2d}", values) end, '"2d"')
  end)
end)

describe("ModelCheckpoint", function ()
  before_each(scratch.clear)
  teardown(scratch.clear)

  it("saves after every epoch, into folders that it makes", function ()
    local history = fit { filepath = "a/b/{epoch:02d}-{val_loss:.3f}.safetensors" }
    local wanted = {}
    for i, loss in ipairs(history.history.val_loss) do
      wanted[i] = ("a/b/%02d-%.3f.safetensors"):format(i, loss)
    end
    assert.same(wanted, files())
  end)

  it("saves whole models, which go on", function ()
    local _, model = fit { filepath = "m.safetensors" }
    local copy = k.models.load_model(scratch.path "m.safetensors")
    assert.equal(6, copy.optimizer.iterations)
    assert.same(model:get_weights()[1]:totable(), copy:get_weights()[1]:totable())
  end)

  it("saves weights alone", function ()
    local _, model = fit { filepath = "m.safetensors", save_weights_only = true }
    assert.is_nil(core.file_read(scratch.path "m.safetensors").metadata.config)
    local other = model_and_data()
    other:load_weights(scratch.path "m.safetensors")
    assert.same(model:get_weights()[1]:totable(), other:get_weights()[1]:totable())
  end)

  it("keeps the best", function ()
    local model, x, y = model_and_data()
    local losses, at, name = { .5, .3, .4, .2, .25 }, 0, scratch.path "best.safetensors"
    local told = { on_epoch_end = function (_, _, logs)
      at = at + 1
      logs.val_loss = losses[at]
    end }
    local text = printed(function ()
      model:fit(x, y, { epochs = 5, verbose = 0, callbacks = { told,
        k.callbacks.ModelCheckpoint { name, save_best_only = true, verbose = 1 } } })
    end)
    for _, line in ipairs {
      "Epoch 1: val_loss improved from None to 0.50000, saving model to " .. name,
      "Epoch 1: finished saving model to " .. name,
      "Epoch 2: val_loss improved from 0.50000 to 0.30000, saving model to",
      "Epoch 3: val_loss did not improve from 0.30000",
      "Epoch 4: val_loss improved from 0.30000 to 0.20000, saving model to",
      "Epoch 5: val_loss did not improve from 0.20000",
    } do
      assert(text:find(line, 1, true), text)
    end
    assert.equal(4, k.models.load_model(name).optimizer.iterations)
  end)

  it("begins with a threshold, and knows what is better", function ()
    fit { filepath = "{epoch}.safetensors", save_best_only = true, initial_value_threshold = -1 }
    assert.same({}, files())
    fit { filepath = "{epoch}.safetensors", save_best_only = true, mode = "max",
      initial_value_threshold = -1, monitor = "loss" }
    assert.equal("1.safetensors", files()[1])
  end)

  it("saves anyway, and warns once, when the monitored number is not there", function ()
    local said, sink = {}, warn.sink
    warn.sink = function (text) said[#said + 1] = text end
    fit { filepath = "{epoch}.safetensors", save_best_only = true, monitor = "val_acc" }
    warn.sink = sink
    assert.equal(3, #files())
    assert.equal(1, #said)
    assert.truthy(said[1]:find("Can save best model only with val_acc available.", 1, true))
  end)

  it("saves every so many batches, counted over epochs", function ()
    fit({ filepath = "{epoch}-{batch}.safetensors", save_freq = 3 },
      { validation_split = 0 })
    assert.same({ "1-3.safetensors", "2-2.safetensors", "3-1.safetensors", "3-4.safetensors" },
      files())
  end)

  it("tells at the user's line what cannot be", function ()
    local checkpoint = k.callbacks.ModelCheckpoint
    assert.error_at_line(function () checkpoint {} end, "filepath is missing")
    assert.error_at_line(function () checkpoint { "x", save_freq = 0 } end,
      'save_freq must be "epoch" or a number of batches')
    assert.error_at_line(function () checkpoint { "x", mode = "best" } end, "mode")
    local model, x, y = model_and_data()
    assert.error_at_line(function ()
      model:fit(x, y, { verbose = 0, callbacks = { checkpoint "model.txt" } })
    end, "has no ending that says")
    assert.equal(0, model.optimizer.iterations)
    assert.error_at_line(function ()
      model:fit(x, y, { verbose = 0,
        callbacks = { checkpoint(scratch.path "{val_loss}.safetensors") } })
    end, 'names "val_loss", which is not among epoch, loss, mae')
    core.make_folders(scratch.path "x.safetensors")
    assert.error_at_line(function ()
      model:fit(x, y, { verbose = 0, callbacks = { checkpoint(scratch.path "x.safetensors") } })
    end, "is a folder")
  end)
end)

describe("BackupAndRestore", function ()
  before_each(scratch.clear)
  teardown(scratch.clear)
  local Backup = k.callbacks.BackupAndRestore

  -- Fits until an error breaks it off in an epoch, nil: to the end.
  local function run(options, breaks)
    local model, x, y = model_and_data()
    options.backup_dir = scratch.path "backup"
    local ok, result = pcall(model.fit, model, x, y, {
      epochs = 5, batch_size = 5, verbose = 0,
      callbacks = { Backup(options), { on_epoch_begin = function (_, epoch)
        if epoch == breaks then error "broken off" end
      end } },
    })
    return ok and result.epoch, model
  end

  it("goes on where the last fit was, and cleans up", function ()
    local _, whole = run {}
    assert.is_nil(core.file_kind(scratch.path "backup"))
    assert.is_false((run({}, 3)))
    assert.same({ "backup/latest.safetensors" }, files())
    local epochs, model = run {}
    assert.same({ 3, 4 }, epochs)
    assert.same(whole:get_weights()[1]:totable(), model:get_weights()[1]:totable())
    assert.is_nil(core.file_kind(scratch.path "backup"))
  end)

  it("goes on from a file whose callbacks are no records", function ()
    run({}, 3)
    local path = scratch.path "backup/latest.safetensors"
    local entries = {}
    local metadata
    do
      local reader <close> = core.file_read(path)
      for i, name in ipairs(reader.names) do
        entries[i] = { name, core.ops.copy(reader:tensor(name)) }
      end
      metadata = reader.metadata
    end
    local changed, count = metadata.state:gsub('"callbacks": %b[]', '"callbacks": [3, "x"]')
    assert.equal(1, count)
    metadata.state = changed
    core.file_write(path, entries, metadata)
    assert.same({ 3, 4 }, (run {}))
  end)

  it("goes on at a batch of an iterator", function ()
    local function fit_batches(breaks)
      local model, x, y = model_and_data()
      local function batches()
        local at = 0
        return function ()
          at = at + 1
          if at <= 5 then
            local first = 4 * at - 4
            return k.ops.slice(x, { first, 0 }, { 4, 2 }), k.ops.slice(y, { first, 0 }, { 4, 1 })
          end
        end
      end
      local now
      local ok, result = pcall(model.fit, model, batches, {
        epochs = 3, verbose = 0,
        callbacks = { Backup { scratch.path "backup", save_freq = 2 }, {
          on_epoch_begin = function (_, epoch) now = epoch end,
          on_train_batch_begin = function (_, batch)
            if breaks and now == 1 and batch == breaks then error "broken off" end
          end,
        } },
      })
      return ok and result.history.loss, model
    end
    local losses, whole = fit_batches()
    for _, breaks in ipairs { 1, 3, 4 } do
      assert.is_false((fit_batches(breaks)))
      local rest, model = fit_batches()
      assert.equal(losses[3], rest[#rest])
      assert.same(whole:get_weights()[1]:totable(), model:get_weights()[1]:totable())
    end
  end)

  it("keeps its files when that is wished", function ()
    run { delete_checkpoint = false }
    assert.same({ "backup/latest.safetensors" }, files())
    assert.same({}, (run { delete_checkpoint = false }))
  end)

  it("has a second file for a first one that is broken", function ()
    local _, whole = run {}
    run({ double_checkpoint = true }, 3)
    assert.same({ "backup/latest.safetensors", "backup/previous.safetensors" }, files())
    scratch.write("backup/latest.safetensors", "no file of ours")
    local epochs, model = run { double_checkpoint = true }
    assert.same({ 2, 3, 4 }, epochs)
    assert.same(whole:get_weights()[1]:totable(), model:get_weights()[1]:totable())
  end)

  it("leaves alone what it did not make", function ()
    core.make_folders(scratch.path "backup")
    scratch.write("backup/notes.txt", "mine")
    run {}
    assert.same({ "backup/notes.txt" }, files())
  end)

  it("tells what cannot be restored", function ()
    core.make_folders(scratch.path "backup")
    scratch.write("backup/latest.safetensors", "no file of ours")
    local model, x, y = model_and_data()
    assert.error_at_line(function ()
      model:fit(x, y, { verbose = 0, callbacks = { Backup(scratch.path "backup") } })
    end, "latest.safetensors")
    local wide = k.Sequential { k.Input { shape = { 2 } }, layers.Dense(3) }
    wide:save(scratch.path "backup/latest.safetensors")
    assert.error_at_line(function ()
      model:fit(x, y, { verbose = 0, callbacks = { Backup(scratch.path "backup") } })
    end, "is no backup of model")
    assert.error_at_line(function () Backup "" end, "backup_dir is empty")
    assert.error_at_line(function () Backup { "x", save_freq = "batch" } end, "save_freq must be")
  end)
end)
