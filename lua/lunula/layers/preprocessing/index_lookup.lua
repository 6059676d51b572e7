-- The parent of IntegerLookup and StringLookup: tokens become their numbers in a vocabulary, or
-- numbers become tokens (invert).
--
-- The numbers: 0 for the mask token, where there is one and the output is "int"; then the places
-- of unknown tokens; then the vocabulary. A child says what a token is: `read` makes a flat list of
-- tokens out of Lua data, `read_tensor` a tensor of them, `tables` makes and `find` asks the table
-- of all tokens, `unknown_place` spreads unknown ones over several places.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local base = require "lunula.layers.base"
local changes = require "lunula.layers.base.changes"
local context = require "lunula.layers.base.context"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"

local lookup = {}

lookup.modes = encoding.modes { "int", "one_hot", "multi_hot", "count", "tf_idf" }

-- ---- the vocabulary ---------------------------------------------------------------------------

-- Where the places of unknown tokens start, and where the vocabulary does.
local function starts(self)
  local unknown = self.mask_token ~= nil and self.output_mode == "int" and 1 or 0
  return unknown, unknown + self.num_oov_indices
end

local function special_tokens(self)
  local unknown, first = starts(self)
  local list = {}
  for i = 1, first do
    list[i] = i <= unknown and self.mask_token or self.oov_token
  end
  return list, first
end

