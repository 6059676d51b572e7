-- string.format of one number, for files: its decimal point is a point, also where the process has
-- a locale that writes a comma.

return function(pattern, number)
  local text = pattern:format(number)
  local point = ("%.1f"):format(0):sub(2, -2)
  if point == "." then return text end
  local first, last = text:find(point, 1, true)
  return first and text:sub(1, first - 1) .. "." .. text:sub(last + 1) or text
end
