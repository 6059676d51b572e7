std = "lua54"
max_line_length = 100
self = false
cache = "build/luacheck"
files["spec"] = { std = "lua54+busted" }
files["rocks/*/spec"] = { std = "lua54+busted" }
files["**/*.rockspec"] = { std = "lua54+rockspec" }
