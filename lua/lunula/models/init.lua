-- k.models: the ways to make a model.

local clone_model = require "lunula.models.clone"
local functional = require "lunula.models.functional"
local model = require "lunula.models.model"
local sequential = require "lunula.models.sequential"

-- Files are read by those who ask for it.
local function saving(name)
  return function (...) return require("lunula.saving")[name](...) end
end

return {
  Input = functional.Input,
  Sequential = sequential.Sequential,
  Model = functional.Functional,
  Functional = functional.Functional,
  clone_model = clone_model,
  model_from_json = saving "model_from_json",
  load_model = saving "load_model",
  save_model = saving "save_model",
  declare = model.declare,
}
