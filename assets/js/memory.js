// The Memory tab: the form, what it asks the server, and its state in the URL (keys that begin with mem_).
(function (S) {
  "use strict";
  const PREFIX = "mem_", WAIT_MS = 150, LONGEST = 24;

  // Only what differs from the preset is written, so a link stays short.
  function writeURL(values, base) {
    const url = new URL(location.href);
    for (const name of [...url.searchParams.keys()]) if (name.startsWith(PREFIX)) url.searchParams.delete(name);
    for (const [name, value] of Object.entries(values)) {
      if (name === "preset" || value !== base[name]) url.searchParams.set(PREFIX + name, value);
    }
    url.searchParams.set("tab", "memory");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  function readURL(start) {
    const query = new URLSearchParams(location.search), given = {};
    for (const [name, value] of query) if (name.startsWith(PREFIX)) given[name.slice(PREFIX.length)] = value.slice(0, LONGEST);
    const preset = given.preset in start.presets ? given.preset : start.first;
    return { ...start.presets[preset], ...given, preset };
  }

  S.mountMemory = function (element, server) {
    const root = element.querySelector(".memory");
    const start = JSON.parse(root.dataset.start);
    const form = root.querySelector("form"), view = root.querySelector(".mem-view");
    const stale = root.querySelector("#mem-stale"), source = root.querySelector("#mem-source");
    const fields = Object.fromEntries([...form.elements].filter((box) => box.name).map((box) => [box.name, box]));
    const chart = S.memoryChart(root.querySelector("#mem-chart"), root.querySelector("#mem-read"));
    let timer = 0, asked = 0;

    const values = () => Object.fromEntries(Object.entries(fields).map(([name, box]) => [name, box.value]));

    function fill(next) {
      for (const [name, box] of Object.entries(fields)) {
        if (next[name] === undefined) continue;
        box.value = next[name];
        // A choice that does not exist leaves the box empty, which says nothing: take the preset's.
        if (box.tagName === "SELECT" && box.selectedIndex < 0) box.value = start.presets[next.preset][name];
      }
    }

    function showErrors(errors) {
      for (const [name, box] of Object.entries(fields)) {
        const line = root.querySelector("#mem-error-" + name), text = errors[name] || "";
        if (line.textContent !== text) line.textContent = text;
        box.toggleAttribute("aria-invalid", Boolean(text));
        if (text) box.setAttribute("aria-invalid", "true");
      }
      root.querySelector("#mem-error-form").textContent = errors.form || "";
      const more = root.querySelector("#mem-more");
      if ([...more.querySelectorAll("[name]")].some((box) => errors[box.name])) more.open = true;
    }

    async function ask() {
      const number = ++asked, sent = values();
      let answer;
      showSlide();
      view.setAttribute("aria-busy", "true");
      try {
        answer = JSON.parse(await server.project(sent));
      } catch {
        answer = { errors: { form: "The server did not answer. The picture shows the last settings that it answered." }, view: null };
      }
      if (number !== asked) return;  // a newer question is on its way
      view.setAttribute("aria-busy", "false");
      showErrors(answer.errors);
      stale.hidden = Boolean(answer.view);
      source.textContent = JSON.parse(source.dataset.sources)[sent.preset];
      if (!answer.view) return;
      S.showMemory(root, answer.view);
      chart.show(answer.view.chart);
      root.dataset.asked = number;
      if (visible()) writeURL(sent, start.presets[sent.preset]);
    }

    function measured() {
      const found = { recorded: document.body.dataset.run === "recorded" };
      for (const side of ["sigma", "gqa"]) {
        const read = (name) => {
          const cell = document.querySelector(`#head-${side} [data-figure="${name}"]`);
          return cell && cell.dataset.value ? Number(cell.dataset.value) : null;
        };
        found[side] = { tokens: read("context"), k: read("k"), v: read("v"), v_read: read("v_read") };
      }
      return found;
    }

    async function check() {
      const sent = measured();
      try {
        S.showMemoryCheck(root.querySelector("#mem-check"), JSON.parse(await server.check(sent)), sent.recorded);
      } catch {
        // The server is gone; the form says so at the next question.
      }
    }

    const visible = () => root.offsetParent !== null;

    const slide = root.querySelector("#mem-slide");
    function showSlide() {
      const tokens = Number(fields.context.value.replace(/[, ]/g, "")) || 0, points = start.contexts;
      const next = points.findIndex((point) => point >= tokens);
      slide.value = next < 0 ? points.length - 1 : next;
      slide.setAttribute("aria-valuetext", fields.context.value + " tokens");
    }
    slide.addEventListener("input", () => {
      fields.context.value = String(start.contexts[slide.value]);
    });

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target === fields.preset) fill(start.presets[fields.preset.value]);
      clearTimeout(timer);
      timer = setTimeout(ask, event.target.tagName === "SELECT" ? 0 : WAIT_MS);
    });
    root.querySelector("#mem-reset").addEventListener("click", () => {
      fill(start.presets[fields.preset.value]);
      ask();
    });
    // Opening the tab again: its state belongs in the URL, and the Chat tab may have measured something new.
    new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      if (root.dataset.asked) writeURL(values(), start.presets[fields.preset.value]);
      check();
    }).observe(form);

    fill(readURL(start));
    ask();
  };

  // A link to the tab opens it, once its button is there.
  function openFromURL() {
    if (new URLSearchParams(location.search).get("tab") !== "memory") return;
    const press = () => {
      const button = [...document.querySelectorAll('#tabs button[role="tab"]')].find((b) => b.textContent.trim() === "Memory");
      if (button) button.click();
      return Boolean(button);
    };
    if (press()) return;
    const watcher = new MutationObserver(() => press() && watcher.disconnect());
    watcher.observe(document.documentElement, { childList: true, subtree: true });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", openFromURL);
  else openFromURL();
})(window.Sigma);
