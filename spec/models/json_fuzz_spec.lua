-- Texts with something wrong at a random place: a model, or an error that says where, and never an
-- error of our own code. The places are the same in every run.

local k = require "lunula"
local json = require "lunula.saving.json"
local warn = require "lunula.utils.warn"
local golden = require "spec.support.golden"
local own = require "spec.support.own_models"

local seed = 7
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2^31
  return math.tointeger(seed // 65536 % n) + 1
end

local function list(t) return setmetatable(t, { __jsontype = "array" }) end

local wrong = {
  k.None, -1, 7, 0, 0.5, 1000.0, "x", true, false, list {}, list { 1, "a" },
  list { false, 3 }, list { "dense", 0, 0 }, setmetatable({}, { __jsontype = "object" }),
  { class_name = "Dense", config = { units = 2 } }, { class_name = 3 },
}

-- Every {table, key} of the tree, in a fixed order.
local function places(tree, found)
  for _, key in ipairs(json.fields(tree)) do
    found[#found + 1] = { tree, key }
    if type(tree[key]) == "table" then places(tree[key], found) end
  end
  return found
end

local texts = {}
for file in io.popen "ls spec/golden/models":lines() do
  texts[#texts + 1] = golden.read("models/" .. file).json
end

-- What a message must not hold: the marks of an error in our code.
local function is_ours(message)
  return message:find "attempt to" or message:find "bad argument" or message:find "stack overflow"
    or not message:find "json_fuzz_spec.lua:%d+: model_from_json: "
end

describe("a text with something wrong", function ()
  local sink = warn.sink
  setup(function () warn.sink = function () end end)
  teardown(function () warn.sink = sink end)

  for round = 1, 8 do
    it(("is a model or an error at the user's line, %d"):format(round), function ()
      for _ = 1, 60 do
        local tree = json.decode(texts[random(#texts)])
        local found = places(tree, {})
        local place = found[random(#found)]
        place[1][place[2]] = wrong[random(#wrong)]
        local text = json.encode(tree)
        local ok, message = pcall(function () return k.models.model_from_json(text, own.custom) end)
        if not ok and is_ours(tostring(message)) then error(tostring(message), 0) end
      end
    end)
  end

  it("is an error when it ends too early", function ()
    local text = texts[1]
    for i = 1, 40 do
      local cut = text:sub(1, #text * i // 41)
      assert.error_at_line(function () k.models.model_from_json(cut) end, "this is no JSON")
    end
  end)
end)
