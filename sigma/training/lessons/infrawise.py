"""Lessons for Infrawise: requests become DCWs, DCWs (or requests) choose among published results.

Half of them ask for the DCW alone, in many more wordings than the train split has (`infrawise_asks`, `infrawise_names`);
the rest for the results that fit, with the DCW given or asked for as well. Their contexts (`infrawise_contexts`) grow
from 2 records to 10, for a small model learns to compare texts by few of them, again and again: in waves, so that the first
part of the collection is like the whole.
Answers have the form of the train split's truths. Only DCWs that the train split may ask for come up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from sigma.aimicius.contract import Case
from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.prompt import prompt
from sigma.training.lessons import Lesson
from sigma.training.lessons.infrawise_asks import WORDED, word
from sigma.training.lessons.infrawise_contexts import answerable, context, limit_near, measured
from sigma.training.lessons.infrawise_names import WORKLOADS, spoken_design, spoken_workload

COUNTS = {"dcw": 3600, "retrieval": 2200, "end-to-end": 1400}
SIZES = ((2, 3), (3, 4), (4, 5), (5, 6, 7), (7, 8, 9), (10,), (10,), (10,))
"""Records in a context, by eighths of a wave."""
WAVE = 240  # lessons; a run that takes only the first lessons must meet short and long contexts


def lessons(seed: int) -> Iterator[Lesson]:
    """The collection: kinds mixed, contexts growing in each wave, no question twice. `topic` is the kind and what sort of answer it has."""
    for case, topic in questions(seed):
        yield Lesson("infrawise", ({"role": "user", "content": prompt(case.fields)},), case.truth, topic)


def questions(seed: int) -> Iterator[tuple[Case, str]]:
    """The same as cases of the task, which its judge can score, and their topics."""
    rng = random.Random(f"infrawise lessons {seed}")
    kinds = [kind for kind, count in COUNTS.items() for _ in range(count)]
    rng.shuffle(kinds)
    seen: set[str] = set()
    deck: list[str] = []  # so that the first few hundred lessons already ask for every workload
    for number, kind in enumerate(kinds):
        sizes = SIZES[number % WAVE * len(SIZES) // WAVE]
        while True:
            deck = deck or rng.sample(list(WORKLOADS), len(WORKLOADS))
            fields, truth, topic = _draw(rng, kind, rng.choice(sizes), deck.pop() if kind == "dcw" else "")
            key = json.dumps(fields, sort_keys=True)
            if key not in seen:
                break
        seen.add(key)
        yield Case(f"infrawise-lesson-{number:04d}", fields, truth, "train"), topic


def _draw(rng: random.Random, kind: str, size: int, benchmark: str) -> tuple[dict, str, str]:
    wanted = 0 if kind == "dcw" else rng.choice((0, 1, 1, 1, 2, 2, 3, 4, rng.randint(0, size), size))
    dcw = _with_answers(rng, wanted) if kind != "dcw" else draw(rng, answered=False, benchmark=benchmark)
    fields: dict = {"kind": kind}
    if kind == "retrieval":
        fields["dcw"] = (_respelt(rng, dcw) if rng.random() < 0.12 else dcw).to_dict()
    else:
        fields["intention"] = request(rng, dcw)
    if kind == "dcw":
        sort = "within" if dcw.criterion.startswith("within") else dcw.criterion
        return fields, dcw.to_json(), f"dcw, {'two' if dcw.baseline else 'one'}, {sort}"
    fields["records"], chosen = context(rng, dcw, size, wanted)
    listed = json.dumps(chosen) if chosen else "None"
    truth = listed if kind == "retrieval" else f"{dcw.to_json()}\nResults: {listed}"
    return fields, truth, f"{kind}, {len(chosen)} of {len(fields['records'])}"


def draw(rng: random.Random, answered: bool, benchmark: str = "") -> DCW:
    """A DCW of the train split, about any workload unless one is named; with `answered` nearly always one that published
    results answer."""
    while True:
        dcw = _dcw(rng, 0.96 if answered else 0.6, benchmark or rng.choice(list(WORKLOADS)))
        if dcw is not None and split_of(dcw) == "train":
            return dcw


def _with_answers(rng: random.Random, wanted: int) -> DCW:
    """A DCW that at least so many published records fit, if one of eight draws is such."""
    for _ in range(8):
        dcw = draw(rng, answered=True)
        if answerable(dcw) >= wanted:
            break
    return dcw


def _dcw(rng: random.Random, known_share: float, benchmark: str) -> DCW | None:
    """A DCW of that workload, or None: designs with results of it in `known_share` of the cases, else any at all."""
    precisions = measured().get(benchmark, {"": ()})
    known = rng.random() < known_share
    named = [p for p in (precisions if known else (*precisions, *names.PRECISIONS)) if p]
    precision = rng.choice(named) if named and rng.random() < (0.75 if len(precisions) > 1 else 0.1) else ""
    pool = precisions.get(precision, ()) if known else names.DESIGNS
    if not pool:
        return None
    target, baseline = rng.choice(pool), ""
    if rng.random() < 0.5:
        baseline = rng.choice(pool if rng.random() < 0.8 else names.DESIGNS)
        if baseline == target or names.SKUS.get(target) == baseline or names.SKUS.get(baseline) == target:
            return None
    workload = f"{benchmark} {precision}".strip()
    criterion = rng.choices((names.DEFAULT, names.PEAK, names.COST, "within"), (4, 2, 2, 2))[0]
    if criterion == "within":
        limit = limit_near(rng, DCW(target, baseline, names.DEFAULT, workload)) if known else _any_limit(rng)
        if not limit:
            return None
        criterion = f"within {limit}"
    return DCW(target, baseline, criterion, workload)


def _any_limit(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return rng.choice(list(WORDED))
    return f"{rng.choice((1, 2, 3, 5, 8, 12, 15, 20, 25, 50, 75, 120, 150, 250, 400, 0.5, 1.5, 2.5))} {rng.choice(('us', 'ms', 'ms', 's', 'min'))}"


def request(rng: random.Random, dcw: DCW) -> str:
    """The DCW in somebody's words."""
    baseline = spoken_design(rng, dcw.baseline) if dcw.baseline else ""
    workload = spoken_workload(rng, dcw.workload, dcw.target, dcw.baseline)
    return word(rng, spoken_design(rng, dcw.target), baseline, workload, dcw.criterion)


def _respelt(rng: random.Random, dcw: DCW) -> DCW:
    """The same DCW in another spelling that `names` reads as the same."""
    target = rng.choice([s for s in (spoken_design(rng, dcw.target), dcw.target) if names.design(s) == dcw.target])
    workload = spoken_workload(rng, dcw.workload, dcw.target, dcw.baseline)
    same = names.workload_key(workload) == names.workload_key(dcw.workload)
    return DCW(target, dcw.baseline, dcw.criterion, workload if same else dcw.workload)
