-- Products by OpenBLAS: when they are, and that they are those of our own kernels. Each choice is
-- asked in a process of its own, since it is made once.

local ask = require "spec.support.ask"
local core = require "lunula.core"
local isas = core.build_info().isas
local module = package.searchpath("lunula.blas", package.cpath)
local fma = core.build_info().isas[2] and isas[#isas] or isas[1] == "neon" and "neon"

local which = [[
  local ok, core = pcall(require, "lunula.core")
  local info = ok and core.build_info()
  io.write(ok and info.gemm .. ", " .. info.why or core)]]

-- Put before a script: the core is there, its module is not.
local none = [[
  package.preload["lunula.core"] = package.loadlib(
    package.searchpath("lunula.core", package.cpath), "luaopen_lunula_core")
  package.cpath = ""]]

-- Is OpenBLAS in this process?
local loaded = [[
  local ops = require "lunula.core".ops
  assert(ops.matmul(ops.full({3, 4}, 1), ops.full({4, 5}, 1)):get(3, 5) == 4)
  io.write(tostring(io.open "/proc/self/maps":read "a":find "openblas" ~= nil))]]

local function with_module(name, f)
  if module then it(name, f) else pending(name .. " (built without OpenBLAS)") end
end

describe("the maker of products", function()
  it("is our own kernel where there is multiply-add, and OpenBLAS is not loaded", function()
    if not fma then pending("no multiply-add here") end
    assert.equal(("native, %s has multiply-add"):format(fma), ask("", which))
    assert.equal("native, LUNULA_GEMM=native", ask("LUNULA_GEMM=native", which))
    assert.equal("false", ask("", loaded))
    assert.equal("false", ask("LUNULA_GEMM=native LUNULA_ISA=" .. isas[1], loaded))
  end)

  it("is one of three that LUNULA_GEMM names", function()
    assert.equal('lunula: the environment variable LUNULA_GEMM is "mkl"; it can be auto, native or '
      .. "blas", ask("LUNULA_GEMM=mkl", which))
  end)

  it("is our own without multiply-add, when there is no module", function()
    if isas[1] ~= "baseline" then pending("multiply-add is always here") end
    assert.equal("native, no multiply-add here, and no OpenBLAS",
      ask("LUNULA_ISA=baseline", none .. which))
  end)

  it("is asked for, and is not there", function()
    assert.equal("lunula: the environment variable LUNULA_GEMM is \"blas\", and OpenBLAS is not "
      .. "there (module 'lunula.blas' not found): install it (Debian: libopenblas-dev) and build "
      .. "lunula again, a C host calls lunula_use_blas; or set LUNULA_GEMM=auto",
      ask("LUNULA_GEMM=blas", none .. which))
  end)

  with_module("is OpenBLAS when it is asked for, or there is no multiply-add", function()
    assert.equal("blas, LUNULA_GEMM=blas", ask("LUNULA_GEMM=blas", which))
    assert.equal("true", ask("LUNULA_GEMM=blas", loaded))
    if isas[1] == "baseline" then
      assert.equal("blas, no multiply-add here", ask("LUNULA_ISA=baseline", which))
    end
  end)

  with_module("is not linked", function()
    for _, path in ipairs { module, package.searchpath("lunula.core", package.cpath) } do
      local pipe = io.popen("env -u LD_PRELOAD ldd " .. path)
      local text = pipe:read "a"
      pipe:close()
      assert.truthy(text:find("libc", 1, true), text)
      assert.falsy(text:find("blas", 1, true), text)
    end
  end)

  with_module("says what it is, and when it takes the processor for an old one", function()
    local info = [[
      local k = require "lunula"
      local blas = k.build_info().blas
      io.write(blas.core, "|", blas.config, "|", tostring(blas.advice))]]
    assert.matches("^%a+|OpenBLAS %d.*|nil$", ask("LUNULA_GEMM=blas OPENBLAS_CORETYPE=Haswell",
      info))
    if not isas[2] then pending("no newer processor than that") end
    local text, name = ask("LUNULA_GEMM=blas OPENBLAS_CORETYPE=Prescott", info)
    local best = isas[3] and "SkylakeX" or "Haswell"
    assert.equal(("%s:2: warning: OpenBLAS takes this processor for a Prescott and is several "
      .. "times slower than it could be: set OPENBLAS_CORETYPE=%s in the environment, before the "
      .. "program starts"):format(name, best), text:match "[^\n]*")
    assert.equal(1, select(2, text:gsub("warning", "")))
    assert.matches("\nPrescott|", text)
  end)
end)

-- Sizes at random, sides that lie in both ways, rows and columns alone; the same in both processes,
-- which write what it is, the depth, and the bytes of the numbers.
describe("products of our kernels", function()
  local work = [[
    require "lunula.utils.warn".sink = function() end
    local core, k = require "lunula.core", require "lunula"
    k.set_random_seed(11)
    math.randomseed(5)
    local sizes = { 1, 2, 3, 7, 16, 17, 33, 64, 130, 300 }
    local function side(rows, columns, turned)
      return k.random.uniform(turned and { columns, rows } or { rows, columns }, -1, 1)
    end
    local function write(what, depth, c)
      io.write(string.pack("<zi4s4", what, depth, c:tobytes()))
    end
    for _ = 1, 150 do
      local m, n = sizes[math.random(#sizes)], sizes[math.random(#sizes)]
      local depth = math.random(0, 3) == 0 and math.random(500, 1500) or math.random(0, 130)
      local ta, tb = math.random(2) == 1, math.random(2) == 1
      local c = core.ops.matmul(side(m, depth, ta), side(depth, n, tb), ta, tb)
      write(("%d x %d x %d %s %s"):format(m, n, depth, ta, tb), depth, c)
    end
    for _ = 1, 10 do
      local a, b = k.random.uniform({3, 2, 5, 70}, -1, 1), k.random.uniform({2, 70, 9}, -1, 1)
      write("a batch", 70, k.ops.matmul(a, b))
    end]]

  local function farthest(a, b)
    local far = 0
    assert.equal(#a, #b)
    for at = 1, #a, 4 do
      local x, y = string.unpack("<f", a, at), string.unpack("<f", b, at)
      if x ~= x or y ~= y then return math.huge end
      far = math.max(far, math.abs(x - y))
    end
    return far
  end

  with_module("are those of OpenBLAS", function()
    local ours, theirs = ask("LUNULA_GEMM=native", work), ask("LUNULA_GEMM=blas", work)
    local n, at, at_theirs = 0, 1, 1
    local what, depth, a, same, _, b
    while at <= #ours do
      what, depth, a, at = string.unpack("<zi4s4", ours, at)
      same, _, b, at_theirs = string.unpack("<zi4s4", theirs, at_theirs)
      assert.equal(what, same)
      local far = farthest(a, b)
      assert.is_true(far <= 1e-7 * (depth + 1), what .. ": " .. far .. " apart")
      n = n + 1
    end
    assert.equal(160, n)
  end)
end)
