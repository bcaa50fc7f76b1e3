"""What the explorer costs in a real browser: first paint, hover, layer change, bytes per token, growth, a long text.

    python -m tests.bench.explore [--tokens 512] [--long 7900] [--json]

Starts `python app.py` with the default models and opens it in Chromium on the same machine, so the browser's own work
counts too. Times are taken in the page: from the event to the end of the drawing that it caused. Every time has its
median and its 95th percentile.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from sigma.cli import parser_for, run
from tests import browser as chromium
from tests.bench.page import free_port, printed, wait_for

WORDS = "The lighthouse keeper wrote in the old book that the ship had passed the rocks at night and the lamp was out. "

# Waits, frame by frame, until `test` holds; resolves to the milliseconds since `begun`.
HELPERS = """
window.bench = {
  root: () => document.querySelector('#explore'),
  until: (begun, test) => new Promise((done, fail) => {
    const look = () => {
      if (test()) done(performance.now() - begun);
      else if (performance.now() - begun > 60000) fail(new Error('nothing was drawn for a minute'));
      else requestAnimationFrame(look);
    };
    look();
  }),
  ready: () => bench.root() && bench.root().dataset.state === 'ready',
  async paint() {
    const tab = [...document.querySelectorAll('#tabs button[role="tab"]')].find((b) => b.textContent.trim() === 'Explore');
    const begun = performance.now();
    tab.click();
    return bench.until(begun, bench.ready);
  },
  async hover(n) {
    const times = [];
    for (let i = 0; i < n; i++) {
      const canvas = document.querySelector(`[data-mark="heads-${i % 2 ? 'gqa' : 'sigma'}"]`), box = canvas.getBoundingClientRect();
      const draws = bench.root().dataset.draws, begun = performance.now();
      const x = box.left + 45 + ((i * 53) % (box.width - 60)), y = box.top + 60 + ((i * 37) % (box.height - 80));
      canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
      times.push(await bench.until(begun, () => bench.root().dataset.draws !== draws));
    }
    return times;
  },
  async layers(list) {
    const times = [];
    for (const layer of list) {
      const begun = performance.now();
      window.sigma.explore.setState({ layer });
      times.push(await bench.until(begun, () => bench.ready() && bench.root().dataset.layer === String(layer)));
      await new Promise((done) => setTimeout(done, 150));
    }
    return times;
  },
  async steps(list) {
    const start = Number(bench.root().dataset.bytes), times = [];
    for (const step of list) {
      const begun = performance.now();
      window.sigma.explore.setState({ step });
      times.push(await bench.until(begun, () => bench.ready() && bench.root().dataset.step === String(step)));
    }
    await new Promise((done) => setTimeout(done, 1500));
    return { times, bytes: Number(bench.root().dataset.bytes) - start };
  },
  async updates(n) {
    for (let i = 0; i < n; i++) {
      window.sigma.explore.setState({ layer: 10 + (i % 2), head: i % 9, step: 100 + (i % 5), mode: ['attention', 'selection', 'compare'][i % 3] });
      await new Promise(requestAnimationFrame);
    }
  },
};
"""


def spread(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


def page_bytes() -> int:
    """Bytes of our own modules, styles and recorded data that a first visit loads."""
    from visualizers.page.assets import modules
    from visualizers.page.page import launch_options
    from visualizers.shared.loader import EngineLoader

    options = launch_options(EngineLoader(lambda progress: None))
    return len(options["head"].encode()) + len(options["css"].encode()) + sum(map(len, modules().values()))


def grown(session) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    return {"listeners": metrics["JSEventListeners"], "heap": metrics["JSHeapUsedSize"], "nodes": metrics["Nodes"]}


def ask(visitor, prompt: str) -> None:
    """One answer in Chat, then Explore on it, read again and drawn."""
    old = visitor.page.evaluate("bench.root().dataset.run")
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.send(prompt)
    visitor.wait_run("running", timeout=60_000)
    visitor.wait_run("over", timeout=600_000)
    visitor.page.get_by_role("tab", name="Explore").click()
    visitor.page.wait_for_function("r => bench.root().dataset.run !== r && bench.ready()", arg=old, timeout=300_000)


def tokens_of(visitor) -> int:
    """Of the text that is explored; a long one's strip shows a part of it and says "tokens a – b of all: "."""
    return visitor.page.evaluate(
        """() => {
          const strip = document.querySelector('[data-strip=sigma]'), all = /of ([\\d,]+)/.exec(strip.dataset.more || '');
          return all ? Number(all[1].replace(/,/g, '')) : Number(strip.lastElementChild.dataset.position) + 1;
        }"""
    )


