-- A module that is loaded when something of it is first asked for: a program does not pay at its
-- start for what it may never use.
--
--   local config = late(function () return require "lunula.models.config" end)
--   … config.of_compile(model) …

return function (load_module)
  return setmetatable({}, {
    __index = function (self, name)
      local value = load_module()[name]
      self[name] = value
      return value
    end,
  })
end
