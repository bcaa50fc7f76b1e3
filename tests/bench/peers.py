"""Our attention maps beside bertviz and CircuitsVis: the same attention, the same Chromium, one run.

    python -m tests.bench.peers [--tokens 64 128 256] [--layers 1 12] [--json]

Reads a real text with the default Sigma, draws its attention (9 heads a layer) with each tool and measures: bytes of
picture data (each tool's own page without its library code), first paint, DOM nodes, hover and layer change, until the
browser has painted. The peers are installed from PyPI into a temporary folder, which is deleted. bertviz loads d3,
jQuery and require.js from the network; where npm is at hand they come from its registry into the same folder.
CircuitsVis shows one layer and cannot change it. Times include the wait for the next frame, up to 17 ms; the CPU times
beside them (Chromium's drawing processes) hardly depend on what else the machine does.
"""

from __future__ import annotations

import functools
import http.server
import importlib
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sigma.cli import parser_for, run, table
from tests import browser as chromium
from tests.bench.tools import Tool, bertviz, circuitsvis, ours
from visualizers.page.assets import modules

ROOT = Path(__file__).resolve().parents[2]
PYPI = ("bertviz==1.4.1", "circuitsvis==1.43.3")
SUPPORT = ("ipython", "importlib-metadata")
# jQuery 2.0.0, which bertviz names, is not in npm's registry; the last 2.x is.
NPM = {
    "d3.min.js": ("d3@5.7.0", "dist/d3.min.js"),
    "jquery.min.js": ("jquery@2.2.4", "dist/jquery.min.js"),
    "require.min.js": ("requirejs@2.3.6", "require.js"),
}
HOVERS, CHANGES = 7, 3
ENOUGH_MS = 10_000  # what takes longer is not repeated further
LIMIT_S = 240

# In the page: acts, waits until `done`, then until the frame is painted; milliseconds.
TIMER = """
window.benchTime = (act, done) => new Promise((resolve) => {
  const begun = performance.now();
  const painted = () => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve(performance.now() - begun);
    channel.port2.postMessage(0);
  });
  const poll = () => (done() ? painted() : setTimeout(poll, 0));
  act();
  poll();
});
"""


def real_attention(tokens: int, layers: int) -> tuple[np.ndarray, list[str]]:
    """Softmax weights [layers, heads, T, T] of the default Sigma on this repository's licence text, and its tokens."""
    from sigma.engine.engine import load_engine
    from sigma.engine.inspection import recompute

    model = _engine(load_engine).models["sigma"]
    tokenizer = model.side.tokenizer
    ids = tokenizer((ROOT / "LICENSE").read_text("utf-8"))["input_ids"][:tokens]
    found = recompute(model.runtime, ids, 1)
    weights = np.stack([found.weights(layer, 0, tokens) for layer in range(layers)])
    return weights, [tokenizer.decode([token]) for token in ids]


@functools.cache
def _engine(load):
    return load(None, None, "cpu")


def install(folder: Path) -> None:
    """The peers into `folder`; ValueError when PyPI cannot be reached."""
    quiet = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(folder)]
    for packages in (["--no-deps", *PYPI], [*SUPPORT]):  # torch and numpy stay this environment's
        done = subprocess.run([*quiet, *packages], capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"pip could not install {packages[-1]}: {done.stderr.strip()[-300:]}")
    sys.path.append(str(folder))
    importlib.invalidate_caches()


def fetch_scripts(folder: Path) -> dict[str, Path]:
    """bertviz's three libraries from npm, by file name; those that cannot be had are left to the network."""
    found = {}
    for name, (package, member) in NPM.items() if shutil.which("npm") else ():
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True)
        archive = folder / done.stdout.strip().rsplit("\n", 1)[-1]
        if done.returncode or not archive.is_file():
            continue
        with tarfile.open(archive) as packed:
            found[name] = folder / name
            found[name].write_bytes(packed.extractfile(f"package/{member}").read())
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """An HTTP server of a folder, and of our modules below /modules/, on this machine only."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name = path.removeprefix("/modules/")
            return str(ROOT / "assets" / name) if name in modules() else super().translate_path(path)

        def log_message(self, *args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def cpu_ms(session) -> float:
    """CPU time so far of the browser's processes that run pages and draw them, milliseconds."""
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    return 1000 * sum(process["cpuTime"] for process in processes if process["type"].lower() in ("renderer", "gpu"))


