-- The data of the examples about digits: pictures of 12 x 12 points, each a digit of a 5 x 7 font
-- somewhere on noisy ground. digits(count) returns pictures (count, 12, 12, 1) of numbers from 0 to
-- 1, and labels (count).

local k = require "lunula"

local SIZE <const>, NOISE <const> = 12, 0.25

local font = {
  [0] = ".###.#...##..###.#.###..##...#.###.", "..#...##....#....#....#....#...###.",
  ".###.#...#....#...#...#...#...#####", ".###.#...#....#..##.....##...#.###.",
  "...#...##..#.#.#..#.#####...#....#.", "######....####.....#....##...#.###.",
  ".###.#....####.#...##...##...#.###.", "#####....#...#...#...#....#....#...",
  ".###.#...##...#.###.#...##...#.###.", ".###.#...##...#.####....#...#..##..",
}

local function digit(label)
  local picture, left, top = {}, math.random(0, SIZE - 5), math.random(0, SIZE - 7)
  for i = 1, SIZE * SIZE do picture[i] = math.random() * NOISE end
  for i = 0, 34 do
    if font[label]:sub(i + 1, i + 1) == "#" then
      local place = (top + i // 5) * SIZE + left + i % 5 + 1
      picture[place] = 1 - math.random() * NOISE
    end
  end
  return picture
end

-- first, last: the digits that there are.
return function(count, first, last)
  math.randomseed(count)
  local pictures, labels = {}, {}
  for i = 1, count do
    labels[i] = math.random(first or 0, last or 9)
    pictures[i] = digit(labels[i])
  end
  return k.tensor(pictures):reshape { count, SIZE, SIZE, 1 }, k.tensor(labels, { dtype = "int32" })
end
