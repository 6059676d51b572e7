-- Callbacks for watchers and for loops of one's own: TensorBoard, RemoteMonitor, CallbackList.

local k = require "lunula"
local event_file = require "lunula.callbacks.event_file"
local files = require "spec.support.files"
local callbacks, layers = k.callbacks, k.layers

local function model_and_data()
  k.set_random_seed(5)
  local model = k.Sequential { k.Input { shape = { 2 } }, layers.Dense { 1, name = "only" },
    name = "watched" }
  model:compile { optimizer = "sgd", loss = "mse", metrics = { "mae" } }
  local x = k.random.normal { 20, 2 }
  return model, x, k.ops.sum(x, 1, true)
end

local folder

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
end)

after_each(function() os.execute("rm -rf '" .. folder .. "'") end)

-- All events of the files below the folder: the records, their checksums not looked at.
local function events(which)
  local found = {}
  local pipe = assert(io.popen("cat '" .. folder .. "/" .. which .. "'/*tfevents*"))
  local bytes = pipe:read "a"
  pipe:close()
  local at = 1
  while at <= #bytes do
    local length = string.unpack("<I8", bytes, at)
    found[#found + 1] = bytes:sub(at + 12, at + 11 + length)
    at = at + 16 + length
  end
  return found
end

local function count(which, text)
  local n = 0
  for _, event in ipairs(events(which)) do
    if event:find(text, 1, true) then n = n + 1 end
  end
  return n
end

describe("TensorBoard", function()
  -- The record is what TensorFlow 2.21 reads as (step 3, tag "a", 0.5); only the time is ours.
  it("frames events as TFRecord does", function()
    local old_time = os.time
    os.time = function() return 1 end   -- luacheck: ignore 122
    local file = event_file.new(folder)
    file:scalar("a", .5, 3)
    os.time = old_time                  -- luacheck: ignore 122
    file:close()
    local bytes = files.read(file.path)
    local second = 16 + string.unpack("<I8", bytes) + 1
    assert.equal("1700000000000000" .. "e7cef81e"
      .. "09000000000000f03f10032a0a0a080a0161150000003f" .. "a4692d17",
      (bytes:sub(second):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    assert.truthy(bytes:find("brain.Event:2", 1, true))
  end)

  it("writes results, histograms and the graph", function()
    local model, x, y = model_and_data()
    model:fit(x, y, { epochs = 3, batch_size = 4, validation_split = .5, verbose = 0, callbacks = {
      callbacks.TensorBoard { log_dir = folder, histogram_freq = 2, write_steps_per_second = true },
    } })
    assert.equal(3, count("train", "epoch_loss"))
    assert.equal(3, count("validation", "epoch_mae"))
    assert.equal(3, count("validation", "evaluation_loss_vs_iterations"))
    assert.equal(3, count("train", "epoch_learning_rate"))
    assert.equal(3, count("train", "epoch_steps_per_second"))
    assert.equal(2, count("train", "only/kernel/histogram"))
    assert.equal(1, count("train", "graph_keras_model"))
    assert.equal(0, count("train", "batch_loss"))
  end)

  it("writes every so many batches, and evaluate", function()
    local model, x, y = model_and_data()
    local board = callbacks.TensorBoard { folder, update_freq = 2, write_graph = false }
    model:fit(x, y, { epochs = 2, batch_size = 4, verbose = 0, callbacks = { board } })
    assert.equal(5, count("train", "batch_loss"))
    assert.equal(0, count("train", "graph_keras_model"))
    model:evaluate(x, y, { callbacks = { board } })
    assert.equal(1, count("validation", "evaluation_mae_vs_iterations"))
  end)

  it("refuses what it does not do", function()
    assert.error_at_line(function() callbacks.TensorBoard { write_images = true } end,
      "write_images is not supported; k.utils.plot_images")
    assert.error_at_line(function() callbacks.TensorBoard { profile_batch = 2 } end,
      "profile_batch is not supported")
    assert.error_at_line(function() callbacks.TensorBoard { update_freq = "often" } end,
      '"epoch", "batch" or a number of batches')
    assert.error_at_line(function() callbacks.OrbaxCheckpoint { "x" } end, "ModelCheckpoint")
  end)
end)

describe("RemoteMonitor", function()
  it("gives the results to a function", function()
    local model, x, y = model_and_data()
    local sent = {}
    local function send(url, body, headers) sent[#sent + 1] = { url, body, headers } end
    model:fit(x, y, { epochs = 2, verbose = 0, callbacks = {
      callbacks.RemoteMonitor { root = "http://here", send_as_json = true, send = send,
        headers = { ["X-Key"] = "1" } },
      callbacks.RemoteMonitor { send = send },
    } })
    assert.equal("http://here/publish/epoch/end/", sent[1][1])
    assert.matches('^{"epoch": 0, "loss": [%d.]+, "mae": [%d.]+}$', sent[1][2])
    assert.same({ ["Content-Type"] = "application/json", ["X-Key"] = "1" }, sent[1][3])
    assert.matches("^data=%%7B%%22epoch%%22%%3A%%201%%2C", sent[4][2])
  end)

  it("needs the function, and warns when it fails", function()
    assert.error_at_line(function() callbacks.RemoteMonitor {} end, "give a function that does")
    local warn, said = require "lunula.utils.warn", nil
    local old_sink = warn.sink
    warn.sink = function(text) said = text end
    local model, x, y = model_and_data()
    model:fit(x, y, { verbose = 0, callbacks = {
      callbacks.RemoteMonitor { send = function() error "no server" end },
    } })
    warn.sink = old_sink
    assert.truthy(said:find("could not send to http://localhost:9000", 1, true))
  end)
end)

describe("CallbackList", function()
  it("tells a loop of one's own", function()
    local heard = {}
    local model = model_and_data()
    local list = callbacks.CallbackList { { {
      set_model = function(_, given) heard[#heard + 1] = given == model and "model" or "none" end,
      set_params = function(_, params) heard[#heard + 1] = "epochs " .. tostring(params.epochs) end,
      on_epoch_end = function(self, epoch) heard[#heard + 1] = epoch .. self.model.name end,
      on_train_batch_end = function(_, batch) heard[#heard + 1] = "batch " .. batch end,
    } }, add_history = true, model = model, epochs = 2 }
    list:on_train_begin()
    list:on_train_batch_end(0, { loss = 1 })
    list:on_epoch_end(0, { loss = .5 })
    list:on_epoch_end(1, { loss = .25 })
    assert.same({ "model", "epochs 2", "batch 0", "0watched", "1watched" }, heard)
    assert.same({ .5, .25 }, list.history.history.loss)
    local other
    list:append { on_train_end = function() other = true end }
    list:on_train_end()
    assert.is_true(other)
    assert.error_at_line(function() callbacks.CallbackList { 3 } end, "callbacks must be a list")
  end)

  it("can draw a bar, which fit does by itself", function()
    local written = {}
    local progbar = require "lunula.utils.progbar"
    local old = progbar.new
    progbar.new = function(options)
      options.write = function(text) written[#written + 1] = text end
      options.live = false
      return old(options)
    end
    local list = callbacks.CallbackList { add_progbar = true, epochs = 2, steps = 3, verbose = 1 }
    list:on_epoch_begin(0)
    list:on_train_batch_end(2, { loss = 1 })
    list:on_epoch_end(0, { val_loss = 3, loss = 2, accuracy = 1 })
    assert.equal(1, #written)
    assert.matches("^Epoch 1/2 %- 3/3 ", written[1])
    assert.matches(" %- accuracy: 1.0000 %- loss: 2.0000 %- val_loss: 3.0000\n$", written[1])
    local model, x, y = model_and_data()
    written = {}
    model:fit(x, y, { verbose = 1, callbacks = { callbacks.ProgbarLogger {} } })
    progbar.new = old
    assert.equal(1, #written)
  end)
end)
