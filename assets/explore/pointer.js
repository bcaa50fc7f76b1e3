// What the pointer and the keyboard point at: previews, and locks. Nothing here listens; see interact.js.
import { pairAt } from "./geometry.js";
import { largeMap } from "./look.js";

export class Pointer {
  constructor(explorer) {
    this.explorer = explorer;
  }

  // The pair under a pointer on the marks of a picture: {side, head, query, key} or null.
  pairOn(name, event) {
    const { explorer } = this, layout = explorer.view.painter.layouts[name];
    if (!layout) return null;
    if (name === "large") {
      const { side, head } = explorer.state.get(), large = largeMap(explorer);
      const found = large && pairAt(large.map, event.offsetX - layout.left, event.offsetY - layout.top, layout.size);
      return found && Object.assign(found, { side, head });
    }
    const side = name.slice("heads-".length), maps = explorer.parts.part("maps"), cell = layout.at(event.offsetX, event.offsetY);
    if (!cell) return null;
    const found = maps && pairAt(maps[side], event.offsetX - cell.x, event.offsetY - cell.y, cell.size);
    return Object.assign({ side, head: cell.head, query: null, key: null }, found);
  }

  preview(pair) {
    const { explorer } = this;
    if (!explorer.run || explorer.live || (pair === null && explorer.hover === null)) return;
    explorer.hover = pair;
    explorer.schedule();
  }

  previewOverview(side, found) {
    const { explorer } = this;
    if (!explorer.run || (!found && !explorer.overviewHover)) return;
    explorer.overviewHover = found ? Object.assign({ side }, found) : null;
    explorer.schedule();
  }

  previewK(value) {
    this.explorer.previewK = Number.isFinite(value) ? value : null;
    this.explorer.sync();
    this.explorer.schedule();
  }

  // The same pair a second time unlocks it.
  lock(pair) {
    const { explorer } = this, { run } = explorer;
    if (!run || explorer.live) return;
    if (pair.query === null) return void explorer.set({ side: pair.side, head: pair.head });
    const s = explorer.state.get(), step = Math.min(pair.query, run.last) - (run.prompt - 1);
    const same = s.key !== null && s.key === pair.key && s.side === pair.side && s.head === pair.head && s.step === step;
    explorer.bin = same || !(pair.width > 1) ? null : { key: pair.key, width: pair.width };
    explorer.hover = null;
    explorer.set({ side: pair.side, head: pair.head, step, key: same ? null : Math.min(pair.key, step + run.prompt - 1) });
  }

  unlock() {
    this.explorer.hover = null;
    this.explorer.set({ key: null });
    this.explorer.schedule();
  }
}
