-- What k.data makes: elements one after another, made when they are asked for.
--
-- A pipeline is {start = function () -> a function that gives the next element, nil at the end;
-- size = the number of elements, math.huge, or nil where nobody knows}. An element is one value or
-- several, as a function of Lua returns them: x, y. Each method gives a new pipeline.

local core = require "lunula.core"
local dice = require "lunula.data.dice"
local for_loops = require "lunula.data.for_loops"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local options = require "lunula.utils.options"

local pipeline = {}
pipeline.__index = pipeline

function pipeline.new(start, size)
  return setmetatable({ start = start, size = size }, pipeline)
end

function pipeline.is(x)
  return type(x) == "table" and type(x.start) == "function"
end

local function check_function(name, f)
  local metatable = getmetatable(f)
  if type(f) ~= "function" and not (metatable and metatable.__call) then
    core.raise("%s takes a function, got %s", name, type(f))
  end
end

local function count(name, what, value, least)
  if value == nil then core.raise("%s: %s is missing", name, what) end
  return options.count(name, what, value, least)
end

-- The number that `f` makes of the sizes, where they are known.
local function size_of(f, ...)
  for i = 1, select("#", ...) do
    if select(i, ...) == nil then return nil end
  end
  return f(...)
end

-- ---- one pass ----------------------------------------------------------------------------------

function pipeline:as_iterator()
  return self.start()
end

pipeline.__call = for_loops.next

function pipeline:len()
  return self.size
end

function pipeline:__len()
  if math.type(self.size) == "integer" then return self.size end
  core.raise("the dataset has %s", self.size and "no end, and no length"
    or "a length that is known only when it is run through")
end

function pipeline:__tostring()
  local size = math.type(self.size) == "integer" and ("%d elements"):format(self.size)
    or self.size and "without end" or "of unknown length"
  return "dataset, " .. size
end

-- ---- elements ----------------------------------------------------------------------------------

function pipeline:map(f)
  check_function("map", f)
  local function checked(...)
    if (...) == nil then
      core.raise("map: the function gave nil for an element, and nil ends a dataset; filter leaves "
        .. "elements out")
    end
    return ...
  end
  local function applied(...)
    if (...) == nil then return nil end
    return checked(f(...))
  end
  return pipeline.new(function()
    local next_element = self.start()
    return function() return applied(next_element()) end
  end, self.size)
end

-- Keeps the elements for which f is true.
function pipeline:filter(f)
  check_function("filter", f)
  return pipeline.new(function()
    local next_element = self.start()
    return function()
      local element
      repeat
        element = table.pack(next_element())
      until element[1] == nil or f(table.unpack(element, 1, element.n))
      return table.unpack(element, 1, element.n)
    end
  end)
end

-- The elements with their numbers before them, from `first`, 0 when it is not given.
function pipeline:enumerate(first)
  first = first == nil and 0 or count("enumerate", "start", first, math.mininteger)
  return pipeline.new(function()
    local next_element, at = self.start(), first - 1
    local function numbered(...)
      if (...) == nil then return nil end
      at = at + 1
      return at, ...
    end
    return function() return numbered(next_element()) end
  end, self.size)
end

function pipeline:take(n)
  n = count("take", "count", n, 0)
  return pipeline.new(function()
    local next_element, at = self.start(), 0
    return function()
      if at == n then return nil end
      at = at + 1
      return next_element()
    end
  end, size_of(math.min, self.size, n))
end

function pipeline:skip(n)
  n = count("skip", "count", n, 0)
  return pipeline.new(function()
    local next_element, at = self.start(), 0
    return function()
      while at < n do
        at = at + 1
        if next_element() == nil then at = n end
      end
      return next_element()
    end
  end, size_of(function(size) return math.max(size - n, 0) end, self.size))
end

-- Of every `number` elements the one at `index`, from 0.
function pipeline:shard(number, index)
  number, index = count("shard", "num_shards", number), count("shard", "index", index, 0)
  if index >= number then
    core.raise("shard: index must be below num_shards, got %d of %d", index, number)
  end
  local part = pipeline.new(function()
    local next_element, begun = self.start(), false
    return function()
      for _ = 1, begun and number - 1 or index do
        if next_element() == nil then return nil end
      end
      begun = true
      return next_element()
    end
  end, size_of(function(size)
    return size == math.huge and size or (size - index + number - 1) // number
  end, self.size))
  part.sharded = true
  return part
end

