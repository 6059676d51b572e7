-- k.utils.text_dataset_from_directory: text files as batches of strings, with their labels.

local core = require "lunula.core"
local files = require "lunula.data.files"
local folders = require "lunula.data.folders"
local options = require "lunula.utils.options"

local NAME <const> = "text_dataset_from_directory"

-- ("folder", { batch_size = 32, … }) -> a dataset, or two for subset = "both"
return function(directory, given)
  local o = folders.read(NAME, directory, given, { "max_length" })
  local longest = options.count(NAME, "max_length", o.max_length, 0)
  return folders.datasets(o, { ".txt" }, function(paths)
    local texts = {}
    for i, path in ipairs(paths) do
      texts[i] = files.bytes(path)
      if longest then texts[i] = texts[i]:sub(1, longest) end   -- bytes, as in Keras
    end
    return core.tensor(texts)
  end)
end
