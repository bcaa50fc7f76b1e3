// Saves what was made in the browser as a file; the server keeps none for it.
import { el } from "./dom.js";

export function save(name, type, content) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// The buttons "save-csv" and "save-json" of a tab's results: `state()` has the file's name and a text for each.
export function saveButtons(part, state) {
  for (const [name, type] of [["csv", "text/csv"], ["json", "application/json"]]) {
    part("save-" + name).addEventListener("click", () => save(`${state().file}.${name}`, type, state()[name]));
  }
}
