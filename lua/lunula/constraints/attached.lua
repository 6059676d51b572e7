-- The constraint of a Variable, kept beside it, since Variables carry no such fields: layers attach
-- it, optimizers put the value right with it after every update.

local core = require "lunula.core"

local attached = {}

local constraints = setmetatable({}, { __mode = "k" })

function attached.set(variable, constraint) constraints[variable] = constraint end

-- A function of a value, or nil.
function attached.of(variable) return constraints[variable] end

core.variable_field("constraint", attached.of)

return attached
