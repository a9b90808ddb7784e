
// One page of predictions as table rows, and keyboard navigation between rows.

function turnTo(wanted) {
  const last = Math.max(0, Math.ceil(matches.length / PAGE_ROWS) - 1);
  page = Math.min(Math.max(wanted, 0), last);
  const from = page * PAGE_ROWS;
  const shown = shownRuns();
  const some = matches.slice(from, from + PAGE_ROWS);
  showHeads(shown);
  element("list").hidden = some.length === 0;
  element("list").tBodies[0].replaceChildren(...some.map((match) => rowOf(match, shown)));
  rowButtons()[0]?.setAttribute("tabindex", "0");
  element("place").textContent = `${from + 1}–${from + some.length} of ${matches.length.toLocaleString("en")}`;
  element("previous").disabled = page === 0;
  element("next").disabled = page === last;
  document.querySelector(".pager").hidden = last === 0;
}

// Heading and value of each run's columns. Rank and named entity appear if a selected run has them.
function columnsOf(shown) {
  const columns = [["Completion", completionCell]];
  if (shown.some((run) => run.rank)) {
    columns.push(["Rank", (run, row) => make("td", run.rank?.[row] ?? "–", { class: "number" })]);
  }
  if (shown.some((run) => run.named)) {
    const name = (run, row) => (run.named?.[row] ?? null) === null ? "–" : spelled(entities[run.named[row]]);
    columns.push(["Names", (run, row) => make("td", name(run, row))]);
  }
  return columns;
}

function showHeads(shown) {
  const columns = columnsOf(shown);
  const heads = ["Id", "Prompt", "Target", ...shown.flatMap(() => columns.map(([name]) => name))];
  const names = make("tr");
  names.append(make("td", "", { colspan: 3 }));
  shown.forEach((run, index) => {
    const text = shown.length > 1 ? `${"AB"[index]}: ${run.name}` : run.name;
    names.append(make("th", text, { colspan: columns.length, scope: "colgroup" }));
  });
  const line = make("tr");
  line.append(...heads.map((name) => make("th", name, { scope: "col", class: name === "Rank" ? "number" : "" })));
  element("list").tHead.replaceChildren(names, line);
  const widths = heads.map((name) => make("col", "", { class: name.toLowerCase() }));
  element("list").querySelector("colgroup").replaceChildren(...widths);
}

function rowOf({ prompt, rows }, shown) {
  const line = make("tr");
  const button = make("button", prompts.id[prompt], { type: "button", tabindex: "-1", "aria-expanded": "false" });
  button.addEventListener("click", () => toggleScores(line, shown, rows));
  const id = make("td", "", { class: "id" });
  id.append(button);
  line.append(id, textCell(prompts.text[prompt], "Prompt"), textCell(prompts.target[prompt], "Target"));
  shown.forEach((run, index) => {
    for (const [name, cellOf] of columnsOf(shown)) {
      const cell = cellOf(run, rows[index], prompt);
      // On a narrow screen a row is a card, and each cell shows its own heading.
      cell.dataset.label = shown.length > 1 ? `${name} ${"AB"[index]}` : name;
      line.append(cell);
    }
  });
  return line;
}

function textCell(text, label) {
  const cell = make("td", "", { "data-label": label });
  cell.append(make("div", spelled(text), { class: "text" }));
  return cell;
}

// A dot, full for right and hollow for wrong, then the completion with the target marked, if it contains it.
function completionCell(run, row, prompt) {
  const outcome = { 1: "right", 0: "wrong", "-": "unmeasured" }[verdict(run, row, element("metric").value)];
  const cell = make("td", "", { class: `completion ${outcome}` });
  const text = make("div", "", { class: "text" });
  const completion = run.completion[row];
  const target = prompts.target[prompt];
  const at = target ? completion.toLowerCase().indexOf(target.toLowerCase()) : -1;
  if (at < 0) {
    text.append(spelled(completion));
  } else {
    const end = at + target.length;
    text.append(spelled(completion.slice(0, at)), make("mark", spelled(completion.slice(at, end))));
    text.append(spelled(completion.slice(end)));
  }
  if (run.cut[row]) text.append(make("span", "\u00a0…", { class: "cut", title: "cut at the token limit" }));
  cell.append(make("span", outcome + ": ", { class: "unseen" }), text);
  return cell;
}

function spelled(text) {
  return text.replace(UNSEEN, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

function toggleScores(line, shown, rows) {
  const open = line.classList.toggle("open");
  line.querySelector("button").setAttribute("aria-expanded", open);
  if (!open) return line.nextElementSibling.remove();
  const cell = make("td", "", { colspan: line.cells.length });
  shown.forEach((run, index) => {
    const list = make("dl");
    if (shown.length > 1) list.append(make("dt", "AB"[index], { class: "run" }));
    for (const [metric, scores] of Object.entries(run.scores)) {
      const score = scores[rows[index]];
      const pair = make("div");
      pair.append(make("dt", metric), make("dd", score === null ? "–" : (score / 10).toFixed(1)));
      list.append(pair);
    }
    cell.append(list);
  });
  const details = make("tr", "", { class: "scores" });
  details.append(cell);
  return line.after(details);
}

function rowButtons() {
  return [...element("list").tBodies[0].querySelectorAll(".id button")];
}

function onKey(event) {
  const typing = event.target.matches("input:not([type=radio]), select");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing) return leaveField(event);
  if (event.key === "Escape") return clearFilters();
  if (typing) return;
  const inRows = event.target.matches(".id button");
  if (event.key === "/") {
    event.preventDefault(); // it would type the slash, or open the browser's own search
    element("search").focus();
  } else if (event.key === "j" || (inRows && event.key === "ArrowDown")) {
    event.preventDefault();
    moveRow(1);
  } else if (event.key === "k" || (inRows && event.key === "ArrowUp")) {
    event.preventDefault();
    moveRow(-1);
  }
}

// Moves the focus from a search box to its results, where `j`, `k` and Enter work. The box keeps its text.
function leaveField(event) {
  event.preventDefault(); // a search box would clear itself
  event.target.blur();
  rowButtons().find((button) => button.tabIndex === 0)?.focus();
}

// Only the row that last had the focus is in the tab order. After the last row comes the next page.
function moveRow(step) {
  const before = rowButtons();
  const focused = before.indexOf(document.activeElement);
  const current = before.findIndex((button) => button.tabIndex === 0);
  let wanted = focused < 0 ? current : focused + step;
  if (wanted < 0 || wanted >= before.length) {
    if (element(step > 0 ? "next" : "previous").disabled) return;
    turnTo(page + step);
    wanted = step > 0 ? 0 : PAGE_ROWS - 1;
  }
  rowButtons().forEach((button, index) => button.setAttribute("tabindex", index === wanted ? "0" : "-1"));
  rowButtons()[wanted].focus();
}
