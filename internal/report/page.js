"use strict";
// Everything that came out of a sandbox is put into the page by textContent alone.
(() => {
  const PAGE = 100; // rows that stand in the page at once, however many there are
  const rows = JSON.parse(document.getElementById("data").textContent);
  const form = document.querySelector(".filters");
  const scroll = document.querySelector(".scroll");
  const body = scroll.querySelector("tbody");
  const heads = [...scroll.querySelectorAll("thead th")];
  const count = document.querySelector(".count");
  const pages = document.querySelector(".pages");
  const state = { key: "", down: false, page: 0, shown: rows };

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const seconds = (ms) => (ms / 1000).toFixed(1) + " s";
  const score = (value) => (value === null ? "–" : String(Number(value.toPrecision(4))));

  for (const row of rows) {
    row.search = [row.sample, row.category, row.outcome, row.why].join("\n").toLowerCase();
  }

  const choices = (select, key) => {
    const counts = new Map();
    for (const row of rows) if (row[key]) counts.set(row[key], (counts.get(row[key]) || 0) + 1);
    const names = [...counts.keys()].sort().slice(0, 500);
    for (const name of names) {
      const option = element("option", name + " (" + counts.get(name) + ")");
      option.value = name;
      select.append(option);
    }
    select.parentElement.hidden = names.length < 2;
  };
  choices(form.elements.outcome, "outcome");
  choices(form.elements.category, "category");

  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return collator.compare(String(a), String(b));
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const empty = (value) => value === null || value === "";

  const choose = () => {
    const text = form.elements.text.value.trim().toLowerCase();
    const outcome = form.elements.outcome.value;
    const category = form.elements.category.value;
    state.shown = rows.filter((row) =>
      (!text || row.search.includes(text)) && (!outcome || row.outcome === outcome) && (!category || row.category === category));
    if (state.key) {
      const sign = state.down ? -1 : 1;
      // What has no value comes last, whichever way.
      state.shown.sort((a, b) => {
        const x = a[state.key], y = b[state.key];
        if (empty(x) || empty(y)) return empty(x) - empty(y);
        return sign * compare(x, y);
      });
    }
    state.page = 0;
    draw();
  };

  const list = (pairs) => {
    const made = element("dl");
    for (const [name, value] of pairs) made.append(element("dt", name), element("dd", value));
    return made;
  };

  const details = (row) => {
    const cell = element("td");
    cell.colSpan = heads.length;
    if (row.why) cell.append(element("p", row.why));
    for (const text of row.texts) {
      cell.append(element("h4", text.name + ": " + text.of + (text.cut ? " (cut)" : "")));
      const pre = element("pre", text.text);
      pre.tabIndex = 0;
      pre.setAttribute("role", "region");
      pre.setAttribute("aria-label", text.of + " of " + text.name);
      cell.append(pre);
    }
    cell.append(element("h4", "Timings"), list(row.facts));
    for (const one of row.tries || []) cell.append(element("h4", one.title), list(one.facts || []));
    if (row.files || row.more > 0) {
      cell.append(element("h4", "Artifacts"), list(row.files || []));
      if (row.more > 0) cell.append(element("p", row.more + " more: starter artifacts list", "quiet"));
    }
    const made = element("tr", undefined, "details");
    made.append(cell);
    return made;
  };

  const line = (row) => {
    const made = element("tr");
    const head = element("th");
    head.scope = "row";
    const button = element("button", row.sample);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      if (open) made.nextSibling.remove();
      else made.after(details(row));
      button.setAttribute("aria-expanded", String(!open));
    });
    head.append(button);
    made.append(head, element("td", String(row.epoch)), element("td", row.category, "wide wraps"), element("td", row.outcome, "wraps " + row.class),
      element("td", score(row.score)), element("td", row.exit, "wide"), element("td", seconds(row.job), "wide"),
      element("td", seconds(row.total), "wide"), element("td", String(row.attempts), "wide"), element("td", row.why, "wide why"));
    return made;
  };

  const draw = () => {
    const last = Math.max(0, Math.ceil(state.shown.length / PAGE) - 1);
    state.page = Math.min(Math.max(0, state.page), last);
    const from = state.page * PAGE;
    const here = state.shown.slice(from, from + PAGE);
    body.replaceChildren(...here.map(line));
    count.textContent = state.shown.length + " of " + rows.length + " trials";
    pages.hidden = last === 0;
    pages.querySelector("span").textContent = here.length ? from + 1 + "–" + (from + here.length) : "none";
    for (const button of pages.querySelectorAll("button")) {
      button.disabled = Number(button.dataset.step) < 0 ? state.page === 0 : state.page === last;
    }
  };

  for (const head of heads) {
    head.firstElementChild.addEventListener("click", (event) => {
      const key = event.currentTarget.dataset.key;
      state.down = state.key === key && !state.down;
      state.key = key;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      choose();
    });
  }
  for (const button of pages.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      state.page += Number(button.dataset.step);
      draw();
      scroll.scrollIntoView({ block: "nearest" });
    });
  }
  form.addEventListener("input", choose);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  scroll.hidden = false;
  choose();
})();
