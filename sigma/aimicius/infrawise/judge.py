"""The verdict on an answer: its DCW part by part, and its choice of results, each beside the truth.

Paper section 4 and App. C: Target, Baseline, Criterion, Workload by exact match (after normalising, see `names`), DCW = all
four, Bench. Recall = all suitable results found, Bench. Accuracy = all found and nothing irrelevant. Where no result is
suitable, both ask for the answer None: otherwise any answer would have found everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from sigma.aimicius.contract import MAX_ANSWER, Case, Part, Sheet, Verdict
from sigma.aimicius.infrawise import answer as reading
from sigma.aimicius.infrawise import choice, dcw, names, records

RECALL, ACCURACY = "Bench. Recall", "Bench. Accuracy"
NAMES = (*dcw.PARTS, "DCW", RECALL, ACCURACY)
WANTED = {"dcw": ("DCW",), "retrieval": ("results",), "end-to-end": ("DCW", "results")}
"""What an answer of each kind of case holds."""


def judge(case: Case, answer: str) -> Iterator[Part | Verdict]:
    """Parts as they are found, then the verdict."""
    sheet = Sheet(NAMES, "not asked for in this kind of case")
    if len(answer) > MAX_ANSWER:
        yield sheet.part("Answer", "neutral", f"{len(answer):,} characters: only the first {MAX_ANSWER:,} are read")
        answer = answer[:MAX_ANSWER]
    wanted = WANTED[case.fields["kind"]]
    rest, truth_rest = answer, case.truth
    meant = reading.read_dcw(json.dumps(case.fields["dcw"])).dcw() if case.fields.get("dcw") else None
    given = reading.read_dcw(answer) if "DCW" in wanted else None
    truth = reading.read_dcw(case.truth) if given is not None and case.truth else None
    if given is not None:
        rest, truth_rest, meant = given.rest, truth.rest if truth else "", given.dcw()
        yield from _judge_dcw(given, truth.dcw() if truth else None, sheet)
    if "results" in wanted:
        rows = case.fields.get("records") or []
        expected = choice.read_choice(truth_rest).chosen if case.truth else None
        part = _judge_results(choice.read_choice(rest), expected, rows, bool(case.truth), sheet)
        if not case.truth and meant is not None and rows:
            by_rule = _listed(frozenset(row["index"] for row in rows if records.fits(row, meant)))
            part = replace(part, text=f"{part.text} By the rule of the prompt, what fits this DCW is: {by_rule}.")
        yield sheet.add(part)
    yield sheet.verdict()


def _judge_dcw(given: reading.Reading, truth: dcw.DCW | None, sheet: Sheet) -> Iterator[Part]:
    if given.problem:
        yield sheet.part("JSON", "bad", f"No DCW can be read: {given.problem}.")
    else:
        text = "A DCW was found." + "".join(f" Note: {note}." for note in given.notes)
        yield sheet.part(
            "JSON", "bad" if given.problems else "good", text if not given.problems else text + " It is incomplete."
        )
    cells = []
    for name in dcw.PARTS:
        cell = _judge_part(name, given, truth)
        cells.append(cell)
        if truth is not None:
            sheet.score(name, float(cell["state"] == "good"), cell["reason"])
        else:
            sheet.score(name, None, "there is no truth to compare with")
    wrong = [cell["name"] for cell in cells if cell["state"] != "good"]
    if truth is None:
        sheet.score("DCW", None, "there is no truth to compare with")
        state, text = "neutral", "Read as above; there is no truth to compare with."
    else:
        sheet.score("DCW", float(not wrong), "all four parts are right" if not wrong else f"wrong: {', '.join(wrong)}")
        state = "bad" if wrong else "good"
        text = "All four parts are right." if not wrong else f"Wrong: {', '.join(wrong)}."
    if given.problem:
        state = "skipped"
        text = "There is nothing to compare."
    yield sheet.part("DCW", state, text, {"kind": "infrawise.dcw", "cells": cells})


def _judge_part(name: str, given: reading.Reading, truth: dcw.DCW | None) -> dict[str, Any]:
    wrong = given.problem or given.problems.get(name, "")
    value = given.parts.get(name)
    cell = {"name": name, "given": value, "truth": None if truth is None else truth.part(name)}
    if wrong or value is None:
        state, reason = ("neutral" if truth is None and given.problem else "bad"), wrong or f"there is no {name}"
    elif truth is None:
        known = "a name known here" if _known(name, value) else "no name that is known here"
        state, reason = "neutral", f"there is no truth to compare with; {known}"
    elif dcw.normal(name, value) == dcw.normal(name, truth.part(name)):
        same = value == truth.part(name)
        state, reason = "good", "exactly as in the truth" if same else f"means {_quoted(truth.part(name))}"
    else:
        state, reason = "bad", f"{_quoted(value)} instead of {_quoted(truth.part(name))}"
    return {**cell, "state": state, "reason": reason}


def _known(name: str, value: str) -> bool:
    """Whether the published results, or the criteria, have such a name: what can be said without a truth."""
    if name == "Criterion":
        return names.criterion(value) in (names.DEFAULT, names.PEAK, names.COST) or names.seconds(value) is not None
    if name == "Workload":
        return names.workload_key(value)[0] in _benchmarks()
    found = names.design(value)
    return found in names.DESIGNS or (name == "Baseline" and not found)


@cache
def _benchmarks() -> frozenset[str]:
    return frozenset(names.workload_key(record.workload)[0] for record in records.published())


def _quoted(text: str) -> str:
    return f'"{dcw.printable(text, 60)}"'


def _judge_results(
    claim: choice.Claim, truth: frozenset[int] | None, rows: list[dict[str, Any]], has_truth: bool, sheet: Sheet
) -> Part:
    known = {row["index"] for row in rows}
    chosen = claim.chosen
    if truth is None:
        reason = "the truth states no results" if has_truth else "there is no truth to compare with"
        for name in (RECALL, ACCURACY):
            sheet.score(name, None, reason)
    if chosen is None:
        if truth is not None:
            for name in (RECALL, ACCURACY):
                sheet.score(name, 0.0, claim.problem)
        return Part("Results", "bad", f"No choice can be read: {claim.problem}.", view(rows, None, truth))
    said = f"The answer chooses {_listed(chosen)}."
    if truth is None:
        return Part("Results", "neutral", said, view(rows, chosen, None))
    missed, extra = truth - chosen, chosen - truth
    found_all = not missed and (bool(truth) or not chosen)
    why = []
    if missed:
        why.append(f"missed {_listed(missed)}")
    if extra & known:
        why.append(
            f"{_listed(extra & known)} do not fit"
            if len(extra & known) > 1
            else f"{_listed(extra & known)} does not fit"
        )
    if extra - known and rows:
        why.append(f"there is no result {_listed(extra - known)}")
    elif extra - known:
        why.append(f"{_listed(extra - known)} not in the truth")
    reason = "; ".join(why) or ("nothing fits, and the answer says so" if not truth else "all found, nothing else")
    sheet.score(RECALL, float(found_all), "all that fit were found" if found_all else reason)
    sheet.score(ACCURACY, float(chosen == truth), reason)
    state = "good" if chosen == truth else "bad"
    return Part("Results", state, f"{said} {reason[0].upper()}{reason[1:]}.", view(rows, chosen, truth))


def _listed(numbers: frozenset[int]) -> str:
    ordered = sorted(numbers)
    text = ", ".join(map(str, ordered[:12]))
    return f"{text} and {len(ordered) - 12} more" if len(ordered) > 12 else text or "None"


def view(rows: list[dict[str, Any]], chosen: frozenset[int] | None, truth: frozenset[int] | None) -> dict[str, Any]:
    """The records with what was chosen and what fits, and the bars of the chosen ones (of the fitting ones if none is)."""
    listed = [
        {
            "index": row["index"],
            "hardware": dcw.printable(row["hardware"], 60),
            "sku": dcw.printable(row["sku"], 60),
            "workload": dcw.printable(row["workload"], 120),
            "results": {
                dcw.printable(key, 60): dcw.printable(str(value), 60) for key, value in list(row["results"].items())[:8]
            },
            "chosen": chosen is not None and row["index"] in chosen,
            "fits": None if truth is None else row["index"] in truth,
        }
        for row in rows
    ]
    shown = chosen or truth or frozenset()
    bars = chart([row for row in rows if row["index"] in shown], truth)
    if bars is not None:
        bars["of"] = "the chosen results" if chosen else "the results that fit"
    return {"kind": "infrawise.results", "records": listed, "chart": bars}


def chart(rows: list[dict[str, Any]], truth: frozenset[int] | None) -> dict[str, Any] | None:
    """Bars of the figure that most of the rows have (the first such): {name, unit, bars: [{label, value, fits}]}."""
    figures = [{(name, unit): value for name, unit, value in records.figures(row["results"])} for row in rows]
    counts: dict[tuple[str, str], int] = {}
    for found in figures:
        for key in found:
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return None
    key = max(counts, key=lambda k: counts[k])  # the first of the most frequent: a source names its main figure first
    bars = [
        {
            "label": dcw.printable(f"{row['index']} \u00b7 {row['sku'] or row['hardware']}", 60),
            "detail": _setting(row["results"]),
            "value": found[key],
            "fits": None if truth is None else row["index"] in truth,
        }
        for row, found in zip(rows, figures)
        if key in found
    ]
    return {"name": dcw.printable(key[0], 60), "unit": dcw.printable(key[1], 20), "bars": bars}


def _setting(results: dict[str, Any]) -> str:
    named = {key for key in results if records.figures({key: results[key]})}
    return dcw.printable(", ".join(f"{key} {results[key]}" for key in results if key not in named), 80)
