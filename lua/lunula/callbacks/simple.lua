-- History, LambdaCallback, LearningRateScheduler, TerminateOnNaN, CSVLogger, SwapEMAWeights.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ranks = require "lunula.distribution.ranks"
local callback = require "lunula.callbacks.callback"

local simple = {}

simple.History = callback.declare "History" {
  doc = "What fit returns: history[name] is the list of values by epoch, epoch the list of epochs.",
  __tostring = function(self)
    local names, words = {}, { ("%d epochs"):format(#self.epoch) }
    for name in pairs(self.history) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      local list = self.history[name]
      local last = list[#list]
      words[#words + 1] = type(last) == "number" and ("%s %.4g"):format(name, last) or name
    end
    return "History{" .. table.concat(words, ", ") .. "}"
  end,
  is_history = true,
  init = function(self)
    self.epoch, self.history = declare.list {}, declare.list {}
  end,
  on_train_begin = function(self)
    self.epoch, self.history = declare.list {}, declare.list {}
  end,
  on_epoch_end = function(self, epoch, logs)
    self.epoch[#self.epoch + 1] = epoch
    for name, value in pairs(logs) do
      local list = self.history[name] or {}
      list[#list + 1] = value
      self.history[name] = list
    end
  end,
}

local lambda_args, lambda_hooks = {}, {}
for _, hook in ipairs {
  "on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_begin",
  "on_train_batch_end",
} do
  lambda_hooks[#lambda_hooks + 1] = hook
end
for _, hook in ipairs(callback.hooks) do
  local listed = false
  for _, known in ipairs(lambda_hooks) do listed = listed or known == hook end
  if not listed then lambda_hooks[#lambda_hooks + 1] = hook end
end
for _, hook in ipairs(lambda_hooks) do
  lambda_args[#lambda_args + 1] = { hook, kinds.callable, field = "_" .. hook }
end

-- The functions are called as they were written, without self.
callback.declare "LambdaCallback" {
  doc = "Hooks given as functions: LambdaCallback{on_epoch_end = function(epoch, logs) … end}.",
  args = lambda_args,
  init = function(self)
    for _, hook in ipairs(lambda_hooks) do
      local fn = self["_" .. hook]
      if fn then self[hook] = function(_, ...) return fn(...) end end
    end
  end,
}

callback.declare "LearningRateScheduler" {
  doc = "Sets the learning rate of every epoch: schedule(epoch, learning_rate), epochs counted "
    .. "from 0.",
  args = { { "schedule", kinds.callable, required = true,
    doc = "the function (epoch, rate): the rate of this epoch" },
    { "verbose", kinds.count, default = 0 } },
  on_epoch_begin = function(self, epoch)
    local optimizer = self.model.optimizer
    local rate = self.schedule(epoch, optimizer.learning_rate)
    if type(rate) ~= "number" and not core.is_tensor(rate) then
      core.raise("LearningRateScheduler: the schedule must return a number, got %s", type(rate))
    end
    optimizer.learning_rate = rate
    if self.verbose > 0 then
      ranks.print(string.format("\nEpoch %d: LearningRateScheduler setting learning rate to %.8g.",
        epoch + 1,
        optimizer.learning_rate))
    end
  end,
  on_epoch_end = function(self, _, logs)
    logs.learning_rate = self.model.optimizer.learning_rate
  end,
}

callback.declare "TerminateOnNaN" {
  doc = "Ends training, instead of raising an error, when the loss or a gradient is not finite.",
  args = { { "raise_error", kinds.boolean, default = false,
    doc = "whether it raises, and does not just end training" } },
  handles_nan = true,
  on_train_batch_end = function(self, batch, logs)
    local loss = logs.loss
    if loss == nil or loss == loss and math.abs(loss) < math.huge then return end
    if self.raise_error then core.raise("NaN or Inf loss encountered at batch %d", batch) end
    ranks.print(string.format("Batch %d: Invalid loss, terminating training", batch))
    self.model.stop_training = true
  end,
}

-- A cell as CSV has it: in quotes where it would be taken for several.
local function cell(text, separator)
  if not (text:find(separator, 1, true) or text:find '["\r\n]') then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

-- What the disk has no room for may be said when it is flushed.
local function write_line(self, cells)
  for i, text in ipairs(cells) do cells[i] = cell(text, self.separator) end
  local ok, problem = self.file:write(table.concat(cells, self.separator), "\r\n")
  if ok then ok, problem = self.file:flush() end
  if not ok then core.raise("CSVLogger: cannot write %s: %s", self.filename, problem) end
end

local separator = {
  name = "a string that is not empty",
  check = function(value) return type(value) == "string" and value ~= "" and value or nil end,
}

callback.declare "CSVLogger" {
  tells_others = true,
  doc = "Writes the results of every epoch as a line of a CSV file.",
  args = {
    { "filename", kinds.string, required = true,
      doc = "the path of the file" },
    { "separator", separator, default = ",",
      doc = "what stands between columns" },
    { "append", kinds.boolean, default = false,
      doc = "whether lines are added to a file that is there" },
  },
  on_train_begin = function(self)
    self.keys = nil
    local old = self.append and io.open(self.filename, "rb")
    self.has_header = false
    if old then
      self.has_header = old:read(1) ~= nil
      old:close()
    end
    local file, message = io.open(self.filename, self.append and "ab" or "wb")
    if not file then core.raise("CSVLogger: %s", message) end
    self.file = file
  end,
  on_epoch_end = function(self, epoch, logs)
    if not self.keys then
      self.keys = {}
      for name in pairs(logs) do self.keys[#self.keys + 1] = name end
      table.sort(self.keys)
      if not self.has_header then
        write_line(self, { "epoch", table.unpack(self.keys) })
      end
    end
    local pointed = require "lunula.utils.pointed"
    local cells = { string.format("%d", epoch) }
    for _, name in ipairs(self.keys) do
      local value = logs[name]
      cells[#cells + 1] = value == nil and "NA" or type(value) == "number"
        and pointed("%.9g", value)
        or tostring(value)
    end
    write_line(self, cells)
  end,
  on_train_end = function(self)
    if self.file then self.file:close() end
    self.file = nil
  end,
}

-- Exchanges variables and their averages; twice is nothing.
local function swap(self)
  local optimizer, model = self.model.optimizer, self.model
  if not optimizer.use_ema then
    core.raise("SwapEMAWeights: the optimizer must be made with use_ema=true")
  end
  for _, variable in ipairs(model.trainable_weights) do
    local average = optimizer.averages[variable]
    if average then
      local value = variable.value
      variable:assign(average.value)
      average:assign(value)
    end
  end
end

callback.declare "SwapEMAWeights" {
  doc = "Evaluates (and with swap_on_epoch ends every epoch) with the averaged weights.",
  args = { { "swap_on_epoch", kinds.boolean, default = false,
    doc = "whether weights change places in each epoch, not just for evaluation" } },
  on_epoch_begin = function(self) if self.swap_on_epoch and self.swapped then swap(self) end end,
  on_epoch_end = function(self)
    if not self.swap_on_epoch then return end
    swap(self)
    self.swapped = true
  end,
  on_test_begin = function(self) if not self.swap_on_epoch then swap(self) end end,
  on_test_end = function(self) if not self.swap_on_epoch then swap(self) end end,
  on_predict_begin = function(self) if not self.swap_on_epoch then swap(self) end end,
  on_predict_end = function(self) if not self.swap_on_epoch then swap(self) end end,
}

return simple
