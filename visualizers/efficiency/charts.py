"""Results as Plotly figures, drawn once: JSON that Gradio's own plotly.js takes, made without the Python package.

Every figure says in its title where its numbers come from. Sigma is solid, STD dashed, selective V orange; the paper's
figures are blue diamonds. Ink is replaced by the theme's colour in `assets/efficiency/efficiency.css`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sigma.efficiency import paper
from sigma.events import AnswersTogether

INK, SOFT, V, K = "#1b1b1a", "#62625c", "#e69f00", "#0072b2"
LINES = {
    "std": ("STD", {"color": INK, "width": 2, "dash": "dash"}, "circle-open"),
    "sigma": ("Sigma", {"color": INK, "width": 2.5}, "circle"),
    "selective": ("Sigma, selective V", {"color": V, "width": 2.5}, "square"),
}
PANELS = (
    ("copy", "KV load and store, copied"),
    ("attention", "Attention"),
    ("augmented", "Augmented Q"),
    ("in_place", "Step, cache in place"),
    ("copied", "Step, cache copied"),
)
"""Part or total, and the title of its figure."""


def short(tokens: int) -> str:
    """2,048 as "2k"; what is no whole number of them is written out."""
    return f"{tokens >> 10}k" if tokens >= 1024 and tokens % 1024 == 0 else f"{tokens:,}"


def panels(result: dict[str, Any], label: str) -> list[str]:
    """A figure per panel: milliseconds of one layer's step over the cached tokens, with quartiles. label: the origin."""
    return [
        _figure(f"{title} <i>({_kind(label)})</i>", _lines(result, name), _over_tokens(result))
        for name, title in PANELS
    ]


def _lines(result: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = []
    for side, (called, line, symbol) in LINES.items():
        own = side != "selective" or name in ("attention", "in_place", "copied")  # the rest is Sigma's
        spreads = [
            (p["tokens"], (p["parts"].get(side, {}) | p["totals"].get(side, {})).get(name)) for p in result["points"]
        ]
        spreads = [(tokens, spread) for tokens, spread in spreads if spread is not None]
        if not own or not spreads:
            continue
        found.append(
            {
                "type": "scatter",
                "name": called,
                "x": [tokens for tokens, _ in spreads],
                "y": [s["median"] for _, s in spreads],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [s["high"] - s["median"] for _, s in spreads],
                    "arrayminus": [s["median"] - s["low"] for _, s in spreads],
                    "color": line["color"],
                    "thickness": 1,
                    "width": 3,
                },
                "line": line,
                "mode": "lines+markers",
                "marker": {"symbol": symbol, "size": 6, "color": line["color"]},
                "hovertemplate": "%{x:,} tokens: %{y:.3g} ms<extra>" + called + "</extra>",
            }
        )
    return found


def _over_tokens(result: dict[str, Any]) -> dict[str, Any]:
    tokens = [p["tokens"] for p in result["points"]]
    return {
        "xaxis": {
            "type": "log",
            "tickvals": tokens,
            "ticktext": [short(n) for n in tokens],
            "title": _axis("cached tokens"),
        },
        "yaxis": {"type": "log", "title": _axis("ms, one layer"), "nticks": 6},
    }


def _kind(label: str) -> str:
    """An origin's first word or two: a figure has no room for its machine and day, which stand above the tables."""
    return label.partition(":")[0]


