-- Loads the model that applications.py saved in a folder, and prints how far its predictions are
-- from Keras's: lua5.4 applications.lua FOLDER FILE

package.path = "./rocks/hdf5/lua/?.lua;./rocks/hdf5/lua/?/init.lua;./lua/?.lua;./lua/?/init.lua;"
  .. package.path
package.cpath = "./rocks/hdf5/build/?.so;./build/?.so;" .. package.cpath

local core = require "lunula.core"
local hdf5 = require "lunula.hdf5"

local folder, file = arg[1], arg[2]

local function read(name)
  local f <close> = assert(io.open(folder .. "/" .. name, "rb"))
  return f:read "a"
end

local size = tonumber(read "size")
local start = os.clock()
local model = hdf5.load_model(folder .. "/" .. file, { compile = false })
local seconds = os.clock() - start
local x = core.frombytes(read "x", { shape = { 2, size, size, 3 }, dtype = "float32" })
local y = core.frombytes(read "y", { shape = { 2, 10 }, dtype = "float32" })
local worst = core.ops.max(core.ops.abs(model:predict(x) - y)):item()
print(("%.1e, loaded in %.1f s, %d weights"):format(worst, seconds, #model.weights))
os.exit(worst <= 1e-5)
