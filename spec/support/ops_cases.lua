-- The case table of the ops: one row a case, at least one for every op of the catalogue. A row:
--
--   { "op", { inputs }, { attributes },
--     names = { parameter of each input },  -- when they do not come first; the first always does
--     call = "list" | "rest" | "variadic" | "einsum" | "pairs",  -- how the inputs are passed on
--     ref = function (data) -> flat numbers,  -- where Keras has no such op; else golden numbers
--     tol = 1e-5,
--     grad = false | { inputs },    -- default: every float32 input
--     second = false,               -- no second derivative; default: there is one
--     free = { { axes }, ... } | false,  -- sizes unknown in the trace, by input; default: axis 0
--                                        -- of the first input when it has two axes or more, and
--                                        -- of those that have the same rank and first size
--     batches = false,              -- the attributes fix the batch: no other sizes are tried
--     traced = false,               -- needs values, cannot be traced
--     big = { inputs } }            -- large enough to be shared between threads

local elementwise_families = { elementwise = true, activations = true }
local along_an_axis = { softmax = true, log_softmax = true, glu = true, sparsemax = true }

local cases = {}

-- Inputs of the same rank and the same first size are a batch together.
local function batches_of(inputs)
  local first = inputs[1]
  if not first or #first.shape < 2 then return false end
  local free = {}
  for i, input in ipairs(inputs) do
    local together = #input.shape == #first.shape and input.shape[1] == first.shape[1]
    free[i] = together and { 0 } or {}
  end
  return free
end

for _, family in ipairs { "elementwise", "activations", "reduce", "shape", "make", "index",
  "linalg", "nn", "image", "conv", "rows", "text", "sort", "statistics", "bits", "decompose",
  "fourier", "blocks", "ctc" } do
  local count = {}
  for _, row in ipairs(require("spec.support.ops_cases." .. family)) do
    local name = row[1]
    count[name] = (count[name] or 0) + 1
    row.op, row.inputs, row.attributes = name, row[2], row[3] or {}
    row.key = ("%s/%d"):format(name, count[name])
    row.elementwise = elementwise_families[family] and not along_an_axis[name] and #row[2] > 0
    if row.free == nil then row.free = batches_of(row.inputs) end
    cases[#cases + 1] = row
  end
end

return cases
