-- k.utils.plot_images: a tensor of images as a grid, in an .svg (with PNGs inside) or a .png.

local core = require "lunula.core"
local declare = require "lunula.declare"
local ops = require "lunula.ops"
local options = require "lunula.utils.options"
local png = require "lunula.utils.pictures.png"
local svg = require "lunula.utils.pictures.svg"
local words = require "lunula.utils.pictures.words"

local plot_images = {}

local known = { "cols", "scale", "value_range", "labels" }
local GAP <const>, LABEL <const> = 4, 16

-- (n, height, width, channels), whatever of it was left out.
local function read_images(x)
  if type(x) == "table" then x = ops.convert_to_tensor(x) end
  if not core.is_tensor(x) then
    core.raise("plot_images takes a tensor of images, got %s", declare.show(x))
  elseif core.is_symbolic(x) then
    core.raise "plot_images draws numbers; in a trace there are none yet"
  end
  if x.rank == 3 then x = ops.expand_dims(x, -1) end
  local shape = x.shape
  if x.rank ~= 4 or shape[4] < 1 or shape[4] > 4 or x.size == 0 then
    core.raise("plot_images takes images of shape (n, height, width) or (n, height, width, "
      .. "channels) with 1 to 4 channels, got (%s)", table.concat(shape, ", "))
  end
  return x
end

-- The numbers that are black and white: said, or 0..255 for whole numbers and for fractions that
-- go beyond 1, else 0..1.
local function range_of(x, said)
  if said == nil then
    local is_whole = x.dtype ~= "float32" and x.dtype ~= "float16" and x.dtype ~= "bfloat16"
      and x.dtype ~= "float64" and x.dtype ~= "bool"
    return 0, (is_whole or ops.max(ops.cast(x, "float32")):item() > 1) and 255 or 1
  end
  local low, high = said[1], said[2]
  if type(low) ~= "number" or type(high) ~= "number" or low >= high then
    core.raise("plot_images: value_range must be {black, white}, as {-1, 1}")
  end
  return low, high
end

local function as_bytes(x, said)
  local low, high = range_of(x, said)
  local scaled = (ops.cast(x, "float32") - low) * (255 / (high - low))
  return ops.cast(ops.clip(ops.round(scaled), 0, 255), "uint8")
end

-- One image as big as the grid; cells that are left over are white.
local function grid(x, cols, gap)
  local n, height, width, channels = table.unpack(x.shape)
  local pixels, line = x:tobytes(), width * channels
  local white = ("\255"):rep(gap * channels)
  local total = cols * width + (cols - 1) * gap
  local lines, rows = {}, (n + cols - 1) // cols
  for row = 0, rows - 1 do
    if row > 0 then
      for _ = 1, gap do lines[#lines + 1] = ("\255"):rep(total * channels) end
    end
    for y = 0, height - 1 do
      local parts = {}
      for col = 0, cols - 1 do
        local image = row * cols + col
        local first = (image * height + y) * line
        parts[col + 1] = image < n and pixels:sub(first + 1, first + line) or ("\255"):rep(line)
      end
      lines[#lines + 1] = table.concat(parts, white)
    end
  end
  return png.encode(total, #lines, channels, table.concat(lines))
end

local function as_png(x, cols, scale)
  if scale > 1 then x = ops["repeat"](ops["repeat"](x, scale, 1), scale, 2) end
  return grid(x, cols, GAP)
end

-- Every image by itself, with its label below.
local function as_svg(x, cols, scale, labels)
  local out, n, height, width = svg.new(), table.unpack(x.shape)
  local step_x = width * scale + GAP
  local step_y = height * scale + GAP + (labels and LABEL or 0)
  local pixels, size, channels = x:tobytes(), x.size // n, x.shape[4]
  for i = 0, n - 1 do
    local left, top = GAP + i % cols * step_x, GAP + i // cols * step_y
    local file = png.encode(width, height, channels, pixels:sub(i * size + 1, (i + 1) * size))
    out:add("image", { x = left, y = top, width = width * scale, height = height * scale,
      href = "data:image/png;base64," .. png.base64(file), style = "image-rendering:pixelated" })
    if labels and labels[i + 1] ~= nil then
      local most = math.max(3, width * scale // 6)
      out:text(left + width * scale / 2, top + height * scale + 12,
        words.cut(tostring(labels[i + 1]), most),
        { size = 11, anchor = "middle", fill = "#263238", tip = tostring(labels[i + 1]) })
    end
  end
  local rows = (n + cols - 1) // cols
  return out:finish(GAP + cols * step_x, GAP + rows * step_y)
end

local function read_labels(said, path)
  if said == nil then return nil end
  if core.is_tensor(said) then said = said:totable() end
  if type(said) ~= "table" then
    core.raise("plot_images: labels must be a list, got %s", declare.show(said))
  end
  if path:find "%.png$" then core.raise 'plot_images: labels need a file that ends in ".svg"' end
  return said
end

-- options: cols (images a row), scale (pixels a pixel), value_range {black, white}, labels.
function plot_images.plot_images(x, path, given)
  local o = options.read("plot_images", given, known)
  x = read_images(x)
  local ending = type(path) == "string" and path:match "%.(%a+)$"
  if ending ~= "svg" and ending ~= "png" then
    core.raise('plot_images writes .svg and .png, got %s', declare.show(path))
  end
  local cols = options.count("plot_images", "cols", o.cols) or math.ceil(math.sqrt(#x))
  cols = math.min(cols, #x)
  local scale = options.count("plot_images", "scale", o.scale)
    or math.max(1, 64 // math.max(x.shape[2], x.shape[3]))
  local labels = read_labels(o.labels, path)
  x = as_bytes(x, o.value_range)
  svg.write_file("plot_images", path,
    ending == "png" and as_png(x, cols, scale) or as_svg(x, cols, scale, labels))
  return path
end

return plot_images
