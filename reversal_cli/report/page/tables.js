// Sorting and CSV of the report's tables. The tables also work without scripts.

for (const table of document.querySelectorAll(".report table")) {
  const blocks = blocksOf(table);
  [...table.tHead.rows[0].cells].forEach((head, column) => addSortButton(table, blocks, head, column));
  addDownload(table);
}

function addSortButton(table, blocks, head, column) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  // On the cell: a click beside the words sorts too. The button is for the keyboard.
  head.addEventListener("click", () => {
    const numeric = head.matches(".number, .seed");
    // Numbers from highest to lowest, names alphabetically; the second click reverses the order.
    const first = numeric ? "descending" : "ascending";
    const second = numeric ? "ascending" : "descending";
    const order = head.ariaSort === first ? second : first;
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.ariaSort = order;
    sortRows(table, blocks, column, numeric, order === "ascending" ? 1 : -1);
  });
}

// Rows that stay together: those of the seeds of one experiment, with their mean as the last; others stand alone.
function blocksOf(table) {
  const labels = (row) => [...row.cells].filter((cell) => cell.matches(".label:not(.seed)"));
  const name = (row) => JSON.stringify(labels(row).map((cell) => cell.textContent));
  const rows = [...table.tBodies[0].rows];
  const averaged = new Set(rows.filter(isMean).map(name));
  const blocks = new Map();
  for (const row of rows) {
    const key = averaged.has(name(row)) ? name(row) : row;
    blocks.set(key, [...(blocks.get(key) ?? []), row]);
  }
  return [...blocks.values()];
}

function isMean(row) {
  return row.querySelector(".seed")?.textContent === "mean";
}

// A block is ordered by its mean, or by its first row where the mean has no value.
function sortRows(table, blocks, column, numeric, sign) {
  const key = (row) => row.cells[column].textContent;
  const number = (row) => parseFloat(key(row).replace(/^[<~]=? ?/, ""));
  const compare = numeric
    ? (a, b) => compareNumbers(number(a), number(b), sign)
    : (a, b) => sign * key(a).localeCompare(key(b), undefined, { numeric: true });
  const lead = (block) => (numeric && !Number.isNaN(number(block.at(-1))) ? block.at(-1) : block[0]);
  for (const block of blocks) block.sort((a, b) => isMean(a) - isMean(b) || compare(a, b));
  blocks.sort((a, b) => compare(lead(a), lead(b)));
  table.tBodies[0].append(...blocks.flat());
}

// On a narrow screen rows are grids, which screen readers would no longer read as table rows.
for (const [selector, role] of [["table", "table"], ["tr", "row"], ["th", "columnheader"], ["td", "cell"]]) {
  for (const part of document.querySelectorAll(`.report ${selector}`)) part.setAttribute("role", role);
}

// Values that are not numbers stay at the bottom in both directions.
function compareNumbers(a, b, sign) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return sign * (a - b);
}

function addDownload(table) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "download";
  button.textContent = "Download CSV";
  button.addEventListener("click", () => {
    const lines = [...table.rows].map((row) => [...row.cells].map((cell) => quoted(cell.textContent)).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = table.dataset.title.replace(/[^\w-]+/g, "_").replace(/^_|_$/g, "") + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  table.closest(".report").append(button);
}

function quoted(text) {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
