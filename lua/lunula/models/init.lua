-- k.models: the ways to make a model.

local functional = require "lunula.models.functional"
local model = require "lunula.models.model"
local sequential = require "lunula.models.sequential"

local models = {
  Input = functional.Input,
  Sequential = sequential.Sequential,
  Model = functional.Functional,
  Functional = functional.Functional,
  declare = model.declare,
}

-- What reads and writes files is loaded when it is asked for.
local elsewhere = {
  clone_model = "lunula.models.config", model_from_json = "lunula.saving",
  load_model = "lunula.saving",
}

return setmetatable(models, {
  __index = function(_, name)
    local module = elsewhere[name]
    if not module then return nil end
    local value = require(module)[name]
    models[name] = value
    return value
  end,
})
