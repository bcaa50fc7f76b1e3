"""The picture of one step of a plan: the machine with its transfers, and which GPU holds which chunk. SVG as text."""

from __future__ import annotations

import math
from html import escape
from typing import Any

SIDE = 300  # of the machine's square, in SVG units
RADIUS = 118
NODE = 15
MAX_CELLS = 2_000  # of the picture of what is held; beyond, one bar for each GPU
MAX_LABELS = 12  # transfers of one step that get their chunk's name
CELL, GAP = 9, 2


def now(data: dict[str, Any], k: int) -> str:
    if k < 0:
        return "The plan stops before its first transfer."
    start, end, flat = data["steps"][k]
    word, count = "Round" if data["grouped"] else "Step", len(flat) // 4
    if data["bad"] and k == len(data["steps"]) - 1:
        return "Here the plan stops: this transfer is not possible."
    return f"{word} {k + 1} of {len(data['steps'])}: {start:.2f} to {end:.2f} us, {count} transfer{'s' if count > 1 else ''}"


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


def machine(view: dict[str, Any], data: dict[str, Any], k: int) -> str:
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
    label = escape(f"{view['name']}, {now(data, k)}")
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


def held(gpus: int, chunks: int, arrival: dict[tuple[int, int], int], k: int) -> str:
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
