-- For loops of the user's own: CallbackList, which tells callbacks what happens, and ProgbarLogger,
-- the bar that fit draws by itself.

local kinds = require "lunula.kinds"
local progbar = require "lunula.utils.progbar"
local verbosity = require "lunula.utils.verbosity"
local callback = require "lunula.callbacks.callback"
local simple = require "lunula.callbacks.simple"

-- ---- ProgbarLogger -----------------------------------------------------------------------------

-- As Keras shows them: by alphabet, those of validation last.
local function shown(logs)
  local list = {}
  for name, value in pairs(logs or {}) do
    if type(value) == "number" then list[#list + 1] = { name, value } end
  end
  table.sort(list, function(a, b)
    local x, y = a[1]:find "^val_", b[1]:find "^val_"
    if (x == nil) ~= (y == nil) then return x == nil end
    return a[1] < b[1]
  end)
  return list
end

local function begin(self, title)
  local params = self.params or {}
  self.bar = progbar.new { target = params.steps, title = title,
    verbose = verbosity.read("ProgbarLogger", params.verbose, 1) }
  self.steps = 0
end

local function batch_end(self, batch, logs)
  self.steps = batch + 1
  if self.bar then self.bar:update(self.steps, self.bar.live and shown(logs) or {}) end
end

local function finish(self, logs)
  if self.bar then self.bar:finish(self.steps, shown(logs)) end
  self.bar = nil
end

local ProgbarLogger = callback.declare "ProgbarLogger" {
  doc = "Draws the progress of a loop of one's own. fit, evaluate and predict do so by themselves, "
    .. "so there it changes nothing.",
  args = {},
  draws_progress = true, tells_others = true,
  on_epoch_begin = function(self, epoch)
    local params = self.params or {}
    local heading = ("Epoch %d/%s"):format(epoch + 1, params.epochs or "?")
    begin(self, heading .. " - ")
    if self.bar.verbose == 1 and self.bar.live then
      self.bar.title = nil
      self.bar.write(heading .. "\n")
    end
  end,
  on_train_batch_end = batch_end,
  on_epoch_end = function(self, _, logs) finish(self, logs) end,
  on_test_begin = function(self)
    self.within_epoch = self.bar ~= nil
    if not self.within_epoch then begin(self) end
  end,
  on_test_batch_end = function(self, batch, logs)
    if not self.within_epoch then batch_end(self, batch, logs) end
  end,
  on_test_end = function(self, logs)
    if not self.within_epoch then finish(self, logs) end
  end,
  on_predict_begin = function(self) begin(self) end,
  on_predict_batch_end = function(self, batch) batch_end(self, batch) end,
  on_predict_end = function(self) finish(self) end,
}

-- ---- CallbackList ------------------------------------------------------------------------------

local function rebuild(self)
  self.list = callback.list(self.model, self.callbacks, self.params)
end

local declaration = {
  doc = "Tells callbacks what happens in a loop of one's own: list:on_epoch_end(epoch, logs). "
    .. "epochs, steps and verbose are what the callbacks find in their params.",
  args = {
    { "callbacks", kinds.any }, { "add_history", kinds.boolean, default = false },
    { "add_progbar", kinds.boolean, default = false }, { "model", kinds.any },
    { "epochs", kinds.positive }, { "steps", kinds.positive }, { "verbose", kinds.any },
  },
  init = function(self)
    self.params = { epochs = self.epochs, steps = self.steps, verbose = self.verbose }
    local given = callback.check(self.callbacks)
    self.callbacks = table.move(given, 1, #given, 1, {})
    if self.add_progbar then table.insert(self.callbacks, ProgbarLogger {}) end
    if self.add_history then
      self.history = simple.History {}
      table.insert(self.callbacks, self.history)
    end
    rebuild(self)
  end,
  append = function(self, item)
    table.insert(self.callbacks, item)
    rebuild(self)
  end,
  set_model = function(self, model)
    self.model = model
    rebuild(self)
  end,
  set_params = function(self, params)
    self.params = params
    rebuild(self)
  end,
}
for _, hook in ipairs(callback.hooks) do
  declaration[hook] = function(self, ...) self.list:call(hook, ...) end
end
callback.declare "CallbackList" (declaration)

