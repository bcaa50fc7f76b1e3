// Asks the server for parts of a view, one question per lane at a time, and keeps a bounded number of answers.
(function (S) {
  "use strict";
  const KEPT_CHARACTERS = 24e6, RETRY_MS = 350;
  // Quick parts never wait behind slow ones: a map of 8,192 tokens takes seconds.
  const LANES = { row: "quick", linked: "quick", figures: "quick", select: "quick", next: "quick", exact: "quick" };
  const DECODERS = {
    maps: (part) => ({ sigma: S.decodeMap(part.sigma), gqa: S.decodeMap(part.gqa) }),
    head: S.decodeMap,
    row: S.decodeRow,
    linked: S.decodeRow,
    figures: (part) => {
      const side = (one) => Object.assign({}, one, { captured: S.decodeBytes(one.captured), errors: one.errors && S.decodeBytes(one.errors) });
      return Object.assign({}, part, { sigma: side(part.sigma), gqa: side(part.gqa) });
    },
    exact: (part) => Object.assign({}, part, { weights: S.decodeFloats(part.weights) }),
    select: (part) => {
      const side = (one) => Object.assign({}, one, { has: one.marks && S.decodeBits(one.marks, part.tokens) });
      return Object.assign({}, part, { sigma: side(part.sigma), gqa: side(part.gqa) });
    },
    overview: (part) => {
      const table = (name) => part[name] && S.decodeBytes(part[name]);
      return { measure: part.measure, sigma: table("sigma") || table("both"), gqa: table("gqa") || table("both") };
    },
    time: (part) => Object.assign({}, part, { has: S.decodeBits(part.marks, part.columns), captured: S.decodeBytes(part.captured) }),
  };

  // What an answer depends on; two states with the same key show the same answer.
  const DEPENDS = {
    maps: (q) => [q.layer],
    head: (q) => [q.layer, q.side, q.head, q.q0, q.q1, q.k0, q.k1],
    row: (q) => [q.layer, q.query, q.side],
    linked: (q) => [q.layer, q.query, q.side, q.head],
    figures: (q) => [q.layer, q.query],
    exact: (q) => [q.layer, q.query, q.side, q.head],
    select: (q) => [q.layer, q.query, q.k],
    overview: (q) => [q.query, q.measure, q.measure === "captured" ? q.k : ""],
    time: (q) => [q.layer, q.side, q.head, q.k],
    next: (q) => [q.query],
    track: () => [],
  };
  S.partKey = (name, question) => [name, question.run, question.text, ...DEPENDS[name](question)].join("|");

  const decoded = (name, answer) => (DECODERS[name] ? DECODERS[name](answer[name]) : answer[name]);

  // The answers that the page carries (visualizers/explore/first.py): [{question, answer}].
  S.firstView = function () {
    const element = document.getElementById("sigma-first-view");
    return element ? JSON.parse(element.textContent) : [];
  };

  // ask(question) -> Promise of an answer; changed() is called when there is something new to draw;
  // told(message, pending) when something is wrong or is still being computed; first: see `S.firstView`.
  S.makeExploreStore = function (ask, changed, told, first) {
    const kept = new Map(), failed = new Set(), busy = {};
    let held = 0, wanted = () => [];

    function keep(key, value, size) {
      kept.set(key, { value, size });
      held += size;
      for (const [old, entry] of kept) {
        if (held <= KEPT_CHARACTERS || kept.size <= 8) break;
        kept.delete(old);
        held -= entry.size;
      }
    }

    // What is wanted and neither here nor known to fail.
    const absent = () => wanted().filter(([name, q]) => !kept.has(S.partKey(name, q)) && !failed.has(S.partKey(name, q)));

    async function run(lane) {
      if (busy[lane]) return;
      busy[lane] = true;
      try {
        for (;;) {
          const missing = absent().filter(([name]) => (LANES[name] || "slow") === lane);
          if (!missing.length) return;
          // One question for the first part and all others that fit into it: the same place, the same head.
          const question = {}, fits = missing.filter(([, q]) => {
            const same = Object.keys(q).every((field) => !(field in question) || question[field] === q[field]);
            if (same) Object.assign(question, q);
            return same;
          });
          question.parts = fits.map(([name]) => name);
          question.op = "view";
          let answer;
          try {
            answer = await ask(question);
          } catch (error) {
            answer = { error: "The server did not answer; is it still running?" };
          }
          if (answer.pending !== undefined) {
            told(null, answer.pending);
            await new Promise((done) => setTimeout(done, RETRY_MS));
            continue;
          }
          told(answer.error || null, null);
          for (const [name, q] of fits) {
            const key = S.partKey(name, q);
            if (answer.error || answer[name] === undefined) failed.add(key);
            else keep(key, decoded(name, answer), answer.size / fits.length);
          }
          changed();
        }
      } finally {
        busy[lane] = false;
      }
    }

    const opened = new Map();
    // Answers that came with the page: kept under the keys of the questions that would have brought them.
    function feed({ question, answer }) {
      if (question.op === "open") for (const text of [question.text, answer.text]) opened.set([answer.run, text].join("|"), answer);
      else for (const name of question.parts) keep(S.partKey(name, question), decoded(name, answer), JSON.stringify(answer[name]).length);
    }
    for (const one of first || []) feed(one);

    return {
      // What is known already of a run, without asking: a copy of the answer to {op: "open"}, or null.
      opened: (run, text) => (opened.has([run, text].join("|")) ? Object.assign({}, opened.get([run, text].join("|"))) : null),
      // The newest answer to a part, or null; the newest used stays longest.
      get(name, question) {
        const key = S.partKey(name, question), entry = kept.get(key);
        if (!entry) return null;
        kept.delete(key);
        kept.set(key, entry);
        return entry.value;
      },
      missing: () => absent().length,
      // list() names what is wanted now, most urgent first, as [part, question]; asked again before every request.
      want(list) {
        wanted = list;
        for (const lane of ["quick", "slow"]) run(lane);
      },
      forgive: () => failed.clear(),
      stats: () => ({ parts: kept.size, characters: held }),
    };
  };
})(window.Sigma);
