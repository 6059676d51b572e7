-- The output of busted, and its counts for whoever adds them up: with
-- -Xoutput FILE the line "N passed, N failed" goes to that file, else to the
-- terminal. While specs run the file holds the name of the running one, so
-- that a crash can be blamed.

return function (options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.plainTerminal" (options)
  local path = options.arguments and options.arguments[1]

  local function note(text)
    if not path then return end
    local file = assert(io.open(path, "w"))
    file:write(text, "\n")
    file:close()
  end

  busted.subscribe({ "test", "start" }, function (element)
    note("in " .. handler.getFullName(element))
    return nil, true
  end)

  busted.subscribe({ "exit" }, function ()
    local line = ("%d passed, %d failed"):format(handler.successesCount,
      handler.failuresCount + handler.errorsCount)
    if path then note(line) else print(line) end
    return nil, true
  end)

  return handler
end
