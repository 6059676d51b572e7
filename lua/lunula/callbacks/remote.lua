-- RemoteMonitor: the results of every epoch, for a server; a function of the user's does the
-- sending, since lunula opens no connections.

local core = require "lunula.core"
local kinds = require "lunula.kinds"
local warn = require "lunula.utils.warn"
local callback = require "lunula.callbacks.callback"

-- The numbers as JSON, keys by alphabet.
local function as_json(values)
  local names, parts = {}, {}
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = values[name]
    if type(value) == "number" and math.type(value) ~= "integer" then
      value = value == value and math.abs(value) < math.huge and core.json_number(value) or "null"
    end
    parts[#parts + 1] = core.json_quote(name) .. ": " .. tostring(value)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function url_encoded(text)
  return (text:gsub("[^%w%-_.~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

callback.declare "RemoteMonitor" {
  tells_others = true,
  doc = "Gives the results of every epoch to a function that sends them: "
    .. "RemoteMonitor{send = function(url, body, headers) … end}.",
  args = {
    { "root", kinds.string, default = "http://localhost:9000", doc = "the address of the server" },
    { "path", kinds.string, default = "/publish/epoch/end/",
      doc = "what follows it in the address" },
    { "field", kinds.string, default = "data",
      doc = "the name of the form field" },
    { "headers", kinds.table,
      doc = "further headers of the request" },
    { "send_as_json", kinds.boolean, default = false,
      doc = "whether the body is JSON, not a form" },
    { "send", kinds.callable,
      doc = "the function that sends: (url, body, headers)" },
  },
  init = function(self)
    if not self.send then
      core.raise("RemoteMonitor: lunula opens no connections; give a function that does, "
        .. "send = function(url, body, headers) … end")
    end
  end,
  on_epoch_end = function(self, epoch, logs)
    local values = { epoch = epoch }
    for name, value in pairs(logs) do
      if type(value) == "number" then values[name] = value end
    end
    local headers, body = { ["Content-Type"] = "application/json" }, as_json(values)
    if not self.send_as_json then
      headers["Content-Type"] = "application/x-www-form-urlencoded"
      body = url_encoded(self.field) .. "=" .. url_encoded(body)
    end
    for name, value in pairs(self.headers or {}) do headers[name] = value end
    local ok, problem = pcall(self.send, self.root .. self.path, body, headers)
    if not ok then warn.say("RemoteMonitor: could not send to %s: %s", self.root, problem) end
  end,
}
