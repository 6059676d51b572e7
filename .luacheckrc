std = "lua54"
max_line_length = 100
self = false
ignore = { "581" }  -- not (x > y) is meant: it holds for a NaN
files["spec"] = { std = "lua54+busted" }
files["spec/golden"] = { std = "lua54", max_line_length = false, unused = false }  -- recorded
files["rocks/*/spec"] = { std = "lua54+busted" }
files["**/*.rockspec"] = { std = "lua54+rockspec" }
