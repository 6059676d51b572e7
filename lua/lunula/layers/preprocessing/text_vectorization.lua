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
local lookup = require "lunula.layers.preprocessing.index_lookup"
local StringLookup = require "lunula.layers.preprocessing.string_lookup"

-- ---- from a text to tokens --------------------------------------------------------------------

-- Letters of ASCII only, as in Keras; other bytes stay.
local function lower(text)
  return (text:gsub("%u", string.lower))
end

local function without_punctuation(text)
  return (text:gsub("[!\"#$%%&()*+,%-./:;<=>?@%[%]\\^_`{|}~']", ""))
end

local standardizers = {
  lower = lower,
  strip_punctuation = without_punctuation,
  lower_and_strip_punctuation = function (text) return without_punctuation(lower(text)) end,
}

local splitters = {
  whitespace = function (text)
    local tokens = {}
    for token in text:gmatch "%S+" do tokens[#tokens + 1] = token end
    return tokens
  end,
  -- Characters of UTF-8; a byte that is none of one becomes the replacement character.
  character = function (text)
    local tokens, i = {}, 1
    while i <= #text do
      local valid = utf8.len(text, i, i)
      local last = valid and utf8.offset(text, 2, i) - 1 or i
      tokens[#tokens + 1] = valid and text:sub(i, last) or "\u{FFFD}"
      i = last + 1
    end
    return tokens
  end,
}

-- All n-grams of the first width, then of the second …
local function ngrams(tokens, widths)
  local grams = {}
  for _, width in ipairs(widths) do
    for i = 1, #tokens - width + 1 do
      grams[#grams + 1] = table.concat(tokens, " ", i, i + width - 1)
    end
  end
  return grams
end

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

local function standardized(self, text)
  local how = self.standardize
  if how == nil then return text end
  if standardizers[how] then return standardizers[how](text) end
  return call_user("standardize", how, text, "string")
end

local function split(self, text)
  if splitters[self.split] then return splitters[self.split](text) end
  return call_user("split", self.split, text, "table")
end

-- The rows of tokens of the texts, one row a text. Texts that are not split are rows already, when
-- they come in a table of two levels.
local function rows_of(self, x)
  data.refuse_tensor(x)
  local list, shape = data.read(x)
  data.strings(list, "the layer")
  local widths, rows = self.ngrams and widths_of(self), {}
  if self.split ~= nil and (#shape > 2 or #shape == 2 and shape[2] ~= 1) then
    core.raise("takes a list of texts, or a column of them; got a table of %d rows and %d columns",
      shape[1], shape[2])
  end
  local width = self.split == nil and shape[2] or 1
  for i, text in ipairs(list) do
    text = standardized(self, text)
    local row = (i - 1) // width + 1
    if self.split == nil then
      rows[row] = rows[row] or {}
      table.insert(rows[row], text)
    else
      rows[row] = split(self, text)
    end
  end
  if widths then
    for i, tokens in ipairs(rows) do rows[i] = ngrams(tokens, widths) end
  end
  return rows, shape
end

-- ---- from rows of tokens to tensors -----------------------------------------------------------

-- Numbers of the tokens, filled up with zeros, or cut, to one length.
local function padded(self, rows)
  local length = self.output_sequence_length or 0
  if not self.output_sequence_length then
    for _, row in ipairs(rows) do length = math.max(length, #row) end
  end
  local numbers = {}
  for _, row in ipairs(rows) do
    local found = self.lookup:numbers_of(row)
    for i = 1, length do numbers[#numbers + 1] = found[i] or 0 end
  end
  return data.tensor(numbers, { #rows, length }, "int64")
end

-- The vectors of rows of any length: short rows are filled up with the mask token, which has no
-- place in a vector.
local function encoded(self, rows)
  local length = 1
  for _, row in ipairs(rows) do length = math.max(length, #row) end
  local full = {}
  for i, row in ipairs(rows) do
    full[i] = table.move(row, 1, #row, 1, {})
    for j = #row + 1, length do full[i][j] = "" end
  end
  return self.lookup(full)
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

local widths = {
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
      default = "lower_and_strip_punctuation", none = true },
    { "split", named_or_function { "whitespace", "character" }, default = "whitespace",
      none = true },
    { "ngrams", widths },
    { "output_mode", lookup.modes, default = "int" },
    { "output_sequence_length", kinds.positive },
    { "pad_to_max_tokens", kinds.boolean, default = false },
    lookup.vocabulary,
    { "idf_weights", kinds.values },
    encoding.sparse,
    { "ragged", kinds.boolean, default = false },
    { "encoding", kinds.one_of { "utf-8" }, default = "utf-8", none = true },
    { "vocabulary_size", kinds.count, keyword = true, field = "vocabulary_size_seen" },
  },
  casts = "nothing",
  reads_strings = true,
  init = function (self)
    check_options(self)
    self.lookup = StringLookup {
      max_tokens = self.max_tokens, vocabulary = self._vocabulary, idf_weights = self.idf_weights,
      pad_to_max_tokens = self.pad_to_max_tokens, mask_token = "",
      output_mode = self.output_mode, name = self.name .. "_lookup",
    }
    if self._vocabulary or not self.vocabulary_size_seen then
      self.vocabulary_size_seen = self.lookup:vocabulary_size()
    end
  end,
  from_config = lookup.IndexLookup.make_from_config,
  call = function (self, x)
    local rows, shape = rows_of(self, x)
    if self.output_mode ~= "int" then return without_batch(encoded(self, rows), shape) end
    local y = padded(self, rows)
    local whole = self.split == nil and not (self.ngrams or self.output_sequence_length)
    if whole then return y:reshape(shape) end
    return without_batch(y, shape)
  end,
  compute_output_shape = function (self, shape)
    if self.output_mode == "int" then
      return { shape[1] or false, self.output_sequence_length or false }
    end
    return self.lookup:compute_output_shape { shape[1] or false, false }
  end,
  -- Takes the vocabulary from texts: a table of them, or an iterator of such, of which no more than
  -- `steps` are taken.
  adapt = function (self, texts, _, steps)
    local _ <close> = core.enter(self.name, self.class_name)
    self:reset_state()
    if type(texts) == "function" then
      local taken = 0
      for batch in texts do
        self:update_state(batch)
        taken = taken + 1
        if taken == steps then break end
      end
    else
      self:update_state(texts)
    end
    self:finalize_state()
  end,
  update_state = function (self, texts) self.lookup:update_rows((rows_of(self, texts))) end,
  finalize_state = function (self)
    self.lookup:finalize_state()
    self.vocabulary_size_seen = self.lookup:vocabulary_size()
  end,
  reset_state = function (self) self.lookup:reset_state() end,
  get_vocabulary = function (self, include_special_tokens)
    return self.lookup:get_vocabulary(include_special_tokens)
  end,
  vocabulary_size = function (self) return self.lookup:vocabulary_size() end,
  set_vocabulary = function (self, vocabulary, idf_weights)
    self.lookup:set_vocabulary(vocabulary, idf_weights)
    self.vocabulary_size_seen = self.lookup:vocabulary_size()
  end,
  save_assets = function (self, folder) return self.lookup:save_assets(folder) end,
  load_assets = function (self, folder) return self.lookup:load_assets(folder) end,
}
