-- TextVectorization: texts become rows of token numbers, or one vector each.
--
-- A text is standardized, split into tokens, the tokens joined to n-grams; a StringLookup inside
-- knows the numbers. standardize and split may be functions: of a string, to a string and to a list
-- of strings.

local core = require "lunula.core"
local declare = require "lunula.declare"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"
local data = require "lunula.layers.preprocessing.data"
local encoding = require "lunula.layers.preprocessing.encoding"
local ops = require "lunula.ops"
local tools = require "lunula.ops.tools"
local lookup = require "lunula.layers.preprocessing.index_lookup"
local StringLookup = require "lunula.layers.preprocessing.string_lookup"

-- ---- from a text to tokens --------------------------------------------------------------------

-- What the ops on texts call the ways to change and to split one.
local changes = { lower = 1, strip_punctuation = 2, lower_and_strip_punctuation = 3 }
local splits = { whitespace = 1, character = 2 }

local function widths_of(self)
  if type(self.ngrams) ~= "number" then return self.ngrams end
  local widths = {}
  for i = 1, self.ngrams do widths[i] = i end
  return widths
end

local function call_user(what, fn, text, wanted)
  local result = fn(text)
  if type(result) ~= wanted then
    core.raise("%s must be a function from a string to a %s, it returned %s", what,
      wanted == "table" and "list of strings" or wanted, declare.show(result))
  end
  if wanted == "table" then data.strings(result, what) end
  return result
end

local function is_function(way, names) return way and way ~= core.None and not names[way] end

local function has_function(self)
  return is_function(self.standardize, changes) or is_function(self.split, splits)
end

-- change, split and widths as the ops take them.
local function rule_of(self)
  local widths = self.ngrams and widths_of(self) or { 1 }
  return changes[self.standardize] or 0, splits[self.split] or 0, widths
end