-- All elements n times over; without end when n is not given. (`repeat` is a word of Lua.)
function pipeline:repeat_(n)
  if n == -1 then n = nil end
  n = n and count("repeat", "count", n, 0) or math.huge
  return pipeline.new(function()
    local times, next_element, fresh = 0, nil, false
    local function go_on(...)
      if (...) ~= nil then
        fresh = false
        return ...
      end
      if times == n or fresh then return nil end   -- no end of nothing
      times, next_element, fresh = times + 1, self.start(), true
      return go_on(next_element())
    end
    return function()
      if not next_element then return go_on() end
      return go_on(next_element())
    end
  end, size_of(function(size) return size == 0 and 0 or size * n end, self.size))
end
pipeline["repeat"] = pipeline.repeat_

function pipeline:concatenate(other)
  if not pipeline.is(other) then core.raise("concatenate takes a dataset of k.data") end
  return pipeline.new(function()
    local next_element, last = self.start(), false
    local function go_on(...)
      if (...) ~= nil or last then return ... end
      next_element, last = other.start(), true
      return next_element()
    end
    return function() return go_on(next_element()) end
  end, size_of(function(a, b) return a + b end, self.size, other.size))
end

-- Elements of all the datasets side by side, as many as the shortest has.
function pipeline.zip(...)
  local all, sizes = { ... }, {}
  for i, one in ipairs(all) do
    if not pipeline.is(one) then core.raise("zip: value %d is no dataset of k.data", i) end
    sizes[i] = one.size
  end
  if #all == 0 then core.raise "zip takes one dataset or more" end
  return pipeline.new(function()
    local iterators = {}
    for i, one in ipairs(all) do iterators[i] = one.start() end
    return function()
      local element, n = {}, 0
      for _, next_element in ipairs(iterators) do
        local values = table.pack(next_element())
        if values[1] == nil then return nil end
        table.move(values, 1, values.n, n + 1, element)
        n = n + values.n
      end
      return table.unpack(element, 1, n)
    end
  end, size_of(math.min, table.unpack(sizes, 1, #all)))
end

-- Keeps what the first whole pass gave, and gives it again.
function pipeline:cache(filename)
  if filename ~= nil then core.raise "cache keeps elements in memory: it takes no file" end
  local kept
  return pipeline.new(function()
    local at = 0
    if kept then
      return function()
        at = at + 1
        local element = kept[at]
        if element then return table.unpack(element, 1, element.n) end
      end
    end
    local next_element, seen = self.start(), {}
    local function note(...)
      if (...) == nil then
        kept = kept or seen
        return nil
      end
      seen[#seen + 1] = table.pack(...)
      return ...
    end
    return function() return note(next_element()) end
  end, self.size)
end

-- Elements are made when they are asked for, in the one thread of Lua, so nothing can be gained;
-- it is here for scripts that say it.
function pipeline:prefetch(n)
  if n ~= -1 then count("prefetch", "buffer_size", n, 0) end   -- -1: AUTOTUNE
  return self
end

-- ---- order -------------------------------------------------------------------------------------

-- An element in a table: one value as it is, several in a table of their own. Rows of tensors are
-- shuffled as numbers, which then cost no table each.
local Several = {}

local function held(...)
  if (...) == nil or select("#", ...) < 2 then return (...) end
  return setmetatable(table.pack(...), Several)
end

local function released(element)
  if type(element) ~= "table" or getmetatable(element) ~= Several then return element end
  return table.unpack(element, 1, element.n)
end

-- A buffer of n elements, of which one at random is given and replaced by the next. Options: seed,
-- reshuffle_each_iteration = true.
function pipeline:shuffle(n, given)
  n = count("shuffle", "buffer_size", n)
  local o = options.read("shuffle", given, { "seed", "reshuffle_each_iteration" })
  local again = not given or given.reshuffle_each_iteration ~= false
  local seed = o.seed and count("shuffle", "seed", o.seed, math.mininteger)
  local passes = 0
  return pipeline.new(function()
    seed = seed or dice.seed()
    local throw, next_element = dice.new(seed + (again and passes or 0)), self.start()
    local buffer, size, ended = {}, 0, false
    passes = passes + 1
    return function()
      while size < n and not ended do
        local element = held(next_element())
        if element == nil then
          ended = true
        else
          size = size + 1
          buffer[size] = element
        end
      end
      if size == 0 then return nil end
      local place = throw(size)
      local element = buffer[place]
      buffer[place], buffer[size], size = buffer[size], nil, size - 1
      return released(element)
    end
  end, self.size)
end

-- ---- batches -----------------------------------------------------------------------------------

local function check_alike(values)
  local first = values[1].shape
  for _, value in ipairs(values) do
    if core.is_tensor(value) and value.shape ~= first then
      core.raise("batch: its elements have the shapes %s and %s; elements that are the rows of "
        .. "several tensors come from k.data.from(x, y)", tools.shape_text(first),
        tools.shape_text(value.shape))
    end
  end
end

-- The names of tables, which all must have.
local function check_names(values)
  for key in pairs(values[1]) do
    for i, value in ipairs(values) do
      if type(value) ~= "table" or value[key] == nil then
        core.raise('batch: its element 1 has "%s", and element %d has not', tostring(key), i)
      end
    end
  end
  for i, value in ipairs(values) do
    for key in pairs(value) do
      if values[1][key] == nil then
        core.raise('batch: its element %d has "%s", and element 1 has not', i, tostring(key))
      end
    end
  end
end

-- Values of one place of several elements, joined along a new first axis.
local function join(values)
  local first = values[1]
  if core.is_tensor(first) then check_alike(values) end
  if core.is_tensor(first) and first.dtype ~= "string" then return ops.stack(values, 0) end
  if core.is_tensor(first) then
    local tables = {}
    for i, value in ipairs(values) do tables[i] = value:totable() end
    return core.tensor(tables)
  end
  if type(first) == "table" and first[1] == nil and next(first) ~= nil then
    local joined = {}
    check_names(values)
    for key in pairs(first) do
      local column = {}
      for i, value in ipairs(values) do column[i] = value[key] end
      joined[key] = join(column)
    end
    return joined
  end
  return core.tensor(values)
end

-- How a batch's size and drop_remainder are told.
function pipeline.batch_options(n, given)
  n = count("batch", "batch_size", n)
  if type(given) == "boolean" then return n, given end
  return n, options.read("batch", given, { "drop_remainder" }).drop_remainder == true
end

function pipeline.batches_in(size, n, drop)
  return size_of(function(rows)
    if rows == math.huge then return rows end
    return drop and rows // n or (rows + n - 1) // n
  end, size)
end

-- A pipeline of batches, which remembers of how many elements.
function pipeline.batched(n, start, size)
  local made = pipeline.new(start, size)
  made.batch_size = n
  return made
end

-- batch(32), batch(32, { drop_remainder = true })
function pipeline:batch(n, given)
  local drop
  n, drop = pipeline.batch_options(n, given)
  return pipeline.batched(n, function()
    local next_element = self.start()
    return function()
      local columns, rows, width = {}, 0, 0
      while rows < n do
        local element = table.pack(next_element())
        if element[1] == nil then break end
        if rows > 0 and element.n ~= width then
          core.raise("batch: one of its elements is %d values, another %d", width, element.n)
        end
        rows, width = rows + 1, element.n
        for i = 1, width do
          columns[i] = columns[i] or {}
          columns[i][rows] = element[i]
        end
      end
      if rows == 0 or rows < n and drop then return nil end
      for i = 1, width do columns[i] = join(columns[i]) end
      return table.unpack(columns, 1, width)
    end
  end, pipeline.batches_in(self.size, n, drop))
end

-- The row at `index`, from 0, of a value of a batch: of a tensor, or of each in a table.
local function row_of(value, index)
  if core.is_tensor(value) then return value[index + 1] end
  if type(value) ~= "table" then core.raise("unbatch: %s has no rows", type(value)) end
  local row = {}
  for key, inner in pairs(value) do row[key] = row_of(inner, index) end
  return row
end

-- How many rows the value has, and each in a table; `so_far` is what those before it have.
local function rows_in(value, so_far)
  if type(value) == "table" then
    for _, inner in pairs(value) do so_far = rows_in(inner, so_far) end
    return so_far
  end
  if not core.is_tensor(value) then core.raise "unbatch: the elements are no tensors" end
  local rows = value.shape[1]
  if not rows then core.raise "unbatch: an element is one number, without rows" end
  if so_far and rows ~= so_far then
    core.raise("unbatch: an element has tensors of %d and of %d rows", so_far, rows)
  end
  return rows
end

-- The rows of batches, one by one.
function pipeline:unbatch()
  return pipeline.new(function()
    local next_element, batch, at, rows = self.start(), nil, 0, 0
    return function()
      while at == rows do
        batch = table.pack(next_element())
        if batch[1] == nil then return nil end
        at, rows = 0, nil
        for i = 1, batch.n do rows = rows_in(batch[i], rows) end
      end
      local element = {}
      for i = 1, batch.n do element[i] = row_of(batch[i], at) end
      at = at + 1
      return table.unpack(element, 1, batch.n)
    end
  end)
end

-- What is made of the part of one process (see shard) is such a part: `sharded` says so.
local function has_part(...)
  for _, value in ipairs { ... } do
    if pipeline.is(value) and value.sharded then return true end
  end
end

for _, name in ipairs {
  "map", "filter", "enumerate", "take", "skip", "repeat_", "repeat", "concatenate", "zip", "cache",
  "shuffle", "batch", "unbatch",
} do
  local make = pipeline[name]
  pipeline[name] = function(...)
    local made = make(...)
    made.sharded = has_part(...)
    return made
  end
end

return pipeline
