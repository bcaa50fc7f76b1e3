// Draws the explorer's state: controls, maps, strips, panels. `x` is the explorer: what is open and what the pointer is on
// (see explore.js); nothing here changes it but for what the drawing itself finds out.
(function (S) {
  "use strict";
  const SIDES = ["sigma", "gqa"];

  // Which answers the state needs, and how they are asked for.
  S.exploreParts = function (x) {
    const query = () => x.run.prompt - 1 + x.state.get().step;
    const place = () => ({ run: x.run.run, text: x.run.text, layer: x.state.get().layer, query: query() });
    const headPart = () => Object.assign({ side: x.state.get().side, head: x.state.get().head }, x.zoom || {});
    const timePart = () => ({ side: x.state.get().side, head: x.state.get().head, k: x.state.get().k });
    const overviewPart = () => ({ k: x.state.get().k, measure: x.state.get().measure });
    const part = (name, more) => (x.run ? x.store.get(name, Object.assign(place(), more)) : null);
    const same = () => ({ side: x.state.get().side, head: x.state.get().head });
    // A side's rows at the state's query: every head of the chosen side, of the other the same head until more is asked for.
    function row(side) {
      const s = x.state.get();
      return part("row", { side }) || (side === s.side ? null : part("linked", same()));
    }
    // Rows of the head under the pointer that are not here yet: both strips show that head.
    function hovered() {
      const at = x.hover;
      if (!at || at.query !== query() || x.state.get().key !== null) return [];
      return SIDES.filter((side) => row(side) && !row(side).has(at.head)).map((side) => ["row", Object.assign(place(), { side })]);
    }
    return {
      query, place, headPart, timePart, overviewPart, part, row, here: () => Boolean(row("sigma") && row("gqa") && part("figures")),
      k: () => (x.previewK === null ? x.state.get().k : x.previewK),
      // Most urgent first.
      wanted() {
        if (!x.run || !x.visible || x.live) return [];
        const s = x.state.get(), list = [["row", Object.assign(place(), { side: s.side })], ["figures", place()], ["select", Object.assign(place(), { k: s.k })]];
        if (!row(s.side === "sigma" ? "gqa" : "sigma")) list.push(["linked", Object.assign(place(), same())]);
        list.push(["maps", place()]);
        const maps = part("maps");
        if (x.zoom || (maps && maps[s.side].width > 1)) list.push(["head", Object.assign(place(), headPart())]);
        if (s.key !== null) list.push(["exact", Object.assign(place(), { side: s.side, head: s.head })]);
        if (s.mode === "attention") list.push(["overview", Object.assign(place(), overviewPart())]);
        if (s.mode === "selection") list.push(["time", Object.assign(place(), timePart())]);
        if (s.mode === "compare") list.push(["next", place()], ["track", place()]);
        list.push(...hovered());
        return list;
      },
    };
  };

  S.makeExploreView = function (x) {
    const { root, $, base, mark, state } = x, { query, k, part, row, headPart, timePart, overviewPart } = x.parts;
    const painted = {}, layouts = {};
    const dark = () => (document.body.classList.contains("dark") ? "dark" : "light");

    // Paints only when something that the picture depends on has changed.
    function repaint(name, depends, paint) {
      const canvas = base(name), now = [...depends, dark(), window.devicePixelRatio, canvas.parentElement.clientWidth].join("|");
      if (painted[name] === now) return;
      painted[name] = now;
      paint(canvas);
    }

    const numbers = new WeakMap();  // a number for each decoded answer, to tell pictures apart
    let counted = 0;
    function numberOf(thing) {
      if (!thing) return 0;
      if (!numbers.has(thing)) numbers.set(thing, ++counted);
      return numbers.get(thing);
    }

    function optionsFor(side) {
      const s = state.get();
      return { log: s.log, noSink: s.noSink, mass: s.mass, k: side === "sigma" && s.mode === "selection" ? k() : 0 };
    }

    // What the marks stand on: the locked pair, else the one under the pointer, else the step's row.
    function focusPair() {
      const s = state.get();
      return s.key === null && x.hover && x.hover.query !== null ? x.hover : { side: s.side, head: s.head, query: query(), key: s.key };
    }

    function drawMaps(colours, pair) {
      const maps = part("maps");
      for (const side of SIDES) {
        const name = "heads-" + side, info = x.run.info[side], map = maps && maps[side], options = optionsFor(side);
        const layout = S.headsLayout(base(name).parentElement.clientWidth, info);
        layouts[name] = layout;
        repaint(name, [numberOf(map), JSON.stringify(options), info.query_heads, info.key_heads], (canvas) => {
          const atlas = map && S.paintMaps(map, Array.from({ length: map.heads }, (_, h) => h), colours, options);
          S.drawHeads(canvas, layout, map, atlas, colours);
        });
        S.markHeads(mark(name), layout, map, colours, { chosen: pair.head, query: pair.query, key: pair.key });
        S.setText($(name), `${info.query_heads} Q, ${info.key_heads} K, ${info.value_heads} V head${info.value_heads > 1 ? "s" : ""}` +
          (map && map.width > 1 ? `; each point the strongest of ${map.width} × ${map.width}` : "") + (map && map.q0 > 0 ? `; queries from ${S.count(map.q0)} on` : ""));
      }
      drawLarge(colours, pair);
      root.dataset.layer = maps ? state.get().layer : "";
    }

    // The map of the large picture and the head's place in it.
    function largeMap() {
      const s = state.get(), maps = part("maps"), map = part("head", headPart());
      if (map) return { map, head: 0 };
      return maps && !x.zoom ? { map: maps[s.side], head: s.head } : null;
    }

    function drawLarge(colours, pair) {
      const s = state.get(), found = largeMap(), layout = S.largeLayout(base("large").parentElement.clientWidth), options = optionsFor(s.side);
      layouts.large = layout;
      repaint("large", [found && numberOf(found.map), found && found.head, JSON.stringify(options)], (canvas) => {
        S.drawLarge(canvas, layout, found && found.map, found && S.paintMaps(found.map, [found.head], colours, options), colours);
      });
      S.markLarge(mark("large"), layout, found && found.map, colours, pair);
      const info = x.run.info[s.side], perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
      S.setText($("large-name"), `${S.sideName(s.side)}, layer ${s.layer}, q${s.head} (K${Math.floor(s.head / perKey)}, V${Math.floor(s.head / perValue)})`);
      const width = found ? found.map.width : 1;
      S.setText($("large-note"), width > 1 ? `Each point: the strongest of ${width} × ${width} weights. Lock a pair and zoom in for every single one.` : x.zoom ? "Every point is one weight. The minus button shows all again." : "");
    }

    // Whether Sigma reads a V row at the state's query: exact once the server has said it, previewed before. Null: unknown.
    function fetchedIn(side, at, head) {
      if (side !== "sigma" || at !== query()) return null;
      const select = x.previewK === null ? part("select", { k: state.get().k }) : null;
      if (select) return (p) => select.sigma.has(head, p);
      const found = row("sigma");
      if (!found || !found.has(head)) return null;
      const chosen = S.previewChosen(found, head, k());
      return (p) => chosen.has(Math.floor(p / found.width));
    }

    // What is known best of a head's row at a query: the row itself, else the map that the pointer is on. A zoomed window
    // that holds a part of the row is good for its one pair (`closely`), not for the whole strip.
    function look(side, pair, closely) {
      const s = state.get(), maps = part("maps"), head = Math.min(pair.head, x.run.info[side].query_heads - 1), large = part("head", headPart());
      const cut = large && (large.k0 > 0 || large.k1 <= pair.query), onIt = large && side === s.side && head === s.head && large.width === (pair.width || 1);
      if (!onIt || (cut && !closely) || large.step(0, pair.query, pair.key === null ? large.k0 : pair.key) < 0) return S.rowLook(row(side), maps && maps[side], head, pair.query);
      const own = Object.assign({}, large, { step: (_, query, key) => large.step(0, query, key), lse: (_, query) => large.lse(0, query) });
      const found = S.rowLook(row(side), own, head, pair.query);
      return Object.assign(found, { part: cut && found.of === own });
    }

    function drawStrips(pair) {
      const s = state.get(), options = optionsFor("gqa");
      for (const side of SIDES) {
        const seen = look(side, pair), fetched = fetchedIn(side, pair.query, pair.head);
        const least = s.mass < 1 ? S.massThreshold((p) => (s.noSink && p === 0 ? 0 : seen.stepOf(p)), seen.count, s.mass) : 1;
        S.fillTokens(root.querySelector(`[data-strip="${side}"]`), x.run, Object.assign(seen, { query: pair.query, key: pair.key, fetched, options, least }));
        S.setText($("strip-" + side), `q${pair.head} at ${S.namedPiece(x.run.pieces[pair.query])}` +
          (side === "gqa" ? "; every V row" : fetched ? `; outlined: ${S.count(Math.min(k(), pair.query) + 1)} of ${S.count(pair.query + 1)} V rows` : "") +
          (seen.exactly ? "" : "; binned"));
      }
    }

    // A new step shows its query in the strips, a lock its key; hovering and the visitor's own scrolling move nothing.
    let stood = "";
    function keepInView() {
      const s = state.get(), position = s.key === null ? query() : s.key, now = [x.run.run, x.run.text, position, layouts.large.size].join("|");
      if (stood === now) return;
      stood = now;
      for (const side of SIDES) S.showPosition(root.querySelector(`[data-strip="${side}"]`), position);
    }

    // The locked weight as the server computed it. A click on a bin meant its strongest weight, which is known now.
    function exactWeight(pair) {
      const s = state.get(), exact = s.key !== null && pair.key === s.key ? part("exact", { side: s.side, head: s.head }) : null;
      if (!exact) return undefined;
      if (x.bin && x.bin.key === pair.key) {
        let best = x.bin.key;
        for (let p = best; p < Math.min(x.bin.key + x.bin.width, exact.weights.length); p++) if (exact.weights[p] > exact.weights[best]) best = p;
        x.bin = null;
        if (best !== pair.key) Promise.resolve().then(() => x.set({ key: best }));
      }
      return { weight: exact.weights[pair.key], lse: exact.lse };
    }

    const HELP = "Hover a point to read it, click to lock, Escape to unlock. Arrow keys move the cell, [ and ] the layer, comma and dot the step, p plays.";
    function drawRead(pair) {
      const s = state.get(), given = s.key !== null || x.hover, fetched = given ? fetchedIn(pair.side, pair.query, pair.head) : null;
      const text = !given ? HELP : S.describePair(x.run, x.run.info[pair.side], x.hover && s.key === null ? x.hover : pair, look(pair.side, pair, true), {
        layer: s.layer, locked: s.key !== null, exact: exactWeight(pair), fetched: fetched && pair.key !== null ? fetched(pair.key) : null,
      });
      S.setText($("read"), text);
      $("read").dataset.pair = given ? "1" : "";  // on a phone it then stays in view
    }

    function overviewValue(side, overview) {
      const measure = state.get().measure, values = overview && overview[side];
      return values && ((layer, head) => (measure === "captured" ? 1 - values.at(layer, head) : values.at(layer, head) / values.top));
    }

    // For the eye: the darkest cell is the largest value of either side.
    function stretched(side, overview) {
      const values = SIDES.map((one) => overviewValue(one, overview));
      if (!values[0]) return null;
      let top = 1e-6;
      SIDES.forEach((one, i) => {
        const info = x.run.info[one];
        for (let layer = 0; layer < info.layers; layer++) for (let head = 0; head < info.query_heads; head++) top = Math.max(top, values[i](layer, head));
      });
      S.setText($("overview-top"), `blank 0, full tone ${S.percent(top)}`);
      const own = values[SIDES.indexOf(side)];
      return (layer, head) => own(layer, head) / top;
    }

    const MEANS = { captured: (s) => ` of the mass is missed with k = ${s.k}`, entropy: () => " of the greatest entropy", diverge: () => " of a bit between the two sides" };
    function drawOverview(side, overview, colours) {
      const s = state.get(), name = "overview-" + side, info = x.run.info[side];
      const layout = S.overviewLayout(base(name).parentElement.clientWidth, info.layers, info.query_heads);
      layouts[name] = layout;
      repaint(name, [numberOf(overview), s.measure, s.layer, s.head], (canvas) =>
        S.drawOverview(canvas, layout, info.layers, info.query_heads, stretched(side, overview), { layer: s.layer, head: s.head }, colours));
      const { context } = S.fitCanvas(mark(name), layout.height), at = x.overviewHover;
      if (!at || at.side !== side) return;
      context.strokeStyle = colours.ink;
      context.strokeRect(layout.left + at.head * layout.cell - 0.5, layout.top + at.layer * layout.row - 0.5, layout.cell, layout.row);
      const value = overviewValue(side, overview);
      S.setText($("attention-words"), `${S.sideName(side)}, layer ${at.layer}, q${at.head}: ` + (value ? S.percent(value(at.layer, at.head)) + MEANS[s.measure](s) : "–"));
    }

    function drawSelection(shared, colours) {
      const s = state.get(), { curves } = shared, time = part("time", timePart()), offset = time ? time.first - (x.run.prompt - 1) : 0;
      repaint("time", [numberOf(time), s.step, x.run.tokens], (canvas) => {
        layouts.time = Object.assign(S.drawTime(canvas, time, x.run.tokens, s.step, colours, offset), { offset });
      });
      repaint("histogram", [numberOf(time), s.head, s.side], (canvas) => S.drawHistogram(canvas, time && time.captured, x.run.info[s.side], s.head, colours));
      repaint("over-k", [numberOf(curves), s.side, s.head, k()], (canvas) => S.drawOverK(canvas, curves && curves[s.side], curves && curves.grid, s.head, k(), colours));
      S.setText($("time-name"), `q${s.head}, k = ${s.k}` + (time && time.width > 1 ? `; each point any of ${time.width} rows` : ""));
      S.setText($("histogram-name"), `${S.sideName(s.side)}, k = ${s.k}`);
      S.setText($("over-k-name"), `q${s.head} at this step`);
      S.showSelection($("selection-words"), x.run, shared);
    }

    function drawPanels(colours) {
      const s = state.get(), curves = part("figures"), select = x.previewK === null ? part("select", { k: s.k }) : null;
      const shared = { curves, rows: { sigma: row("sigma"), gqa: row("gqa") }, select, side: s.side, layer: s.layer, head: s.head, k: k(), step: s.step, query: query() };
      for (const panel of root.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== s.mode;
      for (const tab of root.querySelectorAll("[data-mode]")) {
        tab.setAttribute("aria-selected", tab.dataset.mode === s.mode);
        tab.tabIndex = tab.dataset.mode === s.mode ? 0 : -1;
      }
      if (s.mode === "attention") {
        if (!x.overviewHover) S.showAttention($("attention-words"), x.run, shared);
        for (const side of SIDES) drawOverview(side, part("overview", overviewPart()), colours);
      } else if (s.mode === "selection") {
        drawSelection(shared, colours);
      } else {
        const track = part("track");
        S.showParting($("parting"), x.run);
        S.showNext(root, part("next"));
        S.showDivergence($("diverge"), curves);
        repaint("track", [numberOf(track), s.step], (canvas) => { layouts.track = S.drawTrack(canvas, track, s.step, colours); });
      }
      if ($("table").open) S.showTable($("table-body"), x.run, shared);
    }

    function drawLive() {
      const say = (side, text) => {
        S.setText($("heads-" + side), text);
        S.setText($("strip-" + side), "each token as lit as in its strongest head");
      };
      root.dataset.state = "live";  // first: the style sheet then makes room
      S.setText($("source"), "The answers that are being written now");
      const drawn = S.drawLive(root, x.live, x.run ? x.run.info : {}, { log: state.get().log, noSink: state.get().noSink }, say);
      for (const name of Object.keys(painted)) delete painted[name];  // the canvases hold something else now
      x.say("pending", drawn ? "Live: the newest token of both answers. Every step can be explored when they are finished." :
        "Live: an answer is being written; its attention comes with the first token, if live pictures are on.");
    }

    return {
      layouts, largeMap,
      draw() {
        const started = performance.now(), colours = S.colours(root);
        if (x.live) {
          drawLive();
        } else if (x.run) {
          const pair = focusPair();
          drawMaps(colours, pair);
          drawPanels(colours);
          drawStrips(pair);  // late: the pictures ask for sizes, and changed text would have to be laid out for that
          drawRead(pair);
          keepInView();
          x.store.want(x.parts.wanted);
        }
        root.dataset.state = x.live ? "live" : x.run && part("maps") && x.parts.here() ? "ready" : x.run ? "waiting" : "empty";
        root.dataset.missing = x.store.missing();
        root.dataset.step = x.run ? state.get().step : "";
        root.dataset.draws = Number(root.dataset.draws || 0) + 1;
        root.dataset.drawMs = (performance.now() - started).toFixed(1);
      },
    };
  };
})(window.Sigma);
