// Ties the explorer together: state in, pictures out. Called once by the Explore tab's component.
(function (S) {
  "use strict";

  S.mountExplore = function (element, props, watch, server, trigger) {
    const root = element.querySelector("#explore");
    const $ = (name) => root.querySelector(`[data-ex="${name}"]`);
    // What is open: run (described), live (the chat's newest state while an answer is written), zoom (the large map's
    // window); what the pointer is on: hover, overviewHover, previewK while the slider is held, bin that was clicked.
    const x = {
      root, $, base: (name) => root.querySelector(`[data-base="${name}"]`), mark: (name) => root.querySelector(`[data-mark="${name}"]`),
      state: S.makeExploreState(), run: null, live: null, zoom: null, hover: null, overviewHover: null, previewK: null, bin: null,
      visible: false, follow: false, timer: 0,
    };
    let queued = false, opening = 0, waiting = null, addressTimer = 0;

    // ---- the server -------------------------------------------------------------------------------------------------
    // Who asks: the token that the server gives a page when it has opened. The first picture does not wait for it.
    let page = null, introduce;
    const introduced = new Promise((done) => { introduce = done; });
    x.ask = async function (question) {
      await introduced;
      const text = await server.ask_explorer(JSON.stringify(Object.assign({ page }, question)));
      root.dataset.bytes = Number(root.dataset.bytes || 0) + text.length;
      return Object.assign(JSON.parse(text), { size: text.length });
    };
    x.say = function (name, text) {
      S.setText($(name), text);
      $(name).hidden = !text;
    };
    x.complain = (text) => x.say("message", text || "");
    function told(message, pending) {
      if (message) x.complain(message);
      if (pending !== null) x.say("pending", `Both models read the text again: ${Math.round(pending * 100)} %.`);
      else if (root.dataset.pending) x.say("pending", "");
      root.dataset.pending = pending === null ? "" : "1";
    }
    x.schedule = function () {
      if (queued) return;
      queued = true;
      root.dataset.queued = "1";
      requestAnimationFrame(() => {
        queued = false;
        delete root.dataset.queued;
        if (root.isConnected && x.visible) view.draw();
      });
    };
    x.store = S.makeExploreStore(x.ask, x.schedule, told, S.firstView());
    x.parts = S.exploreParts(x);
    x.sync = () => S.syncControls(x);
    x.summarize = S.makeSummary(x);
    const view = S.makeExploreView(x), actions = S.makeExploreActions(x);

    // ---- changes ------------------------------------------------------------------------------------------------------
    x.set = function (changes, options) {
      const clean = S.cleanState(changes, x.run), s = x.state.get();
      const other = x.run && "text" in clean && clean.text !== x.run.text ? clean.text : null;
      delete clean.text;
      // A locked key that the new step cannot see is no longer locked.
      if (x.run && "step" in clean && !("key" in clean) && s.key !== null && s.key > x.run.prompt - 1 + clean.step) clean.key = null;
      if ("side" in clean && clean.side !== s.side) x.zoom = null;
      x.state.set(clean, options);
      x.sync();
      if (other) x.open(x.run.run, other);
      return x.state.get();
    };

    x.state.onChange((now, changed, options) => {
      if (changed.includes("k")) x.previewK = null;
      if (!options.silent) writeAddress();
      x.schedule();
      x.summarize();
    });

    function writeAddress() {
      clearTimeout(addressTimer);
      addressTimer = setTimeout(() => {
        // Path and query too: the page has a <base>, and a bare fragment would drop ?tour= from the address.
        if (x.visible && x.run) history.replaceState(history.state, "", location.pathname + location.search + S.toHash(x.state.get(), x.run));
      }, 250);
    }

    // Shows a run, keeping layer, head and the like; the newest call wins. `wishes`: what a link asks for.
    x.open = async function (id, text, wishes) {
      const turn = ++opening;
      let answer = x.store.opened(id, text);
      try {
        answer = answer || (await x.ask({ op: "open", run: id, text }));
      } catch (error) {
        answer = { error: "The server did not answer; is it still running?" };
      }
      if (turn !== opening) return;
      if (answer.error) {
        if (!x.run && !(id === "recorded" && text === undefined)) await x.open("recorded");
        x.complain(answer.error);
        return;
      }
      actions.stop();
      const same = x.run && x.run.run === answer.run, problems = [], s = x.state.get();
      x.run = Object.assign(answer, { first: 0, last: answer.steps > 0 ? answer.tokens - 2 : answer.tokens - 1 });
      x.live = x.hover = x.overviewHover = x.zoom = x.previewK = x.bin = null;
      x.complain("");
      x.store.forgive();
      // The last step: it has everything before it.
      const step = same ? s.step : Math.max(0, answer.steps - 1);
      const kept = S.cleanState({ layer: s.layer, head: s.head, k: s.k, step }, x.run);
      const asked = wishes ? S.cleanState(wishes, x.run, problems) : {};
      x.state.set(Object.assign({ key: null }, kept, asked, { run: answer.run, text: answer.text }), wishes ? {} : { silent: !x.visible });
      if (problems.length) x.complain("The link was not quite right: " + problems.join("; ") + ". The rest of it is shown.");
      root.dataset.run = answer.run;
      root.dataset.state = "waiting";  // until it is drawn: the old run's "ready" is not this one's
      x.sync();
      x.schedule();
    };

    // ---- runs ---------------------------------------------------------------------------------------------------------
    x.newest = function (asked) {
      waiting = { asked };
      trigger("submit");
    };

    function received() {
      if (!props.value) return;
      const value = JSON.parse(props.value);
      page = value.page;
      introduce();
      if (value.run) {
        waiting = null;
        x.open(value.run);
      } else if (waiting) {
        if (waiting.asked) x.complain(value.error || "There is no answer to explore yet: ask something in the Chat tab.");
        waiting = null;
      }
    }

    let announce;
    const ready = new Promise((done) => { announce = done; });
    async function begin() {
      const link = S.fromHash(location.hash);
      await follow(link);
      announce();
      // This tab is made when it is first opened: the chat may have ended an answer before that.
      if (!link && document.body.dataset.run === "over") x.newest(false);
    }

    async function follow(link) {
      if (!link) return x.open("recorded");
      const { run, text, ...wishes } = link.changes;
      if (link.question) return actions.reproduce(link.question, Object.assign(wishes, text === undefined ? {} : { text }));
      await x.open("recorded", text, wishes);
      if (run !== undefined && run !== "recorded") x.complain("The link names a run that is not known here; the recorded run is shown.");
    }

    Object.assign(view, {
      state: x.state.get, set: x.set, act: actions.act, query: x.parts.query,
      large: () => (view.largeMap() || {}).map, map: (side) => (x.parts.part("maps") || {})[side],
      preview(pair) {
        if (!x.run || x.live || (pair === null && x.hover === null)) return;
        x.hover = pair;
        x.schedule();
      },
      previewOverview(side, found) {
        if (!x.run || (!found && !x.overviewHover)) return;
        x.overviewHover = found ? Object.assign({ side }, found) : null;
        x.schedule();
      },
      lock(pair) {
        if (!x.run || x.live) return;
        if (pair.query === null) return void x.set({ side: pair.side, head: pair.head });
        const s = x.state.get(), step = Math.min(pair.query, x.run.last) - (x.run.prompt - 1);
        const same = s.key !== null && s.key === pair.key && s.side === pair.side && s.head === pair.head && s.step === step;
        x.bin = same || !(pair.width > 1) ? null : { key: pair.key, width: pair.width };
        x.hover = null;
        x.set({ side: pair.side, head: pair.head, step, key: same ? null : Math.min(pair.key, step + x.run.prompt - 1) });
      },
      unlock() {
        x.hover = null;
        x.set({ key: null });
        x.schedule();
      },
      previewK(value) {
        x.previewK = Number.isFinite(value) ? value : null;
        x.sync();
        x.schedule();
      },
    });
    S.wireExplore(root, view);
    $("table").addEventListener("toggle", x.schedule);
    S.watchLive(
      () => { x.follow = true; },
      (next) => {
        if (!x.follow) return;
        x.live = next;
        x.schedule();
      },
      () => {
        x.live = null;
        x.say("pending", "");
        x.sync();
        x.schedule();
        if (x.follow) x.newest(false);
      },
    );

    // A canvas in a closed tab has no width: nothing is drawn or asked for until the tab is seen.
    new IntersectionObserver((entries) => {
      const now = entries[entries.length - 1].isIntersecting;
      if (now === x.visible) return;
      x.visible = now;
      if (now) {
        writeAddress();
        x.schedule();
      } else {
        actions.stop();
        // The address says what is seen: in another tab of the page it is not the explorer's.
        if (root.offsetParent === null && S.fromHash(location.hash)) history.replaceState(history.state, "", location.pathname + location.search);
      }
    }, { rootMargin: "200px" }).observe(root);
    new ResizeObserver(x.schedule).observe(root);
    new MutationObserver(x.schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    window.addEventListener("hashchange", async (event) => {
      // Not the location's own: a state that waits to be written may have replaced it by now.
      const link = S.fromHash(new URL(event.newURL).hash);
      if (!link) return;
      await follow(link);
      window.sigmaExplore.followed += 1;
    });

    window.sigmaExplore = {
      ready, followed: 0, element: root, getState: x.state.get, setState: x.set, onChange: (fn) => x.state.onChange((now, changed) => fn(now, changed)),
      open: (id) => (id === "last" ? Promise.resolve(x.newest(true)) : x.open(id)), stats: x.store.stats,
    };
    watch("value", received);
    received();
    begin();
  };

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
      const tab = [...document.querySelectorAll('#tabs button[role="tab"]')].find((button) => button.textContent.trim() === "Explore");
      const open = tab && tab.getAttribute("aria-selected") === "true";
      if (open || !S.fromHash(location.hash) || performance.now() > end) return stop();
      if (tab) tab.click();
      return false;
    }
    if (look()) return;
    timer = setInterval(look, 100);
    document.addEventListener("pointerdown", stop, true);
    document.addEventListener("keydown", stop, true);
  }
  if (S.fromHash(location.hash)) openTab();
  window.addEventListener("hashchange", () => { if (S.fromHash(location.hash)) openTab(); });
})(window.Sigma);
