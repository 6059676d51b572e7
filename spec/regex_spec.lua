-- Regular expressions: found where Python's re.search finds them.

local regex = require "lunula.utils.regex"

local texts = {
  "dense/kernel", "dense_1/kernel", "conv2d/bias", "head/dense_12/kernel", "q",
  "sequential/q/kernel", "", "ababc/x.y", "layer_2/gamma", "Dense", "a]b-", "keernel", "l{x",
  "emb_100",
}

-- Each with an x for a text in which Python finds it.
local found = {
  { "dense", "xx.x.........." }, { "^conv", "..x..........." }, { "^dense/", "x............." },
  { "dense_[12]/", ".x............" }, { "a|b", "..xx.x.xx.x..x" },
  { "^(dense|conv)\\d*/kernel$", "x............." }, { ".*head.*", "...x.........." },
  { "layer_(1|2)/", "........x....." }, { "\\bq\\b", "....xx........" },
  { "ke?rnel", "xx.x.x........" }, { "e{2}", "...........x.." },
  { "[^a-z/_]", ".xxx...xxxx.xx" }, { "", "xxxxxxxxxxxxxx" }, { "x*", "xxxxxxxxxxxxxx" },
  { "(?:ab)+c", ".......x......" }, { "a.*?b$", ".............." },
  { "\\d{2,3}$", ".............x" }, { "[\\w.]+/bias", "..x..........." },
  { "n{1,}e", "xx.x.x.....x.." }, { "$^", "......x......." }, { "^$", "......x......." },
  { "dense$|kernel$", "xx.x.x........" }, { "\\.", ".......x......" },
  { "[a\\]]", "..xx.x.xx.x..." }, { "[-x]", ".......x..x.x." }, { "e{,1}n", "xxxx.x...x.x.." },
  { "l{x", "............x." },
}

describe("a regular expression", function ()
  for _, row in ipairs(found) do
    it("is found where Python finds it: " .. row[1], function ()
      local said = {}
      for i, text in ipairs(texts) do said[i] = regex.search(row[1], text) and "x" or "." end
      assert.equal(row[2], table.concat(said))
    end)
  end

  it("says what it does not know", function ()
    for pattern, text in pairs {
      ["(a"] = "no ) to its (", ["a)"] = "no ( to its )", ["*a"] = "nothing to repeat",
      ["[a"] = "no ] to its [", ["(?=a)"] = "a kind of group not known",
      ["(a)\\1"] = "an escape that is not known", ["[z-a]"] = "a range that is none",
    } do
      assert.error_at_line(function () regex.search(pattern, "x") end, text)
    end
  end)
end)
