"""A browser page for the tests, and what it complained about."""


class Visitor:
    """One browser page and what it complained about."""

    def __init__(self, browser, url, **view):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **view})
        self.page = self.context.new_page()
        self.errors, self.hosts, self.payloads = [], set(), []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.hosts.add(r.url.split("/")[2]) if r.url.startswith("http") else None)
        self.page.goto(url, wait_until="load")
        self.page.wait_for_selector("#status-chip")

    def send(self, text):
        self.page.locator("#prompt textarea").fill(text)
        self.page.locator("#send").click()

    def wait_run(self, state, timeout=15_000):
        """Wait for the run's state: running or over."""
        self.page.wait_for_selector(f"body[data-run={state}]", timeout=timeout, state="attached")

    def wait_over(self):
        self.page.wait_for_selector("#send:visible", timeout=20_000)
        self.wait_run("over")

    def settle(self, quiet_ms=300):
        """Wait until the page has not changed for a while: what a slow machine still has to draw is drawn."""
        self.page.evaluate(
            """quiet => new Promise(done => {
              let timer = setTimeout(end, quiet);
              const seen = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, quiet); });
              function end() { seen.disconnect(); requestAnimationFrame(() => done()); }
              seen.observe(document.body, { childList: true, subtree: true, characterData: true });
            })""",
            quiet_ms,
        )

    def wait_text(self, selector, text, timeout=20_000):
        """Wait until an element shows a text."""
        self.page.wait_for_function(
            "([s, t]) => document.querySelector(s)?.innerText.includes(t)", arg=[selector, text], timeout=timeout
        )

    def wait_answer(self, side, text):
        """Wait until a column of the real chat shows a text; the recorded run before it does not count."""
        self.page.wait_for_function(
            "([s, t]) => document.body.dataset.run !== 'recorded' && document.querySelector(s)?.innerText.includes(t)",
            arg=[f"#chat-{side}", text],
            timeout=20_000,
        )

    def boxes(self, *selectors):
        """Places of elements on the screen, all of one moment: the page above them may still grow while it loads."""
        return self.page.evaluate(
            """selectors => selectors.flatMap(one => [...document.querySelectorAll(one)]).map(found => {
              const {x, y, width, height} = found.getBoundingClientRect();
              return {x, y, width, height};
            })""",
            list(selectors),
        )

    def figure(self, side, name):
        text = self.page.locator(f'#head-{side} [data-figure="{name}"]').get_attribute("data-value")
        return float(text) if text else None

    def phase(self, side):
        return self.page.locator(f"#head-{side} [data-phase]").get_attribute("data-phase")

    def answer(self, side):
        return self.page.locator(f"#chat-{side}").inner_text()

    def notice(self):
        return self.page.locator("#notice").inner_text()

    def overflow(self):
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
