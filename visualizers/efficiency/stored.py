"""Results that came with the page: runs of `sigma.efficiency --save` and `kernels.bench --save`, and predictions for GPUs."""

from __future__ import annotations

import json
import logging
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from kernels.prediction import GPUS, predict
from visualizers.efficiency.tables import NONE, table
from visualizers.shared.units import digits

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "benchmarks"
LENGTHS = (2048, 8192, 32_768, 131_072)

log = logging.getLogger(__name__)


@cache
def files() -> dict[str, dict[str, Any]]:
    """Every stored result by its file's name; one that cannot be read is left out, and logged."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            log.warning("%s is left out: %s", path.name, error)
    return found


def runs() -> dict[str, dict[str, Any]]:
    """Stored runs of the paper's experiment, by name."""
    return {name: value for name, value in files().items() if "points" in value and "outputs" in value}


def benches() -> dict[str, dict[str, Any]]:
    """Stored runs of the kernel bench, by name."""
    return {name: value for name, value in files().items() if "rows" in value and "copy_gb_s" in value}


def first_run() -> dict[str, Any] | None:
    """What the tab shows before anything was measured: a run of the 1.5B's shapes, if one is stored."""
    return next((run for run in runs().values() if run["settings"]["preset"] == "1.5b"), None)


def label(run: dict[str, Any]) -> str:
    """Where and when a stored result was measured."""
    return f"stored: {run['device']}, {run['date'][:10]}"


def stored_html() -> str:
    """The kernel bench's decode rows on every device there is a file of, and what is predicted for GPUs."""
    parts = [_bench(value) for value in benches().values()]
    parts.append(_predicted())
    return "".join(parts)


def _bench(value: dict[str, Any]) -> str:
    rows = [row for row in value["rows"] if row["op"] == "decode" and row["peer"] is None]
    gqa = {(row["b"], row["T"], row["d"]): row["ms"] for row in rows if row["variant"] == "gqa"}
    cells = []
    for row in rows:
        base, part = gqa.get((row["b"], row["T"], row["d"])), row["bandwidth_fraction"]
        cells.append(
            [
                f"{row['T']:,}",
                f"{row['b']}",
                f"{row['d']}",
                row["variant"],
                f"{row['ms']:.3g}",
                f"{row['ms'] / base:.2f}" if base else NONE,
                NONE if part is None else f"{part:.0%}",
            ]
        )
    head = ["tokens", "batch", "head dim", "variant", "ms", "to GQA", "of the bandwidth"]
    caption = f"Decode kernels, one layer: {value['device']}"
    return table(head, cells, caption, f"stored: kernels.bench, {value['date'][:10]}")


def _predicted() -> str:
    cells = []
    for name, gpu in GPUS.items():
        found = {(p.T, p.variant): p for p in predict(gpu, [1], list(LENGTHS), [64]) if p.op == "decode"}
        row = [name]
        for tokens in LENGTHS:
            gqa, ours = found[tokens, "gqa"], found[tokens, "diffqkv"]
            row.append(f"{digits(gqa.us)} / {digits(ours.us)} ({ours.us / gqa.us:.2f})")
        cells.append(row)
    head = ["GPU", *(f"{tokens:,} tokens" for tokens in LENGTHS)]
    caption = "Decode attention expected of GPUs, one layer, µs: GQA 32/16/16 / DiffQKV 32/4/16 (ratio), head dim 64"
    note = "Not measured: from published data sheets and a model of the kernels. What was measured on a GPU stands above, where there is any."
    return table(head, cells, caption, "computed: kernels.prediction") + f'<p class="note">{escape(note)}</p>'
