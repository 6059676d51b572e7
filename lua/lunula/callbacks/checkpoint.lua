-- ModelCheckpoint and BackupAndRestore: what is saved while a fit runs.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local warn = require "lunula.utils.warn"
local ranks = require "lunula.distribution.ranks"
local callback = require "lunula.callbacks.callback"
local monitor = require "lunula.callbacks.monitor"

-- ---- when --------------------------------------------------------------------------------------

local save_freq = {
  "save_freq", {
    name = '"epoch" or a number of batches',
    check = function (value)
      return value == "epoch" and value or kinds.positive.check(value)
    end,
  }, default = "epoch",
}

-- Is it time after this batch (from 0)? Batches are counted over epochs.
local function is_due(self, batch)
  local last = self.last_batch
  local is_new_epoch = not last or batch <= last
  self.batches_since = (self.batches_since or 0) + (is_new_epoch and batch + 1 or batch - last)
  self.last_batch = batch
  if self.batches_since < self.save_freq then return false end
  self.batches_since = 0
  return true
end

-- A hook for every batch makes fit come back to Lua after each, so there is one only where it is
-- needed.
local function save_by_batches(self, save)
  if self.save_freq == "epoch" then return end
  self.on_train_batch_end = function (me, batch, logs)
    if is_due(me, batch) then save(me, batch, logs) end
  end
end

local function make_folder_of(path)
  local folder = path:match "^(.*)/[^/]*$"
  if folder and folder ~= "" then core.make_folders(folder) end
end

-- ---- ModelCheckpoint ---------------------------------------------------------------------------

local function tell(self, text, ...)
  if self.verbose > 0 then ranks.print(("\nEpoch %d: " .. text):format(self.epoch + 1, ...)) end
end

local function number(value)
  return value == nil and "None" or ("%.5f"):format(value)
end

-- Shall the model be saved? With save_best_only, when the monitored number is the best so far.
local function is_wanted(self, logs, path)
  if not self.save_best_only then
    tell(self, "saving model to %s", path)
    return true
  end
  local value = logs[self.monitor]
  if type(value) ~= "number" then
    if not self.warned then
      self.warned = true
      warn.say("Can save best model only with %s available.", self.monitor)
    end
    return true
  end
  if self.upward == nil then self.upward = monitor.is_upward(self) end
  if not monitor.improves(self, value, self.best, 0) then
    tell(self, "%s did not improve from %s", self.monitor, number(self.best))
    return false
  end
  tell(self, "%s improved from %s to %s, saving model to %s", self.monitor, number(self.best),
    number(value), path)
  self.best = value
  return true
end

local function save_checkpoint(self, batch, logs)
  local values = { epoch = self.epoch + 1, batch = batch and batch + 1 }
  for name, value in pairs(logs) do values[name] = value end
  local path = require("lunula.callbacks.file_pattern").fill(self.filepath, values)
  if not is_wanted(self, logs, path) then return end
  make_folder_of(path)
  if self.save_weights_only then
    self.model:save_weights(path)
  else
    self.model:save(path)
  end
  tell(self, "finished saving model to %s", path)
end

callback.declare "ModelCheckpoint" {
  doc = "Saves the model, or its weights, after every epoch or every save_freq batches; filepath "
    .. 'may name numbers: "{epoch:02d}-{val_loss:.2f}.safetensors".',
  args = {
    { "filepath", kinds.string, required = true,
      doc = "the path, in which {epoch:02d} and {val_loss:.2f} are filled in" },
    monitor.args.monitored, monitor.args.verbose,
    { "save_best_only", kinds.boolean, default = false,
      doc = "whether only the best so far is kept" },
    { "save_weights_only", kinds.boolean, default = false,
      doc = "whether weights alone are saved" }, monitor.args.mode, save_freq,
    { "initial_value_threshold", kinds.number,
      doc = "what the first number has to be better than" },
  },
  init = function (self)
    self.best, self.epoch = self.initial_value_threshold, 0
    save_by_batches(self, save_checkpoint)
  end,
  on_train_begin = function (self) self.model:_check_ending(self.filepath) end,
  on_epoch_begin = function (self, epoch) self.epoch = epoch end,
  on_epoch_end = function (self, epoch, logs)
    self.epoch = epoch
    if self.save_freq == "epoch" then save_checkpoint(self, nil, logs) end
  end,
}

-- ---- BackupAndRestore --------------------------------------------------------------------------

local function paths_of(self)
  local folder = self.backup_dir
  return folder .. "/latest.safetensors", folder .. "/previous.safetensors"
end

-- The file is replaced as a whole: there is no time at which none is right.
local function back_up(self)
  local latest, previous = paths_of(self)
  if ranks.writes() then core.make_folders(self.backup_dir) end
  if ranks.writes() and self.double_checkpoint and core.file_kind(latest) then
    os.rename(latest, previous)
  end
  self.model:_save_training(latest)
end

local function restore(self)
  ranks.await_files()
  local latest, previous = paths_of(self)
  local problem
  for _, path in ipairs { latest, previous } do
    if core.file_kind(path) == "file" then
      local ok, result = pcall(self.model._load_training, self.model, path)
      if ok then return result end
      problem = problem or result
    end
  end
  if problem then error(problem, 0) end
  return nil
end

local function delete(self)
  if not ranks.writes() then return end
  local latest, previous = paths_of(self)
  os.remove(latest)
  os.remove(previous)
  os.remove(self.backup_dir)   -- which stays if something else is in it
end

callback.declare "BackupAndRestore" {
  doc = "Saves where a fit stands, after every epoch or every save_freq batches; a fit that was "
    .. "broken off goes on from there when it is started again.",
  args = {
    { "backup_dir", kinds.string, required = true, doc = "the folder of the backup" }, save_freq,
    { "double_checkpoint", kinds.boolean, default = false,
      doc = "whether the one before the last is kept too" },
    { "delete_checkpoint", kinds.boolean, default = true,
      doc = "whether it is removed when fit has ended well" },
  },
  comes_last = true,
  init = function (self)
    if self.backup_dir == "" then core.raise("BackupAndRestore: backup_dir is empty") end
    save_by_batches(self, back_up)
  end,
  on_train_begin = function (self)
    if not self.model.built then
      core.raise('BackupAndRestore: model "%s" must be built before fit: call it on data, or '
        .. "build it by model:build{…}", self.model.name)
    end
    rawset(self.model, "_resume", restore(self))
  end,
  on_epoch_end = function (self)
    if self.save_freq == "epoch" then back_up(self) end
  end,
  on_train_end = function (self)
    if self.delete_checkpoint then delete(self) end
  end,
}
