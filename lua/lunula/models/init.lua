-- k.models: the ways to make a model.

local clone_model = require "lunula.models.clone"
local functional = require "lunula.models.functional"
local model = require "lunula.models.model"
local sequential = require "lunula.models.sequential"

-- Files are read by those who ask for it.
local function model_from_json(...)
  return require("lunula.saving").model_from_json(...)
end

return {
  Input = functional.Input,
  Sequential = sequential.Sequential,
  Model = functional.Functional,
  Functional = functional.Functional,
  clone_model = clone_model,
  model_from_json = model_from_json,
  declare = model.declare,
}