-- The tokens without the special ones, which a vocabulary may have in front.
local function own_tokens(self, vocabulary)
  local special, count = special_tokens(self)
  for i = 1, count do
    if special[i] ~= vocabulary[i] then return vocabulary, false end
  end
  return table.move(vocabulary, count + 1, #vocabulary, 1, {}), true
end

local function check_tokens(self, tokens)
  local special, count = special_tokens(self)
  local seen = {}
  for i, token in ipairs(tokens) do
    if seen[token] then core.raise("vocabulary: %s is there twice", declare.show(token)) end
    seen[token] = true
    local name = token == self.mask_token and "mask token"
      or self.invert and token == self.oov_token and "token for unknown ones"
    if name then
      core.raise("vocabulary: the %s %s is at place %d; special tokens are left out, or come "
        .. "first, in this order: %s", name, declare.show(token), i, declare.show(special))
    end
  end
  if self.max_tokens and count + #tokens > self.max_tokens then
    core.raise("vocabulary: %d tokens and %d special ones are more than max_tokens, %d", #tokens,
      count, self.max_tokens)
  end
end

local function use(self, tokens)
  local _, first = starts(self)
  local all = table.move(tokens, 1, #tokens, 1, {})
  if self.mask_token ~= nil then table.insert(all, 1, self.mask_token) end
  self.tokens, self.table = tokens, self.tables(all)
  self.vocabulary_size_seen = first + #tokens
  changes.note(self)
end

local function read_file(path)
  local file, problem = io.open(path)
  if not file then core.raise("vocabulary: %s", problem) end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  while lines[#lines] == "" do lines[#lines] = nil end
  return lines
end

-- ---- weights of tf_idf ------------------------------------------------------------------------

local function mean(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return sum / #list
end

-- One weight for each place: the special ones in front weigh the mean, padding at the end nothing.
local function use_weights(self, weights, in_front)
  changes.note(self)
  local list = {}
  for i = 1, in_front do list[i] = mean(weights) end
  table.move(weights, 1, #weights, in_front + 1, list)
  if self.pad_to_max_tokens then
    for i = #list + 1, self.max_tokens do list[i] = 0 end
  end
  self.weights_of_places = core.tensor(list, { dtype = "float32" })
end

local function check_weights(self, weights, vocabulary)
  if self.output_mode == "tf_idf" and weights == nil then
    core.raise('idf_weights are missing: output_mode "tf_idf" needs one for each token')
  elseif self.output_mode ~= "tf_idf" and weights ~= nil then
    core.raise('idf_weights are for output_mode "tf_idf", it is "%s"', self.output_mode)
  elseif weights and #weights ~= #vocabulary then
    core.raise("idf_weights: there are %d for %d tokens", #weights, #vocabulary)
  end
end

-- ---- looking up -------------------------------------------------------------------------------

-- The numbers of tokens that stand at these places of the table; -1: not there; -2: no token.
-- A mask that has no number gets -1.
local function numbers_at(self, places, unknown)
  local start, first = starts(self)
  local masks = self.mask_token ~= nil and 1 or 0
  local mask = self.output_mode == "int" and 0 or -1
  if unknown ~= nil then unknown = start + unknown else unknown = start end
  local special = ops.where(ops.equal(places, -1), unknown, mask)
  return ops.where(ops.greater_equal(places, masks), places + (first - masks), special)
end

local function numbers_of(self, tokens)
  local places = self.find(tokens, self.table, self.num_oov_indices == 0)
  local unknown = self.num_oov_indices > 1 and self:unknown_place(tokens) or nil
  return numbers_at(self, places, unknown)
end

local function tokens_of(self, numbers)
  local _, first = starts(self)
  local tokens = {}
  for i, number in ipairs(numbers) do
    if number == 0 and self.mask_token ~= nil then
      tokens[i] = self.mask_token
    else
      tokens[i] = self.tokens[number - first + 1] or self.oov_token
    end
  end
  return tokens
end

-- How many places a vector of one_hot, multi_hot, count or tf_idf has.
local function depth(self)
  if self.pad_to_max_tokens then return self.max_tokens end
  if #self.tokens == 0 and not self._vocabulary then
    core.raise("has no vocabulary yet: give one, or adapt the layer to data")
  end
  return self:vocabulary_size()
end

-- The vocabulary of a layer that was saved may come after the model is made; its size is told.
local function told_depth(self)
  local _, first = starts(self)
  local told = self.vocabulary_size_seen
  local waits = #self.tokens == 0 and not self._vocabulary and not self.pad_to_max_tokens
  return waits and told and told > first and told or nil
end

-- The depth; where only shapes are wanted, what was told of it will do.
local function depth_now(self)
  return context.is_for_shapes() and told_depth(self) or depth(self)
end

local function weights_of(self)
  if self.weights_of_places then return self.weights_of_places end
  if context.is_for_shapes() and told_depth(self) then return 1 end
  core.raise("has no idf weights yet: give them, or adapt the layer")
end

local function encoded(self, ids)
  local mode = self.output_mode
  if mode ~= "tf_idf" then return encoding.encode(ids, mode, depth_now(self), "int64") end
  return encoding.encode(ids, "count", depth_now(self), "float32") * weights_of(self)
end

-- Vectors of how often each token is there, as the output mode has them. counts: of unknown
-- tokens, and then of those of the table.
local function of_counts(self, counts)
  local masks, size = self.mask_token ~= nil and 1 or 0, #self.tokens
  local parts = { counts[{ {}, { 1, 1 } }] }
  if size > 0 then parts[2] = counts[{ {}, { 2 + masks, 1 + masks + size } }] end
  local missing = depth_now(self) - 1 - size
  local y = #parts > 1 and ops.concatenate(parts, -1) or parts[1]
  if missing > 0 then y = ops.pad(y, { { 0, 0 }, { 0, missing } }) end
  if self.output_mode == "tf_idf" then return y * weights_of(self) end
  if self.output_mode == "count" then return tools.cast(y, "int64") end
  return tools.cast(ops.minimum(y, 1), "int64")
end

local function inverted(self, x)
  local list, shape = data.read(x)
  return self:written(tokens_of(self, data.integers(list, "invert")), shape)
end

local function output_of(self, shape)
  local mode = self.output_mode
  if mode == "int" then return { shape = shape, dtype = "int64" } end
  local counted = mode == "tf_idf" and "count" or mode
  return {
    shape = encoding.shape(shape, counted, told_depth(self) or depth(self)),
    dtype = mode == "tf_idf" and "float32" or "int64",
  }
end

-- ---- adapting ---------------------------------------------------------------------------------

local function count_tokens(counts, tokens)
  for _, token in ipairs(tokens) do counts[token] = (counts[token] or 0) + 1 end
end

-- Most frequent first; of equally frequent ones the greatest.
local function sorted_tokens(self)
  local counts, list = self.counts, {}
  for token in pairs(counts) do
    if token ~= self.mask_token and token ~= self.oov_token then list[#list + 1] = token end
  end
  table.sort(list, function (a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a > b
  end)
  local _, first = starts(self)
  for i = #list, self.max_tokens and self.max_tokens - first + 1 or math.huge, -1 do
    list[i] = nil
  end
  return list
end

-- Rows of tokens: each row of a table is one document, a flat one is one document, or as many as it
-- has tokens where all data come at once.
local function documents(self, values, apart)
  local list, shape = self:read(values)
  if #shape < 2 then
    if not apart then return { list } end
    local rows = {}
    for i, token in ipairs(list) do rows[i] = { token } end
    return rows
  end
  local rows, width = {}, #list // math.max(shape[1], 1)
  for i = 1, shape[1] do rows[i] = table.move(list, (i - 1) * width + 1, i * width, 1, {}) end
  return rows
end

-- ---- the layer --------------------------------------------------------------------------------

local function check_options(self)
  local name = self.class_name
  if self.pad_to_max_tokens and not self.max_tokens then
    core.raise("%s: pad_to_max_tokens needs max_tokens", name)
  elseif self.invert and self.output_mode ~= "int" then
    core.raise('%s: invert needs output_mode "int", it is "%s"', name, self.output_mode)
  elseif self.idf_weights and self.output_mode ~= "tf_idf" then
    core.raise('%s: idf_weights are for output_mode "tf_idf", it is "%s"', name, self.output_mode)
  end
end

lookup.max_tokens = {
  "max_tokens",
  {
    name = "an integer above 1",
    check = function (value)
      local n = kinds.integer.check(value)
      return n and n > 1 and n or nil
    end,
  },
}

-- A list of tokens, or the path of a file with one on each line. A config never has a path: loading
-- a model must not read other files.
lookup.vocabulary = {
  "vocabulary",
  {
    name = "a list of tokens or the path of a file",
    check = function (value)
      if core.is_tensor(value) and value.rank == 1 then return value:totable() end
      if type(value) == "string" or declare.is_plain(value) and #value > 0 then return value end
    end,
    serialise = function (value) return type(value) == "table" and value or nil end,
  },
  field = "_vocabulary",
}

lookup.IndexLookup = base.layer "IndexLookup" {
  abstract = true,
  doc = "tokens as their numbers in a vocabulary",
  args = { { "vocabulary_size", kinds.count, keyword = true, field = "vocabulary_size_seen" } },
  casts = "nothing",
  input_dtype = "int64",
  init = function (self)
    check_options(self)
    local seen = self.vocabulary_size_seen
    use(self, {})
    self.vocabulary_size_seen = seen
    self:reset_state()
    if self._vocabulary then self:set_vocabulary(self._vocabulary, self.idf_weights) end
  end,
  from_config = function (class, config)
    if type(config.vocabulary) == "string" then
      core.raise('%s: the config has the path of a file as vocabulary, "%s"; files are not read '
        .. "when a model is loaded", class.name, config.vocabulary)
    end
    return declare.from_config(class, config)
  end,
  call = function (self, x)
    if not self.invert then return encoded(self, numbers_of(self, self.read_tensor(x))) end
    if core.is_tensor(x) and core.is_symbolic(x) then
      return self:tokens_at(x, starts(self))
    end
    return inverted(self, x)
  end,
  compute_output_shape = function (self, shape) return output_of(self, shape).shape end,
  -- All tokens by their numbers, from 1 in the list as from 0 in the output.
  get_vocabulary = function (self, include_special_tokens)
    local list = include_special_tokens ~= false and special_tokens(self) or {}
    return table.move(self.tokens, 1, #self.tokens, #list + 1, list)
  end,
  -- For who finds the places of tokens, or counts them, itself.
  numbers_at = numbers_at,
  of_counts = of_counts,
  -- How many tokens there are, with those for padding and for unknown ones.
  vocabulary_size = function (self)
    local _, first = starts(self)
    return first + #self.tokens
  end,
  -- Takes a list of tokens, or the path of a file with one on each line, instead of adapt.
  set_vocabulary = function (self, vocabulary, idf_weights)
    local _ <close> = core.enter(self.name, self.class_name)
    if type(vocabulary) == "string" then vocabulary = self:parsed(read_file(vocabulary)) end
    if core.is_tensor(vocabulary) then vocabulary = vocabulary:totable() end
    if core.is_tensor(idf_weights) then idf_weights = idf_weights:totable() end
    if type(vocabulary) ~= "table" or #vocabulary == 0 then
      core.raise("vocabulary must be a list of tokens, got %s", declare.show(vocabulary))
    end
    vocabulary = self:read(vocabulary)
    check_weights(self, idf_weights, vocabulary)
    local tokens, had_special = own_tokens(self, vocabulary)
    check_tokens(self, tokens)
    use(self, tokens)
    if idf_weights then
      local _, first = starts(self)
      use_weights(self, idf_weights, had_special and 0 or first)
    end
  end,
  -- Takes the vocabulary from data: a tensor or a table, or batches, of which no more than `steps`
  -- are taken: a list of tensors, an iterator or a dataset.
  adapt = function (self, values, steps)
    local _ <close> = core.enter(self.name, self.class_name)
    self:reset_state()
    local batches = data.batches(values, steps)
    if batches then
      for batch in batches do self:update_state(batch) end
    else
      self:update_rows(documents(self, values, true))
    end
    self:finalize_state()
  end,
  -- Counts the tokens of more data.
  update_state = function (self, values)
    self:update_rows(documents(self, values, false))
  end,
  -- rows: a list of lists of tokens, one for each document.
  update_rows = function (self, rows)
    if self._vocabulary then core.raise("cannot be adapted: its vocabulary was given") end
    for _, row in ipairs(rows) do
      count_tokens(self.counts, row)
      local once, seen = {}, {}
      for _, token in ipairs(row) do
        if not seen[token] then
          seen[token] = true
          once[#once + 1] = token
        end
      end
      count_tokens(self.document_counts, once)
    end
    self.documents = self.documents + #rows
  end,
  -- Makes the vocabulary of all tokens so far, the most frequent first.
  finalize_state = function (self)
    if next(self.counts) == nil then return end
    local tokens = sorted_tokens(self)
    use(self, tokens)
    if self.output_mode == "tf_idf" then
      local weights = {}
      for i, token in ipairs(tokens) do
        weights[i] = math.log(1 + self.documents / (1 + self.document_counts[token]))
      end
      local _, first = starts(self)
      use_weights(self, weights, first)
    end
    self:reset_state()
  end,
  -- Forgets the counts so far; the vocabulary stays.
  reset_state = function (self)
    self.counts, self.document_counts, self.documents = {}, {}, 0
  end,
  -- What was learned from data, and is not in the config, as plain data; nil for nothing.
  get_learned = function (self)
    if self._vocabulary or #self.tokens == 0 then return nil end
    local weights = self.weights_of_places
    return { vocabulary = self:get_vocabulary(), idf_weights = weights and weights:totable() }
  end,
  set_learned = function (self, learned)
    if self._vocabulary or type(learned.vocabulary) ~= "table" then return end
    self:set_vocabulary(learned.vocabulary, learned.idf_weights)
  end,
  -- The vocabulary as a file in a folder, one token on each line; nil and a message on failure.
  save_assets = function (self, folder)
    if self._vocabulary then return true end   -- it is in the config
    local file <close>, problem = io.open(folder .. "/vocabulary.txt", "w")
    if not file then return nil, problem end
    local lines = self:get_vocabulary()
    for i, token in ipairs(lines) do lines[i] = tostring(token) end
    local written, cause = file:write(table.concat(lines, "\n"))
    if not written then return nil, cause end
    return file:close()      -- what the disk has no room for may be said only here
  end,
  -- Reads what save_assets has written into a folder; nil and a message on failure.
  load_assets = function (self, folder)
    if self._vocabulary then return true end
    local file, problem = io.open(folder .. "/vocabulary.txt")
    if not file then return nil, problem end
    file:close()
    local weights = self.weights_of_places
    self:set_vocabulary(self:parsed(read_file(folder .. "/vocabulary.txt")),
      weights and weights:totable())
    return true
  end,
}

return lookup
