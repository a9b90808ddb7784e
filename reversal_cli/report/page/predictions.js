
// The browser of predictions. Only one page of rows is in the document at a time, so its size does not depend on the
// number of predictions; filters read the columns of the embedded JSON. Text is inserted through textContent only.

const PAGE_ROWS = 50;
const FULL_SCORE = 1000; // scores are in thousandths
const OUTCOMES = {
  1: [["", "All"], ["1", "Right"], ["0", "Wrong"]],
  2: [["", "All"], ["11", "Both right"], ["10", "Only A right"], ["01", "Only B right"], ["00", "Both wrong"]],
};
// Invisible characters, and those that change the text direction, are shown as escapes.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const data = JSON.parse(element("predictions-data").textContent);
const { entities, prompts, runs } = data;
for (const run of runs) run.rows = new Map(run.prompt.map((prompt, row) => [prompt, row]));
const names = entities.map((name) => name.toLowerCase());

let matches = []; // {prompt, rows}: a prompt and the row of each shown run that holds its prediction
let page = 0;

start();

function element(id) {
  return document.getElementById(id);
}

function make(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function start() {
  fill("run-a", runs.map((run, index) => [index, run.name]));
  fill("run-b", [["", "none"], ...runs.map((run, index) => [index, run.name])]);
  fill("subtask", [["", "all"], ...[...new Set(prompts.subtask)].map((name) => [name, name])]);
  fillMetrics();
  const asked = [...new Set(prompts.entity)].map((entity) => entities[entity]);
  element("entities").append(...[...new Set(asked)].sort().map((name) => make("option", "", { value: name })));
  const form = element("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // it would also forget the chosen runs
    clearFilters();
  });
  form.addEventListener("input", (event) => {
    if (event.target.id.startsWith("run-")) fillMetrics();
    update();
  });
  element("previous").addEventListener("click", () => turnTo(page - 1));
  element("next").addEventListener("click", () => turnTo(page + 1));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", openView);
  if (!openView()) update();
}

function fill(id, options) {
  element(id).replaceChildren(...options.map(([value, text]) => make("option", text, { value })));
}

function shownRuns() {
  return [element("run-a").value, element("run-b").value].filter((value) => value !== "").map((value) => runs[value]);
}

// Only runs on the same data can be compared; only metrics of the selected runs are offered.
function fillMetrics() {
  const a = element("run-a").value;
  for (const option of element("run-b").options) {
    option.disabled = option.value !== "" && (option.value === a || runs[option.value].dataset !== runs[a].dataset);
  }
  if (element("run-b").selectedOptions[0].disabled) element("run-b").value = "";
  const shown = shownRuns();
  const metrics = Object.keys(shown[0].scores).filter((metric) => shown.every((run) => metric in run.scores));
  const chosen = element("metric").value;
  fill("metric", metrics.map((metric) => [metric, metric]));
  if (metrics.includes(chosen)) element("metric").value = chosen;
}

function clearFilters() {
  for (const id of ["subtask", "entity", "search"]) element(id).value = "";
  for (const choice of document.getElementsByName("outcome")) choice.checked = choice.value === "";
  update();
}

// "1" right, "0" wrong, "-" not measured.
function verdict(run, row, metric) {
  const score = run.scores[metric]?.[row] ?? null;
  if (score === null) return "-";
  return (data.lower.includes(metric) ? score === 0 : score === FULL_SCORE) ? "1" : "0";
}

function searchable(run, row) {
  run.searchable ??= run.prompt.map((prompt, at) => {
    const named = run.named?.[at] ?? null;
    const parts = [prompts.id[prompt], prompts.text[prompt], prompts.target[prompt], run.completion[at]];
    return [...parts, named === null ? "" : entities[named]].join("\n").toLowerCase();
  });
  return run.searchable[row];
}

function update() {
  const shown = shownRuns();
  const metric = element("metric").value;
  const subtask = element("subtask").value;
  const entity = element("entity").value.trim().toLowerCase();
  const search = element("search").value.trim().toLowerCase();
  const chosen = document.querySelector("[name=outcome]:checked")?.value ?? "";
  const wanted = OUTCOMES[shown.length].some(([value]) => value === chosen) ? chosen : "";
  const counts = { "": 0 };
  matches = [];
  for (const prompt of shown[0].prompt) {
    const rows = shown.map((run) => run.rows.get(prompt));
    if (rows.includes(undefined)) continue;
    if (subtask && prompts.subtask[prompt] !== subtask) continue;
    if (entity && !names[prompts.entity[prompt]].includes(entity)) continue;
    if (search && !shown.some((run, index) => searchable(run, rows[index]).includes(search))) continue;
    const outcome = shown.map((run, index) => verdict(run, rows[index], metric)).join("");
    counts[""] += 1;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (!wanted || outcome === wanted) matches.push({ prompt, rows });
  }
  showOutcomes(shown.length, counts, wanted);
  showCount(shown, metric);
  turnTo(0);
  rememberView();
}

function showOutcomes(runsShown, counts, wanted) {
  const field = element("outcome");
  const options = OUTCOMES[runsShown];
  if (field.dataset.runs !== String(runsShown)) {
    field.dataset.runs = runsShown;
    field.replaceChildren(field.firstElementChild, ...options.map(([value, text]) => choiceOf(value, text)));
  }
  for (const [value] of options) {
    const input = field.querySelector(`[value="${value}"]`);
    input.checked = value === wanted;
    input.parentNode.querySelector(".count").textContent = (counts[value] ?? 0).toLocaleString("en");
  }
}

function choiceOf(value, text) {
  const label = make("label");
  const words = make("span", text + " ");
  words.append(make("span", "", { class: "count" }));
  label.append(make("input", "", { type: "radio", name: "outcome", value }), words);
  return label;
}

function showCount(shown, metric) {
  const share = shown.map((run, index) => {
    const right = matches.filter(({ rows }) => verdict(run, rows[index], metric) === "1").length;
    const percent = matches.length ? ((100 * right) / matches.length).toFixed(1) : "0.0";
    return `${percent} % right${shown.length > 1 ? " in " + "AB"[index] : ""}`;
  });
  const found = matches.length.toLocaleString("en");
  element("count").textContent = matches.length
    ? `${found} ${matches.length === 1 ? "prompt" : "prompts"}, ${share.join(", ")} by ${metric}`
    : "No prediction matches these filters.";
}
