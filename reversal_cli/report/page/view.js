// The filters in the address, so that a link opens the same view: `#a=bico+seed+0&subtask=D2N&show=0`.

// A function, because this file is loaded before the one that reads the runs.
function unfiltered() {
  return { a: runs[0].name, b: "", subtask: "", metric: "", entity: "", search: "", show: "" };
}

function currentView() {
  const [a, b] = ["run-a", "run-b"].map((id) => runs[element(id).value]?.name ?? "");
  const [subtask, metric, entity, search] = ["subtask", "metric", "entity", "search"].map((id) => element(id).value);
  const first = element("metric").options[0]?.value;
  const show = document.querySelector("[name=outcome]:checked")?.value ?? "";
  return { a, b, subtask, metric: metric === first ? "" : metric, entity, search, show };
}

function rememberView() {
  const without = unfiltered();
  const changed = Object.entries(currentView()).filter(([key, value]) => value !== without[key]);
  if (changed.length) {
    history.replaceState(null, "", `#${new URLSearchParams(changed)}`);
  } else if (location.hash.includes("=")) {
    history.replaceState(null, "", "#predictions");
  }
}

// True if the address has a view. Unknown names are ignored.
function openView() {
  if (!location.hash.includes("=")) return false;
  const view = { ...unfiltered(), ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
  const indexOf = (name) => runs.findIndex((run) => run.name === name);
  element("run-a").value = Math.max(0, indexOf(view.a));
  element("run-b").value = indexOf(view.b) < 0 ? "" : indexOf(view.b);
  fillMetrics();
  for (const id of ["subtask", "metric"]) {
    const known = [...element(id).options].some((option) => option.value === view[id]);
    element(id).value = known ? view[id] : element(id).options[0].value;
  }
  for (const id of ["entity", "search"]) element(id).value = view[id];
  showOutcomes(shownRuns().length, {}, view.show);
  update();
  element("predictions").scrollIntoView();
  return true;
}
