// The tab bar where there is no Gradio to draw one: the same elements, so that links and the tour find it (shared/tabs.js).
const MOVES = { ArrowLeft: -1, ArrowRight: 1 };

// `opened(name)` is called when a tab is shown for the first time.
export function wireTabs(opened) {
  const tabs = [...document.querySelectorAll("#tabs > .tab-wrapper [role=tab]")], seen = new Set();  // the explorer has tabs of its own
  function open(chosen) {
    for (const tab of tabs) {
      const here = tab === chosen;
      tab.setAttribute("aria-selected", here);
      tab.classList.toggle("selected", here);
      tab.tabIndex = here ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !here;
    }
    const name = chosen.textContent.trim();
    if (seen.has(name)) return;
    seen.add(name);
    opened(name);
  }
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const end = tabs.length - 1, to = event.key === "Home" ? 0 : event.key === "End" ? end : i + (MOVES[event.key] || NaN);
      if (Number.isNaN(to)) return;
      event.preventDefault();
      const next = tabs[(to + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
  open(tabs[0]);
}
