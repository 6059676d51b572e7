-- When worker threads are woken. Wakes are counted, not timed: a small job that comes alone is done
-- before a sleeper is up, so one thread's time is what it must not pass.

local core = require "lunula.core"
local ops = core.ops

local function wait(seconds)
  local stop = core.clock() + seconds
  while core.clock() < stop do end
end

local function product(m, k, n)
  local call = core.trace({ { shape = { m, k } }, { shape = { k, n } } }, function(a, b)
    return ops.matmul(a, b)
  end)
  local a, b = ops.full({ m, k }, 1), ops.full({ k, n }, 1)
  return function() return call(a, b) end
end

-- How often workers are woken by so many calls, with a pause before each.
local function wakes(call, times, pause)
  call()
  wait(0.02)
  local before = core.threads_woken()
  for _ = 1, times do
    wait(pause)
    call()
  end
  return core.threads_woken() - before
end

-- How often they are woken by calls that come alone. On a busy machine a small job may be
-- interrupted, and count as a long one: such calls are left out. If all are, nothing can be told.
local function small_wakes(call)
  local woken, small = 0, 0
  call()
  for _ = 1, 40 do
    wait(0.005)
    local before, start = core.threads_woken(), core.clock()
    call()
    if core.clock() - start < 250e-6 then
      woken, small = woken + core.threads_woken() - before, small + 1
    end
  end
  if small == 0 then pending "the machine is too busy" end
  return woken
end

describe("worker threads", function()
  local before = core.threads()
  setup(function() core.threads(2) end)
  teardown(function() core.threads(before) end)

  it("sleep on while small jobs come one at a time", function()
    assert.equal(0, small_wakes(product(1, 784, 512)))
    local first, second = product(1, 784, 512), product(1, 512, 512)
    assert.equal(0, small_wakes(function() first() second() end))
  end)

  -- On a busy machine a worker may not have come to sleep: some tries.
  local function most_wakes(enough, ...)
    local most = 0
    for _ = 1, 10 do
      if most < enough then most = math.max(most, wakes(...)) end
    end
    return most
  end

  it("are woken by small jobs that follow one another, and stay awake", function()
    local n = most_wakes(1, product(1, 784, 512), 300, 0)
    assert.is_true(n >= 1 and n <= 100, n)
  end)

  it("are woken by a large job, even alone", function()
    assert.is_true(most_wakes(5, product(256, 512, 512), 10, 0.005) >= 5)
  end)

  it("are woken by long jobs of two tasks that follow one another", function()
    local a, b, c = ops.full({ 190, 8192 }, 1), ops.full({ 8192, 256 }, 1),
      ops.full({ 8192, 256 }, 2)
    local two = core.trace({ { shape = a.shape }, { shape = b.shape }, { shape = c.shape } },
      function(x, y, z) return ops.matmul(x, y), ops.matmul(x, z) end)
    assert.is_true(most_wakes(1, function() two(a, b, c) end, 10, 0.005) >= 1)
  end)

  it("are woken by a loop in two parts, even alone", function()
    local x, w = ops.full({ 100, 64, 64 }, 1), ops.full({ 64, 64 }, 0.01)
    local loop = core.trace({ { shape = { 100, false, 64 } }, { shape = w.shape } }, function(xs, m)
      return core.scan(function(s, x1) return { (s[1]:matmul(m) + x1[1]):tanh() } end,
        { xs[1] * 0 }, { xs })[1]
    end)
    assert.is_true(most_wakes(5, function() loop(x, w) end, 10, 0.005) >= 5)
  end)

  it("are not asked for what one task does", function()
    assert.equal(0, wakes(product(8, 64, 64), 300, 0))
  end)
end)
