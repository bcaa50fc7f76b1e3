// Takes the view along: a PNG, one HTML file that needs nothing else, the step's numbers as JSON.
import { coloursOf } from "../shared/canvas.js";
import { el } from "../shared/dom.js";
import { save } from "../shared/files.js";

const nameOf = (run, state, ending) => `sigma-explore-${run.recorded ? "recorded" : "run"}-layer${state.layer}-step${state.step}.${ending}`;

// Pictures and marks of a stack on one canvas.
function flat(stack) {
  const [base, marks] = stack.querySelectorAll("canvas");
  const out = document.createElement("canvas");
  out.width = base.width;
  out.height = base.height;
  const c = out.getContext("2d");
  c.drawImage(base, 0, 0);
  if (marks && marks.width) c.drawImage(marks, 0, 0);
  return out;
}

function lines(c, text, x, y, width, step) {
  let line = "";
  for (const word of text.split(" ")) {
    if (line && c.measureText(line + " " + word).width > width) {
      c.fillText(line, x, y);
      y += step;
      line = word;
    } else {
      line = line ? line + " " + word : word;
    }
  }
  c.fillText(line, x, y);
  return y + step;
}

// One picture: what is shown, the three groups of maps, what was read.
export function exportPNG(root, run, state, words) {
  const stacks = [...root.querySelectorAll(".ex-main .ex-stack")].map(flat);
  const ratio = window.devicePixelRatio || 1, gap = 24 * ratio, colours = coloursOf(root);
  const width = stacks.reduce((sum, one) => sum + one.width + gap, gap), top = 96 * ratio;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(width, 700 * ratio);
  canvas.height = top + Math.max(...stacks.map((one) => one.height)) + 70 * ratio;
  const c = canvas.getContext("2d");
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, canvas.width, canvas.height);
  c.scale(ratio, ratio);
  c.fillStyle = colours.ink;
  c.font = "600 15px system-ui, sans-serif";
  c.fillText(words.title.slice(0, 110), 24, 28);
  c.font = colours.font;
  c.fillStyle = colours.soft;
  c.fillText(words.where, 24, 50);
  c.setTransform(1, 0, 0, 1, 0, 0);
  let x = gap;
  stacks.forEach((one, i) => {
    c.fillStyle = colours.ink;
    c.font = `600 ${13 * ratio}px system-ui, sans-serif`;
    c.fillText(words.names[i], x, top - 10 * ratio);
    c.drawImage(one, x, top);
    x += one.width + gap;
  });
  c.scale(ratio, ratio);
  c.font = colours.font;
  c.fillStyle = colours.soft;
  lines(c, words.read, 24, canvas.height / ratio - 44, canvas.width / ratio - 48, 16);
  return new Promise((done) => canvas.toBlob((blob) => {
    save(nameOf(run, state, "png"), "image/png", blob);
    done(canvas);
  }, "image/png"));
}

// Our own rules of the page's style sheets, so that the file looks the same without the page.
function rules() {
  const out = [];
  for (const sheet of document.styleSheets) {
    let list;
    try { list = sheet.cssRules; } catch { continue; }
    for (const rule of list) {
      if (/\.ex-|\.explore|\.pictures|\.legend|\.sw\b|\.ln\b|\.note|\.canvas-box|--q:/.test(rule.cssText) && !rule.cssText.includes("@import")) out.push(rule.cssText);
    }
  }
  return out.join("\n");
}

// The view as one file: pictures as data, tokens as text, the numbers beside them; no script runs in it.
export function exportHTML(root, run, state, words, numbers) {
  const copy = root.cloneNode(true);
  const sources = root.querySelectorAll("canvas"), targets = copy.querySelectorAll("canvas");
  sources.forEach((canvas, i) => {
    const stack = canvas.closest(".ex-stack");
    if (canvas.dataset.mark || !canvas.width) return targets[i].remove();
    const picture = el("img", { alt: canvas.getAttribute("aria-label") || "attention maps", src: (stack ? flat(stack) : canvas).toDataURL() });
    picture.style.width = canvas.clientWidth + "px";
    return targets[i].replaceWith(picture);
  });
  for (const gone of copy.querySelectorAll("button, input, select, .ex-controls, .ex-rerun, script, [data-ex=message], [data-ex=pending]")) gone.remove();
  for (const shown of copy.querySelectorAll("[hidden], [data-ex=summary], [data-ex=source]")) shown.remove();
  if (!words.locked) copy.querySelector("[data-ex=read]").remove();  // only the help
  if (!copy.querySelector("[data-ex=table-body] table")) copy.querySelector(".ex-details").remove();
  for (const details of copy.querySelectorAll("details")) details.open = true;
  const page = document.implementation.createHTMLDocument(words.title);
  page.documentElement.lang = "en";
  page.head.prepend(el("meta", { charset: "utf-8" }));
  page.head.append(el("meta", { name: "viewport", content: "width=device-width" }));
  page.head.append(el("meta", { "http-equiv": "Content-Security-Policy", content: "default-src 'none'; style-src 'unsafe-inline'; img-src data:" }));
  page.head.append(el("style", {}, rules() + "\nbody{font-family:system-ui,sans-serif;margin:24px;background:var(--paper);color:var(--ink)}.ex-strip{max-height:none}"));
  page.body.className = "gradio-container " + (document.body.classList.contains("dark") ? "dark" : "");
  page.body.append(el("h1", { style: "font-size:18px" }, words.title), el("p", {}, words.where), page.importNode(copy, true));
  const data = el("script", { type: "application/json", id: "numbers" });
  data.textContent = JSON.stringify(numbers).replace(/</g, "\\u003c");
  page.body.append(data);
  save(nameOf(run, state, "html"), "text/html", "<!doctype html>\n" + page.documentElement.outerHTML);
}

export function exportJSON(run, state, numbers) {
  save(nameOf(run, state, "json"), "application/json", JSON.stringify(numbers, null, 1));
}

// What the JSON says besides the server's numbers.
export function exportData(run, state, address, numbers) {
  return {
    made_by: "Sigma's demo, explorer", address, settings: run.settings, text_by: run.text, state,
    tokens: run.pieces, prompt_length: run.prompt, query: run.prompt - 1 + state.step, heads: run.info, step: numbers,
  };
}
