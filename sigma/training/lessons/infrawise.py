"""Lessons for Infrawise: requests become DCWs, DCWs (or requests) choose among published results.

Half of them ask for the DCW alone, in many more wordings than the train split has (`infrawise_asks`, `infrawise_names`);
the rest for the results that fit, with the DCW given or asked for as well. These come in contexts (`infrawise_contexts`): one list of
records and about five questions whose right answers differ, one behind the other, so that their prompts begin alike and a
trainer may compute that beginning once. Most lists are short, for a small model learns to compare texts by few of them, again and
again; the first contexts have the DCW given. Answers look at each record before they choose (`infrawise_worked`).
Only DCWs that the train split may ask for come up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from sigma.aimicius.contract import Case
from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.cases import ask, split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.prompt import prompt
from sigma.aimicius.infrawise.records import fits
from sigma.training.lessons import Lesson
from sigma.training.lessons.infrawise_asks import WORDED, word
from sigma.training.lessons.infrawise_contexts import asked, context, limit_near, measured, one_machine
from sigma.training.lessons.infrawise_names import WORKLOADS, spoken_design, spoken_workload
from sigma.training.lessons.infrawise_worked import worked

DCWS = 3600  # lessons that ask for the DCW alone
CONTEXTS = {"retrieval": 420, "end-to-end": 300}
RETRIEVAL_FIRST = 12  # contexts at the beginning in which the DCW is given: a short run must meet both kinds
SIZES = (3, 2, 4, 10, 3, 4, 3, 2, 5, 4, 10, 3, 4, 2, 8, 3, 4, 10, 6, 3)
"""Records in a context, again and again in this order: a run that takes only the first lessons meets short and long ones."""
QUESTIONS = (4, 5, 5, 6)
SPLITS_WORDS = 0.3  # part of the requests with records that are in the train split's own wordings


def lessons(seed: int) -> Iterator[Lesson]:
    """The collection: contexts with lessons for the DCW alone between them, no question twice. `topic` is the kind and what sort of
    answer it has."""
    for case, topic in questions(seed):
        yield Lesson("infrawise", ({"role": "user", "content": prompt(case.fields)},), case.truth, topic)


def questions(seed: int) -> Iterator[tuple[Case, str]]:
    """The same as cases of the task, which its judge can score, and their topics."""
    rng = random.Random(f"infrawise lessons {seed}")
    mixed = ["retrieval"] * (CONTEXTS["retrieval"] - RETRIEVAL_FIRST) + ["end-to-end"] * CONTEXTS["end-to-end"]
    rng.shuffle(mixed)
    kinds = ["retrieval"] * RETRIEVAL_FIRST + mixed
    alone, decks, number = _alone(random.Random(f"infrawise lessons for the DCW alone {seed}")), {}, 0
    seen: set[str] = set()  # lists of records
    for place, kind in enumerate(kinds):
        found = _context(rng, kind, SIZES[place % len(SIZES)], decks, seen)
        due = DCWS * (place + 1) // len(kinds) - DCWS * place // len(kinds)
        found += [next(alone) for _ in range(due)]
        for fields, truth, topic in found:
            yield Case(f"infrawise-lesson-{number:04d}", fields, truth, "train"), topic
            number += 1


def _dealt(rng: random.Random, decks: dict[str, list[str]], name: str, cards: list[str]) -> str:
    """One of the cards, all of them before any comes again."""
    if not decks.get(name):
        decks[name] = rng.sample(cards, len(cards))
    return decks[name].pop()


def _alone(rng: random.Random) -> Iterator[tuple[dict, str, str]]:
    """Questions for the DCW alone, about all workloads in turn, none twice."""
    decks: dict[str, list[str]] = {}
    seen: set[str] = set()
    while True:
        dcw = draw(rng, _dealt(rng, decks, "workloads", list(WORKLOADS)))
        intention = request(rng, dcw)
        if intention not in seen:
            seen.add(intention)
            sort = "within" if dcw.criterion.startswith("within") else dcw.criterion
            topic = f"dcw, {'two' if dcw.baseline else 'one'}, {sort}"
            yield {"kind": "dcw", "intention": intention}, dcw.to_json(), topic


def _context(
    rng: random.Random, kind: str, size: int, decks: dict[str, list[str]], seen: set[str]
) -> list[tuple[dict, str, str]]:
    """The questions of one list of records, about a benchmark that is dealt."""
    count, found, answers = rng.choice(QUESTIONS), [], set()
    rows: list = []
    while len(found) < count or len(answers) < 3 or repr(rows) in seen:  # a list can have fewer than three answers
        rows = context(rng, size, _dealt(rng, decks, "benchmarks", sorted(measured())))
        found = asked(rng, rows, count)
        answers = {tuple(fits(row, dcw) for row in rows) for dcw in found}
    seen.add(repr(rows))
    taught = []
    for dcw in found:
        if kind == "retrieval":
            given = _respelt(rng, dcw) if rng.random() < 0.05 else dcw
            fields = {"kind": kind, "dcw": given.to_dict(), "records": rows}
            truth = worked(rows, dcw)
        else:
            # The train split never speaks of minutes.
            plain = rng.random() < SPLITS_WORDS and not dcw.criterion.endswith("min")
            said = ask(rng, "train", dcw) if plain else request(rng, dcw)
            fields = {"kind": kind, "intention": said, "records": rows}
            truth = f"{dcw.to_json()}\n{worked(rows, dcw)}"
        taught.append((fields, truth, f"{kind}, {sum(fits(row, dcw) for row in rows)} of {size}"))
    return taught


def draw(rng: random.Random, benchmark: str) -> DCW:
    """A DCW of the train split about that workload."""
    while True:
        dcw = _dcw(rng, 0.6, benchmark)
        if dcw is not None and split_of(dcw) == "train":
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
        if one_machine(target, baseline):
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
