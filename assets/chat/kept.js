// What the chat shows, kept in this tab alone while the page is loaded anew: by its visitor, or by Gradio, which does it when a
// lost connection is back. The server makes a conversation of it again (visualizers/chat/kept.py).
const KEY = "sigma-chat", PICTURE = "sigma-chat-picture";

const now = { left: "", right: "", picture: "" };

function stored(key) {
  try {
    return sessionStorage.getItem(key) || "";
  } catch {
    return "";  // a browser, or a frame, that keeps nothing
  }
}

function made() {
  try {
    return JSON.parse(now.picture).made;
  } catch {
    return null;
  }
}

// A column's messages, or the newest picture, as the server sent them.
export function note(part, value) {
  now[part] = value || "";
}

// The picture that was shown when the page was left, with its turn ended; "" for none.
export function keptPicture() {
  const text = stored(PICTURE);
  if (!text || !stored(KEY)) return "";
  try {
    return JSON.stringify({ ...JSON.parse(text), stopped: true });
  } catch {
    return "";
  }
}

function keep() {
  const box = document.querySelector("#prompt textarea")?.value || "", shows = now.left || now.right;
  const running = document.body.dataset.run === "running";
  try {
    if (!shows && !box) {
      sessionStorage.removeItem(KEY);
      sessionStorage.removeItem(PICTURE);
      return;
    }
    sessionStorage.setItem(KEY, JSON.stringify({ left: now.left, right: now.right, made: made(), box, running }));
    if (shows && now.picture) sessionStorage.setItem(PICTURE, now.picture);
    else sessionStorage.removeItem(PICTURE);
  } catch {
    // no room, or nothing may be kept: then a reload begins anew, as it did before
  }
}

// The browser says no later that a page ends; a hidden one may be thrown away without a word.
export function watchLeaving() {
  window.addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && keep());
}
