"""Every task's judge, end to end, with quick stand-ins for the engines that cost time (`tests.aimicius.test_judges`)."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import Any

from _pytest.monkeypatch import MonkeyPatch
from hypothesis import strategies as st

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import Case, Task
from tests.aimicius.test_judges import PIECES, QUIET, judged
from tests.fuzz.target import Target
from tests.fuzz.texts import ANY_TEXT, ODD, changed, nested, soup

CASES = 18
PATCH = MonkeyPatch()


@cache
def prepared(name: str) -> tuple[Task, tuple[Case, ...], dict[str, Any]]:
    """The task with its stand-ins in place until `restore`, cases with a truth, and the truths' verdicts."""
    task = load_task(name)
    if name in QUIET:
        QUIET[name](task, PATCH)
    cases = tuple(case for case in (*task.examples(), *islice(task.generate("dev"), 14)) if case.truth)[:CASES]
    return task, cases, {case.id: judged(task, case, case.truth).scores for case in cases}


def restore() -> None:
    """The real engines again: another test of the same process means those."""
    PATCH.undo()
    prepared.cache_clear()


def check_of(name: str):
    """A judge gives a whole verdict on anything, no score above the truth's own, and the same one again."""

    def check(given: list) -> None:
        place, other, kind, edits, text = given
        task, cases, best = prepared(name)
        case = cases[place % len(cases)]
        truth = case.truth if kind != "other" else cases[other % len(cases)].truth
        answer = {"text": text, "around": f"{text}\n{truth}\n{text}"}.get(kind) or changed(truth, edits)
        verdict = judged(task, case, answer)
        for metric, score in verdict.scores.items():
            top = best[case.id][metric].value
            assert score.value is None or (top is not None and score.value <= top), (metric, score)
        assert judged(task, case, answer).scores == verdict.scores

    return check


PUT = st.one_of(st.sampled_from((*PIECES, *ODD)), st.none(), st.integers(-2, 10**6).map(str))
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 16), PUT).map(list), max_size=5)
GIVEN = st.tuples(
    st.integers(0, CASES - 1), st.integers(0, CASES - 1), st.sampled_from(("edit", "edit", "edit", "other", "text", "around")), EDITS,
    st.one_of(ANY_TEXT, soup(PIECES), nested(PIECES)),
).map(list)  # fmt: skip
TARGETS = tuple(
    Target(f"judges.{name}", f"the judge of {name}, end to end", GIVEN, check_of(name), 6.0) for name in NAMES
)
