"""Parts of an Optiflow verdict as HTML: the program, its output, and the plan as a picture that can be stepped through.

The picture shows the machine with the transfers of one step, beside it which GPU holds which chunk after that step, and
below it latencies against the bound and the load of the links. Without JavaScript it stands at the last step; with it
(assets/tasks/optiflow.js) the steps are drawn from the `data-plan` attribute.
"""

from __future__ import annotations

import json
import math
from html import escape
from typing import Any

SIDE = 300  # of the machine's square, in SVG units
RADIUS = 118
NODE = 15
MAX_CELLS = 2_000  # of the picture of what is held; beyond, one bar for each GPU
MAX_LABELS = 12  # transfers of one step that get their chunk's name
MAX_LISTED = 60
LOADS = 6
CELL, GAP = 9, 2


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


def positions(gpus: int, nodes: int) -> list[tuple[float, float]]:
    """Where the nodes stand: GPUs on a circle from the top, clockwise; switches in the middle."""
    middle = SIDE / 2
    places = []
    for k in range(gpus):
        turn = 2 * math.pi * k / gpus - math.pi / 2
        places.append((round(middle + RADIUS * math.cos(turn), 1), round(middle + RADIUS * math.sin(turn), 1)))
    switches = nodes - gpus
    for k in range(switches):
        places.append((round(middle + 44 * (k - (switches - 1) / 2), 1), middle))
    return places


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
        f'<p class="of-now" data-of="now" aria-live="polite">{escape(_now(data, k))}</p>'
        f'<div class="of-pair"><figure>{_machine(view, data, k)}<figcaption>{_machine_words(view)}</figcaption></figure>'
        f"<figure>{_held(gpus, chunks, arrival, k)}<figcaption>{_held_words(gpus, chunks)}</figcaption></figure></div>"
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


def _now(data: dict[str, Any], k: int) -> str:
    if k < 0:
        return "The plan stops before its first transfer."
    start, end, flat = data["steps"][k]
    word, count = "Round" if data["grouped"] else "Step", len(flat) // 4
    if data["bad"] and k == len(data["steps"]) - 1:
        return "Here the plan stops: this transfer is not possible."
    return f"{word} {k + 1} of {len(data['steps'])}: {start:.2f} to {end:.2f} us, {count} transfer{'s' if count > 1 else ''}"


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


def curve(a: tuple[float, float], b: tuple[float, float], through: bool) -> tuple[str, float, float]:
    """SVG path of an arrow from node to node, and where its name stands. `through` bends it to the middle of the picture."""
    middle = SIDE / 2
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy) or 1.0
    mx, my = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    if through:
        cx, cy = mx + (middle - mx) * 0.8, my + (middle - my) * 0.8
    else:
        cx, cy = mx - dy / length * 9, my + dx / length * 9
    from_c, to_c = math.hypot(cx - a[0], cy - a[1]) or 1.0, math.hypot(b[0] - cx, b[1] - cy) or 1.0
    sx, sy = a[0] + (cx - a[0]) / from_c * NODE, a[1] + (cy - a[1]) / from_c * NODE
    ex, ey = b[0] - (b[0] - cx) / to_c * (NODE + 4), b[1] - (b[1] - cy) / to_c * (NODE + 4)
    # The name stands nearer to the receiver: arrows of one step often share a sender.
    t = 0.7
    x, y = ((1 - t) ** 2 * p + 2 * t * (1 - t) * q + t * t * r for p, q, r in ((sx, cx, ex), (sy, cy, ey)))
    return f"M{sx:.1f} {sy:.1f}Q{cx:.1f} {cy:.1f} {ex:.1f} {ey:.1f}", round(x, 1), round(y, 1)


