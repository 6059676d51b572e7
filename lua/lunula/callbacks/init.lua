-- The callbacks by name, and the list that a training loop tells its events to.

local core = require "lunula.core"
local declare = require "lunula.declare"
local callback = require "lunula.callbacks.callback"
local simple = require "lunula.callbacks.simple"
require "lunula.callbacks.monitor"
require "lunula.callbacks.checkpoint"
require "lunula.callbacks.tensorboard"
require "lunula.callbacks.loops"
require "lunula.callbacks.remote"

local callbacks = declare.catalogue("callback", callback.classes)

callbacks.declare = callback.door

-- Not here, and it says so: it writes a format of JAX's. ModelCheckpoint saves models.
function callbacks.OrbaxCheckpoint()
  core.raise("OrbaxCheckpoint writes a format of JAX's; ModelCheckpoint and BackupAndRestore save "
    .. "models here")
end

-- params.history: shall a History be kept?
function callbacks.list(model, given, params)
  if type(params) ~= "table" then
    core.raise("callbacks.list: params must be a table, got %s", type(params))
  end
  params.draws_progress = true
  return callback.list(model, given, params, params.history and simple.History {} or nil)
end

return callbacks
