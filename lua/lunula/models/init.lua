-- k.models: the ways to make a model.

local config = require "lunula.models.config"
local functional = require "lunula.models.functional"
local model = require "lunula.models.model"
local sequential = require "lunula.models.sequential"

return {
  Input = functional.Input,
  Sequential = sequential.Sequential,
  Model = functional.Functional,
  Functional = functional.Functional,
  clone_model = config.clone_model,
  declare = model.declare,
}
