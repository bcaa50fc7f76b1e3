"""Results as HTML tables, each figure with its origin; and the payload that can be saved. Everything is escaped here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from sigma.efficiency import paper
from sigma.efficiency.results import PARTS, SIDE_LABELS, TOTAL_LABELS, TOTALS, Crossover
from sigma.events import SIDE_NAMES, AnswersTogether, SideInfo
from visualizers.shared.formulas import fit
from visualizers.shared.shapes import side_shape
from visualizers.shared.units import binary, digits

NONE = "–"


def tag(text: str) -> str:
    """The small label of a figure's origin."""
    return f'<small class="kind-tag">{escape(text)}</small>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, origin: str) -> str:
    """Cells are plain text."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(cell)}</th>' if i == 0 else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<section class="effic-card"><h3>{escape(caption)} {tag(origin)}</h3>'
        f'<div class="effic-scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def result_html(result: dict[str, Any], label: str) -> str:
    """A run: what timed it, the crossover, the steps, the ratios, whole outputs."""
    return "".join([_head(result, label), _steps(result, label), _ratios(result, label), _outputs(result)])


def _head(result: dict[str, Any], label: str) -> str:
    s = result["settings"]
    sentences = [
        f"{SIDE_LABELS[side]}'s step is the shorter one {Crossover(**each[name]).words}, "
        f"with a cache {'in place' if name == 'in_place' else 'that is copied at each step'}."
        for side, each in result["crossovers"].items()
        for name in TOTALS
    ]
    listed = "".join(f"<li>{escape(one)}</li>" for one in [*sentences, *result["notes"]])
    about = (
        f"{s['name']}, one layer, {s['dtype']}, batch {s['batch']}; {result['device']}, {result['kernels']} kernels; "
        f"{result['date'][:16].replace('T', ' ')} UTC, {digits(result['seconds'])} s."
    )
    return f'<section class="effic-card"><h3>{escape(about)} {tag(label)}</h3><ul class="effic-notes">{listed}</ul></section>'


def _ms(spread: dict[str, float] | None) -> str:
    return NONE if spread is None else f"{spread['median']:.3g} ({spread['low']:.3g}–{spread['high']:.3g})"


def _steps(result: dict[str, Any], label: str) -> str:
    rows = [
        [f"{p['tokens']:,}", SIDE_LABELS[side], *(_ms(parts.get(part)) for part in PARTS)]
        for p in result["points"]
        for side, parts in p["parts"].items()
    ]
    return table(["tokens", "side", *PARTS.values()], rows, "A step of one layer, ms: median (quartiles)", label)


def _ratios(result: dict[str, Any], label: str) -> str:
    names = ("copy", "attention", *TOTALS)
    rows = [
        [f"{p['tokens']:,}", SIDE_LABELS[side], *(_ms(ratios.get(name)) for name in names), str(p["rounds"])]
        for p in result["points"]
        for side, ratios in p["ratios"].items()
    ]
    head = ["tokens", "side", *((PARTS | TOTAL_LABELS)[name] for name in names), "rounds"]
    return table(head, rows, "Time against STD's; below 1 is faster", label)


def _outputs(result: dict[str, Any]) -> str:
    names = ("attention", "copy", *TOTALS)
    comparable = result["settings"]["is_table_15"]
    rows = []
    for output in result["outputs"]:
        for side, saved in output["saved"].items():
            stated = paper.saved(output["prefix"]) if comparable and side == "sigma" else None
            cells = [f"{saved[name]:.1f} %" for name in names]
            rows.append([f"{output['prefix']:,}", SIDE_LABELS[side], *cells, NONE if stated is None else f"{stated} %"])
    s = result["settings"]
    caption = f"Saved of STD's time by {s['output']:,} output tokens, {s['layers']} layers"
    head = [
        "prefix",
        "side",
        *((PARTS | TOTAL_LABELS)[name] for name in names),
        "paper: attention kernels, H100 (Table 15)",
    ]
    return table(head, rows, caption, "computed from the steps; last column: paper")


def paper_html() -> str:
    """What the paper states, and nothing else."""
    rows = [
        [
            f"{r.prefix:,}",
            *(
                f"{value / 1e6:.3g}"
                for value in (r.std_split, r.std_combine, r.std_total, r.sigma_split, r.sigma_combine, r.sigma_total)
            ),
            f"{r.saved_percent} %",
        ]
        for r in paper.TABLE_15
    ]
    head = ["prefix", "STD split", "STD combine", "STD total", "Sigma split", "Sigma combine", "Sigma total", "saved"]
    return table(
        head, rows, "Kernel execution time, ms, 10 output tokens, Sigma-1.5B, one H100 80G", "paper, Table 15"
    ) + table(["stated", "figure", "where"], paper.STATED, "What else the paper states", f"paper, {paper.SOURCE}")


def together_html(rows: Sequence[AnswersTogether], infos: dict[str, SideInfo], context: int, memory: int) -> str:
    """How many at once: speed, bytes, and how many sequences fit `memory` bytes beside the weights."""

    def called(row: AnswersTogether) -> str:
        chosen = "" if row.selective_k is None else f", selective V (k = {row.selective_k})"
        return f"{infos[row.side].name if row.side in infos else SIDE_NAMES[row.side]}{chosen}"

    alone = {(row.side, row.selective_k): row.tok_s for row in rows if row.answers == 1}
    cells = [
        [
            str(row.answers),
            called(row),
            digits(row.tok_s),
            f"{row.tok_s / alone[row.side, row.selective_k]:.2f}x" if (row.side, row.selective_k) in alone else NONE,
            digits(row.step_ms),
            binary(row.kv_resident_bytes),
            binary(row.weight_bytes),
            binary(row.kv_read_bytes),
        ]
        for row in rows
    ]
    head = ["at once", "side", "tok/s in all", "to one alone", "ms a step", "K + V held", "weights read", "K + V read"]
    fits, seen = [], set()
    for row in rows:
        if row.side in seen or row.side not in infos:
            continue
        seen.add(row.side)
        info = infos[row.side]
        found = fit(side_shape(info), memory, row.weight_bytes, context, 1, 8 * info.kv_itemsize)
        fits.append([info.name, f"{found.sequences:,}", binary(found.weights), binary(found.room)])
    note = "Selective V reads fewer rows of V and holds all of them: as many sequences fit."
    return (
        table(
            head,
            cells,
            f"Answers that step together over {context:,} tokens each",
            "speed: measured now; bytes: computed",
        )
        + table(["side", "sequences that fit", "weights", "left for K and V"], fits, f"In {binary(memory)}", "computed")
        + f'<p class="note">{escape(note)}</p>'
    )


def together_json(rows: Sequence[AnswersTogether], context: int) -> tuple[str, str]:
    """(CSV, JSON) of what was timed."""
    names = list(AnswersTogether.__dataclass_fields__)
    dicts = [{name: getattr(row, name) for name in names} for row in rows]
    lines = [",".join(["context", *names])]
    lines += [",".join([str(context), *("" if d[n] is None else f"{d[n]}" for n in names)]) for d in dicts]
    return "\n".join(lines) + "\n", json.dumps({"context": context, "rows": dicts}, indent=1)


def payload(html: str, file: str = "", csv: str = "", text: str = "", said: str = "") -> str:
    """What `assets/efficiency/results.js` shows and lets a visitor save."""
    return json.dumps({"html": html, "file": file, "csv": csv, "json": text, "said": said}, ensure_ascii=False)
