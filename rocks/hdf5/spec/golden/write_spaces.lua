-- Writes the recorded FeatureSpaces anew, for spaces.py, which asks Keras:
-- lua5.4 rocks/hdf5/spec/golden/write_spaces.lua FOLDER (from the checkout, after make)

package.path = "./rocks/hdf5/lua/?.lua;./rocks/hdf5/lua/?/init.lua;./lua/?.lua;./lua/?/init.lua;"
  .. package.path
package.cpath = "./rocks/hdf5/build/?.so;./build/?.so;" .. package.cpath

local FeatureSpace = require("lunula").utils.FeatureSpace

local folder = assert(arg[1], "the folder to write to is wanted")

for _, name in ipairs { "space", "space_dict" } do
  local space = FeatureSpace.load("rocks/hdf5/spec/golden/models/" .. name .. ".keras")
  space:save(("%s/%s.keras"):format(folder, name))
end
