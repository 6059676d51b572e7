-- A site of files in headless Chromium, where that is installed: what a page becomes, which of its
-- pages complain, and which are wider than a narrow window.

local core = require "lunula.core"
local files = require "spec.support.files"

local browser = {}

local programs = { "chromium", "chromium-browser", "google-chrome" }

-- The program, or nil.
function browser.program()
  for _, name in ipairs(programs) do
    local pipe = io.popen("command -v " .. name)
    local path = pipe:read "l"
    pipe:close()
    if path then return path end
  end
end

-- The page as it stands when its scripts have run, and what the console said. `folder` is for the
-- files of the browser. Its errors begin with the process and the word CONSOLE.
function browser.dump(folder, address)
  local said = folder .. "/browser.txt"
  local pipe = assert(io.popen(("timeout 240 %s --headless=new --no-sandbox --disable-gpu "
    .. "--allow-file-access-from-files --enable-logging=stderr --user-data-dir='%s/profile' "
    .. "--virtual-time-budget=600000 --dump-dom 'file://%s' 2>'%s'"):format(browser.program(),
      folder, address, said)))
  local dom = pipe:read "a"
  pipe:close()
  local console = {}
  for line in io.lines(said) do
    if line:find("CONSOLE", 1, true) then console[#console + 1] = line end
  end
  return dom, console
end

-- Loads one page after another in a frame of that width; what is wrong stands in the element
-- "problems", one a line, and "done" behind it.
local harness = [[
<!DOCTYPE html><meta charset="utf-8"><pre id="problems"></pre>
<iframe id="frame" style="width: %dpx; height: 600px; border: 0"></iframe>
<script>
const pages = %s, frame = document.getElementById("frame"), problems = [];
let at = 0;
function next() {
  if (at < pages.length) { frame.src = pages[at]; return; }
  document.getElementById("problems").textContent = problems.concat("done").join("\n");
}
frame.onload = function () {
  const page = frame.contentDocument;
  if (!page || !page.querySelector("main")) problems.push(pages[at] + ": is not there");
  else if (page.documentElement.scrollWidth > frame.clientWidth)
    problems.push(pages[at] + ": is " + page.documentElement.scrollWidth + " wide");
  at += 1;
  next();
};
next();
</script>
]]

-- The problems of all these pages of the site below `site` in a window of that width; what the
-- console said comes behind.
function browser.check(folder, site, pages, width)
  local quoted = {}
  for i, page in ipairs(pages) do quoted[i] = core.json_quote(page) end
  files.write(site .. "/browser.html",
    harness:format(width, "[" .. table.concat(quoted, ",") .. "]"))
  local dom, problems = browser.dump(folder, site .. "/browser.html")
  os.remove(site .. "/browser.html")
  local found = dom:match '<pre id="problems">(.-)</pre>' or ""
  for line in found:gmatch "[^\n]+" do
    if line ~= "done" then table.insert(problems, line) end
  end
  if not found:find "done$" then table.insert(problems, "the browser did not get to its end") end
  return problems
end

return browser
