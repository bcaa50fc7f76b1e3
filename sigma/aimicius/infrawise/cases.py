"""Cases made from the published records: seeded, and apart by split in templates (see `phrases`) and in what is asked.

A DCW (its four parts together) belongs to one split by its hash; no DCW of the test split is asked for in train or dev.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from sigma.aimicius.contract import SPLITS, Case, CaseError
from sigma.aimicius.infrawise import names, phrases
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import Record, fits, published, same_workload, times

SIZES = {"train": 5000, "dev": 100, "test": 400}
KINDS = (("dcw", 0.25), ("retrieval", 0.25), ("end-to-end", 0.5))
CONTEXT = 10  # results in a case
TEST_SHARE, DEV_SHARE = 12, 4  # percent of all DCWs


def split_of(dcw: DCW) -> str:
    """The one split that may ask for this DCW."""
    share = int(hashlib.sha256(dcw.to_json().encode()).hexdigest()[:8], 16) % 100
    return "test" if share < TEST_SHARE else "dev" if share < TEST_SHARE + DEV_SHARE else "train"


def cases(split: str) -> Iterator[Case]:
    """The split's cases. Raises CaseError for an unknown split."""
    if split not in SPLITS:
        raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
    rng = random.Random(f"infrawise {split} 1")
    seen: set[str] = set()
    number = 0
    while number < SIZES[split]:
        kind = rng.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        dcw = draw(rng, split)
        fields, truth = build(rng, split, kind, dcw)
        text = json.dumps(fields, sort_keys=True)
        if text in seen:
            continue
        seen.add(text)
        number += 1
        yield Case(f"infrawise-{split}-{number:04d}", fields, truth, split)


def build(
    rng: random.Random, split: str, kind: str, dcw: DCW, intention: str | None = None
) -> tuple[dict[str, Any], str]:
    """Fields and truth of a case about `dcw`; the request is made up unless one is given."""
    fields: dict[str, Any] = {"kind": kind}
    if kind != "retrieval":
        fields["intention"] = intention or ask(rng, split, dcw)
    else:
        fields["dcw"] = dcw.to_dict()
    if kind == "dcw":
        return fields, dcw.to_json()
    fields["records"], chosen = context(rng, dcw)
    listed = json.dumps(chosen) if chosen else "None"
    return fields, listed if kind == "retrieval" else f"{dcw.to_json()}\nResults: {listed}"


# What is asked


@cache
def measured() -> dict[str, dict[str, tuple[str, ...]]]:
    """benchmark -> {precision or "": designs with such a record}."""
    found: dict[str, dict[str, set[str]]] = {}
    for record in published():
        *head, last = record.workload.split()
        name, precision = (" ".join(head), last) if last in names.PRECISIONS else (record.workload, "")
        for key in {"", precision}:
            found.setdefault(name, {}).setdefault(key, set()).update({record.hardware, record.sku} - {""})
    return {name: {key: tuple(sorted(v)) for key, v in by.items()} for name, by in found.items()}


def draw(rng: random.Random, split: str) -> DCW:
    """A DCW of the split, mostly one that published records answer."""
    while True:
        dcw = _draw(rng)
        if dcw is not None and split_of(dcw) == split:
            return dcw


def _draw(rng: random.Random) -> DCW | None:
    name = rng.choice(tuple(phrases.WORKLOADS))
    by_precision = measured().get(name, {"": ()})
    named = [key for key in by_precision if key]
    precision = rng.choice(named) if named and rng.random() < 0.75 else ""
    known = by_precision[precision]
    if not known and rng.random() < 0.75:
        return None  # benchmarks without any published result are asked for less often
    target = rng.choice(known) if known and rng.random() < 0.88 else rng.choice(names.DESIGNS)
    baseline = ""
    if rng.random() < 0.5:
        baseline = rng.choice(known) if known and rng.random() < 0.85 else rng.choice(names.DESIGNS)
        if baseline == target or names.SKUS.get(target) == baseline or names.SKUS.get(baseline) == target:
            return None
    workload = f"{name} {precision}".strip()
    criterion = rng.choices((names.DEFAULT, names.PEAK, names.COST, "within"), (45, 20, 15, 20))[0]
    if criterion == "within":
        limit = _limit(rng, DCW(target, baseline, names.DEFAULT, workload))
        if limit is None:
            return None
        criterion = limit
    return DCW(target, baseline, criterion, workload)


def _limit(rng: random.Random, dcw: DCW) -> str | None:
    """A duration near the times of the records in question, so that it lets some pass and not others."""
    kin = zip(published(), _kinship(dcw.workload))
    found = [max(times(r.results)) for r, how in kin if how == SAME and fits(r.row(0), dcw) and times(r.results)]
    if not found:
        return None
    value = float(rng.choice(found)) * rng.choice((0.7, 0.9, 1.1, 1.3, 1.6, 2.2))
    unit, scale = ("s", 1.0) if value >= 2 else ("ms", 1e3) if value >= 2e-3 else ("us", 1e6)
    return f"within {float(f'{value * scale:.2g}'):g} {unit}"


# How it is asked


