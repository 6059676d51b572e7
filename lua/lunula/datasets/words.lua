-- imdb, reuters: texts as lists of the numbers of their words, the most frequent is 1.

local core = require "lunula.core"
local files = require "lunula.data.files"
local folder = require "lunula.datasets.folder"
local npy = require "lunula.data.npy"
local numpy_order = require "lunula.data.numpy_order"
local ops = require "lunula.ops"
local options = require "lunula.utils.options"

local words = { imdb = {}, reuters = {} }

local GOOGLE <const> = folder.GOOGLE

-- Lists and their labels out of the archive.
local function read_archive(dataset, o, names)
  local file = dataset .. ".npz"
  local path = folder.find(dataset, o.path or file, GOOGLE .. file)
  local found, results = npy.load(path), {}
  for i, name in ipairs(names) do
    results[i] = type(found) == "table" and found[name]
    if not results[i] then
      files.fail(path, "there is no %s in it, as in Keras's %s", name, file)
    end
  end
  for i = 1, #names, 2 do
    if type(results[i]) ~= "table" or #results[i] ~= #results[i + 1] then
      files.fail(path, "%s is no list of as many texts as there are labels", names[i])
    end
    for j, list in ipairs(results[i]) do
      if type(list) ~= "table" then files.fail(path, "%s[%d] is no list", names[i], j - 1) end
    end
  end
  return results
end

local function read_options(dataset, given, names)
  local o, what = folder.read(dataset, given, names)
  local function whole(name, default)
    return options.count(what, name, folder.default(o[name], default) or nil, 0)
  end
  return {
    what = what, path = o.path,
    num_words = whole "num_words", skip_top = whole("skip_top", 0), maxlen = whole "maxlen",
    seed = whole("seed", 113), start_char = whole("start_char", 1), oov_char = whole("oov_char", 2),
    index_from = whole("index_from", 3) or 0, test_split = o.test_split,
  }
end

-- Texts and labels in the order of the numbers.
local function in_order(lists, labels, numbers)
  local sorted = {}
  for i, number in ipairs(numbers) do sorted[i] = lists[number + 1] end
  return sorted, ops.take(labels, core.tensor(numbers, "int32"), 0)
end

-- The words from index_from on, behind the mark of a beginning: new lists.
local function shifted(lists, o)
  local by = (o.start_char or o.index_from) and o.index_from or 0
  for i, list in ipairs(lists) do
    local new, n = {}, 0
    if o.start_char then new[1], n = o.start_char, 1 end
    for j, word in ipairs(list) do new[n + j] = word + by end
    lists[i] = new
  end
end

-- Texts of fewer words than maxlen, and their labels.
local function without_long(lists, labels, o)
  if not o.maxlen or o.maxlen == 0 then return lists, labels end
  local kept, numbers = {}, {}
  for i, list in ipairs(lists) do
    if #list < o.maxlen then kept[#kept + 1], numbers[#numbers + 1] = list, i - 1 end
  end
  if #kept == 0 then
    core.raise("%s: no text has fewer than maxlen = %d words", o.what, o.maxlen)
  end
  return kept, ops.take(labels, core.tensor(numbers, "int32"), 0)
end

local function most_of(all)
  local most = 0
  for _, lists in ipairs(all) do
    for _, list in ipairs(lists) do
      for _, word in ipairs(list) do if word > most then most = word end end
    end
  end
  return most
end

-- Words that are not wanted become oov_char, or go.
local function limit(list, first, behind, oov)
  local n = 0
  for j = 1, #list do
    local word = list[j]
    list[j] = nil
    if word < first or word >= behind then word = oov end
    if word then
      n = n + 1
      list[n] = word
    end
  end
end

local function limited(all, o)
  local behind = o.num_words and o.num_words > 0 and o.num_words or most_of(all)
  for _, lists in ipairs(all) do
    for _, list in ipairs(lists) do limit(list, o.skip_top, behind, o.oov_char) end
  end
end

-- load_data { path =, num_words =, skip_top = 0, maxlen =, seed = 113, start_char = 1,
--   oov_char = 2, index_from = 3 } -> x_train, y_train, x_test, y_test; an x is a list of lists
function words.imdb.load_data(given)
  local o = read_options("imdb", given, { "path", "num_words", "skip_top", "maxlen", "seed",
    "start_char", "oov_char", "index_from" })
  local found = read_archive("imdb", o, { "x_train", "y_train", "x_test", "y_test" })
  local shuffle, results = numpy_order.new(o.seed), {}
  for i = 1, 4, 2 do
    local x, y = in_order(found[i], found[i + 1], shuffle(numpy_order.range(#found[i])))
    shifted(x, o)
    results[i], results[i + 1] = without_long(x, y, o)
  end
  limited({ results[1], results[3] }, o)
  return table.unpack(results)
end

-- The same with test_split = 0.2, of one list of texts.
function words.reuters.load_data(given)
  local o = read_options("reuters", given, { "path", "num_words", "skip_top", "maxlen",
    "test_split", "seed", "start_char", "oov_char", "index_from" })
  local split = folder.test_split(o.what, o.test_split)
  local found = read_archive("reuters", o, { "x", "y" })
  local x, y = in_order(found[1], found[2], numpy_order.numbers(#found[1], o.seed))
  shifted(x, o)
  x, y = without_long(x, y, o)
  limited({ x }, o)
  local kept, n = math.floor(#x * (1 - split)), #x
  return table.move(x, 1, kept, 1, {}), ops.slice(y, { 0 }, { kept }),
    table.move(x, kept + 1, n, 1, {}), ops.slice(y, { kept }, { n - kept })
end

local function word_index(dataset, given)
  local name = dataset .. "_word_index.json"
  local o = folder.read(dataset, given, { "path" }, "get_word_index")
  local path = folder.find(dataset, o.path or name, GOOGLE .. name)
  local index, problem = core.json_read(files.bytes(path), core.None)
  if type(index) ~= "table" then files.fail(path, "it is no JSON: %s", tostring(problem)) end
  return index
end

-- get_word_index { path =} -> word -> number, without index_from
function words.imdb.get_word_index(given) return word_index("imdb", given) end

function words.reuters.get_word_index(given) return word_index("reuters", given) end

-- The names of the labels, that of 0 first.
function words.reuters.get_label_names()
  local names = {}
  for name in ("cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade "
    .. "reserves ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum "
    .. "oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop "
    .. "zinc orange pet-chem dlr gas silver wpi hog lead"):gmatch "%S+" do
    names[#names + 1] = name
  end
  return names
end

return words
