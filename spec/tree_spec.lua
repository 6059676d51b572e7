-- Tables within tables, as keras.tree walks them; the types and names of keras.backend.

local k = require "lunula"
local tree, backend = k.tree, k.backend

describe("trees", function ()
  local nested = { b = { 1, 2 }, a = { 3, { c = 4 } } }

  it("are flattened by position, then by name", function ()
    assert.are.same({ 3, 4, 1, 2 }, tree.flatten(nested))
    assert.are.same({ 5 }, tree.flatten(5))
    assert.are.same({ { { "a" }, 3 }, { { "b", 1 }, 1 }, { { "b", 2 }, 2 } },
      tree.flatten_with_path { b = { 1, 2 }, a = 3 })
    assert.is_true(tree.is_nested {})
    assert.is_false(tree.is_nested(k.tensor { 1 }))
  end)

  it("are mapped leaf by leaf", function ()
    local function add(x, y) return x + y end
    assert.are.same({ b = { 11, 22 }, a = 33 },
      tree.map_structure(add, { b = { 1, 2 }, a = 3 }, { b = { 10, 20 }, a = 30 }))
    assert.are.same({ 2, 1 },
      tree.map_structure_up_to({ 0, 0 }, function (x) return #x end, { { 1, 2 }, { 3 } }))
    assert.are.same({ a = "2", b = "2" }, tree.map_shape_structure(function (shape)
      return tostring(#shape)
    end, { a = { 1, 2 }, b = { 3, false } }))
  end)

  it("are packed again", function ()
    assert.are.same({ b = { 8, 9 }, a = 7 }, tree.pack_sequence_as({ b = { 1, 2 }, a = 3 },
      { 7, 8, 9 }))
    assert.are.same({ 1, { 2, 3 } }, tree.lists_to_tuples { 1, { 2, 3 } })
    assert.error_at_line(function () tree.pack_sequence_as({ 1, 2 }, { 1 }) end,
      "tree.pack_sequence_as: the structure has 2 leaves, got 1")
  end)

  it("are traversed from the top, or from the leaves", function ()
    local function twice(x)
      if type(x) == "number" then return 2 * x end
    end
    assert.are.same({ b = { 2, 4 }, a = 6 }, tree.traverse(twice, { b = { 1, 2 }, a = 3 }))
    assert.are.same({ a = 1 }, tree.traverse(function (x)
      if x == 2 then return tree.MAP_TO_NONE end
    end, { a = 1, b = 2 }))
    assert.equal("list", tree.traverse(function (x)
      if type(x) == "table" then return "list" end
    end, { 1, { 2 } }, false))
  end)

  it("are told apart, at the place", function ()
    tree.assert_same_structure({ a = { 1 } }, { a = { 2 } })
    local one, two = { a = { 1 } }, { a = { 1, 2 } }
    assert.error_at_line(function () tree.assert_same_structure(one, two) end,
      'tree.assert_same_structure: structures differ at ["a"]: nil beside 2')
    assert.error_at_line(function () tree.map_structure(print, { 1 }, 2) end,
      "tree.map_structure: structures differ at the top: a table beside a leaf")
    local loop = {}
    loop[1] = loop
    assert.error_at_line(function () tree.flatten(loop) end,
      "a structure nested deeper than 100 levels; does a table hold itself?")
  end)
end)

describe("keras.backend", function ()
  it("knows types by name", function ()
    assert.equal("float32", backend.standardize_dtype())
    assert.equal("int32", backend.standardize_dtype "int")
    assert.equal("int32", backend.standardize_dtype(k.tensor({ 1 }, "int32")))
    assert.is_true(backend.is_float_dtype "bfloat16")
    assert.is_true(backend.is_int_dtype "uint8")
    assert.is_false(backend.is_int_dtype "bool")
    assert.error_at_line(function () backend.standardize_dtype "flot" end,
      "backend.standardize_dtype: there is no type flot here: float16, bfloat16, float32, "
        .. "float64, int8, uint8, int32, int64, bool, string")
  end)

  it("tells which type results have", function ()
    assert.equal("float32", backend.result_type())
    assert.equal("float32", backend.result_type("int32", "float32"))
    assert.equal("float32", backend.result_type("float16", "bfloat16"))
    assert.equal("float16", backend.result_type("bool", "int32", "float16"))
    assert.equal("int32", backend.result_type("int32", "bool"))
  end)

  it("counts names, from the beginning in another session", function ()
    local first = backend.get_uid "spec"
    assert.equal(first + 1, backend.get_uid "spec")
    backend.clear_session()
    assert.equal(1, backend.get_uid "spec")
  end)

  it("tells placeholders", function ()
    assert.is_true(backend.is_keras_tensor(k.Input { shape = { 2 } }))
    assert.is_false(backend.is_keras_tensor(k.tensor { 1 }))
  end)
end)
