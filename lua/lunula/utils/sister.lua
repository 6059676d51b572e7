-- A module of a sister rock, which may not be there.
--
--   sister("images", function () return require "lunula.images" end, "load_img: pictures")

local core = require "lunula.core"

-- what: what it reads and writes, as it begins the message where it is missing.
return function (rock, load, what)
  local found, module = pcall(load)
  if found then return module end
  module = tostring(module)
  if module:find("module 'lunula%." .. rock .. "[.core]*' not found") then   -- or not built
    core.raise("%s are read and written by another rock: luarocks install lunula-%s", what, rock)
  end
  core.raise("%s: the rock lunula-%s is there, but does not load: %s", what, rock, module)
end
