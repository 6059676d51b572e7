-- Folders of files as datasets, beside what Keras makes of them (spec/golden/folders.jsonl).

local core = require "lunula.core"
local k = require "lunula"
local folders = require "lunula.data.folders"
local numpy_order = require "lunula.data.numpy_order"
local json = require "lunula.saving.json"
local scratch = require "spec.support.scratch"

local NAME <const> = "text_dataset_from_directory"

local function cases(kind)
  local found = {}
  for line in io.lines "spec/golden/folders.jsonl" do
    local case = json.decode(line)
    if case[kind] then found[#found + 1] = case end
  end
  return found
end

local function some(value) return value ~= core.None and value or nil end

local tree = cases("files")[1]

local function make_tree()
  for _, name in ipairs(tree.files) do
    core.make_folders(scratch.path(name:match "^(.*/)" or "."))
    scratch.write(name, "text of " .. name)
  end
  os.execute(("ln -s '%s' '%s'"):format(tree.link[2], scratch.path(tree.link[1])))
end

-- What a call writes to io.stdout.
local function written(f)
  local out, texts = io.stdout, {}
  rawset(io, "stdout", { write = function(_, ...) texts[#texts + 1] = table.concat { ... } end })
  local results = table.pack(pcall(f))
  rawset(io, "stdout", out)
  assert(results[1], results[2])
  return table.concat(texts), table.unpack(results, 2, results.n)
end

local function options_of(given, more)
  for name, value in pairs(more) do given[name] = value end
  return given
end

local function plain(value)
  return core.is_tensor(value) and value:totable() or value
end

local function batches(dataset)
  local list = {}
  for x, y in dataset:as_iterator() do
    list[#list + 1] = { plain(x), y ~= nil and plain(y) or nil }
  end
  return list
end

describe("folders of files", function()
  setup(make_tree)
  teardown(scratch.clear)

  it("are listed and shuffled as by Keras", function()
    for _, case in ipairs(cases "index") do
      local o = folders.read(NAME, scratch.path(), options_of(case.index, { verbose = false }))
      local paths, labels, names = folders.index(o, { ".txt" })
      for i, path in ipairs(paths) do paths[i] = path:sub(#scratch.path() + 2) end
      assert.same(case.paths, paths)
      assert.same(some(case.labels), labels)
      assert.same(some(case.names), names)
    end
  end)

  it("become batches of texts as Keras's", function()
    for _, case in ipairs(cases "options") do
      local said, a, b = written(function()
        return k.utils.text_dataset_from_directory(scratch.path(),
          options_of(case.options, { shuffle = false }))
      end)
      assert.equal(case.said, said)
      assert.same(some(case.names), a.class_names)
      local found = { batches(a), b and batches(b) }
      assert.same(case.sets, found)
      assert.equal(#case.sets[1], #a)
    end
  end)

  it("are shuffled by the seed, and keep what is for validation apart", function()
    local o = { seed = 3, validation_split = 0.4, subset = "both", verbose = false, batch_size = 2 }
    local training, validation = k.utils.text_dataset_from_directory(scratch.path(), o)
    local first, second = batches(training), batches(training)
    assert.are_not.same(first, second)
    assert.same(first, batches((k.utils.text_dataset_from_directory(scratch.path(), o))))
    local seen = {}
    for _, path in ipairs(training.file_paths) do seen[path] = true end
    for _, path in ipairs(validation.file_paths) do assert.is_nil(seen[path]) end
    assert.equal(4, #validation.file_paths)
  end)

  it("come in the orders of NumPy", function()
    assert.same({ 5, 4, 1, 2, 9, 6, 7, 0, 3, 8 }, numpy_order.numbers(10, 3))
    local long = numpy_order.numbers(1000, 113)
    assert.same({ 641, 987, 187, 779 }, { table.unpack(long, 1, 4) })
  end)

  it("are refused at the line where something is wrong", function()
    local function fails(given, message, path)
      given = options_of(given, { verbose = false })
      assert.error_at_line(function()
        k.utils.text_dataset_from_directory(path or scratch.path(), given)
      end, message)
    end
    fails({}, "the folder cannot be read: No such file", "no/such/folder")
    assert.error_at_line(function() k.utils.text_dataset_from_directory() end,
      "the path of a folder comes first, got nil")
    fails({ lables = "inferred" }, 'unknown option "lables" (did you mean "labels"?)')
    fails({ labels = "guessed" }, 'labels must be "inferred"')
    fails({ labels = { 1, 2 } }, "2 labels were given, but")
    fails({ label_mode = "multi" }, 'label_mode must be "int", "categorical", "binary"')
    fails({ label_mode = "binary" }, "is for two classes, there are 4: B, a, b, c")
    fails({ class_names = { "a", "d" } }, 'class_names has "d", which is no folder in')
    fails({ class_names = { "a" }, labels = false }, 'class_names are for labels = "inferred"')
    fails({ validation_split = 2, subset = "both", seed = 1 }, "must be between 0 and 1, got 2")
    fails({ validation_split = 0.2 }, "validation_split is given, then subset")
    fails({ subset = "both" }, "subset is given, then validation_split must be too")
    fails({ validation_split = 0.2, subset = "half", seed = 1 }, 'subset must be "training"')
    fails({ validation_split = 0.2, subset = "both" }, "needs a seed")
    fails({ validation_split = 0.01, subset = "both", seed = 1 }, "no files for validation, of all")
    fails({ format = "grain" }, "format is for Python")
    fails({ class_names = {} }, "no files in")
    assert.error_at_line(function() core.folder "Makefile" end, "Makefile: the folder cannot be")
  end)
end)