def at_512(visitor, tokens: int) -> dict:
    """Everything that is promised at 512 tokens, all heads of both sides."""
    prompt_words = max(1, (tokens - 256 - 45) // 23)
    ask(visitor, WORDS * prompt_words + "Write a long story about it, with many chapters.")
    page = visitor.page
    count = tokens_of(visitor)
    # The answer may have ended by itself: the newest steps, however many there are.
    last = page.evaluate("window.sigma.explore.getState().step")
    layers = [3, 17, 8, 22, 5, 28, 14, 1, 19, 10, 25, 7]
    cold = page.evaluate("list => bench.layers(list)", layers)
    warm = page.evaluate("list => bench.layers(list)", layers)
    hover = page.evaluate("bench.hover(60)")
    maps_start = page.evaluate("Number(bench.root().dataset.bytes)")
    page.evaluate("bench.layers([20])")
    maps = page.evaluate("Number(bench.root().dataset.bytes)") - maps_start
    stepped = list(range(0, last, 4))  # over the whole answer; the last steps alone have the longest rows
    result = page.evaluate("list => bench.steps(list)", stepped)
    newest = list(range(last - 20, last))
    newest_kb = page.evaluate("list => bench.steps(list)", [step for step in newest if step % 4])["bytes"] / 1e3
    session = visitor.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.evaluate("bench.updates(120)")
    page.wait_for_timeout(2000)
    before = grown(session)
    page.evaluate("bench.updates(500)")
    page.wait_for_timeout(2000)
    after = grown(session)
    names = {"layer change": cold, "layer change, seen before": warm, "hover": hover, "step": result["times"]}
    return {
        "tokens": count,
        **{
            f"{name} ms, {what}": value
            for name, times in names.items()
            for what, value in zip(("median", "p95"), spread(times))
        },
        "step, kB of pictures per token": result["bytes"] / len(stepped) / 1e3,
        "the longest steps, kB of pictures per token": newest_kb / len([step for step in newest if step % 4]),
        "one layer's maps, kB": maps / 1e3,
        "one layer's maps, kB per token": maps / count / 1e3,
        "listeners grown over 500 updates": after["listeners"] - before["listeners"],
        "heap grown over 500 updates, MB": (after["heap"] - before["heap"]) / 1e6,
        "nodes grown over 500 updates": after["nodes"] - before["nodes"],
    }


def at_8k(visitor, tokens: int) -> dict:
    """A text that fills the context: how long until it is there, and how it answers then."""
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.page.locator("#more-button").click()
    visitor.page.locator("#clear").click()
    settings = visitor.page.locator("#settings button").first
    settings.click()
    box = visitor.page.locator("#max-tokens input[type=number]")
    box.fill("16")
    box.press("Enter")
    settings.click()
    visitor.page.get_by_role("tab", name="Explore").click()
    ask(visitor, WORDS * (tokens // 23))
    page = visitor.page
    cold = page.evaluate("list => bench.layers(list)", [5, 21])
    hover = page.evaluate("bench.hover(30)")
    steps = page.evaluate("list => bench.steps(list)", [3, 4, 5, 6])
    return {
        "long text, tokens": tokens_of(visitor),
        "long text, layer change ms, median": spread(cold)[0],
        "long text, hover ms, median": spread(hover)[0],
        "long text, hover ms, p95": spread(hover)[1],
        "long text, step ms, median": spread(steps["times"])[0],
    }


def measure(tokens: int, long: int) -> dict:
    """Every figure, in one run."""
    from playwright.sync_api import sync_playwright

    from tests.visualizers.visitor import Visitor

    executable = chromium.find()
    if executable is None:
        raise ValueError("no Chromium: set CHROMIUM=path, or run python -m tests.browser")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        wait_for(url, process, 600)
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=executable, args=chromium.FLAGS)
            result = {"our own page data, kB": page_bytes() / 1e3}
            paints = []
            for _ in range(5):
                visitor = Visitor(browser, url)
                visitor.page.wait_for_selector('#tabs button[role="tab"]')
                visitor.page.evaluate(HELPERS)
                paints.append(visitor.page.evaluate("bench.paint()"))
                visitor.context.close()
                if len(paints) == 1:  # the first while the model loads
                    waiting = Visitor(browser, url)
                    waiting.page.wait_for_selector("#status-chip[data-phase=ready]", timeout=600_000)
                    waiting.context.close()
            result["recorded run, first paint ms, model loading"] = paints[0]
            result["recorded run, first paint ms, median"] = spread(paints[1:])[0]
            visitor = Visitor(browser, url)
            visitor.page.evaluate(HELPERS)
            visitor.page.evaluate("bench.paint()")
            result |= at_512(visitor, tokens)
            if long:
                result |= at_8k(visitor, long)
            result["browser's complaints"] = len(visitor.errors)
            browser.close()
    finally:
        process.terminate()
        process.wait(20)
    return result


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--tokens", type=int, default=512, help="length of the text in the main part")
    parser.add_argument("--long", type=int, default=7900, help="length of the long prompt; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if args.tokens < 330:
            raise ValueError(f"--tokens must be at least 330, got {args.tokens}: an answer alone may have 256")
        result = measure(args.tokens, args.long)
        return printed(result, args.json)

    run(work, args.json)


if __name__ == "__main__":
    main()
