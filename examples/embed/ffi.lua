-- Predicts from LuaJIT, with a network from a file; the same calls serve Python's ctypes and
-- whatever else can call C. The library is lunula as a whole (`make shared`):
--
--   luajit ffi.lua ../../build/liblunula.so ring.safetensors

local ffi = require "ffi"

ffi.cdef [[
typedef struct lunula_model lunula_model;
typedef struct { char text[1000]; char traceback[1000]; } lunula_error;
typedef struct {
  void *data; int dtype; int rank; int64_t shape[8]; int read_only;
} lunula_view;
int lunula_load(const char *path, lunula_model **model, lunula_error *error);
void lunula_model_free(lunula_model *model);
int lunula_prepare(lunula_model *model, const lunula_view *inputs, int ninputs,
                   lunula_view *outputs, int noutputs, lunula_error *error);
int lunula_predict(lunula_model *model, const lunula_view *inputs, int ninputs,
                   const lunula_view *outputs, int noutputs, lunula_error *error);
]]

local lunula = ffi.load(arg[1] or "lunula")
local why = ffi.new "lunula_error"

local function check(status)
  if status ~= 0 then error(ffi.string(why.text), 0) end
end

local function load(path)
  local place = ffi.new "lunula_model *[1]"
  check(lunula.lunula_load(path, place, why))
  return ffi.gc(place[0], lunula.lunula_model_free)
end

-- Rows of numbers in, one input and one output of floats; a flat array and its size out.
local function predict(model, rows)
  local n, width = #rows, #rows[1]
  local x = ffi.new("float[?]", n * width)
  for i, row in ipairs(rows) do
    for j, number in ipairs(row) do x[(i - 1) * width + j - 1] = number end
  end
  local views = ffi.new("lunula_view[2]", { { data = x, rank = 2, shape = { n, width } } })
  check(lunula.lunula_prepare(model, views, 1, views + 1, 1, why))
  local size = 1
  for i = 0, views[1].rank - 1 do size = size * tonumber(views[1].shape[i]) end
  local y = ffi.new("float[?]", size)
  views[1].data = y
  check(lunula.lunula_predict(model, views, 1, views + 1, 1, why))
  return y, size
end

local points = { { 0.5, 0.3 }, { 0.1, -0.1 } }
local inside = predict(load(arg[2] or "ring.safetensors"), points)
for i, point in ipairs(points) do
  print(("(%4.1f, %4.1f): %.2f"):format(point[1], point[2], inside[i - 1]))
end