def watch(browser, tool: Tool, url: str, scripts: dict[str, Path], layers: int, limit_s: float = LIMIT_S) -> dict:
    """The figures of one tool on one page; "failed" says why when a part does not finish in `limit_s`."""
    from playwright.sync_api import Error

    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(limit_s * 1000)
    page.add_init_script(TIMER)
    session = browser.new_browser_cdp_session()
    for name, path in scripts.items():
        page.route(f"**/*{name}", lambda route, *, path=path: route.fulfill(path=path, content_type="text/javascript"))

    def timed(action: str, done: str, arguments: list[int]) -> tuple[float, float]:
        """Median milliseconds of one action, and its mean CPU time."""
        begun = cpu_ms(session)
        script = f"(i) => benchTime(() => ({action})(i), () => ({done})(i))"
        times: list[float] = []
        while len(times) < len(arguments) and sum(times) < ENOUGH_MS:
            times.append(page.evaluate(script, arguments[len(times)]))
        return statistics.median(times), (cpu_ms(session) - begun) / len(times)

    figures: dict = {}
    try:
        begun = cpu_ms(session)
        page.goto(url, wait_until="commit")
        page.wait_for_function(tool.painted, polling=20)
        page.evaluate("benchTime(() => {}, () => true)")
        figures["first_paint_ms"] = page.evaluate("performance.now()")  # counts from the navigation
        figures["first_paint_cpu_ms"] = cpu_ms(session) - begun
        figures["dom_nodes"] = page.evaluate("document.querySelectorAll('*').length")
        figures["hover_ms"], figures["hover_cpu_ms"] = timed(tool.hover, tool.hovered, list(range(HOVERS)))
        others = list(range(1, min(layers, CHANGES + 1)))
        if tool.change and others:
            figures["layer_ms"], figures["layer_cpu_ms"] = timed(tool.change, tool.changed, others)
    except Error as error:
        figures["failed"] = str(error).splitlines()[0][:120]
    finally:
        page.close()
    return figures


def measure(tokens: list[int], layers: list[int], limit_s: float) -> list[dict]:
    """All rows: per number of layers and tokens, ours and the peers."""
    from playwright.sync_api import sync_playwright

    executable = chromium.find()
    if executable is None:
        raise ValueError("no Chromium: set CHROMIUM=path, or run python -m tests.browser")
    rows = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        packages, pages = Path(temporary, "packages"), Path(temporary, "pages")
        packages.mkdir()
        pages.mkdir()
        install(packages)
        scripts = fetch_scripts(packages)
        with served(pages) as address:
            for depth in layers:
                for count in tokens:
                    weights, pieces = real_attention(count, depth)
                    info = dict(query_heads=weights.shape[1], key_heads=1, value_heads=3)
                    makers = [functools.partial(ours, info=info), bertviz, *([circuitsvis] if depth == 1 else [])]
                    for make in makers:
                        tool = make(weights, pieces)
                        Path(pages, "index.html").write_text(tool.page, "utf-8")
                        # A browser of its own for each: none inherits the memory of the one before.
                        opened = driver.chromium.launch(executable_path=executable, args=chromium.FLAGS)
                        figures = watch(opened, tool, address, scripts, depth, limit_s)
                        opened.close()
                        shape = {"tool": tool.name, "layers": depth, "heads": weights.shape[1], "tokens": count}
                        rows.append({**shape, "payload_bytes": tool.payload, **figures})
                        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 12], help="layers in the page, from the first")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="S", help="seconds a page may take")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if min(args.tokens) < 32 or max(args.tokens) > 2048 or min(args.layers) < 1 or max(args.layers) > 30:
            raise ValueError("--tokens must lie in 32 .. 2048 and --layers in 1 .. 30")
        rows = measure(args.tokens, args.layers, args.limit)
        keys = ("tool", "layers", "heads", "tokens", "payload_bytes", "dom_nodes", "first_paint_ms")
        keys += ("first_paint_cpu_ms", "hover_ms", "hover_cpu_ms", "layer_ms", "layer_cpu_ms", "failed")
        if not args.json:
            print(table([[row.get(key) for key in keys] for row in rows], [key.replace("_", " ") for key in keys]))
        return {"rows": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
