// The messages of one side. What is shown and what is copied is the text itself, never markup.
import { inlineParts, messageParts, unpackMessages } from "./message_parts.js";
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

const TAGS = { text: "div", fence: "div", code: "pre" };

function fill(element, part) {
  if (element.textContent === part.text) return;
  if (part.kind === "text") element.replaceChildren(...inlineParts(part.text).map((p) => (p.tag ? el(p.tag, {}, p.text) : p.text)));
  else setText(element.matches("pre") ? element.firstChild : element, part.text);
}

class Message {
  text = "";

  constructor(role) {
    this.role = role;
    this.body = el("div", { class: "message-body", translate: "no", dir: "auto" });
    this.root = el("div", { class: `message notranslate ${role}`, "data-role": role }, this.body,
      copyButton(role === "user" ? "Copy the prompt" : "Copy the answer", () => this.text));
  }

  // Writes what differs: an answer that grows changes its last part only. A prompt is shown as it was typed.
  show(text) {
    if (text === this.text) return;
    this.text = text;
    const parts = this.role === "user" ? [{ kind: "text", text }] : messageParts(text), { body } = this;
    parts.forEach((part, i) => {
      let element = body.children[i];
      if (!element || element.dataset.kind !== part.kind) {
        while (body.children.length > i) body.lastElementChild.remove();
        element = el(TAGS[part.kind], { "data-kind": part.kind });
        if (part.kind === "code") element.append(el("code"));
        body.append(element);
      }
      if (this.role === "user") setText(element, part.text);
      else fill(element, part);
    });
    while (body.children.length > parts.length) body.lastElementChild.remove();
  }
}

export function mountMessages(root, props, watch) {
  const box = root.querySelector(".messages"), list = root.querySelector(".message-list"), before = root.querySelector(".placeholder");
  const shown = [];
  function show() {
    const rows = unpackMessages(props.value);
    if (rows.length) before.hidden = true;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END || rows.length > shown.length;
    const same = shown.findIndex((message, i) => message.role !== rows[i]?.role);
    for (const gone of shown.splice(same < 0 ? shown.length : same)) gone.root.remove();
    rows.forEach(({ role, text }, i) => {
      if (!shown[i]) {
        shown.push(new Message(role));
        list.append(shown[i].root);
      }
      shown[i].show(text);
    });
    if (follows) box.scrollTop = box.scrollHeight;
  }
  watch("value", show);
  show();
}
