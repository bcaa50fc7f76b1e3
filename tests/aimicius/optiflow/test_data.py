"""Generated cases: the same everywhere, splits that share nothing, truths that hold."""

import hashlib
import itertools
import json

import pytest

from sigma.aimicius.contract import CaseError, verdict_of
from sigma.aimicius.optiflow import SANDBOX, TASK
from sigma.aimicius.optiflow import cases as generation
from sigma.aimicius.optiflow.generator import phrases
from sigma.aimicius.optiflow.generator.programs import GOOD, SLOW, STYLES, good_program
from sigma.aimicius.optiflow.question import read_question

# Of the first cases of each split; a change of the generator changes them, and with them every figure on the test set.
HASHES = {"train": "68e6713630634550", "dev": "04793174c372a73d", "test": "0ae02270a2594aa8"}
SAMPLE = 300


@pytest.fixture(scope="module")
def cases():
    return {split: list(itertools.islice(TASK.generate(split), SAMPLE)) for split in ("train", "dev", "test")}


def digest(found) -> str:
    return hashlib.sha256("\n".join(c.to_json() for c in found).encode()).hexdigest()[:16]


@pytest.mark.parametrize("split", HASHES)
def test_the_cases_are_the_same_on_every_machine(cases, split):
    assert digest(cases[split][:100]) == HASHES[split]


def test_counts_and_unknown_splits():
    assert generation.COUNTS == {"train": 5000, "dev": 100, "test": 400}
    assert sum(1 for _ in TASK.generate("dev")) == 100
    with pytest.raises(CaseError, match="no split"):
        next(TASK.generate("validation"))


def every_text(split):
    """All sentences and names of a split that hold words (an empty one says nothing)."""
    pools = [
        phrases.SCENES[split],
        phrases.ASKS[split],
        *phrases.STYLES[split].values(),
        *phrases.MACHINES[split].values(),
    ]
    return {text for pool in pools for text in pool if text}


def test_no_sentence_value_or_machine_is_shared_between_splits():
    pairs = [("train", "dev"), ("train", "test"), ("dev", "test")]
    for one, two in pairs:
        assert not every_text(one) & every_text(two)
        for pool in (generation.SIZES, generation.WIDTHS, generation.ALPHAS, *generation.COMBOS.values()):
            assert pool[one] and pool[two] and not set(pool[one]) & set(pool[two])


def used(case) -> tuple[set, set, set]:
    t = read_question(case.fields).topology
    alphas = {x for row in t.latency for x in row if 0 < x < float("inf")}
    return alphas, {x for row in t.bandwidth for x in row if x}, {case.fields["size"]}


def test_the_cases_use_their_own_splits_values_only(cases):
    seen = {split: [set(), set(), set()] for split in cases}
    for split, found in cases.items():
        for case in found:
            # The known machines are in the training split only, with the values that they have.
            if case.fields["topology"] == "custom":
                for pool, more in zip(seen[split], used(case)):
                    pool |= more
            else:
                assert split == "train"
    for one, two in itertools.combinations(seen, 2):
        assert all(not a & b for a, b in zip(seen[one], seen[two]))
    asked = {split: {c.fields["question"] for c in found} for split, found in cases.items()}
    assert not asked["train"] & asked["test"] and not asked["dev"] & asked["test"]


def test_many_phrasings_both_turns_and_all_kinds(cases):
    for split, found in cases.items():
        assert len({c.fields["question"] for c in found}) > 0.9 * len(found)
        seconds = sum("previous" in c.fields for c in found)
        assert 0.25 * len(found) < seconds < 0.55 * len(found)
        assert len({c.id for c in found}) == len(found)
        assert {c.split for c in found} == {split}


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_cases_survive_their_file(cases, split):
    for case in cases[split][:50]:
        again = TASK.case(json.loads(case.to_json()), "line 1")
        assert (again.id, again.fields, again.truth) == (case.id, case.fields, case.truth)
        assert TASK.messages(again)[-1]["role"] == "user"


def test_programs_are_short():
    for scheme in GOOD:
        for style in STYLES:
            assert len(good_program(scheme, style, 8, 2).splitlines()) <= 18
    assert all(len(text.splitlines()) <= 12 for text in SLOW.values())


def test_truths_get_full_marks_through_the_sandbox(cases):
    if SANDBOX.status()[0] == "unavailable":
        pytest.skip(SANDBOX.status()[1])
    for case in [c for split in cases for c in cases[split][:60:6]]:
        verdict = verdict_of(TASK, case, case.truth)
        expected = [1.0, 1.0, 1.0, 1.0, 1.0 if "previous" in case.fields else None]
        assert [s.value for s in verdict.scores.values()] == expected, (case.id, verdict.scores)
