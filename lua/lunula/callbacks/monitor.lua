-- Callbacks that watch one number: EarlyStopping, ReduceLROnPlateau, and what they share.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local ranks = require "lunula.distribution.ranks"
local callback = require "lunula.callbacks.callback"

local monitor = {}

local upward = { "acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "positives",
  "cosine", "correlation" }
local downward = { "loss", "error", "mse", "mae", "mape", "msle", "crossentropy", "hinge",
  "divergence", "poisson",
  "negatives", "logcosh", "huber", "kld" }

-- Is more better? From mode, else from what the monitored number is called.
function monitor.is_upward(self)
  if self.mode == "max" then return true end
  if self.mode == "min" then return false end
  local name = self.monitor:lower()
  for _, word in ipairs(downward) do
    if name:find(word, 1, true) then return false end
  end
  for _, word in ipairs(upward) do
    if name:find(word, 1, true) then return true end
  end
  core.raise("%s: cannot tell whether more or less of \"%s\" is better; give mode=\"min\" or "
    .. "mode=\"max\"",
    declare.class_of(self).name, self.monitor)
end

function monitor.improves(self, value, reference, least)
  if reference == nil then return true end
  if self.upward then return value - least > reference end
  return value + least < reference
end

-- The monitored number of this epoch, or nil after a warning that names what there is.
function monitor.value(self, logs)
  local value = logs[self.monitor]
  if value == nil and not self.warned then
    self.warned = true
    local names = {}
    for name in pairs(logs) do names[#names + 1] = name end
    table.sort(names)
    require("lunula.utils.warn").say("%s watches \"%s\", which is not among %s",
      declare.class_of(self).name,
      self.monitor, table.concat(names, ", "))
  end
  return value
end

local mode = { "mode", kinds.one_of { "auto", "min", "max" }, default = "auto" }
local monitored = { "monitor", kinds.string, default = "val_loss" }
local verbose = { "verbose", kinds.count, default = 0 }
monitor.args = { mode = mode, monitored = monitored, verbose = verbose }

callback.declare "EarlyStopping" {
  doc = "Ends training when the monitored number has not improved for `patience` epochs.",
  args = {
    monitored, { "min_delta", kinds.number, default = 0 },
    { "patience", kinds.count, default = 0 }, verbose, mode,
    { "baseline", kinds.number,
      doc = "what the number has to be better than" },
    { "restore_best_weights", kinds.boolean, default = false,
      doc = "whether the weights of the best epoch are put back at the end" },
    { "start_from_epoch", kinds.count, default = 0, doc = "before this epoch nothing is watched" },
  },
  on_train_begin = function(self)
    self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
    self.best, self.best_weights, self.warned = nil, nil, nil
    self.upward = monitor.is_upward(self)
  end,
  on_epoch_end = function(self, epoch, logs)
    local value = monitor.value(self, logs)
    if value == nil or epoch < self.start_from_epoch then return end
    local model, least = self.model, math.abs(self.min_delta)
    if self.restore_best_weights and self.best_weights == nil then
      self.best_weights, self.best_epoch = model:get_weights(), epoch
    end
    self.wait = self.wait + 1
    if monitor.improves(self, value, self.best, least) then
      self.best, self.best_epoch = value, epoch
      if self.restore_best_weights then self.best_weights = model:get_weights() end
      if self.baseline == nil or monitor.improves(self, value, self.baseline, least) then
        self.wait = 0
      end
      return
    end
    if self.wait >= self.patience and epoch > 0 then
      self.stopped_epoch = epoch
      model.stop_training = true
    end
  end,
  on_train_end = function(self)
    if self.stopped_epoch > 0 and self.verbose > 0 then
      ranks.print(string.format("Epoch %d: early stopping", self.stopped_epoch + 1))
    end
    if self.restore_best_weights and self.best_weights then
      if self.verbose > 0 then
        ranks.print(string.format("Restoring model weights from the end of the best epoch: %d.",
          self.best_epoch + 1))
      end
      self.model:set_weights(self.best_weights)
    end
  end,
}

callback.declare "ReduceLROnPlateau" {
  doc = "Lowers the learning rate when the monitored number has not improved for `patience` "
    .. "epochs.",
  args = {
    monitored, { "factor", kinds.number, default = 0.1, doc = "by what the rate is multiplied" },
    { "patience", kinds.count, default = 10 }, verbose, mode,
    { "min_delta", kinds.number, default = 1e-4 }, { "cooldown", kinds.count, default = 0,
      doc = "for how many epochs nothing is counted after that" },
    { "min_lr", kinds.number, default = 0.0, doc = "the least rate" },
  },
  init = function(self)
    if self.factor >= 1 then
      core.raise("ReduceLROnPlateau: factor must be below 1, got %g", self.factor)
    end
  end,
  on_train_begin = function(self)
    self.wait, self.cooling, self.best, self.warned = 0, 0, nil, nil
    self.upward = monitor.is_upward(self)
  end,
  on_epoch_end = function(self, epoch, logs)
    local optimizer = self.model.optimizer
    logs.learning_rate = optimizer.learning_rate
    local value = monitor.value(self, logs)
    if value == nil then return end
    if self.cooling > 0 then
      self.cooling, self.wait = self.cooling - 1, 0
    end
    if monitor.improves(self, value, self.best, self.min_delta) then
      self.best, self.wait = value, 0
    elseif self.cooling <= 0 then
      self.wait = self.wait + 1
      if self.wait < self.patience then return end
      local old = optimizer.learning_rate
      if old <= self.min_lr then return end
      optimizer.learning_rate = math.max(old * self.factor, self.min_lr)
      if self.verbose > 0 then
        ranks.print(string.format("\nEpoch %d: ReduceLROnPlateau reducing learning rate to %.8g.",
          epoch + 1,
          optimizer.learning_rate))
      end
      self.cooling, self.wait = self.cooldown, 0
    end
  end,
}

return monitor
