-- Trains the network of model.lua, and writes what predict.c needs of it.

local model = dofile(arg[1] or "model.lua")
model:export(arg[2] or "ring.safetensors")
