// Ties the explorer together: state in, pictures out. Called once by the Explore tab's component.
(function (S) {
  "use strict";
  const SIDES = ["sigma", "gqa"], PLAY_MS = 400;

  S.mountExplore = function (element, props, watch, server, trigger) {
    const root = element.querySelector("#explore"), $ = (name) => root.querySelector(`[data-ex="${name}"]`);
    const base = (name) => root.querySelector(`[data-base="${name}"]`), mark = (name) => root.querySelector(`[data-mark="${name}"]`);
    const state = S.makeExploreState();
    let page = null, run = null, visible = false, queued = false, hover = null, overviewHover = null, previewK = null;
    let zoom = null, timer = 0, live = null, follow = false, bin = null, opening = 0, waiting = null, problem = "";
    const painted = {}, view = { layouts: {} };

    // ---- the server -------------------------------------------------------------------------------------------------
    async function ask(question) {
      const text = await server.ask_explorer(JSON.stringify(Object.assign({ page }, question)));
      root.dataset.bytes = Number(root.dataset.bytes || 0) + text.length;
      const answer = JSON.parse(text);
      answer.size = text.length;
      return answer;
    }

    function say(name, text) {
      const box = $(name);
      S.setText(box, text);
      box.hidden = !text;
    }
    function complain(text) {
      problem = text || "";
      say("message", problem);
    }
    function told(message, pending) {
      if (message) complain(message);
      say("pending", pending === null ? "" : `Both models read the text again: ${Math.round(pending * 100)} %.`);
      root.dataset.pending = pending === null ? "" : "1";
    }
    const store = S.makeExploreStore(ask, schedule, told);

    // ---- what is shown ------------------------------------------------------------------------------------------------
    const query = () => run.prompt - 1 + state.get().step;
    const k = () => (previewK === null ? state.get().k : previewK);
    const place = () => ({ run: run.run, text: run.text, layer: state.get().layer, query: query() });
    const part = (name, more) => (run ? store.get(name, Object.assign(place(), more)) : null);
    const headPart = () => Object.assign({ side: state.get().side, head: state.get().head }, zoom || {});
    const timePart = () => ({ side: state.get().side, head: state.get().head, k: state.get().k });

    function wanted() {
      if (!run || !visible || live) return [];
      const s = state.get(), list = [["row", place()], ["select", Object.assign(place(), { k: s.k })], ["maps", place()]];
      const maps = part("maps");
      if (zoom || (maps && maps[s.side].width > 1)) list.push(["head", Object.assign(place(), headPart())]);
      if (s.key !== null) list.push(["exact", Object.assign(place(), { side: s.side, head: s.head })]);
      if (s.mode === "attention") list.push(["overview", Object.assign(place(), { k: s.k })]);
      if (s.mode === "selection") list.push(["time", Object.assign(place(), timePart())]);
      if (s.mode === "compare") list.push(["next", place()], ["track", place()]);
      return list;
    }

    // ---- changes ------------------------------------------------------------------------------------------------------
    function set(changes, options) {
      const clean = S.cleanState(changes, run);
      if ("text" in clean && run && clean.text !== run.text) {
        delete clean.text;
        state.set(clean, options);
        open(run.run, changes.text);
        return state.get();
      }
      if ("step" in clean && !("key" in clean) && state.get().key !== null && run && state.get().key > run.prompt - 1 + clean.step) clean.key = null;
      if (("layer" in clean || "step" in clean || "side" in clean || "head" in clean) && !options) hover = null;
      state.set(clean, options);
      sync();
      return state.get();
    }

    // Shows a run from the start, keeping layer, head and the like; the newest call wins.
    async function open(id, text, wishes) {
      const turn = ++opening;
      let answer;
      try {
        answer = await ask({ op: "open", run: id, text });
      } catch (error) {
        answer = { error: "The server did not answer; is it still running?" };
      }
      if (turn !== opening) return;
      if (answer.error) {
        complain(answer.error);
        if (!run && id !== "recorded") await open("recorded");
        return;
      }
      stop();
      answer.first = 0;
      answer.last = answer.steps > 0 ? answer.tokens - 2 : answer.tokens - 1;
      const old = run, problems = [];
      run = answer;
      hover = zoom = previewK = bin = null;
      complain("");
      store.forgive();
      const s = state.get(), start = Object.assign({ layer: s.layer, head: s.head, k: s.k, step: old && old.run === run.run ? s.step : firstStep(), key: null, text: run.text }, wishes);
      const clean = S.cleanState(start, run, wishes ? problems : []);
      state.set(Object.assign({ run: run.run, text: run.text, key: null }, S.cleanState({ layer: s.layer, head: s.head, k: s.k, step: firstStep() }, run), clean), {});
      if (problems.length) complain("The link was not quite right: " + problems.join("; ") + ". The rest of it is shown.");
      root.dataset.run = run.run;
      sync();
    }
    // The last step that has everything before it: there the rows are longest.
    const firstStep = () => Math.max(0, run.steps - 1);

    state.onChange((now, changed, options) => {
      if (changed.some((name) => ["layer", "head", "side"].includes(name)) && zoom && changed.includes("side")) zoom = null;
      if (changed.includes("k")) previewK = null;
      if (!options.silent) address();
      schedule();
      summarize();
    });

    let addressTimer = 0;
    function address() {
      clearTimeout(addressTimer);
      addressTimer = setTimeout(() => {
        if (visible && run) history.replaceState(history.state, "", S.toHash(state.get(), run));
      }, 250);
    }

    // ---- drawing ------------------------------------------------------------------------------------------------------
    function schedule() {
      if (queued) return;
      queued = true;
      requestAnimationFrame(draw);
    }

    const dark = () => (document.body.classList.contains("dark") ? "dark" : "light");
    function optionsFor(side) {
      const s = state.get();
      return { log: s.log, noSink: s.noSink, mass: s.mass, k: side === "sigma" && s.mode === "selection" ? k() : 0 };
    }

    // Paints only when something that the picture depends on has changed.
    function repaint(name, depends, paint) {
      const canvas = base(name), now = [...depends, dark(), window.devicePixelRatio, canvas.parentElement.clientWidth].join("|");
      if (painted[name] && painted[name].now === now) return painted[name].made;
      painted[name] = { now, made: paint(canvas) };
      return painted[name].made;
    }

    const numbers = new WeakMap();  // a number for each decoded answer, to tell pictures apart
    let counted = 0;
    function numberOf(thing) {
      if (!thing) return 0;
      if (!numbers.has(thing)) numbers.set(thing, ++counted);
      return numbers.get(thing);
    }

    function focusPair() {
      const s = state.get();
      const locked = { side: s.side, head: s.head, query: query(), key: s.key };
      return s.key === null && hover && hover.query !== null ? hover : locked;
    }

    function drawMaps(colours, pair) {
      const s = state.get(), maps = part("maps");
      for (const side of SIDES) {
        const name = "heads-" + side, info = run.info[side], map = maps && maps[side], options = optionsFor(side);
        const layout = S.headsLayout(base(name).parentElement.clientWidth, info);
        view.layouts[name] = layout;
        repaint(name, [numberOf(map), JSON.stringify(options), info.query_heads], (canvas) => {
          const atlas = map && S.paintMaps(map, Array.from({ length: map.heads }, (_, h) => h), colours, options);
          S.drawHeads(canvas, layout, map, atlas, colours);
        });
        S.markHeads(mark(name), layout, map, colours, { chosen: pair.head, query: pair.query, key: pair.key });
        S.setText($("heads-" + side), `${info.query_heads} Q, ${info.key_heads} K, ${info.value_heads} V heads` + (map && map.width > 1 ? `; each point the strongest of ${map.width} × ${map.width}` : ""));
      }
      drawLarge(colours, pair, maps);
      root.dataset.layer = maps ? s.layer : "";
    }

    function largeMap() {
      const s = state.get(), maps = part("maps");
      const map = part("head", headPart());
      if (map) return { map, head: 0 };
      return maps && !zoom ? { map: maps[s.side], head: s.head } : null;
    }

    function drawLarge(colours, pair) {
      const s = state.get(), found = largeMap(), layout = S.largeLayout(base("large").parentElement.clientWidth);
      view.layouts.large = layout;
      const options = optionsFor(s.side);
      repaint("large", [found && numberOf(found.map), found && found.head, JSON.stringify(options)], (canvas) => {
        S.drawLarge(canvas, layout, found && found.map, found && S.paintMaps(found.map, [found.head], colours, options), colours);
      });
      S.markLarge(mark("large"), layout, found && found.map, colours, pair);
      const info = run.info[s.side], perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
      S.setText($("large-name"), `${S.sideName(s.side)}, layer ${s.layer}, q${s.head} (K${Math.floor(s.head / perKey)}, V${Math.floor(s.head / perValue)})`);
      const width = found ? found.map.width : 1;
      const note = width > 1 ? `Each point: the strongest of ${width} × ${width} weights. Lock a pair and zoom in for every single one.` : zoom ? "Every point is one weight. – shows all again." : "";
      S.setText($("large-note"), note);
    }

    function fetchedIn(side, at, head) {
      if (side !== "sigma" || at !== query()) return null;
      const select = previewK === null ? part("select", { k: state.get().k }) : null;
      if (select) return (p) => select.sigma.has(head, p);
      const row = part("row");
      if (!row) return null;
      const chosen = S.previewChosen(row.sigma, head, k()), width = row.sigma.width;
      return (p) => chosen.has(Math.floor(p / width));
    }

    function look(side, pair) {
      const row = part("row"), maps = part("maps");
      return S.rowLook(row && row[side], maps && maps[side], Math.min(pair.head, run.info[side].query_heads - 1), pair.query);
    }

    function drawStrips(pair) {
      const s = state.get(), options = optionsFor("gqa");
      for (const side of SIDES) {
        const seen = look(side, pair);
        const least = s.mass < 1 ? S.massThreshold((p) => (s.noSink && p === 0 ? 0 : seen.stepOf(p)), seen.count, s.mass) : 1;
        const fetched = fetchedIn(side, pair.query, pair.head);
        S.fillTokens(root.querySelector(`[data-strip="${side}"]`), run, Object.assign(seen, { query: pair.query, key: pair.key, fetched, options, least }));
        const rows = Math.min(k(), pair.query) + 1;
        S.setText($("strip-" + side), `q${pair.head} at ${S.namedPiece(run.pieces[pair.query])}` +
          (side === "gqa" ? "; every V row" : fetched ? `; outlined: ${S.count(rows)} of ${S.count(pair.query + 1)} V rows` : "") + (seen.exactly ? "" : "; binned"));
      }
    }

    function exactWeight(pair) {
      const s = state.get(), exact = s.key !== null && pair.key === s.key ? part("exact", { side: s.side, head: s.head }) : null;
      if (!exact) return undefined;
      if (bin && bin.width > 1 && pair.key === bin.key) {  // the bin's strongest is what was seen when it was clicked
        let best = bin.key;
        for (let p = bin.key; p < Math.min(bin.key + bin.width, exact.weights.length); p++) if (exact.weights[p] > exact.weights[best]) best = p;
        bin = null;
        if (best !== pair.key) Promise.resolve().then(() => set({ key: best }));
      }
      return exact.weights[pair.key];
    }

    function drawRead(pair) {
      const s = state.get(), help = "Hover a point to read it, click to lock, Escape to unlock. Arrow keys move the cell, [ ] the layer, , . the step, p plays.";
      const given = s.key !== null || hover;
      const fetched = given ? fetchedIn(pair.side, pair.query, pair.head) : null;
      const shown = !given ? help : S.describePair(run, run.info[pair.side], hover && s.key === null ? hover : pair, look(pair.side, pair), {
        layer: s.layer, locked: s.key !== null, exact: exactWeight(pair), fetched: fetched && pair.key !== null ? fetched(pair.key) : null,
      });
      S.setText($("read"), shown);
    }

    function drawPanels(colours) {
      const s = state.get(), row = part("row"), select = previewK === null ? part("select", { k: s.k }) : null;
      const shared = { row, select, side: s.side, layer: s.layer, head: s.head, k: k(), step: s.step, query: query() };
      for (const panel of root.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== s.mode;
      for (const tab of root.querySelectorAll("[data-mode]")) {
        tab.setAttribute("aria-selected", tab.dataset.mode === s.mode);
        tab.tabIndex = tab.dataset.mode === s.mode ? 0 : -1;
      }
      if (s.mode === "attention") {
        const overview = part("overview", { k: s.k });
        for (const side of SIDES) drawOverview(side, overview, colours);
        if (overviewHover) {
          const { side, layer, head } = overviewHover, value = overviewValue(side, overview);
          S.setText($("attention-words"), `${S.sideName(side)}, layer ${layer}, q${head}: ` + (value ? S.percent(value(layer, head)) + { captured: ` of the mass is missed with k = ${s.k}`, entropy: " of the greatest entropy", diverge: " of a bit between the two sides" }[s.measure] : "–"));
        } else {
          S.showAttention($("attention-words"), run, shared);
        }
      } else if (s.mode === "selection") {
        const time = part("time", timePart());
        view.layouts.time = Object.assign(S.drawTime(base("time"), time, run.tokens, s.step, colours, time ? time.first - (run.prompt - 1) : 0), { offset: time ? time.first - (run.prompt - 1) : 0 });
        S.drawHistogram(base("histogram"), time && time.captured, run.info[s.side], s.head, colours);
        S.drawOverK(base("over-k"), row && row[s.side], row && row.grid, s.head, k(), colours);
        S.setText($("time-name"), `q${s.head}, k = ${s.k}` + (time && time.width > 1 ? `; each point any of ${time.width} rows` : ""));
        S.setText($("histogram-name"), `${S.sideName(s.side)}, k = ${s.k}`);
        S.setText($("over-k-name"), `q${s.head} at this step`);
        S.showSelection($("selection-words"), run, shared);
      } else {
        S.showParting($("parting"), run);
        S.showNext(root, part("next"));
        S.showDivergence($("diverge"), row);
        view.layouts.track = S.drawTrack(base("track"), part("track"), s.step, colours);
      }
      if ($("table").open) S.showTable($("table-body"), run, shared);
    }

    function overviewValue(side, overview) {
      const measure = state.get().measure;
      const values = !overview ? null : measure === "diverge" ? overview.diverge : overview[side][measure];
      return values && ((layer, head) => (measure === "captured" ? 1 - values.at(layer, head) : values.at(layer, head) / values.top));
    }

    // For the eye: the darkest cell is the largest value of either side.
    function stretched(side, overview) {
      const values = SIDES.map((one) => overviewValue(one, overview));
      if (!values[0]) return null;
      let top = 1e-6;
      SIDES.forEach((one, i) => {
        for (let layer = 0; layer < run.info[one].layers; layer++) for (let head = 0; head < run.info[one].query_heads; head++) top = Math.max(top, values[i](layer, head));
      });
      S.setText($("overview-top"), `white 0, black ${S.percent(top)}`);
      const own = values[SIDES.indexOf(side)];
      return (layer, head) => own(layer, head) / top;
    }

    function drawOverview(side, overview, colours) {
      const s = state.get(), name = "overview-" + side, info = run.info[side];
      const layout = S.overviewLayout(base(name).parentElement.clientWidth, info.layers, info.query_heads);
      view.layouts[name] = layout;
      repaint(name, [numberOf(overview), s.measure, s.layer, s.head], (canvas) =>
        S.drawOverview(canvas, layout, info.layers, info.query_heads, stretched(side, overview), { layer: s.layer, head: s.head }, colours));
      const marks = S.fitCanvas(mark(name), layout.height).context;
      if (overviewHover && overviewHover.side === side) {
        marks.strokeStyle = colours.ink;
        marks.strokeRect(layout.left + overviewHover.head * layout.cell - 0.5, layout.top + overviewHover.layer * layout.row - 0.5, layout.cell, layout.row);
      }
    }

    function draw() {
      queued = false;
      if (!root.isConnected || !visible) return;
      const started = performance.now(), colours = S.colours(root);
      if (live) {
        const drawn = S.drawLive(root, live, run ? run.info : {}, { log: state.get().log, noSink: state.get().noSink }, (side, text) => S.setText($("heads-" + side), text));
        for (const name of Object.keys(painted)) delete painted[name];
        say("pending", drawn ? "Live: the newest token of both answers. Every step can be explored when they are finished." : "Live: an answer is being written; its attention comes with the first token, if live pictures are on.");
      } else if (run) {
        const pair = focusPair();
        drawMaps(colours, pair);
        drawStrips(pair);
        drawRead(pair);
        drawPanels(colours);
        store.want(wanted);
      }
      root.dataset.state = live ? "live" : run && part("maps") && part("row") ? "ready" : run ? "waiting" : "empty";
      root.dataset.step = run ? state.get().step : "";
      root.dataset.draws = Number(root.dataset.draws || 0) + 1;
      root.dataset.drawMs = (performance.now() - started).toFixed(1);
    }

    // ---- controls -----------------------------------------------------------------------------------------------------
    function option(select, values) {
      const now = JSON.stringify(values);
      if (select.dataset.now === now) return;
      select.dataset.now = now;
      select.replaceChildren(...values.map(([value, text]) => S.el("option", { value }, text)));
    }

    function sync() {
      if (!run) return;
      const s = state.get(), bounds = S.exploreBounds(run);
      const control = (name) => root.querySelector(`[data-set="${name}"]`);
      for (const name of ["layer", "step", "k"]) {
        const slider = control(name);
        [slider.min, slider.max] = bounds[name];
        if (!(name === "k" && previewK !== null) && Number(slider.value) !== s[name]) slider.value = s[name];
      }
      S.setText($("layer"), `${s.layer} of 0 – ${bounds.layer[1]}`);
      const where = s.step < 0 ? `prompt, token ${S.count(query())}` : `${S.count(s.step)} of 0 – ${S.count(Math.max(0, run.steps - 1))}`;
      S.setText($("step"), where);
      control("step").setAttribute("aria-valuetext", `${where}, token ${S.shownPiece(run.pieces[query()])}`);
      S.setText($("k"), S.count(k()) + (previewK === null ? "" : ", release to compute"));
      option(control("head"), Array.from({ length: bounds.head[1] + 1 }, (_, h) => [String(h), "q" + h]));
      option(control("text"), run.writers.map((side) => [side, S.sideName(side) + "'s answer"]));
      for (const name of ["head", "text", "mass", "measure"]) if (control(name).value !== String(s[name])) control(name).value = String(s[name]);
      for (const name of ["log", "noSink"]) control(name).checked = s[name];
      S.setText($("source"), (run.recorded ? "Recorded run: " : "Your run: ") + `“${run.settings.prompt.slice(0, 120)}”` + (run.recorded ? " (stored, weights in 64 steps)" : ` (computed again with all V rows${run.settings.selective ? ", though it ran with k = " + run.settings.selective : ""})`));
      root.querySelector('[data-act="play"]').setAttribute("aria-pressed", Boolean(timer));
      S.setText(root.querySelector('[data-act="play"]'), timer ? "❚❚" : "▶");
      root.querySelector('[data-act="rerun"]').disabled = run.recorded && document.querySelector("#status-chip") && document.querySelector("#status-chip").dataset.phase !== "ready";
    }

    let summaryTimer = 0;
    function summarize() {
      clearTimeout(summaryTimer);
      summaryTimer = setTimeout(() => {
        const row = run && part("row"), s = state.get();
        if (!row || !visible || timer) return;
        const figure = S.headFigures(row, part("select", { k: s.k }), "sigma", run.info.sigma, s.k)[Math.min(s.head, run.info.sigma.query_heads - 1)];
        S.setText($("summary"), `Layer ${s.layer}, ${s.step < 0 ? "prompt" : "step " + s.step}, head ${s.head}: Sigma reads ${S.count(Math.min(s.k, query()) + 1)} of ${S.count(query() + 1)} V rows, ${S.percent(figure.captured)} of the mass.`);
      }, 900);
    }

    function stop() {
      clearTimeout(timer);
      timer = 0;
    }
    function play() {
      const s = state.get();
      if (timer) {
        stop();
        sync();
        summarize();
        return;
      }
      const tick = () => {
        if (state.get().step >= Math.max(0, run.steps - 1)) {
          stop();
          sync();
          return;
        }
        // Never faster than the pictures come: the next step waits until this one's row is here.
        if (part("row")) set({ step: state.get().step + 1, key: null });
        timer = setTimeout(tick, PLAY_MS);
        sync();
      };
      if (s.step >= run.steps - 1) set({ step: 0, key: null });
      timer = setTimeout(tick, PLAY_MS);
      sync();
    }

    async function collect() {
      const answer = await ask(Object.assign(place(), { op: "view", parts: ["numbers", "select", "next"], k: state.get().k }));
      if (answer.error || answer.pending !== undefined) throw new Error(answer.error || "the text is still being read");
      return S.exportData(run, state.get(), location.origin + location.pathname + S.toHash(state.get(), run), { numbers: answer.numbers, selection: answer.select, next: answer.next });
    }

    async function act(name) {
      if (!run) return;
      const s = state.get(), steps = { first: 0, end: run.steps - 1, back: s.step - 1, forward: s.step + 1 };
      if (name in steps) return void set({ step: steps[name] });
      if (name === "play") return void play();
      if (name === "recorded") {
        follow = false;
        live = null;
        return void open("recorded");
      }
      if (name === "last") return void newest(true);
      if (name === "zoom-out") {
        zoom = null;
        return void schedule();
      }
      if (name === "zoom-in") {
        const at = query(), key = s.key === null ? at : s.key, wide = Math.min(run.tokens, zoom ? Math.max(16, Math.round((zoom.q1 - zoom.q0) / 2)) : Math.min(512, Math.ceil(run.tokens / 2)));
        const from = (middle) => Math.max(0, Math.min(run.tokens - wide, Math.round(middle - wide / 2)));
        const q0 = Math.max(run.first, from(at)), k0 = from(key);
        zoom = { q0, q1: Math.min(run.tokens, q0 + wide), k0, k1: k0 + wide };
        return void schedule();
      }
      const words = { title: $("source").textContent, where: `${$("large-name").textContent}, step ${s.step}, k = ${s.k}`, names: ["Sigma", "GQA", $("large-name").textContent], read: $("read").textContent };
      try {
        if (name === "link") await copyLink();
        if (name === "png") await S.exportPNG(root, run, s, words);
        if (name === "json") S.exportJSON(run, s, await collect());
        if (name === "html") S.exportHTML(root, run, s, words, await collect());
        if (name === "rerun") await rerun();
      } catch (error) {
        complain(`That did not work: ${error.message}.`);
      }
    }

    async function copyLink() {
      const url = location.origin + location.pathname + S.toHash(state.get(), run);
      history.replaceState(history.state, "", S.toHash(state.get(), run));
      let note = run.settings.turns > 1 ? "Link copied. It holds the last question only, not the chat before it." : "Link copied.";
      if (url.length > 8000) note = "The question is too long for a link that works everywhere (over 8,000 characters).";
      try {
        await navigator.clipboard.writeText(url);
      } catch {
        note = "The link is in the address bar now.";
      }
      say("pending", note);
      setTimeout(() => { if ($("pending").textContent === note) say("pending", ""); }, 4000);
    }

    // Asks the server to write something, and waits: an answer again with this k, or the question of a link.
    async function write(question, note) {
      for (;;) {
        const answer = await ask(question);
        if (answer.error) throw new Error(answer.error.replace(/\.$/, ""));
        if (answer.pending === undefined) return answer;
        question = Object.assign({}, question, { job: answer.job });
        note(answer);
        await new Promise((done) => setTimeout(done, 400));
      }
    }

    async function rerun() {
      const s = state.get(), box = $("rerun");
      S.setText(box, `Sigma answers again with k = ${s.k} …`);
      const answer = await write({ op: "rerun", run: run.run, text: "sigma", k: s.k }, (so) => S.setText(box, `Sigma answers again with k = ${s.k}: ${so.words || ""}`));
      const parts = answer.parting === null ? "the same text as before" : `it parts from the text before at step ${answer.parting}`;
      S.setText(box, `With k = ${s.k}, ${parts}: “${answer.words}”`);
      root.dataset.rerun = answer.k;
    }

    async function reproduce(question, wishes) {
      say("pending", "This link brings a question; both models answer it now …");
      try {
        const answer = await write({ op: "run", question }, (so) => say("pending", so.words || "This link brings a question; both models answer it …"));
        say("pending", "");
        await open(answer.run, wishes.text, wishes);
      } catch (error) {
        say("pending", "");
        await open("recorded");
        complain(`The link's question could not be answered: ${error.message}.`);
      }
    }

    // ---- runs ---------------------------------------------------------------------------------------------------------
    function newest(asked) {
      waiting = { asked };
      trigger("submit");
    }

    function received() {
      if (!props.value) return;
      const value = JSON.parse(props.value);
      const first = page === null;
      page = value.page;
      if (value.run) {
        waiting = null;
        open(value.run);
      } else if (waiting) {
        if (waiting.asked) complain(value.error || "There is no answer to explore yet: ask something in the Chat tab.");
        waiting = null;
      }
      if (first) begin();
    }

    let announce;
    const ready = new Promise((done) => { announce = done; });
    async function begin() {
      const link = S.fromHash(location.hash);
      if (link && link.question) await reproduce(link.question, link.changes);
      else await open("recorded", link ? link.changes.text : undefined, link ? withoutRun(link.changes) : undefined);
      if (link && !link.question && link.changes.run && link.changes.run !== "recorded") complain("The link names a run that is not known here; the recorded run is shown.");
      announce();
    }
    function withoutRun(changes) {
      const rest = Object.assign({}, changes);
      delete rest.run;
      return rest;
    }

    Object.assign(view, {
      state: state.get, set, act, query, largeMap: () => (largeMap() || {}).map, map: (side) => { const maps = part("maps"); return maps && maps[side]; },
      preview(pair) {
        if (!run || (pair === null && hover === null)) return;
        hover = pair;
        schedule();
      },
      previewOverview(side, found) {
        if (!run || (!found && !overviewHover)) return;
        overviewHover = found ? Object.assign({ side }, found) : null;
        schedule();
      },
      lock(pair) {
        if (!run) return;
        const s = state.get();
        if (pair.query === null) return void set({ side: pair.side, head: pair.head });
        const step = pair.query - (run.prompt - 1), same = s.key !== null && s.key === pair.key && s.side === pair.side && s.head === pair.head && s.step === step;
        bin = same || !pair.width ? null : { key: pair.key, width: pair.width };
        hover = null;
        set({ side: pair.side, head: pair.head, step: Math.min(step, run.last - (run.prompt - 1)), key: same ? null : pair.key });
      },
      unlock() {
        hover = null;
        set({ key: null });
        schedule();
      },
      previewK(value) {
        previewK = Number.isFinite(value) ? value : null;
        sync();
        schedule();
      },
    });
    S.wireExplore(root, view);
    $("table").addEventListener("toggle", schedule);
    S.watchLive(
      () => { follow = true; },
      (next) => {
        if (!follow) return;
        live = next;
        schedule();
      },
      () => {
        const was = live;
        live = null;
        say("pending", "");
        if (was || follow) newest(false);
      },
    );

    // A canvas in a closed tab has no width: nothing is drawn or asked for until the tab is seen.
    new IntersectionObserver((entries) => {
      const now = entries[entries.length - 1].isIntersecting;
      if (now === visible) return;
      visible = now;
      if (visible) {
        address();
        schedule();
      } else {
        stop();
        if (root.offsetParent === null && S.fromHash(location.hash)) history.replaceState(history.state, "", location.pathname + location.search);
      }
    }, { rootMargin: "200px" }).observe(root);
    new ResizeObserver(schedule).observe(root);
    new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    window.addEventListener("hashchange", () => {
      const link = S.fromHash(location.hash);
      if (!link || page === null) return;
      if (link.question) reproduce(link.question, link.changes);
      else open("recorded", link.changes.text, withoutRun(link.changes));
    });

    window.sigmaExplore = {
      ready, element: root, getState: state.get, setState: set, onChange: (fn) => state.onChange((now, changed) => fn(now, changed)),
      open: (id) => (id === "last" ? Promise.resolve(newest(true)) : open(id)),
      stats: store.stats,
    };
    watch("value", received);
    received();
  };

  // An address of the explorer opens its tab, as soon as there is one.
  function openTab() {
    if (!S.fromHash(location.hash)) return true;
    const tab = [...document.querySelectorAll('#tabs button[role="tab"]')].find((button) => button.textContent.trim() === "Explore");
    if (tab) tab.click();
    return Boolean(tab);
  }
  document.addEventListener("DOMContentLoaded", () => {
    if (!S.fromHash(location.hash)) return;
    const watcher = new MutationObserver(() => { if (openTab()) watcher.disconnect(); });
    watcher.observe(document.body, { childList: true, subtree: true });
  });
  window.addEventListener("hashchange", openTab);
})(window.Sigma);
