"""Infrawise: the DCW in an answer, and the results that it chooses."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.choice import read_choice
from sigma.aimicius.infrawise.dcw import PARTS, normal
from sigma.aimicius.infrawise.faults import MOST_CHARACTERS, designs, faults
from sigma.aimicius.infrawise.names import DESIGNS
from tests.fuzz.target import Target
from tests.fuzz.texts import language

DCWS = (
    '{"Design": {"Target": "NDmH100v5", "Baseline": "NDm A100 v4"}, "Criterion": "default", "Workload": "ORT inference"}',
    'Sure:\n```json\n{"Design": {"Target": "A100", "Baseline": ""}, "Criterion": "peak FP16", "Workload": "GPT-2 training"}\n```\nResults: [1, 3]',
    '{"Design": {"Target": "H100", "Baseline": null}, "Criterion": "accuracy", "Workload": "BERT", "Extra": [1, {"a": 2}]}',
    '{"Criterion": "x", "Workload": "y"}',
    '{"Design": {"Target": "A", "Target": "B", "Baseline": ""}, "Criterion": "c", "Workload": "w"} {"Design": 3}',
)
DCW_PIECES = (
    '{"Design": ', '"Target": ', '"Baseline": ""', '"Criterion": "', '"Workload": "', "null", "true", "1.5", "-0", "[", "]", "{", "}", ",", ":", '"', '\\"', "\\u0000",
    "\\ud800", "```json", "Infinity", "Design", "design", '"Design": {"Target": "A", "Baseline": "B"}',
)  # fmt: skip
CHOICES = (
    "Results: [1, 2, 5]", "None", "The matching results are 2 and 5.", "- 1\n- 2\n- 7", "Results: None of these fit.", "[]", "1, 2, 3-5", "[0] and [1]", "Answer: 3",
    "No results match the request, so the list is empty.", "None but [2].", "Index 4 is the only one that fits", "**Results:** `[3, 4]`", '["1", "2"]', '[{"index": 3}]',
)  # fmt: skip
CHOICE_PIECES = (
    "Results: ", "None", "none of them", "[", "]", ", ", "1", "12", "0", " to ", "-", "and", "index ", "the", "fits", "match", "no", "not any", "\n- ", "\n1. ", ".",
    "!", "but", "except", "other", "(", ")", "*", "_", "#", "all", "3 match", "…",
)  # fmt: skip


def check_dcw(answer: str) -> None:
    """Every part is text or has a reason; a DCW that was read says itself again."""
    reading = read_dcw(answer)
    assert reading.problem or all(name in reading.parts or reading.problems.get(name) for name in PARTS)
    json.dumps([reading.parts, reading.problems, reading.notes, reading.problem], ensure_ascii=False).encode()
    dcw = reading.dcw()
    if dcw is not None:
        again = read_dcw(dcw.to_json())
        assert again.dcw() is not None
        assert all(normal(name, again.parts[name]) == normal(name, reading.parts[name]) for name in PARTS)


def check_choice(answer: str) -> None:
    """A set of indexes or a reason; the set, said plainly, is read as itself."""
    claim = read_choice(answer)
    assert (claim.chosen is None) == bool(claim.problem)
    if claim.chosen is not None:
        assert all(0 <= index < 1_000_000 for index in claim.chosen)
        said = f"Results: {sorted(claim.chosen)}" if claim.chosen else "Results: None"
        assert read_choice(said).chosen == claim.chosen


def check_faults(case: tuple[str, str]) -> None:
    """Words for people, the same again; a design that an answer has and its request names is no fault."""
    request, answer = case
    found = faults(request, answer)
    assert found == faults(request, answer) and all(isinstance(words, str) and words for words in found)
    asked = designs(request[:MOST_CHARACTERS])
    assert all(name in DESIGNS for name in asked)
    assert not any(words == f"has {name}, which is not asked about" for words in found for name in asked)


LINES = language(DCWS, (*DCW_PIECES, *DESIGNS, "within 200 ms", "fp16"))
TARGETS = (
    Target("facts.dcw", "the design, criterion and workload in an answer (Infrawise)", language(DCWS, DCW_PIECES), check_dcw),
    Target("facts.choice", "the results that an answer chooses (Infrawise)", language(CHOICES, CHOICE_PIECES), check_choice),
    Target("facts.faults", "what is wrong with a DCW as far as its request tells (Infrawise)",
           st.tuples(LINES, LINES).map(list), check_faults),
)  # fmt: skip
