-- Runs all tests and adds them up:
--   lua5.4 spec/support/run.lua BUILD [spec=PATH] [filter=PATTERN] [under=COMMAND] [PROGRAM..]
-- The specs run through busted; every PROGRAM says "ok ..." or "not ok ..." on
-- a line of its own for each of its tests. The last line is the sum,
-- "N passed, N failed". A part without a test, or one that dies, has failed.

local limit = 1800  -- seconds for a part; it ends a loop that does not end
local timed = "timeout --foreground -k 10 " .. limit
local build = arg[1]
local options, programs = { spec = "", filter = "", under = "" }, {}
for i = 2, #arg do
  local name, value = arg[i]:match "^(%l+)=(.*)$"
  if name then options[name] = value else programs[#programs + 1] = arg[i] end
end

local passed, failed = 0, 0
local function add(part, more_passed, more_failed, complaint)
  if complaint then
    print(("%s: %s"):format(part, complaint))
    more_failed = math.max(more_failed, 1)
  end
  print(("%s: %d ok, %d not ok"):format(part, more_passed, more_failed))
  passed, failed = passed + more_passed, failed + more_failed
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- nil when all is well, else what happened
local function ending(ok, how, code)
  if ok then return nil end
  -- the shell reports a program killed by signal n as exit code 128 + n
  if how == "exit" and code > 128 then how, code = "signal", code - 128 end
  if code == 124 then return ("did not end within %d seconds"):format(limit) end
  return ("ended with %s %d"):format(how == "exit" and "exit code" or how, code)
end

-- Where the modules in C are: the core's, and those of the sister rocks.
local function find_modules()
  local paths = { ("./%s/?.so"):format(build) }
  local pipe = assert(io.popen "ls -d rocks/*/")
  for folder in pipe:lines() do paths[#paths + 1] = ("./%s%s/?.so"):format(folder, build) end
  pipe:close()
  return table.concat(paths, ";")
end

local function run_specs()
  local counts = build .. "/specs.txt"
  os.remove(counts)
  local command = ("%s %s %s spec/support/busted.lua --ignore-lua --cpath=%s -Xoutput %s"):format(
    timed, options.under, arg[-1], quote(find_modules()), quote(counts))
  if options.filter ~= "" then command = command .. " --filter=" .. quote(options.filter) end
  for path in options.spec:gmatch "%S+" do command = command .. " " .. quote(path) end
  io.stdout:flush()
  local complaint = ending(os.execute(command))
  local file = io.open(counts)
  local text = file and file:read "a" or ""
  if file then file:close() end
  local good, bad = text:match "^(%d+) passed, (%d+) failed"
  if not good then
    local where = text:match "^in ([^\n]*)"
    add("specs", 0, 1, (complaint or "no counts were left") .. (where and " in: " .. where or ""))
  elseif good + bad == 0 then
    add("specs", 0, 1, "no test was selected")
  else
    -- busted's own exit code is the number of failures, so it says nothing new
    add("specs", tonumber(good), tonumber(bad), bad == "0" and complaint or nil)
  end
end

local function run_program(program)
  io.stdout:flush()
  local good, bad = 0, 0
  local pipe = assert(io.popen(timed .. " " .. program .. " 2>&1"))
  for line in pipe:lines() do
    print(line)
    if line:find "^ok%f[^%w_]" then good = good + 1 end
    if line:find "^not ok%f[^%w_]" then bad = bad + 1 end
  end
  local complaint = ending(pipe:close())
  if not complaint and good + bad == 0 then complaint = "it ran no test" end
  if bad > 0 then complaint = nil end
  add(program:match "[^/ ]+$", good, bad, complaint)
end

run_specs()
for _, program in ipairs(programs) do run_program(program) end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