def saved(result: dict[str, Any], label: str, with_paper: bool) -> str:
    """What Sigma saves of STD's time by prefix, in percent; with the paper's Table 15 where it is comparable."""
    outputs = result["outputs"]
    shown = [
        ("sigma", "attention", f"attention ({_kind(label)})", {"color": INK, "width": 2.5}, "circle"),
        ("sigma", "copied", "all, cache copied (computed)", {"color": SOFT, "width": 1.5, "dash": "dot"}, "x"),
        ("sigma", "in_place", "all, cache in place (computed)", {"color": SOFT, "width": 1.5}, "triangle-up"),
        ("selective", "attention", f"attention, selective V ({_kind(label)})", {"color": V, "width": 2.5}, "square"),
    ]
    data = []
    for side, name, called, line, symbol in shown:
        rows = [(short(o["prefix"]), o["saved"][side][name]) for o in outputs if side in o["saved"]]
        data.append(_percent(called, rows, "lines+markers", line, symbol))
    if with_paper:
        rows = [(short(row.prefix), row.saved_percent) for row in paper.TABLE_15]
        data.append(_percent("paper, attention kernels, H100 (Table 15)", rows, "markers", {"color": K}, "diamond"))
    every = {o["prefix"] for o in outputs} | ({row.prefix for row in paper.TABLE_15} if with_paper else set())
    axes = {
        "xaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [short(n) for n in sorted(every)],
            "title": _axis("prefix, tokens"),
        },
        "yaxis": {"title": _axis("saved of STD's time, %"), "zeroline": True, "zerolinecolor": SOFT},
    }
    return _figure("What Sigma saves", [one for one in data if one["x"]], axes)


def _percent(name: str, rows: Sequence[tuple[str, float]], mode: str, line: dict, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": name,
        "x": [x for x, _ in rows],
        "y": [y for _, y in rows],
        "mode": mode,
        "line": line,
        "marker": {"symbol": symbol, "size": 9 if symbol == "diamond" else 7, "color": line["color"]},
        "hovertemplate": "%{x}: %{y:.1f} %<extra>" + name + "</extra>",
    }


def together(rows: Sequence[AnswersTogether]) -> str:
    """Tokens per second in all over the answers that step together."""
    data = []
    for key, called, line, symbol in (
        (("gqa", False), "GQA", LINES["std"][1], "circle-open"),
        (("sigma", False), "Sigma", LINES["sigma"][1], "circle"),
        (("sigma", True), "Sigma, selective V", LINES["selective"][1], "square"),
    ):
        mine = [row for row in rows if (row.side, row.selective_k is not None) == key]
        if mine:
            data.append(
                {
                    "type": "scatter",
                    "name": called,
                    "x": [str(row.answers) for row in mine],
                    "y": [row.tok_s for row in mine],
                    "mode": "lines+markers",
                    "line": line,
                    "marker": {"symbol": symbol, "size": 7, "color": line["color"]},
                    "hovertemplate": "%{x} at once: %{y:.0f} tok/s<extra>" + called + "</extra>",
                }
            )
    axes = {
        "xaxis": {"type": "category", "title": _axis("answers at once")},
        "yaxis": {"title": _axis("tokens per second in all"), "rangemode": "tozero"},
    }
    return _figure("Tokens per second <i>(measured now)</i>", data, axes)


def _axis(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12}, "standoff": 8}


def _figure(title: str, data: list[dict[str, Any]], axes: dict[str, Any]) -> str:
    lines = {
        "gridcolor": "rgba(128,128,128,0.2)",
        "linecolor": "rgba(128,128,128,0.5)",
        "automargin": True,
        "fixedrange": True,
    }
    layout = {
        "height": 340,
        "margin": {"l": 56, "r": 14, "t": 40, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
        # Not the figure's own title: Gradio makes 100 px of room for that.
        "annotations": [
            {
                "text": f"<b>{title}</b>",
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": 1,
                "xshift": -40,
                "yshift": 30,
                "xanchor": "left",
                "showarrow": False,
                "font": {"size": 13, "color": INK},
            }
        ],
        "legend": {"orientation": "h", "x": 0, "y": -0.27, "yanchor": "top", "font": {"size": 11.5}},
        "hovermode": "closest",
        "xaxis": lines | axes["xaxis"],
        "yaxis": lines | axes["yaxis"],
    }
    config = {"displayModeBar": False}
    return json.dumps({"data": data, "layout": layout, "config": config}, separators=(",", ":"))
