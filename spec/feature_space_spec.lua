-- k.utils.FeatureSpace beside Keras's (spec/golden/feature_space.jsonl), in models, in files.

local core = require "lunula.core"
local json = require "lunula.saving.json"
local k = require "lunula"
local scratch = require "spec.support.scratch"

local FeatureSpace = k.utils.FeatureSpace

local cases, data, asked = {}, nil, nil
for line in io.lines "spec/golden/feature_space.jsonl" do
  local case = json.decode(line)
  if case.data then data, asked = case.data, case.asked else cases[#cases + 1] = case end
end

local function space_of(case)
  local given = {}
  for key, value in pairs(case) do given[key] = value end
  given.features, given.crosses = {}, {}
  for name, value in pairs(case.features) do
    given.features[name] = type(value) == "string" and value or FeatureSpace[value[1]](value[2])
  end
  for i, cross in ipairs(case.crosses or {}) do
    given.crosses[i] = cross[1] == "cross"
      and FeatureSpace.cross { cross[2], cross[3], output_mode = cross[4] } or cross
  end
  return FeatureSpace(given)
end

local function of(columns, case, at)
  local some = {}
  for name in pairs(case.features) do some[name] = at and columns[name][at] or columns[name] end
  return some
end

local function check(expected, found)
  if core.is_tensor(found) then return assert.near_all(found, expected, 2e-5) end
  for name, value in pairs(expected) do check(value, found[name]) end
end

describe("FeatureSpace", function()
  teardown(scratch.clear)

  it("gives what Keras gives, for columns and for single values", function()
    for _, case in ipairs(cases) do
      local space = space_of(case.case)
      space:adapt(of(data, case.case))
      check(case.many, space(of(asked, case.case)))
      check(case.one, space(of(asked, case.case, 1)))
    end
  end)

  it("adapts to datasets, of single values or of batches", function()
    for _, case in ipairs(cases) do
      local rows = {}
      for i = 1, #data.age do rows[i] = of(data, case.case, i) end
      for _, dataset in ipairs { k.data.from(rows), k.data.from(rows):batch(32) } do
        local space = space_of(case.case)
        space:adapt(dataset)
        check(case.many, space(of(asked, case.case)))
      end
    end
  end)

  it("stands in models", function()
    for _, case in ipairs(cases) do
      if not case.case.output_mode then
        local space = space_of(case.case)
        space:adapt(of(data, case.case))
        local x = space:get_encoded_features()
        local model = k.Model { inputs = space:get_inputs(), outputs = k.layers.Dense(2)(x) }
        local plain = k.Model { inputs = space:get_inputs(), outputs = x }
        local columns = {}
        for name in pairs(case.case.features) do
          columns[name] = k.ops.expand_dims(k.tensor(asked[name],
            space.features[name].dtype), -1)
        end
        check(case.many, plain:predict(columns, { verbose = 0 }))
        assert.same({ 3, 2 }, { table.unpack(model:predict(columns, { verbose = 0 }).shape) })
      end
    end
  end)

  it("has any number of features", function()
    local features, values = {}, {}
    for i = 1, 240 do features["f" .. i], values["f" .. i] = "float", { i } end
    assert.same({ 1, 240 }, { table.unpack(FeatureSpace { features = features }(values).shape) })
  end)

  it("is mapped over a dataset", function()
    local case = cases[1]
    local space = space_of(case.case)
    space:adapt(of(data, case.case))
    local batches = k.data.from { of(asked, case.case) }:map(space)
    check(case.many, batches:as_iterator()())
  end)

  it("sees the data of any dataset", function()
    local columns = { age = k.tensor { 1.0, 2, 6 } }
    local function seen(given)
      local space = FeatureSpace { features = { age = "float_normalized" } }
      space:adapt(given)
      return space { age = 2.0 }
    end
    local Columns = k.utils.PyDataset "Columns" {
      len = function() return 1 end, get_item = function() return columns end,
    }
    assert.near_all(seen(Columns()), seen(columns):totable())
    local space = FeatureSpace { features = { age = "float_normalized" } }
    assert.error_at_line(function() space:adapt(Columns) end, "class Columns is given")
    assert.error_at_line(function() space:adapt(k.data.from(columns):repeat_()) end,
      "adapt: the dataset repeats without end")
    assert.error_at_line(function() space:adapt { getitem = print } end,
      'adapt: the table has a field "getitem", a function (did you mean "get_item"?)')
  end)

  it("comes back from a file with all that it had seen", function()
    for _, case in ipairs(cases) do
      local space = space_of(case.case)
      space:adapt(of(data, case.case))
      space:save(scratch.path "space.safetensors")
      local again = FeatureSpace.load(scratch.path "space.safetensors")
      check(case.many, again(of(asked, case.case)))
      assert.equal(tostring(space), tostring(again))
    end
  end)

  it("goes from a table as text to a trained model", function()
    local lines = { "age,city,bought" }
    for i = 1, 64 do
      lines[#lines + 1] = ("%d,%s,%d"):format(20 + i, i % 3 == 0 and "rome" or "oslo", i % 3 // 2)
    end
    scratch.write("x.csv", table.concat(lines, "\n"))
    local columns = k.utils.load_csv(scratch.path "x.csv")
    local y = columns.bought
    columns.bought = nil
    local space = FeatureSpace {
      features = { age = "float_normalized", city = "string_categorical" } }
    space:adapt(k.data.from(columns):batch(16))
    local dataset = k.data.from(columns, y):shuffle(64, { seed = 1 }):batch(16)
      :map(function(x, labels) return space(x), labels end)
    local left, right = k.utils.split_dataset(dataset, { left_size = 0.75 })
    local model = k.Sequential { k.layers.Dense { 1, activation = "sigmoid" } }
    model:compile { optimizer = "adam", loss = "binary_crossentropy" }
    local history = model:fit(left, { epochs = 2, verbose = 0, validation_data = right })
    assert.equal(2, #history.history.val_loss)
  end)

  it("says what is wrong, at the line", function()
    local function fails(given, message)
      assert.error_at_line(function() FeatureSpace(given) end, message)
    end
    fails({}, "features must be a table of types by name, got nil")
    fails({ features = { a = "flaot" } },
      'feature "a" is of no known type: "flaot"; there are float')
    fails({ features = { a = "float" }, output_mode = "list" }, 'output_mode must be "concat"')
    fails({ features = { a = "float" }, crosses = { { "a", "b" } } }, 'speaks of "b"')
    fails({ features = { a = "float" }, hashing = 3 }, 'unknown option "hashing"')
    assert.error_at_line(function() FeatureSpace.string_hashed { bins = 3 } end,
      'unknown option "bins"')
    assert.error_at_line(function() FeatureSpace.string_hashed { 3, output_mode = "float" } end,
      'output_mode must be "int" or "one_hot"')
    assert.error_at_line(function() FeatureSpace.cross { "a" } end, "a list of two or more")
    local space = FeatureSpace { features = { a = "float_normalized", b = "float" } }
    assert.error_at_line(function() space { a = 1, b = 1 } end, 'call adapt(data) first; "a"')
    assert.error_at_line(function() space:adapt { b = { 1 } } end, 'the column "a" is missing')
    assert.error_at_line(function() space:adapt(3) end, "adapt takes a table of columns by name")
    space:adapt { a = { 1, 2 } }
    assert.error_at_line(function() space { a = 1 } end, 'the column "b" is missing')
    assert.error_at_line(function() space { a = 1, b = 1, c = 1 } end, 'there is no feature "c"')
    assert.error_at_line(function() space:save "x.h5" end,
      'save: the path of a FeatureSpace ends in .keras or .safetensors, got "x.h5"')
    assert.error_at_line(function() FeatureSpace.load(3) end,
      "FeatureSpace.load: the path of a FeatureSpace ends in .keras or .safetensors, got 3")
    local mixed = FeatureSpace { features = { a = "float",
      b = FeatureSpace.string_categorical { output_mode = "int" } } }
    mixed:adapt { b = { "x" } }
    assert.error_at_line(function() mixed { a = 1, b = "x" } end, "cannot be put beside others")
  end)
end)
