-- Writes build/peers/data/NAME.safetensors for from_file.py: from_file.lua NAME

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local models = require "lunula_models"

models.make(arg[1]):export((os.getenv "PEERS_DATA" or "build/peers/data")
  .. "/" .. arg[1] .. ".safetensors")
