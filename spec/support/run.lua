-- Runs all tests and adds them up:
--   lua5.4 spec/support/run.lua BUILD [spec=PATHS] [filter=PATTERN] [under=COMMAND] [jobs=N]
--     [PROGRAM..]
-- Every file of specs runs through busted in a process of its own, N at a time: what one leaves
-- behind (memory that collections walk, loaded modules) costs the others nothing, and a crash
-- loses one file. Every PROGRAM says "ok ..." or "not ok ..." on a line of its own for each of its
-- tests. The last line is the sum, "N passed, N failed". A part without a test, or one that dies,
-- has failed.
-- A program may stand behind its folder and its settings: "in=build/empty NAME=VALUE program".

local limit = 1800  -- seconds for a part; it ends a loop that does not end
local timed = ""   -- where there is such a command
for _, command in ipairs { "timeout --foreground -k 10 ", "timeout -k 10 " } do
  if timed == "" and os.execute(command .. "1 true >/dev/null 2>&1") then
    timed = command .. limit
  end
end
local build = arg[1]
local options, programs = { spec = "", filter = "", under = "", jobs = "1" }, {}
for i = 2, #arg do
  local name, value = arg[i]:match "^(%l+)=(.*)$"
  if options[name] then options[name] = value else programs[#programs + 1] = arg[i] end
end

local passed, failed = 0, 0
local function add(part, more_passed, more_failed, complaint)
  if complaint then
    print(("%s: %s"):format(part, complaint))
    more_failed = math.max(more_failed, 1)
  end
  passed, failed = passed + more_passed, failed + more_failed
  return ("%s: %d ok, %d not ok"):format(part, more_passed, more_failed)
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

-- The lines that a command prints.
local function lines_of(command)
  local lines, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function spec_files()
  local files = {}
  for path in options.spec:gmatch "%S+" do
    local found = lines_of("find " .. quote(path) .. " -name '*_spec.lua' | sort")
    if #found == 0 then add(path, 0, 1, "no spec is there") end
    table.move(found, 1, #found, #files + 1, files)
  end
  return files
end

-- What the shell does with each file: the counts and how it ended go to a file of their own, what
-- was printed comes at once when it is over. Of a file where all is well, its line is enough.
local script = [[
counts=$BUILD/specs/$(echo "$1" | tr / .)
$TIMED $UNDER $LUA spec/support/busted.lua --ignore-lua --cpath="$CPATH" -Xoutput "$counts" \
  ${FILTER:+--filter="$FILTER"} "$1" >"$counts.out" 2>&1
ended=$?
echo "$ended" >>"$counts"
if [ $ended = 0 ]; then
  grep -v -e '^$' -e ' success.* / .* seconds$' -e ' 0 ok, 0 not ok' "$counts.out"
else cat "$counts.out"; fi
exit 0
]]

local function read(path)
  local file = io.open(path)
  local text = file and file:read "a" or ""
  if file then file:close() end
  return text
end

local function add_file(path)
  local text = read(build .. "/specs/" .. path:gsub("/", "."))
  local code = tonumber(text:match "(%d+)\n$")
  local complaint = code and ending(code == 0, "exit", code)
  local good, bad = text:match "^(%d+) passed, (%d+) failed"
  if not good then
    local where = text:match "^in ([^\n]*)"
    add(path, 0, 1, (complaint or "no counts were left") .. (where and " in: " .. where or ""))
    return
  end
  -- busted's own exit code is the number of failures, so it says nothing new
  local line = add(path, tonumber(good), tonumber(bad), bad == "0" and complaint or nil)
  if bad ~= "0" then print(line) end
end

local function run_specs()
  local folder = build .. "/specs"
  os.execute("rm -rf " .. folder .. " && mkdir -p " .. folder)
  local settings = { BUILD = build, TIMED = timed, UNDER = options.under, LUA = arg[-1],
    CPATH = find_modules(), FILTER = options.filter }
  local command = {}
  for name, value in pairs(settings) do command[#command + 1] = name .. "=" .. quote(value) end
  command[#command + 1] = ("xargs -n 1 -P %s sh -c %s spec"):format(options.jobs, quote(script))
  io.stdout:flush()
  local files = spec_files()
  local pipe = assert(io.popen(table.concat(command, " "), "w"))
  for _, path in ipairs(files) do pipe:write(path, "\n") end
  pipe:close()
  for _, path in ipairs(files) do add_file(path) end
  if passed + failed == 0 then add("specs", 0, 1, "no test was selected") end
  print(("specs: %d ok, %d not ok"):format(passed, failed))
end

local function run_program(program)
  io.stdout:flush()
  local good, bad = 0, 0
  local folder, command = program:match "^in=(%S+) (.*)$"
  local pipe = assert(io.popen(("cd %s && %s env %s 2>&1"):format(folder or ".", timed,
    command or program)))
  for line in pipe:lines() do
    print(line)
    if line:find "^ok%f[^%w_]" then good = good + 1 end
    if line:find "^not ok%f[^%w_]" then bad = bad + 1 end
  end
  local complaint = ending(pipe:close())
  if not complaint and good + bad == 0 then complaint = "it ran no test" end
  if bad > 0 then complaint = nil end
  print(add(program:match "[^/ ]+$", good, bad, complaint))
end

run_specs()
for _, program in ipairs(programs) do run_program(program) end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
