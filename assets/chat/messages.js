// The messages of one side. What is shown and what is copied is the text itself, never markup: its marks stay, and lines that
// are headings, lists, quotes, tables or code look like it.
import { note } from "./kept.js";
import { Lines, unpackMessage } from "./message_parts.js";
import { copyText } from "../shared/clipboard.js";
import { el, setText } from "../shared/dom.js";

const NEAR_END = 40;  // pixels: a reader who is this near the end follows it

function copyButton(name, text) {
  const button = el("button", { type: "button", class: "message-copy", "aria-label": name, title: name });
  button.addEventListener("click", async () => {
    button.dataset.state = (await copyText(text())) ? "copied" : "failed";
    setTimeout(() => delete button.dataset.state, 1500);
  });
  return button;
}

const TAGS = { code: "code", strong: "strong" };

// Puts a line's pieces into its element; what is there already stays, with what a reader has selected of it.
function fill(element, pieces) {
  pieces.forEach(({ look, text }, i) => {
    const there = element.childNodes[i];
    if (there && (there.className || "") === look) {
      if (there.textContent !== text) there.textContent = text;
      return;
    }
    const node = look ? el(TAGS[look] || "span", { class: look }, text) : document.createTextNode(text);
    if (there) there.replaceWith(node);
    else element.append(node);
  });
  while (element.childNodes.length > pieces.length) element.lastChild.remove();
}

class Message {
  #lines = new Lines();
  #nodes = [];  // the element of each line

  constructor(role) {
    this.role = role;
    this.body = el("div", { class: "message-body", translate: "no", dir: "auto" });
    this.root = el("div", { class: `message notranslate ${role}`, "data-role": role }, this.body);
    if (role === "user" || role === "assistant") this.root.append(copyButton(role === "user" ? "Copy the prompt" : "Copy the answer", () => this.#lines.text));
  }

  // A prompt (and what is waited for) is shown as it was typed; of an answer that grows, only the lines that changed are written.
  show(text) {
    if (this.role !== "assistant") {
      this.#lines.text = text;
      return setText(this.body, text);
    }
    const nodes = this.#nodes, first = this.#lines.feed(text), { list } = this.#lines;
    for (let i = first; i < list.length; i += 1) {
      if (nodes[i]?.dataset.kind !== list[i].kind) this.#cut(i);
      this.#write(list[i], nodes[i] || this.#add(list[i].kind));
    }
    this.#cut(list.length);
  }

  #cut(length) {
    for (const node of this.#nodes.splice(length)) {
      const code = node.closest("pre");
      node.remove();
      if (code && !code.firstChild.firstChild) code.remove();
    }
  }

  // A new line at the end; lines of code that follow each other share a box.
  #add(kind) {
    const node = el(kind === "code" ? "span" : "div", { "data-kind": kind });
    let place = this.body;
    if (kind === "code") {
      if (!place.lastElementChild?.matches("pre")) place.append(el("pre", {}, el("code")));
      place = place.lastElementChild.firstChild;
    }
    place.append(node);
    this.#nodes.push(node);
    return node;
  }

  #write(line, node) {
    if (line.kind === "item") node.style.setProperty("--hang", line.hang);
    if (line.kind === "heading") node.dataset.level = line.level;
    fill(node, line.pieces);
  }
}

// What is selected of the messages is copied as it is in them: a browser would put line ends between the elements.
function selectedText(list) {
  const selection = document.getSelection();
  if (!selection.rangeCount) return "";
  const range = selection.getRangeAt(0), found = [];
  for (const body of list.querySelectorAll(".message-body")) {
    if (!range.intersectsNode(body)) continue;
    const part = document.createRange();
    part.selectNodeContents(body);
    if (body.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
    if (body.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
    if (!part.collapsed) found.push(part.toString());
  }
  return found.join("\n\n");
}

const column = (root) => root.closest("#chat-left, #chat-right")?.id.slice("chat-".length);

export function mountMessages(root, props, watch) {
  const box = root.querySelector(".messages"), list = root.querySelector(".message-list"), before = root.querySelector(".placeholder");
  let packed = [], shown = [];
  function show() {
    note(column(root), props.value);
    const rows = props.value ? props.value.split("\n") : [];
    if (rows.length) before.hidden = true;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END || rows.length > shown.length;
    rows.forEach((row, i) => {
      if (row === packed[i]) return;
      const { role, text } = unpackMessage(row);
      if (shown[i]?.role !== role) {
        for (const gone of shown.splice(i)) gone.root.remove();
        shown.push(new Message(role));
        list.append(shown[i].root);
      }
      shown[i].show(text);
    });
    for (const gone of shown.splice(rows.length)) gone.root.remove();
    packed = rows;
    if (follows) box.scrollTop = box.scrollHeight;
  }
  list.addEventListener("copy", (event) => {
    const text = selectedText(list);
    if (!text) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
  });
  watch("value", show);
  show();
}
