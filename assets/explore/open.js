// Links to the explorer.
import { fromHash } from "./state.js";
import { isOpen, tabNamed } from "../shared/tabs.js";

// An address of the explorer opens its tab. Tried until it is open: a button that is already there may not yet listen.
// A visitor who picks another tab meanwhile is not called back.
function openTab() {
  const end = performance.now() + 60000;
  let timer = 0;
  function stop() {
    clearInterval(timer);
    document.removeEventListener("pointerdown", stop, true);
    document.removeEventListener("keydown", stop, true);
    return true;
  }
  function look() {
    const tab = tabNamed("Explore");
    const open = tab && isOpen(tab);
    if (open || !fromHash(location.hash) || performance.now() > end) return stop();
    if (tab) tab.click();
    return false;
  }
  if (look()) return;
  timer = setInterval(look, 100);
  document.addEventListener("pointerdown", stop, true);
  document.addEventListener("keydown", stop, true);
}
export function openExploreFromAddress() {
  if (fromHash(location.hash)) openTab();
  window.addEventListener("hashchange", () => { if (fromHash(location.hash)) openTab(); });
}
