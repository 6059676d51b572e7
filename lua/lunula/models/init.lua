-- k.models: the ways to make a model.

local is_plain = require("lunula.declare").is_plain
local functional = require "lunula.models.functional"
local model = require "lunula.models.model"
local sequential = require "lunula.models.sequential"

-- Files are read by those who ask for it.
local function saving(name)
  return function (...) return require("lunula.saving")[name](...) end
end

-- k.model "Name" {…}: a class of models. One that has neither a call nor anything to make it from
-- is made of inputs and outputs, as k.Model{inputs =, outputs =} is.
local function declare(name)
  local declare_class = model.declare(name)
  return function (spec)
    if is_plain(spec) and not (spec.parent or spec.call or spec.init or spec.args) then
      local copy = { parent = functional.Functional }
      for key, value in pairs(spec) do copy[key] = value end
      spec = copy
    end
    return declare_class(spec)
  end
end

return {
  Input = functional.Input,
  Sequential = sequential.Sequential,
  Model = functional.Functional,
  Functional = functional.Functional,
  clone_model = function (...) return require "lunula.models.clone"(...) end,
  model_from_json = saving "model_from_json",
  load_model = saving "load_model",
  save_model = saving "save_model",
  declare = declare,
}
