"""A page of the written folder in a real browser, opened without a network; and a plain web host."""

from __future__ import annotations

from http.server import SimpleHTTPRequestHandler

from tests.visualizers.explore.pages import READY

PATIENCE = 60_000
BLANK = """id => { const c = document.getElementById(id), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  return !d.some((value, i) => i % 4 === 3 && value); }"""
FIRST = """new MutationObserver((_, watcher) => {
  if (!document.querySelector('#live[data-draw-ms]')) return;
  window.firstPicture = performance.now();
  watcher.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });"""


class Reader:
    """A page of the folder, opened without a network, and what the browser complained about."""

    def __init__(self, browser, address, **view):
        self.context = browser.new_context(
            offline=not address.startswith("http"), **{"viewport": {"width": 1280, "height": 900}, **view}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors, self.requests = [], []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.add_init_script(FIRST)
        self.page.goto(address, wait_until="load")
        self.page.wait_for_selector("#live[data-draw-ms]", state="attached")

    def tab(self, name):
        self.page.get_by_role("tab", name=name, exact=True).click()

    def run(self, part):
        return self.page.locator(f'#runs [data-run="{part}"]')

    def answer(self, side):
        return self.page.locator(f"#chat-{side} .replay-answer").inner_text()

    def ready(self):
        self.page.wait_for_selector(READY)

    def state(self):
        return self.page.evaluate("window.sigma.explore.getState()")

    def read(self, words):
        self.page.wait_for_function("w => document.querySelector('#ex-read')?.innerText.includes(w)", arg=words)

    def overflow(self):
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


class Quiet(SimpleHTTPRequestHandler):
    """A plain web host that prints nothing."""

    def log_message(self, *_):
        pass
