-- TensorBoard: what happens in a fit, as event files that TensorBoard shows.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local callback = require "lunula.callbacks.callback"
local event_file = require "lunula.callbacks.event_file"
local paths = require "lunula.utils.paths"

local function names_of(logs)
  local names = {}
  for name, value in pairs(logs or {}) do
    if type(value) == "number" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Files are made when there is something to write: which is "train" or "validation".
local function writer(self, which)
  if not self.writers[which] then
    self.writers[which] = event_file.new(self.log_dir .. "/" .. which)
  end
  return self.writers[which]
end

local function iterations(self)
  local optimizer = self.model and self.model.optimizer
  local count = optimizer and optimizer.iterations
  if core.is_tensor(count) then
    count = (core.is_variable(count) and count.value or count):item()
  end
  return math.tointeger(count or 0) or 0
end

local function write_graph(self)
  local ok, text = pcall(self.model.to_json, self.model)
  if ok then writer(self, "train"):text("keras", "graph_keras_model", text, 0) end
end

local function write_histograms(self, epoch)
  for _, layer in ipairs(self.model.layers) do
    for _, weight in ipairs(layer.weights) do
      local values = weight.value:reshape { -1 }:totable()
      writer(self, "train"):histogram(paths.of(weight) .. "/histogram", values, epoch)
    end
  end
end

local function write_epoch(self, epoch, logs)
  for _, name in ipairs(names_of(logs)) do
    local plain = name:match "^val_(.+)"
    writer(self, plain and "validation" or "train"):scalar("epoch_" .. (plain or name), logs[name],
      epoch)
  end
  if not logs.learning_rate and self.model.optimizer then
    writer(self, "train"):scalar("epoch_learning_rate", self.model.optimizer.learning_rate, epoch)
  end
  if self.write_steps_per_second then
    local seconds = math.max(core.clock() - self.epoch_began, 1e-9)
    local steps = iterations(self) - self.epoch_first
    writer(self, "train"):scalar("epoch_steps_per_second", steps / seconds, epoch)
  end
end

-- Hooks of batches make fit come back to Lua after each, so they are there only when asked for.
local function watch_batches(self)
  local every = self.update_freq == "batch" and 1 or self.update_freq
  if every == "epoch" then return end
  self.on_train_batch_end = function(me, _, logs)
    me.batches = me.batches + 1
    if me.batches % every ~= 0 then return end
    for _, name in ipairs(names_of(logs)) do
      writer(me, "train"):scalar("batch_" .. name, logs[name], me.batches)
    end
  end
end

local function refuse_what_is_not_there(self)
  local remedies = {
    write_images = "k.utils.plot_images draws weights",
    profile_batch = "measure the steps with write_steps_per_second",
    embeddings_freq = "write the weights of the layer to a file",
    embeddings_metadata = "write the weights of the layer to a file",
  }
  for _, name in ipairs { "write_images", "profile_batch", "embeddings_freq",
    "embeddings_metadata" } do
    local value = self[name]
    if value ~= nil and value ~= false and value ~= 0 then
      core.raise("TensorBoard: %s is not supported; %s", name, remedies[name])
    end
  end
end

callback.declare "TensorBoard" {
  tells_others = true,
  doc = "Writes event files for TensorBoard into log_dir/train and log_dir/validation: results of "
    .. "epochs, of every update_freq batches, histograms of weights, the model as a graph.",
  args = {
    { "log_dir", kinds.string, default = "logs",
      doc = "the folder of the files" },
    { "histogram_freq", kinds.count, default = 0,
      doc = "after how many epochs weights are written as histograms; 0: never" },
    { "write_graph", kinds.boolean, default = true, doc = "whether the architecture is written" },
    { "write_images", kinds.boolean, default = false },
    { "write_steps_per_second", kinds.boolean, default = false },
    { "update_freq", {
      name = '"epoch", "batch" or a number of batches',
      check = function(value)
        return (value == "epoch" or value == "batch") and value or kinds.positive.check(value)
      end,
    }, default = "epoch", doc = "epoch, batch, or after how many batches" },
    { "profile_batch", kinds.any, default = 0 }, { "embeddings_freq", kinds.count, default = 0 },
    { "embeddings_metadata", kinds.any },
  },
  init = function(self)
    refuse_what_is_not_there(self)
    self.writers, self.batches = {}, 0
    watch_batches(self)
  end,
  on_train_begin = function(self)
    if self.write_graph then write_graph(self) end
  end,
  on_epoch_begin = function(self)
    self.epoch_began, self.epoch_first = core.clock(), iterations(self)
  end,
  on_epoch_end = function(self, epoch, logs)
    write_epoch(self, epoch, logs)
    if self.histogram_freq > 0 and epoch % self.histogram_freq == 0 then
      write_histograms(self, epoch)
    end
    for _, file in pairs(self.writers) do file:flush() end
  end,
  on_test_end = function(self, logs)
    for _, name in ipairs(names_of(logs)) do
      writer(self, "validation"):scalar("evaluation_" .. name .. "_vs_iterations", logs[name],
        iterations(self))
    end
    for _, file in pairs(self.writers) do file:flush() end
  end,
  on_train_end = function(self)
    for _, file in pairs(self.writers) do file:close() end
    self.writers = {}
  end,
}
