-- `make floors` sees what it is there for: breaches planted in a copy of the tree are told with
-- their file and line. The tree itself is for `make floors` to judge.

local lua = require "spec.support.lua"

local build = package.searchpath("lunula.core", package.cpath):match "^(.*)/lunula/core%.so$"
local copy = build .. "/floors"

-- What a shell command says. A sanitizer that watches the specs shall not look for leaks in cp.
local function run(command)
  local pipe = assert(io.popen(("export ASAN_OPTIONS=detect_leaks=0; %s 2>&1"):format(command)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

local function copy_tree()
  local said = run(("rm -rf {copy} && mkdir -p {copy}/build && cp -r src lua .busted {copy} && "
    .. "cp -r {build}/obj {build}/lunula {copy}/build && ln -s \"$PWD/spec\" {copy}/spec")
    :gsub("{(%l+)}", { copy = copy, build = build }))
  assert.equal("", said)
end

-- Writes lines into a file before its last one that begins with `mark`, or at its end; returns
-- "path:number" of the planted line that has `telling` in it.
local function plant(path, mark, lines, telling)
  local before, planted = {}, nil
  for line in io.lines(copy .. "/" .. path) do before[#before + 1] = line end
  local at = #before + 1
  for i = #before, 1, -1 do
    if mark and before[i]:find("^" .. mark) then at = i break end
  end
  for i, line in ipairs(lines) do
    table.insert(before, at + i - 1, line)
    if line:find(telling, 1, true) then planted = planted or at + i - 1 end
  end
  local file = assert(io.open(copy .. "/" .. path, "w"))
  file:write(table.concat(before, "\n"), "\n")
  file:close()
  return ("%s:%d: "):format(path, planted)
end

local function compile(unit)
  local command = "cd %s && env -u LD_PRELOAD ${CC:-gcc} -std=gnu11 -Isrc -MMD -c"
  return run((command .. " -o build/obj/%s.o src/%s.c"):format(copy, unit, unit))
end

describe("make floors", function ()
  local said
  local wanted = {}

  setup(function ()
    copy_tree()
    wanted.block = plant("lua/lunula/json_path.lua", "return", {
      "function _ENV.planted()", '  return (require "lunula.ops.tools")', "end",
    }, "require")
    wanted.computed = plant("lua/lunula/records.lua", "return", {
      'local name = "lunula.ops.tools"', "_ENV.planted = require(name)" }, "require")
    wanted.unreached = plant("lua/lunula/kinds.lua", "return", {
      "function kinds.planted(name) return (require(name)) end" }, "require")
    wanted.peer = plant("lua/lunula/losses/init.lua", "return", {
      '_ENV.planted = require "lunula.optimizers.rate"' }, "require")
    wanted.extern = plant("src/graph/walk.c", nil, {
      "extern int plan_run(void);", "int planted(void);",
      "int planted(void) { return plan_run(); }" }, "plan_run")
    wanted.by_hand = plant("src/tensor/type.c", nil, {
      "int threads_count(void);", "int planted_too(void);",
      "int planted_too(void) { return threads_count(); }" }, "threads_count")
    wanted.malloc = plant("src/tensor/type.c", nil, {
      "#include <stdlib.h>", "void *planted_block(void);",
      "void *planted_block(void) { return malloc(8); }" }, "malloc")
    assert.equal("", compile "graph/walk" .. compile "tensor/type")
    said = run(("cd %s && %s spec/support/floors.lua build"):format(copy, lua.command))
  end)

  local function says(place, text)
    for line in said:gmatch "[^\n]+" do
      if line:find(place, 1, true) == 1 and line:find(text, 1, true) then return end
    end
    error(("it does not say: %s%s\nbut: %s"):format(place, text, said), 2)
  end

  it("sees a require upwards inside a block", function ()
    says(wanted.block, "lunula.json_path may not know lunula.ops.tools, which is above it")
  end)

  it("sees a computed require upwards", function ()
    says(wanted.computed, "lunula.records may not know lunula.ops.tools, which is above it")
  end)

  it("wants every computed require to be watched", function ()
    says(wanted.unreached, "no watched spec reached this computed require")
  end)

  it("sees losses that require optimizers", function ()
    says(wanted.peer, "lunula.losses may not know lunula.optimizers.rate, which is above it")
  end)

  it("sees what is linked to upwards, and an extern", function ()
    says(wanted.extern, "graph links to plan_run of src/plan/plan.c, which is above it")
    says(wanted.extern, "declares by hand what a header should")
  end)

  it("sees a prototype by hand", function ()
    says(wanted.by_hand, "threads_count of src/base/threads.c is known by no header of src/base")
  end)

  it("sees memory that does not come from base/memory.c", function ()
    says(wanted.malloc, "malloc is for src/base/memory: no other file allocates")
  end)

  it("tells nothing but what was planted", function ()
    assert.truthy(said:find "%d+ files, 8 breaches\n", said)
  end)
end)
