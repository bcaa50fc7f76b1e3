// The Chat tab's state in the address: #chat?left=sigma&right=sigma&left_selective=16. The server writes and reads the settings
// (visualizers/chat/columns/link.py); which column is shown alone, `wide`, is the browser's.
import { onWiden, widen, widened } from "./heads.js";
import { setHash, sharedAddress } from "../shared/address.js";
import { giveLink } from "../shared/share.js";
import { isOpen, tabNamed } from "../shared/tabs.js";

const MINE = "#chat", NOTE_MS = 5000, LONGEST_PROMPT = 2000;

const isMine = () => location.hash === MINE || location.hash.startsWith(MINE + "?");

const given = (hash) => new URLSearchParams(hash.slice(MINE.length + 1));

// The address of these settings, with a column that is shown alone and a prompt for the box; "" where there is nothing to say.
export function chatHash(settings, wide, prompt = "") {
  const all = given(settings);
  for (const [name, value] of Object.entries({ wide, prompt })) if (value) all.set(name, value);
  return all.size ? `${MINE}?${all}` : "";
}

// What a link carries of the chat: the prompt in the box, or the newest one that was sent.
function newestPrompt() {
  const box = document.querySelector("#prompt textarea"), sent = [...document.querySelectorAll("#chat-left .message.user .message-body")];
  const text = (box && box.value.trim()) || (sent.length ? sent[sent.length - 1].textContent : "");
  return text.length <= LONGEST_PROMPT ? text : "";
}

let calls = 0;

// The number of the next call that says what was chosen.
export const nextCall = () => String(++calls);

class ChatLink {
  #settings = "";
  #newest = 0;

  constructor(element, props, trigger) {
    Object.assign(this, { element, props, trigger });
  }

  get #seen() {
    return document.getElementById("columns")?.offsetParent !== null;
  }

  // The server has said which settings there are now: `NUMBER HASH`, or no number where nothing was asked. Where an older call's
  // answer comes after a newer one's, what was chosen is asked again.
  received() {
    const [, number, settings] = /^(\d*) ?(.*)$/.exec(this.props.value || "");
    if (number && Number(number) < this.#newest) return this.trigger("input");
    this.#newest = Number(number) || this.#newest;
    this.#settings = settings;
    this.write();
  }

  write() {
    const hash = chatHash(this.#settings, widened());
    if (this.#seen && (hash || isMine())) setHash(hash);
  }

  // What the address asks for; the server checks it, and says what cannot be used.
  follow() {
    if (!isMine()) return;
    const tab = tabNamed("Chat"), wanted = location.hash;
    if (tab && !isOpen(tab)) tab.click();
    widen(given(wanted).get("wide") || "");
    this.props.value = wanted;
    this.trigger("submit");
  }

  async copy() {
    const url = sharedAddress(chatHash(this.#settings, widened(), newestPrompt()) || MINE), said = this.element.querySelector("[data-said]");
    said.textContent = await giveLink(url, this.element.querySelector(".by-hand"));
    setTimeout(() => { said.textContent = ""; }, NOTE_MS);
  }
}

export function mountChatLink(element, props, watch, trigger) {
  const link = new ChatLink(element, props, trigger);
  watch("value", () => link.received());
  element.querySelector("[data-copy]").addEventListener("click", () => link.copy());
  onWiden(() => link.write());
  window.addEventListener("hashchange", () => link.follow());
  // In another tab of the page the address is not the chat's.
  const columns = document.getElementById("columns");
  if (columns) new IntersectionObserver(() => (columns.offsetParent === null ? isMine() && setHash("") : link.write())).observe(columns);
  link.follow();
}
