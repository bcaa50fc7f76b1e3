"""Parts of an Optiflow verdict as HTML: the program, its output, and the plan as a picture that can be stepped through.

The picture shows the machine with the transfers of one step, beside it which GPU holds which chunk after that step, and
below it latencies against the bound and the load of the links. Without JavaScript it stands at the last step; with it
(assets/tasks/optiflow.js) the steps are drawn from the `data-plan` attribute.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from visualizers.tasks.optiflow_picture import MAX_CELLS, held, machine, now, positions

MAX_LISTED = 60
LOADS = 6


def draw(part_view: dict[str, Any]) -> str:
    """HTML of one part's view; every text in it is escaped. An unknown kind gives ""."""
    makers = {"optiflow.code": _code, "optiflow.output": _output, "optiflow.plan": _plan}
    maker = makers.get(str(part_view.get("kind")))
    return "" if maker is None else maker(part_view)


def _code(view: dict[str, Any]) -> str:
    return f'<pre class="of-code" tabindex="0" aria-label="the program">{escape(view["code"])}</pre>'


def _output(view: dict[str, Any]) -> str:
    at = ""
    if view.get("line"):
        at = f'<p class="of-note">Line {int(view["line"])}: <code>{escape(view.get("source") or "")}</code></p>'
    if not view["text"]:
        return at
    lines = view["text"].count("\n")
    more = ", cut" if view.get("cut") else ""
    return (
        f"{at}<details><summary>What it printed ({lines:,} lines{more})</summary>"
        f'<pre class="of-code" tabindex="0">{escape(view["text"])}</pre></details>'
    )


def _plan(view: dict[str, Any]) -> str:
    steps = [[s["start"], s["end"], [x for t in s["transfers"] for x in t]] for s in view["steps"]]
    bad = view.get("bad")
    drawable = bad is not None and all(0 <= x < view["gpus"] for x in bad[2:])
    if drawable:
        last = steps[-1][1] if steps else 0.0
        steps.append([last, last, list(bad)])
    gpus, chunks = view["gpus"], view["chunks"]
    places = positions(gpus, view["nodes"])
    direct = sorted({(a, b) for a, b in view["links"] if a < gpus and b < gpus})
    data = {
        "gpus": gpus,
        "chunks": chunks,
        "places": places,
        "direct": [x for pair in direct for x in pair],
        "steps": [[round(s, 4), round(e, 4), t] for s, e, t in steps],
        "bad": bool(drawable),
        "grouped": bool(view["grouped"]),
    }
    k = len(steps) - 1
    arrival = arrivals(gpus, chunks, steps, drawable)
    return (
        f'<div class="of-plan" data-plan="{escape(json.dumps(data, separators=(",", ":")))}">'
        f"{_controls(len(steps), view, drawable)}"
        f'<p class="of-now" data-of="now" aria-live="polite">{escape(now(data, k))}</p>'
        f'<div class="of-pair"><figure>{machine(view, data, k)}<figcaption>{_machine_words(view)}</figcaption></figure>'
        f"<figure>{held(gpus, chunks, arrival, k)}<figcaption>{_held_words(gpus, chunks)}</figcaption></figure></div>"
        f"{_sends(data, k)}{_latencies(view)}{_loads(view)}{_warnings(view)}</div>"
    )


def _held_words(gpus: int, chunks: int) -> str:
    if gpus * gpus * chunks > MAX_CELLS:
        return f"How many of the {gpus * chunks:,} chunks each GPU holds"
    return (
        f"Which GPU (row) holds which chunk (column; {chunks} for each GPU's data): "
        f"{_key('own', 'its own')} {_key('old', 'arrived before')} {_key('new', 'arrives in this step')}"
    )


def _key(kind: str, words: str) -> str:
    return (
        '<span class="of-key"><svg width="9" height="9" aria-hidden="true">'
        f'<rect class="of-cell {kind}" width="9" height="9"/></svg> {words}</span>'
    )


def arrivals(gpus: int, chunks: int, steps: list, bad: bool) -> dict[tuple[int, int], int]:
    """The step in which a GPU first gets a chunk: (gpu, source * chunks + chunk) -> step; a bad last step gives nothing."""
    found: dict[tuple[int, int], int] = {}
    for k, (_, _, flat) in enumerate(steps[: len(steps) - bool(bad)]):
        for i in range(0, len(flat), 4):
            s, c, _, b = flat[i : i + 4]
            found.setdefault((b, s * chunks + c), k)
    return found


def _controls(count: int, view: dict[str, Any], bad: bool) -> str:
    if count < 2:
        return ""
    word = "round" if view["grouped"] else "step"
    return (
        '<div class="of-controls" data-of="controls" hidden>'
        f'<button type="button" data-of="back" aria-label="previous {word}">‹</button>'
        f'<input type="range" data-of="slider" min="1" max="{count}" value="{count}" aria-label="{word} of the plan">'
        f'<button type="button" data-of="next" aria-label="next {word}">›</button>'
        '<button type="button" data-of="play">play</button></div>'
    )


