// Puts the explorer together. Called once by the Explore tab's component.
import { Actions } from "./actions.js";
import { ChatRuns } from "./chat_runs.js";
import { Explorer } from "./explorer.js";
import { wireExplore } from "./interact.js";
import { Links } from "./links.js";
import { Pointer } from "./pointer.js";
import { Server } from "./server.js";
import { fromHash } from "./state.js";
import { setHash } from "../shared/address.js";

// A canvas in a closed tab has no width: nothing is drawn or asked for until the tab is seen.
function watchSight(explorer) {
  const { root } = explorer;
  new IntersectionObserver((entries) => {
    const now = entries[entries.length - 1].isIntersecting;
    if (now === explorer.visible) return;
    explorer.visible = now;
    if (now) {
      explorer.writeAddress();
      explorer.schedule();
    } else {
      explorer.player.stop();
      // The address says what is seen: in another tab of the page it is not the explorer's.
      if (root.offsetParent === null && fromHash(location.hash)) setHash("");
    }
  }, { rootMargin: "200px" }).observe(root);
  new ResizeObserver(explorer.schedule).observe(root);
  new MutationObserver(explorer.schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
}

// What state.js promises to the rest of the page.
function publicFace(explorer, runs, links) {
  return {
    ready: links.ready,
    element: explorer.root,
    getState: explorer.state.get,
    setState: explorer.set,
    onChange: (listener) => explorer.state.onChange((now, changed) => listener(now, changed)),
    open: (id) => (id === "last" ? Promise.resolve(runs.newest(true)) : explorer.open(id)),
    stats: () => explorer.store.stats(),
    get followed() {
      return links.followed;
    },
  };
}

export function mountExplore(element, props, watch, functions, trigger) {
  const root = element.querySelector("#explore"), server = new Server(root, functions);
  const explorer = new Explorer(root, server.ask), runs = new ChatRuns(explorer, server, props, trigger);
  const links = new Links(explorer, server, runs), actions = new Actions(explorer, server, runs);
  wireExplore(explorer, new Pointer(explorer), (name) => actions.act(name));
  explorer.$("table").addEventListener("toggle", explorer.schedule);
  runs.watch();
  watchSight(explorer);
  links.watch();
  window.sigma.explore = publicFace(explorer, runs, links);
  watch("value", () => runs.received());
  runs.received();
  links.begin();
}
