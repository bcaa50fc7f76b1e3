"""The Efficiency tab without a server: stored results and the paper's own figures, as the live tab shows them, and the
measurements of `assets/benchmarks/README.md`, each with where it comes from.
"""

from __future__ import annotations

from pathlib import Path

from visualizers.efficiency import stored, tables
from visualizers.page.html import Html
from visualizers.static.markdown import sections, to_html

SHOWN = ("Speed and quality of the default pair", "The explorer beside others")
"""Sections of the folder's README.md; the others are about what waits for a GPU and how to run it."""

INTRODUCTION = "Stored: measured on the machines that are named, by the commands that are named."


def measurements(folder: Path) -> Html:
    """HTML of everything.

    FileNotFoundError without README.md, ValueError if a section is not there.
    """
    parts = sections((folder / "README.md").read_text("utf-8"))
    missing = [name for name in SHOWN if name not in parts]
    if missing:
        raise ValueError(f"{folder / 'README.md'} has no section {missing[0]!r}")
    text = to_html("\n\n".join([INTRODUCTION, *(parts[name] for name in SHOWN)]))
    runs = [tables.result_html(run, stored.label(run)) for run in stored.runs().values()]
    return Html(
        "\n".join(
            [text, "<h2>Kernels, and the paper's experiment</h2>", *runs, stored.stored_html(), tables.paper_html()]
        )
    )
