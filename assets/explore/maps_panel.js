// The panel of maps: all heads of both sides small, one head large, and the marks on them.
import { groupsOf, headsLayout, largeLayout } from "./geometry.js";
import { largeMap, optionsFor } from "./look.js";
import { drawHeads, drawLarge, markHeads, markLarge, paintMaps } from "./maps.js";
import { setText } from "../shared/dom.js";
import { grouped } from "../shared/numbers.js";
import { SIDES, atLayer, sideName } from "../shared/sides.js";

export class MapsPanel {
  constructor(explorer, painter) {
    this.explorer = explorer;
    this.painter = painter;
  }

  draw(colours, pair) {
    const { root, parts, state } = this.explorer, maps = parts.part("maps");
    for (const side of SIDES) this.#drawSide(side, maps && maps[side], colours, pair);
    this.#drawLarge(colours, pair);
    root.dataset.layer = maps ? state.get().layer : "";
  }

  #drawSide(side, map, colours, pair) {
    const { painter, explorer } = this, name = "heads-" + side, info = atLayer(explorer.run.info[side], explorer.state.get().layer), options = optionsFor(explorer, side);
    const layout = headsLayout(painter.width(name), info);
    painter.layouts[name] = layout;
    painter.repaint(name, [painter.numberOf(map), JSON.stringify(options), info.query_heads, info.key_heads], (canvas) => {
      const atlas = map && paintMaps(map, Array.from({ length: map.heads }, (_, h) => h), colours, options);
      drawHeads(canvas, layout, map, atlas, colours);
    });
    markHeads(explorer.mark(name), layout, map, colours, { chosen: pair.head, query: pair.query, key: pair.key });
    const words = [`${info.query_heads} Q, ${info.key_heads} K, ${info.value_heads} V head${info.value_heads > 1 ? "s" : ""}`];
    if (map && map.width > 1) words.push(`each point the strongest of ${map.width} × ${map.width}`);
    if (map && map.q0 > 0) words.push(`queries from ${grouped(map.q0)} on`);
    setText(explorer.$(name), words.join("; "));
  }

  #drawLarge(colours, pair) {
    const { painter, explorer } = this, s = explorer.state.get(), found = largeMap(explorer), options = optionsFor(explorer, s.side);
    const layout = largeLayout(painter.width("large"));
    painter.layouts.large = layout;
    painter.repaint("large", [found && painter.numberOf(found.map), found && found.head, JSON.stringify(options)], (canvas) => {
      drawLarge(canvas, layout, found && found.map, found && paintMaps(found.map, [found.head], colours, options), colours);
    });
    markLarge(explorer.mark("large"), layout, found && found.map, colours, pair);
    const info = atLayer(explorer.run.info[s.side], s.layer), { key, value } = groupsOf(info, s.head);
    setText(explorer.$("large-name"), `${sideName(s.side)}, layer ${s.layer}, q${s.head} (K${key}, V${value})`);
    setText(explorer.$("large-note"), this.#note(found ? found.map.width : 1));
  }

  #note(width) {
    if (width > 1) return `Each point: the strongest of ${width} × ${width} weights. Lock a pair and zoom in for every single one.`;
    return this.explorer.zoom ? "Every point is one weight. The minus button shows all again." : "";
  }
}
