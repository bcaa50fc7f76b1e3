"""The recorded exploration as the browser alone can read it: `assets/static/recording.js` unpacks what is packed here.

The numbers are those of the recording's file, code by code. Only their packing changes: the file's LZMA, which no
browser reads, becomes zlib's deflate.
"""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

from visualizers.explore import first
from visualizers.explore.recorded import expand, read
from visualizers.explore.runs import RECORDED
from visualizers.explore.service import Explorer

READER = "sigma"
"""Whose text both sides read in a recording: attention over the other's text is not in it."""

PACKED = ("weights", "log_sums", "errors")


def exploration(path: Path) -> dict[str, Any]:
    """{about, ids, pieces, sides: {side: {info, weights, log_sums, errors, next}}} of a recording.

    `about` is the server's answer to a browser that opens the run, `ids` the tokens that both sides read, `pieces` texts
    by token id. FileNotFoundError without the file, ValueError if it is something else.
    """
    data = read(path)
    if data is None:
        raise FileNotFoundError(f"{path} is missing: `python -m visualizers.explore.record {path}` records it")
    explorer = Explorer(None, data)
    page = explorer.open_page("static").token
    about = explorer.ask({"page": page, "op": "open", "run": RECORDED, "text": READER})
    sides = {
        side: {
            "info": one["info"],
            **{name: [deflate(text) for text in one[name]] for name in PACKED},
            "next": one["next"],
        }
        for side, one in data["sides"].items()
    }
    return {
        "about": only_reader(about),
        "ids": data["texts"][READER]["ids"],
        "pieces": data["pieces"],
        "sides": sides,
    }


def first_view(path: Path) -> list[dict[str, Any]]:
    """What Explore shows first, as the live page carries it (`visualizers.explore.first`)."""
    opening, *more = first.first_view(path)
    return [{**opening, "answer": only_reader(opening["answer"])}, *more]


def only_reader(about: dict[str, Any]) -> dict[str, Any]:
    """The description of a run without the choice of a text whose attention nobody is there to compute."""
    return {**about, "writers": [READER]}


def deflate(text: str) -> str:
    """A packed array of the recording's file (`visualizers.explore.recorded.compress`), packed for a browser."""
    return base64.b64encode(zlib.compress(expand(text).tobytes(), 9)).decode("ascii")
