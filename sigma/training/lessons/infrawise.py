"""Lessons for Infrawise's first half: requests become DCWs, in many more wordings than the train split has.

Only DCWs that the train split may ask for come up (`infrawise_asks`, `infrawise_names`). The second half, which results
fit a DCW, is in `infrawise_records`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from sigma.aimicius.contract import Case
from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.cases import split_of
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.prompt import dcw_prompt
from sigma.training.lessons import Lesson
from sigma.training.lessons.infrawise_asks import WORDED, word
from sigma.training.lessons.infrawise_names import WORKLOADS, spoken_design, spoken_workload
from sigma.training.lessons.infrawise_published import limit_near, measured, one_machine

DCWS = 3600


def lessons(seed: int) -> Iterator[Lesson]:
    """The collection, no question twice. `topic` is what sort of DCW it is."""
    for case, topic in questions(seed):
        yield Lesson(
            "infrawise", ({"role": "user", "content": dcw_prompt(case.fields["intention"])},), case.truth, topic
        )


def questions(seed: int) -> Iterator[tuple[Case, str]]:
    """The same as cases of the task, which its judge can score, and their topics."""
    alone = _alone(random.Random(f"infrawise lessons for the DCW alone {seed}"))
    for number, (fields, truth, topic) in zip(range(DCWS), alone):
        yield Case(f"infrawise-lesson-{number:04d}", fields, truth, "train"), topic


def dealt(rng: random.Random, decks: dict[str, list[str]], name: str, cards: list[str]) -> str:
    """One of the cards, all of them before any comes again."""
    if not decks.get(name):
        decks[name] = rng.sample(cards, len(cards))
    return decks[name].pop()


def _alone(rng: random.Random) -> Iterator[tuple[dict, str, str]]:
    """Questions for the DCW alone, about all workloads in turn, none twice."""
    decks: dict[str, list[str]] = {}
    seen: set[str] = set()
    while True:
        dcw = draw(rng, dealt(rng, decks, "workloads", list(WORKLOADS)))
        intention = request(rng, dcw)
        if intention not in seen:
            seen.add(intention)
            sort = "within" if dcw.criterion.startswith("within") else dcw.criterion
            topic = f"dcw, {'two' if dcw.baseline else 'one'}, {sort}"
            yield {"kind": "dcw", "intention": intention}, dcw.to_json(), topic


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
    if rng.random() < 0.6:
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
