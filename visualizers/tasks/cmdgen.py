"""Parts of a CMDGen verdict: the command as it was read, the difference option by option, two simulated terminals, thresholds.

Pure functions from `Part.view` (see `sigma.aimicius.cmdgen.judge`) to HTML in which every text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

STATES = {
    "same": ("✓", "same"),
    "missing": ("–", "missing"),
    "extra": ("+", "extra"),
    "other value": ("≠", "other value"),
}
NODES = {"8xH100": "8 x H100", "8xA100": "8 x A100", "8xMI300X": "8 x MI300X"}


def draw(part_view: dict[str, Any]) -> str:
    """HTML of a view of kind "cmdgen.answer", ".command", ".difference", ".terminal" or ".scores"; "" for another kind."""
    drawing = {
        "cmdgen.answer": _answer,
        "cmdgen.difference": _difference,
        "cmdgen.terminal": _terminals,
        "cmdgen.scores": _scores,
    }.get(str(part_view.get("kind")))
    return drawing(part_view) if drawing else ""


def _answer(view: dict[str, Any]) -> str:
    """The command that is judged; both forms where back-slashed paths or spaces were made plain; others that were given."""
    raw, plain = view["raw"], view["plain"]
    if not raw:
        return ""
    rows = [("command", raw)]
    if plain != raw:
        rows.append(("made plain", plain))
    if view["truth_raw"]:
        rows.append(("truth", view["truth_raw"]))
        if view["truth"] != view["truth_raw"]:
            rows.append(("truth, plain", view["truth"]))
    rows += [("not judged", other) for other in view["commands"][1:6]]
    cells = "".join(f"<dt>{name}</dt><dd><code>{escape(text)}</code></dd>" for name, text in rows)
    return f'<dl class="cg-lines">{cells}</dl>'


def _difference(view: dict[str, Any]) -> str:
    """A row for every part of either command."""
    body = []
    for row in view["rows"]:
        state = row["state"] if row["state"] in STATES else "other value"
        sign, word = STATES[state]
        body.append(
            f'<tr data-state="{escape(state)}"><th scope="row">{escape(row["name"])}</th><td data-side="generated">{_code(row["answer"])}</td>'
            f'<td data-side="true">{_code(row["truth"])}</td><td class="cg-state"><span aria-hidden="true">{sign}</span> {word}</td></tr>'
        )
    return (
        '<table class="cg-difference"><thead><tr><th scope="col">part</th><th scope="col">generated</th>'
        f'<th scope="col">true</th><th scope="col"></th></tr></thead><tbody>{"".join(body)}</tbody></table>'
    )


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else '<span class="cg-none">not there</span>'


def _terminals(view: dict[str, Any]) -> str:
    """Generated and true command with what each prints on the simulated node."""
    node = NODES.get(view["system"], "node")
    shown = [("generated", view["answer"])]
    if "truth" in view:
        shown.append(("true", view["truth"]))
    return f'<div class="cg-terminals">{"".join(_terminal(name, side, node) for name, side in shown)}</div>'


def _terminal(name: str, side: dict[str, Any], node: str) -> str:
    code = side["exit_code"]
    facts = [f"exit code {code}"]
    if side["rhythm"]:
        every, count = side["rhythm"]
        times = f"{count} times" if count else "until ^C"
        facts.append(f"every {every / 1000:g} s, {times}")
    output = side["output"].rstrip("\n")
    text = escape(output) if output else '<i class="cg-none">prints nothing</i>'
    files = "".join(
        f'<details class="cg-file"{"" if output else " open"}><summary>writes <code>{escape(path)}</code></summary>'
        f'<pre tabindex="0">{escape(content.rstrip(chr(10)))}</pre></details>'
        for path, content in side["files"].items()
    )
    return (
        f'<figure class="cg-terminal" data-failed="{"yes" if code else "no"}"><figcaption><b>{escape(name)}</b> '
        f'<span class="cg-tag">simulated, {escape(node)}</span> <span>{escape("; ".join(facts))}</span></figcaption>'
        f'<pre tabindex="0" aria-label="Simulated terminal, {escape(name)} command"><b class="cg-prompt"># </b>'
        f"<b>{escape(side['command'])}</b>\n{text}</pre>{files}</figure>"
    )


def _scores(view: dict[str, Any]) -> str:
    """The thresholds, each with where the score came out."""
    rows = [_scale(row["name"], float(row["least"]), row["value"]) for row in view["thresholds"]]
    note = "The paper gives no thresholds; these are this project's."
    return f'<div class="cg-scores">{"".join(rows)}<p class="note">{note}</p></div>'


def _scale(label: str, threshold: float, value: float | None) -> str:
    place = f"{100 * min(1.0, max(0.0, threshold)):.1f}"
    bar = (
        ""
        if value is None
        else f'<rect class="cg-bar" x="0" y="3" width="{100 * min(1.0, max(0.0, value)):.1f}" height="6"/>'
    )
    said = f"at least {threshold:g}" + ("" if value is None else f", came to {value:.3f}")
    return (
        f'<div class="cg-scale"><span>{escape(label)}</span><svg viewBox="0 0 100 12" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)} {said}"><rect class="cg-track" x="0" y="3" width="100" height="6"/>{bar}'
        f'<line x1="{place}" x2="{place}" y1="0" y2="12"/></svg><span>{escape(said)}</span></div>'
    )
