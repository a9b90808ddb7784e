// Sorting and CSV of the report's tables. The tables also work without scripts.

for (const table of document.querySelectorAll(".report table")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => addSortButton(table, head, column));
  addDownload(table);
}

function addSortButton(table, head, column) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const numeric = head.matches(".number, .seed");
    // Numbers from highest to lowest, names alphabetically; the second click reverses the order.
    const first = numeric ? "descending" : "ascending";
    const second = numeric ? "ascending" : "descending";
    const order = head.ariaSort === first ? second : first;
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.ariaSort = order;
    sortRows(table, column, numeric, order === "ascending" ? 1 : -1);
  });
}

function sortRows(table, column, numeric, sign) {
  const key = (row) => row.cells[column].textContent;
  const compare = numeric
    ? (a, b) => compareNumbers(parseFloat(key(a)), parseFloat(key(b)), sign)
    : (a, b) => sign * key(a).localeCompare(key(b), undefined, { numeric: true });
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
}

// On a narrow screen rows are grids, which screen readers would no longer read as table rows.
for (const [selector, role] of [["table", "table"], ["tr", "row"], ["th", "columnheader"], ["td", "cell"]]) {
  for (const part of document.querySelectorAll(`.report ${selector}`)) part.setAttribute("role", role);
}

// Values that are not numbers, such as the seed of a mean, stay at the bottom in both directions.
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
