/* Search in LUNULA_INDEX (index.js): [name, address, sentence, words] a row. What is typed may be
   several words; each must be found; ?search=words in the address asks, too. Nothing is asked of a
   server. */
"use strict";
(function () {
  const root = document.body.dataset.root;
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  let chosen = -1;

  function scoreOfWord(row, word) {
    const name = row[0].toLowerCase();
    const last = name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf(":")) + 1);
    if (last === word || name === word) return 100;
    if (last.startsWith(word)) return 60 - last.length / 10;
    if (name.includes(word)) return 40 - name.length / 10;
    if ((" " + row[3].toLowerCase() + " ").includes(" " + word + " ")) return 25;
    if (row[3].toLowerCase().includes(word)) return 15;
    if (row[2].toLowerCase().includes(word)) return 10;
    return 0;
  }

  // What is written as it was typed comes first; the names of old Keras come last.
  function order(row, text) {
    return (row[0].endsWith("." + text) || row[0] === text ? 20 : 0)
      - (row[0].startsWith("k.backend.") ? 50 : 0);
  }

  function search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    const rows = [];
    for (const row of LUNULA_INDEX) {
      let score = 0;
      for (const word of words) {
        const part = scoreOfWord(row, word);
        if (part === 0) { score = 0; break; }
        score += part;
      }
      if (score > 0) rows.push([score + order(row, text.trim()), row]);
    }
    rows.sort((a, b) => b[0] - a[0] || (a[1][0] < b[1][0] ? -1 : 1));
    return rows.slice(0, 60).map((pair) => pair[1]);
  }

  function choose(i) {
    const links = found.querySelectorAll("a");
    if (links.length === 0) return;
    if (chosen >= 0 && links[chosen]) links[chosen].classList.remove("chosen");
    chosen = (i + links.length) % links.length;
    links[chosen].classList.add("chosen");
    links[chosen].scrollIntoView({ block: "nearest" });
  }

  function show() {
    found.textContent = "";
    chosen = -1;
    const rows = search(input.value);
    found.hidden = input.value.trim() === "";
    for (const row of rows) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = root + row[1];
      link.textContent = row[0];
      const small = document.createElement("small");
      small.textContent = row[2];
      link.appendChild(small);
      item.appendChild(link);
      found.appendChild(item);
    }
    if (rows.length === 0) {
      const item = document.createElement("li");
      item.className = "none";
      item.textContent = "Nothing has this name.";
      found.appendChild(item);
    }
  }

  input.addEventListener("input", show);
  input.addEventListener("keydown", function (event) {
    if (event.key === "ArrowDown") { choose(chosen + 1); event.preventDefault(); }
    if (event.key === "ArrowUp") { choose(chosen - 1); event.preventDefault(); }
    if (event.key === "Escape") { input.value = ""; show(); }
  });
  input.form.addEventListener("submit", function (event) {
    event.preventDefault();
    const links = found.querySelectorAll("a");
    if (links.length > 0) location.href = links[Math.max(chosen, 0)].href;
  });
  // index.html?search=padding
  const asked = new URLSearchParams(location.search).get("search");
  if (asked) { input.value = asked; show(); }

  document.addEventListener("click", function (event) {
    if (!input.form.contains(event.target)) found.hidden = true;
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== input) {
      input.focus();
      event.preventDefault();
    }
  });
})();
