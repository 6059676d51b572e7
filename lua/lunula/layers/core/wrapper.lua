-- Wrapper: the parent of layers that hold another layer and do something around its call.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local layer = require "lunula.layers.base"

return layer "Wrapper" {
  several = true,
  doc = "a layer around another one; the parent of classes that have a call",
  args = { { "layer", kinds.layer, required = true } },
  build = function (self, shape)
    if not self.layer.built then self.layer:build(shape) end
  end,
  call = function ()
    core.raise("a Wrapper has no call of its own; declare one: "
      .. 'k.layer "Name" { parent = k.layers.Wrapper, call = function (self, x) … end }')
  end,
}
