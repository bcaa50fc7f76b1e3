"""Lessons about one record at a time: does it fit the DCW (`sigma.aimicius.infrawise.one`)?

A DCW and about eight published records that resemble what it asks for: some fit, some are the same benchmark on another machine or
in another precision, some the same machine with a benchmark that sounds alike. Their prompts begin alike, so that a trainer may
compute that beginning once. Only DCWs that the train split may ask for come up; the figures are those of the task's `records`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.one import answer, asked, parted
from sigma.aimicius.infrawise.records import Record, fits, published, same_workload
from sigma.training.lessons import Lesson
from sigma.training.lessons.infrawise import dealt, draw
from sigma.training.lessons.infrawise_published import family, limit_near, measured

ASKED = 1200  # DCWs
MOST = {"fits": 3, "machine": 3, "workload": 2, "other": 1}
"""Records about one DCW: that fit (or are only too slow), of its machine only, of its workload only, of neither."""
OF_THE_MACHINE = 0.85  # part of the DCWs about whose machine there must be at least as many records as about others


def lessons(seed: int) -> Iterator[Lesson]:
    """The collection. `topic` is what is said of its names in turn."""
    rng = random.Random(f"infrawise records {seed}")
    decks: dict[str, list[str]] = {}
    seen: set[DCW] = set()
    while len(seen) < ASKED:
        dcw = draw(rng, dealt(rng, decks, "benchmarks", sorted(measured())))
        if rng.random() < 0.2 and (
            limit := limit_near(rng, DCW(dcw.target, dcw.baseline, names.DEFAULT, dcw.workload))
        ):
            dcw = DCW(dcw.target, dcw.baseline, f"within {limit}", dcw.workload)
        records, designs = about(rng, dcw), {dcw.target, dcw.baseline}
        known = sum(bool(designs & {record.hardware, record.sku}) for record in records)
        if dcw in seen or (known * 2 < len(records) and rng.random() < OF_THE_MACHINE):
            continue
        seen.add(dcw)
        for record in records:
            row = record.row(0)
            said = answer(row, dcw)
            topic = " ".join(line.rpartition(": ")[2] for line in said.splitlines())
            yield Lesson("infrawise_records", ({"role": "user", "content": asked(dcw, row)},), said, topic)


def about(rng: random.Random, dcw: DCW) -> list[Record]:
    """Records to ask about, in random order, by the kinds of MOST."""
    piles: dict[str, list[Record]] = {name: [] for name in MOST}
    plain = DCW(dcw.target, dcw.baseline, names.DEFAULT, dcw.workload)
    for record in published():
        if fits(record.row(0), plain):
            piles["fits"].append(record)
        elif same_workload(dcw.workload, record.workload):
            piles["workload"].append(record)
        elif {dcw.target, dcw.baseline} & {record.hardware, record.sku}:
            piles["machine"].append(record)
        else:
            piles["other"].append(record)
    found = [record for name, most in MOST.items() for record in _nearest(rng, piles[name], dcw, most)]
    rng.shuffle(found)
    return found


def _nearest(rng: random.Random, pile: Sequence[Record], dcw: DCW, most: int) -> list[Record]:
    """Up to `most` of a pile by chance, most of them of a benchmark like the DCW's, no two of one machine and workload."""
    ours, kin = parted(dcw.workload)[0], family(dcw.workload)
    weight: dict[tuple[Any, ...], float] = {}
    kept: dict[tuple[Any, ...], Record] = {}
    for record in rng.sample(list(pile), len(pile)):
        key = (record.hardware, record.sku, record.workload)
        kept[key] = record
        near = 6.0 if parted(record.workload)[0] == ours else 3.0 if family(record.workload) & kin else 1.0
        weight[key] = rng.random() ** (1 / near)
    return [kept[key] for key in sorted(weight, key=lambda key: -weight[key])[:most]]
