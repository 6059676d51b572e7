-- The Makefile's checks: what they run, as it says itself.

describe("a check in full", function()
  for _, check in ipairs { "test", "asan", "isa", "blas", "clang" } do
    it("runs every spec: " .. check, function()
      local pipe <close> = assert(io.popen(
        "unset LD_PRELOAD MAKEFLAGS MAKELEVEL SPEC FILTER; make -n " .. check .. " 2>&1"))
      assert.matches("spec/core/gemm_spec.lua", pipe:read "a", 1, true)
    end)
  end
end)
