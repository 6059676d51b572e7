-- Files that are broken, by hand and by chance: an error that names what is wrong, and never more.

local k = require "lunula"
local core = require "lunula.core"
local damage = require "spec.support.damage"
local recorded = require "rocks.images.spec.support.recorded"
local scratch = require "spec.support.scratch"

teardown(scratch.clear)

local function refuses(bytes, text)
  scratch.write("x.png", bytes)
  local path = scratch.path "x.png"
  assert.error_at_line(function() k.utils.load_img(path) end, "load_img: " .. path .. ": " .. text)
end

local function chunk(kind, body)
  return (">I4"):pack(#body) .. kind .. body .. (">I4"):pack(core.checksum(kind .. body))
end

-- The same PNG with another size in its head.
local function claiming(width, height)
  local bytes = recorded.bytes "rgb.png"
  return bytes:sub(1, 8) .. chunk("IHDR", (">I4I4"):pack(width, height) .. bytes:sub(25, 29))
    .. bytes:sub(34)
end

describe("a broken image", function()
  it("is cut off", function()
    for _, name in ipairs(recorded.names()) do
      local bytes = recorded.bytes(name)
      for _, share in ipairs { 0.2, 0.5, 0.8, 0.98 } do
        refuses(bytes:sub(1, #bytes * share // 1), "its ")
      end
      refuses(bytes:sub(1, -4), "its ")
    end
    refuses("\x89PNG\r\n\x1A\n", "its PNG is damaged: it is cut off")
    refuses("\xFF\xD8\xFF", "its JPEG is damaged: ")
  end)

  it("is damaged", function()
    local bytes = recorded.bytes "rgb.png"
    refuses(bytes:sub(1, 60) .. "x" .. bytes:sub(62), "its PNG is damaged: IDAT: ")
    bytes = recorded.bytes "rgb.jpg"
    refuses((bytes:gsub("\xFF\xDB", "\xFF\xDD", 1)), "its JPEG is damaged: ")
  end)

  -- Pixels are not believed before the file is long enough for them.
  it("claims more than it holds", function()
    refuses(claiming(100000, 100000),
      "it claims 100000 rows of 300000 bytes, which 510 bytes of a file cannot hold")
    refuses(claiming(0x7FFFFFFF, 1), "its PNG is damaged: ")
    refuses(claiming(0, 5), "its PNG is damaged: ")
    local bytes = recorded.bytes "rgb.jpg"
    local at = assert(bytes:find("\xFF\xC0", 1, true))
    refuses(bytes:sub(1, at + 4) .. "\xFF\xDC\xFF\xDC" .. bytes:sub(at + 9),
      "it claims 65500 x 65500 pixels, which " .. #bytes .. " bytes of a file cannot hold")
  end)

  it("is larger than what is read", function()
    local zeros = ("\0"):rep(5 << 20)
    refuses(claiming(60000, 60000):sub(1, -13) .. chunk("zero", zeros) .. chunk("zero", zeros)
      .. chunk("IEND", ""), "60000 x 60000 pixels are more than the 178956970 that are read")
  end)

  it("has scans without end", function()
    local bytes = recorded.bytes "progressive.jpg"
    local first = assert(bytes:find("\xFF\xDA", 1, true))
    local second = assert(bytes:find("\xFF\xC4", first, true))
    local scan = bytes:sub(first, second - 1)
    refuses(bytes:sub(1, second - 1) .. scan:rep(300) .. bytes:sub(second),
      "its JPEG has more than 200 scans")
  end)
end)

describe("images with random damage", function()
  it("are read or refused, and the process lives", function()
    damage.run("rocks/images/spec/support/mutate.lua", 6, 300)
  end)
end)
