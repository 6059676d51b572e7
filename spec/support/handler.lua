-- The output of busted: a line for each file, then what failed, then the
-- counts. With -Xoutput FILE the line "N passed, N failed" goes to that file
-- for whoever adds them up, else to the terminal. While specs run the file
-- holds the name of the running one, so that a crash can be blamed.

return function (options)
  local busted = require "busted"
  options.deferPrint = true  -- thousands of dots say nothing
  local handler = require "busted.outputHandlers.plainTerminal" (options)
  local path = options.arguments and options.arguments[1]

  local function note(text)
    if not path then return end
    local file = assert(io.open(path, "w"))
    file:write(text, "\n")
    file:close()
  end

  local function counts()
    return handler.successesCount, handler.failuresCount + handler.errorsCount
  end

  local start, passed, failed
  busted.subscribe({ "file", "start" }, function ()
    start, passed, failed = busted.monotime(), counts()
    return nil, true
  end)

  busted.subscribe({ "file", "end" }, function (element)
    local all_passed, all_failed = counts()
    print(("%-44s %5d ok, %d not ok %6.1f s"):format(element.name, all_passed - passed,
      all_failed - failed, busted.monotime() - start))
    io.stdout:flush()
    return nil, true
  end)

  busted.subscribe({ "test", "start" }, function (element)
    note("in " .. handler.getFullName(element))
    return nil, true
  end)

  busted.subscribe({ "exit" }, function ()
    local line = ("%d passed, %d failed"):format(counts())
    if path then note(line) else print(line) end
    return nil, true
  end)

  return handler
end
