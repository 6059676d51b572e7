-- What a reader of Keras writes out of habit: it works, or it is told what to write.

local k = require "lunula"
local layers = k.layers

describe("a point instead of a colon", function ()
  local x, placeholder = k.ones { 2, 3 }, k.Input { 3 }

  it("is told of methods of tensors", function ()
    assert.error_at_line(function () local _ = x.sum(1) end,
      "sum: a method is called with a colon: x:sum(…)")
    assert.error_at_line(function () local _ = x.sum() end, "x:sum(…)")
    assert.error_at_line(function () local _ = x.reshape { 3, 2 } end, "x:reshape(…)")
    assert.error_at_line(function () local _ = x.logsumexp(1) end, "x:logsumexp(…)")
    assert.error_at_line(function () local _ = placeholder.sum(1) end,
      "sum: a method is called with a colon: x:sum(…)")
    assert.near_all(x:sum(1), { 3, 3 })
    assert.equal(1, placeholder:sum(1).ndim)
    assert.near_all(k.ops.sum(1), 1)
  end)
end)

describe("a comparison", function ()
  local x, y, placeholder = k.ones { 2 }, k.zeros { 2 }, k.Input { 3 }

  it("names the op that was meant", function ()
    assert.error_at_line(function () local _ = x > 0 end, "use k.ops.greater (and k.ops.where)")
    assert.error_at_line(function () local _ = x < 0 end, "use k.ops.less (and k.ops.where)")
    assert.error_at_line(function () local _ = x >= 0 end, "use k.ops.greater_equal (and")
    assert.error_at_line(function () local _ = x <= 0 end, "use k.ops.less_equal (and")
    assert.error_at_line(function () local _ = x > y end, "use k.ops.less or k.ops.greater (and")
    assert.error_at_line(function () local _ = placeholder > 0 end, "use ops.greater(x, 0)")
    assert.error_at_line(function () local _ = placeholder <= 2 end, "use ops.less_equal(x, 2)")
    assert.error_at_line(function () local _ = placeholder < placeholder end,
      "use ops.less(a, b) or ops.greater(a, b)")
  end)

  it("names it in a trace", function ()
    local layer = layers.Lambda(function (t) return t > 0 and t or -t end)
    local ok, message = pcall(function () return layer(placeholder) end)
    assert.is_false(ok)
    assert.is_truthy(message:find("k.ops.greater (and k.ops.where)", 1, true), message)
  end)
end)
