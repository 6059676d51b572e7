-- k.preprocessing: what stands in k.utils, under its names of Keras 2.

local core = require "lunula.core"
local declare = require "lunula.declare"
local image = require "lunula.utils.image"
local utils = require "lunula.utils"

-- A module whose names are looked up in k.utils, so that those of sister rocks are there too.
local function module(path, names, inner)
  local list = {}
  for name in names:gmatch "%S+" do list[#list + 1] = name end
  for name in pairs(inner) do list[#list + 1] = name end
  local known = {}
  for _, name in ipairs(list) do known[name] = true end
  local function find(_, name)
    if known[name] then return utils[name] end
    core.raise("there is no %s.%s%s", path, tostring(name), declare.suggestion(name, list))
  end
  local function all()
    local found = {}
    for _, name in ipairs(list) do found[name] = inner[name] end
    return next, found
  end
  return setmetatable(inner, { __index = find, __pairs = all })
end

return module("preprocessing",
  "image_dataset_from_directory text_dataset_from_directory timeseries_dataset_from_array", {
    image = module("preprocessing.image",
      "array_to_img img_to_array load_img save_img", { smart_resize = image.smart_resize }),
    sequence = module("preprocessing.sequence", "pad_sequences", {}),
  })