def ask(rng: random.Random, split: str, dcw: DCW) -> str:
    """A request in words that means the DCW."""
    at = SPLITS.index(split)
    template = rng.choice((phrases.COMPARE if dcw.baseline else phrases.SINGLE)[at])
    clause, duration = "", ""
    if dcw.criterion.startswith("within "):
        _, number, unit = dcw.criterion.split()
        duration = (
            f"{number}{rng.choice(('', ' '))}{unit}"
            if rng.random() < 0.6
            else f"{number} {phrases.DURATION_UNITS[unit][1]}"
        )
        clause = rng.choice(phrases.CRITERIA["within"][at])
    elif dcw.criterion != names.DEFAULT:
        clause = rng.choice(phrases.CRITERIA["peak" if dcw.criterion == names.PEAK else "cost"][at])
    if clause[:1].isupper():
        template = template.replace("{c}", "") + ("" if template[-1] in ".?!" else ".") + " " + clause
    else:
        template = template.replace("{c}", f"{', ' if template.endswith('{c}') else ' '}{clause}" if clause else "")
    if rng.random() < 0.12:
        template = typos(rng, template)
    text = (
        template.replace("{t}", rng.choice(phrases.DESIGN_NAMES[dcw.target]))
        .replace("{b}", rng.choice(phrases.DESIGN_NAMES[dcw.baseline]) if dcw.baseline else "")
        .replace("{w}", spoken(rng, at, dcw.workload))
        .replace("{d}", duration)
    )
    if rng.random() < 0.1:
        return text.lower()
    return text[0].upper() + text[1:] if template[0].isupper() and text[0].islower() else text


def spoken(rng: random.Random, at: int, workload: str) -> str:
    """A workload as people say it."""
    *head, last = workload.split()
    name, precision = (" ".join(head), last) if last in names.PRECISIONS else (workload, "")
    patterns, called = phrases.WORKLOADS[name]
    text = rng.choice(patterns[at]).replace("{m}", rng.choice(called))
    if not precision:
        return text
    return (
        rng.choice(phrases.PRECISION[at])
        .replace("{w}", text)
        .replace("{p}", rng.choice(phrases.PRECISION_NAMES[precision]))
    )


def typos(rng: random.Random, text: str) -> str:
    """One or two slips in words of five letters and more; slots and what they hold stay as they are."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    for i in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word = words[i]
        at = rng.randrange(1, len(word) - 2)
        words[i] = rng.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
    return " ".join(words)


# The results that it is asked about


def context(rng: random.Random, dcw: DCW) -> tuple[list[dict[str, Any]], list[int]]:
    """Ten records, most of the others close to what is asked, and the indexes of those that fit."""
    good, near, alike, far = [], [], [], []
    for record, kinship in zip(published(), _kinship(dcw.workload)):
        if kinship == SAME and fits(record.row(0), dcw):
            good.append(record)
        elif kinship in (SAME, PRECISION):
            near.append(record)  # the benchmark, but of another machine or precision, or too slow
        elif kinship == ALIKE and {dcw.target, dcw.baseline} & {record.hardware, record.sku}:
            alike.append(record)  # the machine, but a benchmark that sounds alike
        else:
            far.append(record)
    keep = 0 if rng.random() < 0.06 else min(len(good), rng.choice((1, 1, 2, 2, 3, 4)))
    if keep and dcw.baseline:  # a comparison shows both sides where both have been measured
        rng.shuffle(good)
        good.sort(key=lambda r: _side(r, dcw))
        half = [r for r in good if _side(r, dcw)]
        chosen = _some(rng, [r for r in good if not _side(r, dcw)], (keep + 1) // 2) + _some(
            rng, half, max(keep // 2, 1)
        )
    else:
        chosen = _some(rng, good, keep)
    picked = chosen + _some(rng, near, min(CONTEXT - len(chosen), rng.choice((3, 4, 5))))
    picked += _some(rng, alike, min(CONTEXT - len(picked), rng.choice((1, 2, 3))))
    picked += _some(rng, far, CONTEXT - len(picked))
    rng.shuffle(picked)
    rows = [record.row(index) for index, record in enumerate(picked, 1)]
    return rows, [row["index"] for row in rows if fits(row, dcw)]


def _some(rng: random.Random, pool: list[Record], count: int) -> list[Record]:
    return rng.sample(pool, min(len(pool), count))


def _side(record: Record, dcw: DCW) -> bool:
    return dcw.baseline in (record.hardware, record.sku)


SAME, PRECISION, ALIKE, OTHER = "same", "precision", "alike", "other"
KIN = {"gemm", "matmul", "cgemm", "sgemm", "gemmex", "allreduce", "reduce", "allgather"}


@cache
def _kinship(workload: str) -> tuple[str, ...]:
    """How each published record's workload relates to this one."""
    ours = set(workload.casefold().split()) - {"training", "inference", *names.PRECISIONS}
    found = []
    for record in published():
        theirs = set(record.workload.casefold().split())
        if same_workload(workload, record.workload):
            found.append(SAME)
        elif names.workload_key(workload)[0] == names.workload_key(record.workload)[0]:
            found.append(PRECISION)
        elif ours & theirs or (ours & KIN and theirs & KIN):
            found.append(ALIKE)
        else:
            found.append(OTHER)
    return tuple(found)
