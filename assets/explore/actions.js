// What the explorer's buttons do: play, zoom, other runs, links, files, and answers written anew.
(function (S) {
  "use strict";
  const PLAY_MS = 400;

  S.makeExploreActions = function (x) {
    const { $, state } = x, { place, query } = x.parts;

    function stop() {
      clearTimeout(x.timer);
      x.timer = 0;
    }

    function play() {
      if (x.timer) {
        stop();
        x.sync();
        x.summarize();
        return;
      }
      const last = Math.max(0, x.run.steps - 1);
      const tick = () => {
        if (state.get().step >= last) {
          stop();
          x.sync();
          x.summarize();
          return;
        }
        // Never faster than the pictures come: the next step waits until this one's row is here.
        if (x.parts.here()) x.set({ step: state.get().step + 1, key: null });
        x.timer = setTimeout(tick, PLAY_MS);
      };
      if (state.get().step >= last) x.set({ step: 0, key: null });
      x.timer = setTimeout(tick, PLAY_MS);
      x.sync();
    }

    function zoomIn() {
      const { run, zoom } = x, s = state.get(), at = query(), key = s.key === null ? at : s.key;
      const now = zoom ? zoom.q1 - zoom.q0 : run.tokens;
      const wide = Math.min(run.tokens, Math.max(16, Math.min(512, Math.ceil(now / 2))));
      const from = (middle) => Math.max(0, Math.min(run.tokens - wide, Math.round(middle - wide / 2)));
      const q0 = Math.max(run.first, from(at)), k0 = from(key);
      x.zoom = { q0, q1: Math.min(run.tokens, q0 + wide), k0, k1: k0 + wide };
      x.schedule();
    }

    const address = () => location.origin + location.pathname + S.toHash(state.get(), x.run);

    async function copyLink() {
      const url = address();
      history.replaceState(history.state, "", location.pathname + location.search + S.toHash(state.get(), x.run));
      let note = x.run.settings.turns > 1 ? "Link copied. It holds the last question only, not the chat before it." : "Link copied.";
      try {
        await navigator.clipboard.writeText(url);
      } catch {
        note = "The link is in the address bar now.";
      }
      if (url.length > 8000) note += " The question is long: not every program takes a link of over 8,000 characters.";
      x.say("pending", note);
      setTimeout(() => { if ($("pending").textContent === note) x.say("pending", ""); }, 5000);
    }

    async function collect() {
      const answer = await x.ask(Object.assign(place(), { op: "view", parts: ["numbers", "select", "next"], k: state.get().k }));
      if (answer.error || answer.pending !== undefined) throw new Error(answer.error || "the text is still being read");
      return S.exportData(x.run, state.get(), address(), { ...answer.numbers, selection: answer.select, next: answer.next });
    }

    // Asks the server to write something, and waits for its end.
    async function write(question, note) {
      for (;;) {
        const answer = await x.ask(question);
        if (answer.error) throw new Error(answer.error.replace(/\.$/, ""));
        if (answer.pending === undefined) return answer;
        question = Object.assign({}, question, { job: answer.job });
        note(answer);
        await new Promise((done) => setTimeout(done, 400));
      }
    }

    async function rerun() {
      const { k } = state.get(), box = $("rerun");
      S.setText(box, `Sigma answers again with k = ${k} …`);
      try {
        const answer = await write({ op: "rerun", run: x.run.run, text: "sigma", k }, (so) => S.setText(box, `Sigma answers again with k = ${k}: ${so.words || "…"}`));
        const parts = answer.parting === null ? "the text is the same as before" : `it parts from the text before at step ${answer.parting}`;
        S.setText(box, `With k = ${k}, ${parts}: “${answer.words}”`);
        x.root.dataset.rerun = answer.k;
      } catch (error) {
        S.setText(box, "");
        throw error;
      }
    }

    // A link's question, answered by both sides; the recorded run stays when it cannot be.
    async function reproduce(question, wishes) {
      x.say("pending", "This link brings a question; both models answer it when they are loaded …");
      try {
        const answer = await write({ op: "run", question }, (so) => x.say("pending", so.words ? `This link brings a question. Sigma answers: ${so.words}` : "This link brings a question; both models answer it when they are loaded …"));
        x.say("pending", "");
        await x.open(answer.run, wishes.text, wishes);
      } catch (error) {
        x.say("pending", "");
        await x.open("recorded");
        x.complain(`The link's question could not be answered: ${error.message}.`);
      }
    }

    async function act(name) {
      if (!x.run) return;
      const s = state.get(), steps = { first: 0, end: x.run.steps - 1, back: s.step - 1, forward: s.step + 1 };
      if (name in steps) return void x.set({ step: steps[name] });
      if (name === "play") return void play();
      if (name === "zoom-in") return void zoomIn();
      if (name === "zoom-out") {
        x.zoom = null;
        return void x.schedule();
      }
      if (name === "recorded") {
        x.follow = false;
        x.live = null;
        return void x.open("recorded");
      }
      if (name === "diverge") return void x.set({ mode: "attention", measure: "diverge" });
      if (name === "last") return void x.newest(true);
      const words = {
        title: $("source").textContent, where: `${$("large-name").textContent}, step ${s.step}, k = ${s.k}`,
        names: ["Sigma", "GQA", $("large-name").textContent], read: s.key === null ? "" : $("read").textContent, locked: s.key !== null,
      };
      try {
        if (name === "link") await copyLink();
        if (name === "png") await S.exportPNG(x.root, x.run, s, words);
        if (name === "json") S.exportJSON(x.run, s, await collect());
        if (name === "html") S.exportHTML(x.root, x.run, s, words, await collect());
        if (name === "rerun") await rerun();
      } catch (error) {
        x.complain(`That did not work: ${error.message}.`);
      }
    }

    return { act, stop, reproduce };
  };
})(window.Sigma);
