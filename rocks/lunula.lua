#!/usr/bin/env lua5.4
-- The command `lunula`. In a checkout it runs as `lua5.4 rocks/lunula.lua`, with the modules there.

local tree = arg[0]:match "^(.*)/rocks/lunula%.lua$" or arg[0] == "rocks/lunula.lua" and "."
if tree and io.open(tree .. "/build/lunula/core.so") then
  package.path = ("%s/lua/?.lua;%s/lua/?/init.lua;%s"):format(tree, tree, package.path)
  package.cpath = ("%s/build/?.so;%s"):format(tree, package.cpath)
end

os.exit(require "lunula.command"(arg), true)
