"""What the browser reads: addresses that somebody typed, messages, payloads; the page's own modules do it, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from hypothesis import strategies as st

from sigma.events import AttentionProbe
from tests.fuzz.packing import AMOUNT, SEED, SHARP, bytes_of, weights_of
from tests.fuzz.target import Target
from tests.fuzz.texts import ANY_TEXT, edited, language
from visualizers.chat.messages import pack_messages
from visualizers.shared import packing

SCRIPT = Path(__file__).with_name("browser.mjs")


class Node:
    """A Node process that answers line by line; it starts when it is first asked, and again when it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, case: dict[str, Any]) -> None:
        """AssertionError with what the browser's code did wrong."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                ["node", str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="ascii"
            )
        begun = time.monotonic()
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert said, "Node has ended"
        assert json.loads(said) == "ok", json.loads(said)
        assert time.monotonic() - begun < 20, "Node took long"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()
            self._process = None


NODE = Node()


def need_node() -> None:
    """LookupError where there is no Node."""
    if shutil.which("node") is None:
        raise LookupError("no Node on this machine")


NAMES = (
    "run", "text", "side", "layer", "head", "step", "k", "mode", "measure", "key", "mass", "log", "noSink", "prompt", "system", "temperature", "top_p", "seed", "tokens",
    "selective", "tuned", "__proto__", "constructor", "toString",
)  # fmt: skip
VALUES = (
    "recorded",
    "sigma",
    "gqa",
    "0",
    "12",
    "-3",
    "1e9",
    "0x10",
    "attention",
    "selection",
    "entropy",
    "0.9",
    "1",
    "true",
    "null",
    "",
    "NaN",
    " 5 ",
    "<script>",
)
PAIR = st.tuples(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES), ANY_TEXT, st.integers(-5, 10**9).map(str)))


def address(pairs: list[tuple[str, str]]) -> str:
    """The fragment that says so."""
    return "#explore?" + "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs)


WRITTEN = (
    "#explore?run=recorded&text=sigma&side=gqa&layer=3&head=8&step=-2&k=16&mode=selection&measure=entropy&key=7&mass=0.9&log=0&noSink=1",
    "#explore?prompt=Hello%20there&temperature=0.7&seed=3&selective=64&layer=40",
    "#explore", "#explore?", "#memory?preset=sigma-10b", "",
)  # fmt: skip
HASH = st.one_of(
    st.lists(PAIR, max_size=12).map(address),
    edited(WRITTEN, ("%", "%00", "%ff", "%F0%9F", "+", "&&", "==", "#", "?", "explore")),
    ANY_TEXT,
)
MESSAGES = (
    "# Title\n- **one** `two`\n  more\n```python\ndef f(x):\n    return '''a\n'''\n```\n| a | b |\n> q\n---\n",
    "~~~\n```\n~~~\n1. x\n   ```\n   y\n   ```", "```js\nlet x = `a\n${b}`; // c\n/* d */\n```\r\nend", "```sh\necho \"$HOME 'x'\" # y\n```", "```kql\nT | where a == 'b' // c\n```",
    '```json\n{"a": [1.5e-3, null, "\\""]}\n```', "**a* b** `c\n`d` ** e**",
)  # fmt: skip
MESSAGE = language(
    MESSAGES,
    (
        "```",
        "~~~",
        "```python\n",
        "\n",
        "\r\n",
        "# ",
        "- ",
        "1. ",
        "> ",
        "| ",
        "**",
        "`",
        "'''",
        '"""',
        "/*",
        "*/",
        "//",
        "\\",
        "    ",
        "\t",
    ),
)


def check_address(hash_: str) -> None:
    """See `browser.mjs`. Lone surrogates cannot be in an address: a browser writes the replacement character."""
    NODE.ask({"kind": "address", "hash": hash_.encode("utf-8", "replace").decode()})


def check_message(case: tuple[str, list[float]]) -> None:
    """The server packs a message, the browser shows it."""
    text, cuts = case
    packed = pack_messages([{"role": "assistant", "content": text}])
    NODE.ask({"kind": "message", "packed": packed, "text": text, "cuts": cuts})


def check_payload(case: tuple[int, int, int, float, int, list[list[int]]]) -> None:
    """The server packs attention and a curve, the browser draws them."""
    seed, heads, tokens, sharpness, fetched, steps = case
    scores = weights_of(seed, heads, 1, tokens, sharpness)[:, 0]
    chosen = np.argsort(-scores, 1)[:, :fetched].astype(np.int32) if fetched else None
    packed = packing.pack_probe(AttentionProbe(0, scores, chosen, np.ones(heads, np.float32)))
    width = packed["width"]
    columns = range(0, tokens, width)
    marks = None
    if chosen is not None:
        sets = [{int(p) // width for p in row} for row in chosen]
        marks = [[column in found for column in range(len(columns))] for found in sets]
    curve = packing.pack_curve([tuple(row) for row in np.cumsum(np.array(steps), 0).tolist()])
    table = bytes_of(curve["data"], "<u2").reshape(5, -1) * np.array(curve["unit"])[:, None]
    weights = [[float(row[at : at + width].max()) for at in columns] for row in scores]
    NODE.ask(
        {
            "kind": "payload",
            "probe": packed,
            "curve": curve,
            "weights": weights,
            "marks": marks,
            "rows": table.T.tolist(),
        }
    )


TARGETS = (
    Target("browser.address", "the explorer's state in an address, as the browser reads it", HASH, check_address, needs=need_node),
    Target("browser.message", "an answer in lines and pieces, as the browser draws it while it grows",
           st.tuples(MESSAGE, st.lists(st.floats(0, 1), max_size=6)).map(list), check_message, needs=need_node),
    Target("browser.payload", "attention and curve, packed by the server and decoded by the browser",
           st.tuples(SEED, st.integers(1, 4), st.integers(1, 400), SHARP, st.integers(0, 20), st.lists(st.tuples(*[AMOUNT] * 5).map(list), min_size=1, max_size=30)).map(list),
           check_payload, needs=need_node),
)  # fmt: skip