def _machine_words(view: dict[str, Any]) -> str:
    switches = view["nodes"] - view["gpus"]
    through = (
        " joined by a switch (an arrow passes it on two hops)"
        if switches == 1
        else f" and {switches} switches"
        if switches
        else ""
    )
    return f"{escape(view['name'])}: {view['gpus']} GPUs{through}; an arrow carries the chunk named on it (GPU.chunk)"


def _sends(data: dict[str, Any], k: int) -> str:
    if k < 0:
        return ""
    flat = data["steps"][k][2]
    lines = [
        f"D({flat[i]}, {flat[i + 1]}): G({flat[i + 2]}) => G({flat[i + 3]})"
        for i in range(0, min(len(flat), 4 * MAX_LISTED), 4)
    ]
    if len(flat) > 4 * MAX_LISTED:
        lines.append(f"... {len(flat) // 4 - MAX_LISTED} more")
    return (
        '<details class="of-sends"><summary>Transfers shown</summary>'
        f'<pre class="of-code" tabindex="0" data-of="sends">{chr(10).join(lines)}</pre></details>'
    )


def _bars(title: str, rows: list[tuple[str, float, str, str]], unit: str) -> str:
    """Horizontal bars with their numbers: (words, value, class, explanation)."""
    most = max((value for _, value, _, _ in rows), default=0.0) or 1.0
    made = "".join(
        f'<div class="of-bar-row" title="{escape(why)}"><span>{escape(words)}</span><i><b class="{kind}" '
        f'style="width:{100 * value / most:.1f}%"></b></i><em>{_number(value)} {unit}</em></div>'
        for words, value, kind, why in rows
    )
    return f'<div class="of-bars"><h5>{escape(title)}</h5>{made}</div>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def _latencies(view: dict[str, Any]) -> str:
    if view.get("latency") is None:
        return ""
    rows = [
        (
            "this plan",
            view["latency"],
            "this",
            "alpha-beta model: serial sender ports; rounds are barriers where the plan groups them",
        )
    ]
    if view["grouped"] and view["free"] < view["latency"] * (1 - 1e-9):
        rows.append(
            (
                "without barriers",
                view["free"],
                "other",
                "the same transfers, each as soon as its chunk and its port are there",
            )
        )
    if view.get("previous"):
        rows.append(("previous plan", view["previous"], "other", "the plan of the first turn"))
    rows.append(("our reference", view["reference"], "other", "the quickest plan that our own scheduler finds"))
    rows.append(
        (
            f"bound, {view['chunks']} chunk{'s' if view['chunks'] > 1 else ''}",
            view["bound"],
            "bound",
            "no plan with this number of chunks can be quicker under this model",
        )
    )
    rows.append(
        (
            "bound, any cut",
            view["bound_any"],
            "bound",
            "path latency plus (N-1)/N of all data over the narrowest cut (ForestColl)",
        )
    )
    far = view["latency"] / view["bound"]
    return _bars(f"Latency: {far:.2f} times the lower bound", rows, "us") + (
        '<p class="of-note">Model: a transfer takes its hops\' latencies plus bytes over the narrowest bandwidth; a port sends one chunk '
        "at a time; receivers are no bottleneck.</p>"
    )


def _loads(view: dict[str, Any]) -> str:
    loads = sorted(view["load"], key=lambda row: (-row[2], row[0], row[1]))
    if not loads:
        return ""
    gpus, most, least = view["gpus"], loads[0][2], loads[-1][2]
    name = lambda node: f"GPU {node}" if node < gpus else "switch"  # noqa: E731
    why = "data over this link in the whole plan"
    idle = len(view["links"]) - len(loads)
    rest = f", {idle} idle" if idle else ""
    if most - least < 1e-9 * most:
        return _bars(
            f"Load of the {len(view['links'])} links{rest}", [(f"each of {len(loads)}", most, "load", why)], "KB"
        )
    rows = [(f"{name(a)} → {name(b)}", kb, "load", why) for a, b, kb in loads[:LOADS]]
    if len(loads) > LOADS:
        rows.append(("the least used", least, "load", why))
    return _bars(f"Load of the {len(view['links'])} links, the busiest first{rest}", rows, "KB")


def _warnings(view: dict[str, Any]) -> str:
    if not view["warnings"]:
        return ""
    items = "".join(f"<li>{escape(w)}</li>" for w in view["warnings"])
    return f'<details class="of-warnings"><summary>Redundant sends, dropped</summary><ul>{items}</ul></details>'
