// The explorer's words and tables: what a pair is, which V rows a step reads, where the two sides differ. Text nodes only.
(function (S) {
  "use strict";
  const NAMES = { sigma: "Sigma", gqa: "GQA" };
  S.sideName = (side) => NAMES[side];

  // An element with text and attributes; children may be elements or strings. Nothing is ever read as markup.
  S.el = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
    return element;
  };

  S.setText = function (element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  };

  // Replaces a table's rows only when they say something else: a screen reader keeps its place, the page its nodes.
  S.fillTable = function (table, head, rows, caption) {
    const now = JSON.stringify([head, rows, caption]);
    if (table.dataset.now === now) return;
    table.dataset.now = now;
    const cells = (tag, row) => S.el("tr", {}, ...row.map((cell, i) => S.el(tag === "td" && i === 0 ? "th" : tag, tag === "th" || i === 0 ? { scope: tag === "th" ? "col" : "row" } : {}, S.el("bdi", {}, cell))));
    const parts = [S.el("thead", {}, cells("th", head)), S.el("tbody", {}, ...rows.map((row) => cells("td", row)))];
    if (caption) parts.unshift(S.el("caption", {}, caption));
    table.replaceChildren(...parts);
  };

  // Where a pair stands in its row: weight, rank, and the mass of everything at least as strong.
  S.standing = function (look, key) {
    const step = look.stepOf(key);
    if (step < 0) return null;
    let above = 0, mass = 0, total = 0;
    for (let p = 0; p < look.count; p++) {
      const other = look.stepOf(p);
      if (other < 0) continue;
      total += S.stepWeights[other];
      if (other > step) above++;
      if (other >= step) mass += S.stepWeights[other];
    }
    return { weight: S.stepWeights[step], rank: above + 1, mass: total > 0 ? mass / total : 0 };
  };

  const few = (step) => (S.stepWeights[step] > 0 ? "≈ " + S.percent(S.stepWeights[step]) : "under 0.001 %");

  const signed = (value, places) => value.toFixed(places).replace("-", "−");
  const NEAR = 0.15, LEAST = Math.log(1e-5);
  // The score of a weight, ln(weight) + log-sum-exp; `exact` is the weight as the server has it, else `step` its step.
  S.describeScore = function (look, step, exact) {
    if (!look.lse) return "";
    const [low, high] = look.lse, sure = exact !== undefined && exact.lse !== null;
    if (sure) return exact.weight > 0 ? `score ${signed(Math.log(exact.weight) + exact.lse, 2)}` : `score under ${signed(exact.lse - 87, 0)}`;
    if (!(S.stepWeights[step] > 0)) return `score under ${signed(LEAST + high, 1)}`;
    const log = Math.log(S.stepWeights[step]);
    return high - low < NEAR ? `score ≈ ${signed(log + (low + high) / 2, 1)}` : `score ≈ ${signed(log + low, 1)} to ${signed(log + high, 1)}`;
  };

  // One sentence about a (query, key) pair of a head.
  S.describePair = function (run, info, pair, look, more) {
    const token = (p) => `${S.namedPiece(run.pieces[p])} (${S.count(p)})`;
    const perKey = info.query_heads / info.key_heads, perValue = info.query_heads / info.value_heads;
    const head = `${NAMES[pair.side]} q${pair.head} (K${Math.floor(pair.head / perKey)}, V${Math.floor(pair.head / perValue)}), layer ${more.layer}`;
    if (pair.query === null || pair.query === undefined) return head;
    if (pair.key === null || pair.key === undefined) return `${head}: ${token(pair.query)} attends`;
    const step = look.stepOf(pair.key), standing = S.standing(look, pair.key);
    if (!standing) return `${head}: ${token(pair.query)} → ${token(pair.key)}`;
    const binned = !look.exactly && more.exact === undefined ? ", the strongest of its bin" : "";
    // A recorded run holds its weights in steps: what it has is told, not more.
    const weight = more.exact === undefined || more.exact.weight < 1e-5 ? few(more.exact ? 0 : step) : S.percent(more.exact.weight) + (run.recorded ? " as stored" : " exactly");
    const score = S.describeScore(look, step, run.recorded ? undefined : more.exact);
    const place = look.part ? "" : `, rank ${S.count(standing.rank)} of ${S.count(look.count)}, with all above it ${S.percent(standing.mass)} of the mass`;
    const row = more.fetched === null ? "" : more.fetched ? "; V row read" : "; V row not read, still resident";
    return `${head}: ${token(pair.query)} → ${token(pair.key)}: ` +
      `${score && score + ", "}weight ${weight}${binned}${place}${row}${more.locked ? " (locked)" : ""}`;
  };

  // Figures of every head for one k: from the server when they are there, else previewed from the curves of the step.
  S.headFigures = function (curves, select, side, info, k) {
    const part = select && select[side], perValue = info.query_heads / info.value_heads;
    return Array.from({ length: info.query_heads }, (_, head) => ({
      head, value: Math.floor(head / perValue),
      captured: part ? part.captured[head] : curves ? S.onGrid(curves[side].captured, head, curves.grid, k) : null,
      error: part ? (part.errors ? part.errors[head] : null) : curves ? S.onGrid(curves[side].errors, head, curves.grid, k) : null,
      smallest: curves ? curves[side].smallest[head] : null,
      shared: part ? part.shared[head] : null,
    }));
  };

  const dash = "–";
  S.showSelection = function (box, run, view) {
    const { curves, select, side, k, query, layer } = view, info = run.info[side];
    const figures = S.headFigures(curves, select, side, info, k);
    const rows = Math.min(k, query) + 1, exact = Boolean(select);
    let table = box.querySelector("table");
    if (!table) {
      box.replaceChildren(S.el("p", {}), S.el("div", { class: "ex-scroll", tabindex: "0", role: "group", "aria-label": "Figures of every head" }, S.el("table", { class: "ex-table" })));
      table = box.querySelector("table");
    }
    const size = info.value_head_dim * info.kv_itemsize;
    const requested = info.query_heads * rows, all = info.value_heads * (query + 1);
    const distinct = select ? select[side].distinct.reduce((a, b) => a + b, 0) : null;
    const words = side === "gqa" ? "The GQA side always reads every V row; this is what selecting would keep of it. " : "";
    S.setText(box.querySelector("p"), `${words}Layer ${layer}, step ${S.count(view.step)}, k = ${S.count(k)}: each head requests ${S.count(rows)} of ${S.count(query + 1)} V rows, ` +
      `together ${S.count(requested)} rows or ${S.binary(requested * size)} (computed)` + (distinct === null ? "" : `, ${S.count(distinct)} distinct`) +
      `; without selection every V row is read once: ${S.count(all)} rows, ${S.binary(all * size)}. Rows not read stay resident.` + (exact ? "" : " Preview; exact figures follow."));
    const about = exact ? "" : "≈ ";
    S.fillTable(table, ["query head", "V head", "V rows read", "also read by its V group", "captured mass", "output error", "smallest k for 99 %"],
      figures.map((f) => ["q" + f.head, "V" + f.value, S.count(rows), f.shared === null ? dash : S.count(f.shared),
        f.captured === null ? dash : about + S.percent(f.captured), f.error === null ? dash : about + S.percent(f.error), f.smallest === null ? dash : S.count(f.smallest)]));
  };

  S.showAttention = function (box, run, view) {
    const { curves, side, layer, k } = view, info = run.info[side];
    if (!curves) return S.setText(box, "");
    const figures = S.headFigures(curves, view.select, side, info, k).filter((f) => f.captured !== null);
    const best = figures.reduce((a, b) => (b.captured > a.captured ? b : a)), worst = figures.reduce((a, b) => (b.captured < a.captured ? b : a));
    S.setText(box, `${NAMES[side]}, layer ${layer}: ${S.count(k)} V rows and the current one hold ${S.percent(S.mean(figures.map((f) => f.captured)))} of the softmax mass on average; ` +
      `most in q${best.head} (${S.percent(best.captured)}), least in q${worst.head} (${S.percent(worst.captured)}). Click a cell to look at its head.`);
  };

  S.showParting = function (box, run) {
    const p = run.parting, other = Object.keys(run.others)[0];
    let text = "Only one side has answered.";
    if (other && p === null) text = `Both sides wrote the same ${S.count(run.steps)} tokens.`;
    else if (other) {
      const mine = run.pieces[run.prompt + p], theirs = run.others[other][p];
      const say = (side, piece) => `${NAMES[side]} ${piece === undefined ? "ended" : "wrote " + S.namedPiece(piece)}`;
      text = `The answers part at step ${S.count(p)}: ${say(run.text, mine)}, ${say(other, theirs)}. Here both read ${NAMES[run.text]}'s answer, so every step can be compared.`;
    }
    S.setText(box, text);
  };

  S.showNext = function (root, next) {
    for (const side of ["sigma", "gqa"]) {
      const table = root.querySelector(`[data-ex="next-${side}"]`), told = next && next[side];
      const other = next && next[side === "sigma" ? "gqa" : "sigma"];
      const known = new Set((other ? other.top : []).map(([, , id]) => id));
      const rows = !told ? [] : told.top.map(([piece, p, id]) => [
        S.shownPiece(piece), "█".repeat(Math.round(p * 8)) || "▏", S.percent(p),
        [id === next.came_id && "came", !known.has(id) && "only here"].filter(Boolean).join(", "),
      ]);
      if (told && next.came !== null && !told.top.some(([, , id]) => id === next.came_id)) {
        rows.push([S.shownPiece(next.came), "", S.percent(told.taken), "came"]);
      }
      S.fillTable(table, ["token", "", "probability", ""], rows, told ? `entropy ${S.digits(told.entropy)} bits` : "before the answer nothing was kept");
    }
  };

  S.showDivergence = function (table, curves) {
    const values = (curves && curves.diverge) || [];
    const order = values.map((value, head) => [value, head]).sort((a, b) => b[0] - a[0]).slice(0, 8);
    S.fillTable(table, ["query head", "Jensen-Shannon"], order.map(([value, head]) => ["q" + head, S.digits(value) + " bits"]), "0 is alike, 1 bit is nothing in common");
  };

  // The picture in numbers: what the chosen head attends to most, on both sides.
  S.showTable = function (box, run, view) {
    const { rows, select, head, query, k } = view;
    let table = box.querySelector("table");
    if (!table) {
      table = S.el("table", { class: "ex-table" });
      box.replaceChildren(table);
    }
    if (!rows.sigma || !rows.gqa) return S.fillTable(table, ["position"], [], "Nothing is here yet.");
    const looks = ["sigma", "gqa"].map((side) => S.rowLook(rows[side], null, Math.min(head, run.info[side].query_heads - 1), query));
    const side = view.side === "gqa" ? 1 : 0;
    const order = Array.from({ length: query + 1 }, (_, p) => p).sort((a, b) => looks[side].stepOf(b) - looks[side].stepOf(a) || a - b).slice(0, 20);
    const kept = select && select.sigma;
    return S.fillTable(table, ["position", "token", "Sigma: weight, score", "GQA: weight, score", `V row read by Sigma, k = ${S.count(k)}`],
      order.map((p) => [S.count(p), S.shownPiece(run.pieces[p]), ...looks.map((look) => [few(look.stepOf(p)), S.describeScore(look, look.stepOf(p))].filter(Boolean).join(", ")), !kept ? dash : kept.has(head, p) ? "yes" : "no"]),
      `Layer ${view.layer}, query head ${head}, query ${S.namedPiece(run.pieces[query])} (${S.count(query)}): the ${order.length} strongest of ${S.count(query + 1)} positions` +
      (rows.sigma.width > 1 ? `, each with its bin's strongest weight (bins of ${rows.sigma.width})` : ""));
  };
})(window.Sigma);