-- A list of the words of the texts of one row, by the functions of the user where there are some.
local function words_of(self, texts)
  local change, split, widths = rule_of(self)
  if type(self.standardize) == "function" then
    for i, text in ipairs(texts) do
      texts[i] = call_user("standardize", self.standardize, text, "string")
    end
  end
  if type(self.split) ~= "function" then return core.words(texts, change, split, widths) end
  local words = {}
  for _, text in ipairs(core.words(texts, change, 0, { 1 })) do
    for _, word in ipairs(call_user("split", self.split, text, "table")) do
      words[#words + 1] = word
    end
  end
  return core.words(words, 0, 0, widths)
end

local function check_shape(self, shape)
  if self.split ~= nil and (#shape > 2 or #shape == 2 and shape[2] ~= 1) then
    core.raise("takes a list of texts, or a column of them; got a table of %s rows and %s columns",
      tostring(shape[1] or "None"), tostring(shape[2] or "None"))
  elseif #shape > 2 then
    core.raise("takes a table of two levels at most, got one of %d", #shape)
  end
end

-- The rows of words of the texts, one row a text. Texts that are not split are rows already, when
-- they come in a table of two levels.
local function rows_of(self, x)
  local list, shape = data.read(data.string_tensor(x, "the layer"))
  check_shape(self, shape)
  local rows, width = {}, self.split == nil and shape[2] or 1
  for i = 1, #list, math.max(width, 1) do
    rows[#rows + 1] = words_of(self, table.move(list, i, i + width - 1, 1, {}))
  end
  return rows, shape
end

-- ---- from texts to tensors --------------------------------------------------------------------

-- Texts that only functions of Lua can take apart, as a table of their words.
local function by_functions(self, x)
  if core.is_symbolic(x) then
    core.raise("takes texts apart by a Lua function, which is no part of a model: call the layer "
      .. "on the texts, and give the model what it returns")
  end
  local rows, length = rows_of(self, x), 1
  for _, row in ipairs(rows) do length = math.max(length, #row) end
  for _, row in ipairs(rows) do
    for j = #row + 1, length do row[j] = "" end
  end
  return data.string_tensor(rows, "the layer"), length
end

-- How many words the longest text has.
local function longest(self, x, change, split, widths)
  if self.output_sequence_length then return self.output_sequence_length end
  if core.is_symbolic(x) then
    core.raise("in a model the length must be known: "
      .. "TextVectorization{output_sequence_length = 20} fills up or cuts each text; without it "
      .. "the layer is called on the texts, and the model is given what it returns")
  end
  return x.size > 0 and ops.max(ops.text_lengths(x, change, split, widths)):item() or 0
end

-- Numbers of the words, filled up with zeros, or cut, to one length.
local function numbered(self, x, length, change, split, widths)
  local words = self.lookup.table
  local places = ops.text_numbers(x, words[1], words[2], words[3], change, split, widths, length)
  return tools.cast(self.lookup:numbers_at(places), "int64")
end

local function counted(self, x, ...)
  local words = self.lookup.table
  return self.lookup:of_counts(ops.text_counts(x, words[1], words[2], words[3], ...))
end

-- The result for one text alone has no batch.
local function without_batch(y, shape)
  return #shape == 0 and y:squeeze(0) or y
end

local function named_or_function(names)
  return kinds.either(kinds.one_of(names), {
    name = "a function",
    check = function (value)
      if type(value) == "table" and value.class_name == "function" then value = value.config end
      if type(value) == "string" then value = declare.custom_object(value) end
      return kinds.callable.check(value)
    end,
    serialise = function (value) return declare.name_of(value) or value end,
  })
end

local gram_widths = {
  name = "a positive integer or a list of them",
  check = function (value)
    return kinds.positive.check(value) or kinds.list_of(kinds.positive).check(value, {})
  end,
}

local function check_options(self)
  if self.output_mode ~= "int" and self.output_sequence_length then
    core.raise('TextVectorization: output_sequence_length is for output_mode "int", it is "%s"',
      self.output_mode)
  elseif self.ragged then
    core.raise("TextVectorization: tensors have rows of one length, ragged=true cannot be had")
  end
end

return layer "TextVectorization" {
  doc = "texts as rows of token numbers, or as multi_hot, count or tf_idf vectors",
  args = {
    lookup.max_tokens,
    { "standardize",
      named_or_function { "lower_and_strip_punctuation", "lower", "strip_punctuation" },
      default = "lower_and_strip_punctuation", none = true, doc = "what is done to texts first" },
    { "split", named_or_function { "whitespace", "character" }, default = "whitespace",
      none = true, doc = "how they are cut into words" },
    { "ngrams", gram_widths, doc = "how many words make one entry: a number, or a list of them" },
    { "output_mode", lookup.modes, default = "int" },
    { "output_sequence_length", kinds.positive,
      doc = "how many places come out; shorter texts are filled up, longer ones cut" },
    { "pad_to_max_tokens", kinds.boolean, default = false },
    lookup.vocabulary,
    { "idf_weights", kinds.values },
    encoding.sparse,
    { "ragged", kinds.boolean, default = false },
    { "encoding", kinds.one_of { "utf-8" }, default = "utf-8", none = true },
    { "vocabulary_size", kinds.count, keyword = true, field = "vocabulary_size_seen" },
  },
  casts = "nothing",
  input_dtype = "string",
  -- Whether it can be no part of a model: its length depends on the texts, or functions of Lua
  -- take them apart. A config tells it as well.
  reads_strings = function (self)
    local int = self.output_mode == nil or self.output_mode == "int"
    return has_function(self) or int and not self.output_sequence_length
  end,
  init = function (self)
    check_options(self)
    self.lookup = StringLookup {
      max_tokens = self.max_tokens, vocabulary = self._vocabulary, idf_weights = self.idf_weights,
      pad_to_max_tokens = self.pad_to_max_tokens, mask_token = "",
      output_mode = self.output_mode, name = self.name .. "_lookup",
      vocabulary_size = not self._vocabulary and self.vocabulary_size_seen or nil,
    }
    if self._vocabulary or not self.vocabulary_size_seen then
      self.vocabulary_size_seen = self.lookup:vocabulary_size()
    end
  end,
  from_config = lookup.IndexLookup.make_from_config,
  call = function (self, x)
    x = data.string_tensor(x, "the layer")
    local shape, change, split, widths = x.shape, rule_of(self)
    check_shape(self, shape)
    local length
    if has_function(self) then
      x, length = by_functions(self, x)
      change, split, widths = 0, 0, { 1 }
    end
    if self.output_mode ~= "int" then
      return without_batch(counted(self, x, change, split, widths), shape)
    end
    local whole = self.split == nil and not (self.ngrams or self.output_sequence_length)
    if whole and not length then length = shape[2] or 1 end
    length = self.output_sequence_length or length or longest(self, x, change, split, widths)
    local y = numbered(self, x, length, change, split, widths)
    if whole then return y:reshape(shape) end
    return without_batch(y, shape)
  end,
  compute_output_shape = function (self, shape)
    if self.output_mode == "int" then
      return { shape[1] or false, self.output_sequence_length or false }
    end
    return self.lookup:compute_output_shape { shape[1] or false, false }
  end,
  -- Takes the vocabulary from texts: a table of them, or batches, of which no more than `steps` are
  -- taken: a list of tensors, an iterator or a dataset.
  adapt = function (self, texts, batch_size, steps)
    local _ <close> = core.enter(self.name, self.class_name)
    self:reset_state()
    local batches = data.batches(texts, declare.is_plain(batch_size) and batch_size or steps)
    if batches then
      for batch in batches do self:update_state(batch) end
    else
      self:update_state(texts)
    end
    self:finalize_state()
  end,
  -- Counts the words of more texts.
  update_state = function (self, texts) self.lookup:update_rows((rows_of(self, texts))) end,
  -- Makes the vocabulary of all words so far, the most frequent first.
  finalize_state = function (self)
    self.lookup:finalize_state()
    self.vocabulary_size_seen = self.lookup:vocabulary_size()
  end,
  -- Forgets the counts so far; the vocabulary stays.
  reset_state = function (self) self.lookup:reset_state() end,
  -- The words by their numbers, as a list: its first entry has number 0.
  get_vocabulary = function (self, include_special_tokens)
    return self.lookup:get_vocabulary(include_special_tokens)
  end,
  -- How many words there are, with those for padding and for unknown words.
  vocabulary_size = function (self) return self.lookup:vocabulary_size() end,
  -- Takes a list of words, or the path of a file with one on each line, instead of adapt.
  set_vocabulary = function (self, vocabulary, idf_weights)
    self.lookup:set_vocabulary(vocabulary, idf_weights)
    self.vocabulary_size_seen = self.lookup:vocabulary_size()
  end,
  -- Writes the vocabulary into a folder, one word on each line; nil and a message on failure.
  save_assets = function (self, folder) return self.lookup:save_assets(folder) end,
  -- Reads what save_assets has written into a folder; nil and a message on failure.
  load_assets = function (self, folder) return self.lookup:load_assets(folder) end,
}