def _machine(view: dict[str, Any], data: dict[str, Any], k: int) -> str:
    places, gpus = data["places"], data["gpus"]
    lines = []
    for a, b in sorted({(min(a, b), max(a, b)) for a, b in view["links"]}):
        (x, y), (u, v) = places[a], places[b]
        lines.append(f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}"/>')
    dots = []
    for node, (x, y) in enumerate(places):
        if node < gpus:
            dots.append(f'<circle cx="{x}" cy="{y}" r="{NODE}"/><text x="{x}" y="{y + 4}">{node}</text>')
        else:
            dots.append(
                f'<rect x="{x - 24}" y="{y - 11}" width="48" height="22" rx="4"/><text x="{x}" y="{y + 4}">switch</text>'
            )
    label = escape(f"{view['name']}, {_now(data, k)}")
    return (
        f'<svg class="of-machine" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{label}" data-of="machine">'
        f'<g class="of-links">{"".join(lines)}</g><g class="of-arrows" data-of="arrows">{_arrows(data, k)}</g>'
        f'<g class="of-nodes">{"".join(dots)}</g></svg>'
    )


def _arrows(data: dict[str, Any], k: int) -> str:
    if k < 0:
        return ""
    flat = data["steps"][k][2]
    direct = set(zip(data["direct"][::2], data["direct"][1::2]))
    kind = " bad" if data["bad"] and k == len(data["steps"]) - 1 else ""
    ways: dict[tuple[int, int], list[str]] = {}
    for i in range(0, len(flat), 4):
        s, c, a, b = flat[i : i + 4]
        ways.setdefault((a, b), []).append(f"{s}.{c}")
    shapes, names = [], []
    for (a, b), carried in ways.items():
        if a == b:
            continue
        path, x, y = curve(
            data["places"][a], data["places"][b], len(data["places"]) > data["gpus"] and (a, b) not in direct
        )
        shapes.append(f'<path class="of-arrow{kind}" d="{path}"/>{_head(path, kind)}')
        if len(ways) <= MAX_LABELS:
            text = carried[0] if len(carried) == 1 else f"{carried[0]} +{len(carried) - 1}"
            names.append(f'<text x="{x}" y="{y + 3:.1f}">{text}</text>')
    return "".join(shapes) + "".join(names)


def _head(path: str, kind: str) -> str:
    """The arrow's head as a triangle: a shared <marker> would need an id that is unique in the page."""
    _, curve_part = path.split("Q")
    cx, cy, ex, ey = (float(x) for x in curve_part.split(" "))
    length = math.hypot(ex - cx, ey - cy) or 1.0
    ux, uy = (ex - cx) / length, (ey - cy) / length
    tip = (ex + ux * 4, ey + uy * 4)
    points = [tip, (ex - ux * 4 - uy * 4, ey - uy * 4 + ux * 4), (ex - ux * 4 + uy * 4, ey - uy * 4 - ux * 4)]
    return f'<polygon class="of-head{kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _held(gpus: int, chunks: int, arrival: dict[tuple[int, int], int], k: int) -> str:
    columns = gpus * chunks
    if gpus * columns > MAX_CELLS:
        rows = "".join(
            f'<div class="of-bar-row"><span>GPU {g}</span><meter data-of="count" min="0" max="{columns}" '
            f'value="{chunks + sum(1 for (b, _), at in arrival.items() if b == g and at <= k)}"></meter></div>'
            for g in range(gpus)
        )
        return f'<div class="of-counts" data-of="counts">{rows}</div>'
    left, pitch = 18, CELL + GAP
    block = chunks * pitch + 3  # a little space between the data of two GPUs
    width, height = left + gpus * block, 14 + gpus * pitch
    cells = []
    for s in range(gpus):
        cells.append(f'<text x="{left + s * block + (block - 5) / 2:.1f}" y="9">{s}</text>')
    for g in range(gpus):
        y = 14 + g * pitch
        cells.append(f'<text x="8" y="{y + 8}">{g}</text>')
        for s in range(gpus):
            for c in range(chunks):
                kind = "own" if s == g else _state(arrival.get((g, s * chunks + c)), k)
                cells.append(
                    f'<rect class="of-cell {kind}" x="{left + s * block + c * pitch}" y="{y}" width="{CELL}" height="{CELL}"/>'
                )
    shown = min(width, 420)
    return (
        f'<svg class="of-held" viewBox="0 0 {width} {height}" style="max-width:{max(shown, 220)}px" role="img" '
        f'aria-label="chunks that each GPU holds after this step" data-of="held">{"".join(cells)}</svg>'
    )


def _state(at: int | None, k: int) -> str:
    if at is None or at > k:
        return ""
    return "new" if at == k else "old"


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
