"""What is read from an answer: the DCW and the choice of results."""

import json
import time

import pytest

from sigma.aimicius.infrawise import dcw
from sigma.aimicius.infrawise.answer import read_dcw
from sigma.aimicius.infrawise.choice import read_choice

GOOD = {"Design": {"Target": "A100", "Baseline": ""}, "Criterion": "default", "Workload": "ORT inference"}
TEXT = json.dumps(GOOD)


@pytest.mark.parametrize(
    "answer",
    [
        TEXT,
        f"```json\n{json.dumps(GOOD, indent=2)}\n```",
        f"Sure! Here is the DCW:\n{TEXT}\nAnything else?",
        f"{TEXT} and once more {TEXT}",
        f"{{thinking}} {TEXT}",
        f"{{}} {TEXT}",
        TEXT.replace('""', "null"),
    ],
)
def test_a_dcw_is_found(answer):
    reading = read_dcw(answer)
    assert reading.problem == "" and reading.problems == {}
    assert reading.dcw() == dcw.DCW("A100", "", "default", "ORT inference")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "empty"),
        ("I do not know.", "no JSON object"),
        ("{" + "'Design': 1}", "no JSON object can be read"),
        (TEXT[:-2], "no JSON object can be read"),
        (TEXT.replace('"', "\u201d"), "no JSON object can be read"),
        ("{} [] {}", "no key at all"),
        ('{"design": {}}', "capital"),
        ('{"answer": ' + TEXT + "}", "instead of Design"),
        (f"{TEXT} or {TEXT.replace('A100', 'H100')}", "2 different DCWs"),
        ('{"a":' * 100_000, "no JSON object can be read"),
        ('{"Design": NaN}', "NaN is not JSON"),
    ],
)
def test_no_dcw_is_found_and_why(answer, says):
    reading = read_dcw(answer)
    assert says in reading.problem
    assert reading.dcw() is None


@pytest.mark.parametrize(
    ("change", "part", "says"),
    [
        ({"Criterion": 3}, "Criterion", "a number"),
        ({"Criterion": None}, "Criterion", "null"),
        ({"Criterion": True}, "Criterion", "true or false"),
        ({"Workload": ["ORT inference"]}, "Workload", "a list"),
        ({"Workload": "x" * 1000}, "Workload", "1,000 characters"),
        ({"Design": "A100"}, "Target", "a string, not an object"),
        ({"Design": {"Baseline": ""}}, "Target", "there is no Target"),
        ({"Design": {"Target": {"Target": "A100"}, "Baseline": ""}}, "Target", "an object"),
    ],
)
def test_a_part_of_the_wrong_kind(change, part, says):
    reading = read_dcw(json.dumps(GOOD | change))
    assert says in reading.problems[part]
    assert reading.problem == "" and part not in reading.parts


def test_keys_given_twice_are_refused():
    answer = '{"Design": {"Target": "A100", "Target": "H100", "Baseline": ""}, "Criterion": "default", "Criterion": "x", "Workload": "w"}'
    reading = read_dcw(answer)
    assert set(reading.problems) == {"Target", "Criterion"}
    assert "Design is given twice" in read_dcw('{"Design": {"Target": "A100"}, "Design": {}}').problems["Target"]


def test_other_keys_are_noted():
    assert "Reason" in read_dcw(json.dumps(GOOD | {"Reason": "because"})).notes[0]


def test_lone_surrogates_do_not_travel():
    reading = read_dcw(TEXT.replace("A100", "\\ud800"))
    reading.parts["Target"].encode("utf-8")


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("[2, 5]", {2, 5}),
        ("2, 5", {2, 5}),
        ("2 and 5.", {2, 5}),
        ("7", {7}),
        ("Results: [5, 2, 2]", {2, 5}),
        ("**Indices:** 2, 5", {2, 5}),
        ("The results that fit are [2, 5].", {2, 5}),
        ("```json\n[2, 5]\n```", {2, 5}),
        ('["2", "5"]', {2, 5}),
        ('[{"index": 2, "sku": "NDv4"}, {"index": 5}]', {2, 5}),
        ("None", set()),
        ("None.", set()),
        ("Results: None", set()),
        ("Results: []", set()),
        ("None of the results fits.", set()),
        ("- 1\n- 2", {1, 2}),
        ("The results are:\n* 4\n* 7", {4, 7}),
        ("1. 4\n2. 7", {4, 7}),
        ("(1, 2)", {1, 2}),
        ("(1,)", {1}),
        ("{1, 2}", {1, 2}),
        ("Results: {1, 2}", {1, 2}),
        ("Results 1, 2", {1, 2}),
        ("- Result 1\n- Result 2", {1, 2}),
        ("Results:\n- 1\n- 2", {1, 2}),
        ("There are no matching results.", set()),
        ("No results match.", set()),
        ("The matching results are 1, 2.", {1, 2}),
        ("Only result 2 matches.", {2}),
        ("Results 1 and 2 match the request.", {1, 2}),
        ("Index 3 only.", {3}),
        ("4 fits.", {4}),
        ("Results 1, 2 and 3 fit all criteria", {1, 2, 3}),
        ("Results: **2**, `5`", {2, 5}),
        ("[1, 2,]", {1, 2}),
        ("I took these: [1, 2, ]", {1, 2}),
        ("I found no matching results.", set()),
        ("There's no matching result.", set()),
        ("There aren\u2019t any matching results.", set()),
        ("No result matches the request.", set()),
        ("I looked at all ten. None of the records match.", set()),
        ("There are none.", set()),
        ("The list is empty.", set()),
        ("Results: no suitable result was found", set()),
        ("I looked.\nResults: 3\nResults: [3]", {3}),
        ("No other results match; the answer is [2].", {2}),
        ("Results: [2]\nNone of the others fits.", {2}),
        ("None of the rest fits. The answer is [2].", {2}),
        ("No results but [2] match.", {2}),
        ("There are no results with fp32, so fp16 is left: [2]", {2}),
        ("Baseline: None\nResults: [2]", {2}),
        ("Caveats:\n- None\nResults: [2]", {2}),
        ("There are no matching results.\nResults: None", set()),
        ("null", set()),
        ("Results: null", set()),
        ("N/A", set()),
        ("Results: n/a.", set()),
        ("1-3", {1, 2, 3}),
        ("Results 1 to 3", {1, 2, 3}),
        ("Results: 1\u20133, 5", {1, 2, 3, 5}),
        ("[2 through 4]", {2, 3, 4}),
    ],
)
def test_a_choice_is_read(answer, chosen):
    assert read_choice(answer).chosen == frozenset(chosen)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "no indexes"),
        ("It is hard to say.", "neither"),
        ("[1, 2] or [3]", "several different"),
        ("Results: 1\nResults: 2", "different lines"),
        ("None, or [2]", "None and a list"),
        ("No matching results, but [2]", "None and a list"),
        ("No results match exactly, but [2] is close.", "None and a list"),
        ("[2], although there are no matching results.", "None and a list"),
        ("I think no results match, still: [2, 5]", "None and a list"),
        ("There are no matching results.\nResults: [2]", "None and a list"),
        ("Results: [2]\n\nNone of them fits.", "None and a list"),
        ("Results: None, but [2]", "None and a list"),
        ("**No results** match (the closest is [2])", "None and a list"),
        ("Nothing fits, so [1]", "None and a list"),
        ("[1.5]", "neither"),
        ("[true]", "neither"),
        ("[[1]] [2]", "several"),
        ("-1", "neither"),
        ("[99999999]", "neither"),
        ("seven", "neither"),
        ("- 1\n- None", "neither"),
        ("results of 1999", "neither"),
        ("3 match.", "neither"),
        ("Results: 3 match", "neither"),
        ("No results match except 3.", "neither"),
        ("I found no matching workload.", "neither"),
        ("{1: 2}", "neither"),
        ("5-2", "neither"),
        ("0-999999", "neither"),
        ("1.5-3", "neither"),
    ],
)
def test_no_choice_is_read_and_why(answer, says):
    claim = read_choice(answer)
    assert claim.chosen is None
    assert says in claim.problem


@pytest.mark.parametrize(
    "answer",
    [
        "{" * 100_000,
        '{"Design":' * 20_000,
        "[" * 100_000,
        "1" + " " * 99_998 + "x",
        "\n" * 100_000,
        "1, " * 33_000 + "x",
        "and " * 25_000,
        "[1" * 50_000,
        "Results:\n" * 11_000,
        "Results: " + "1 " * 40_000 + "!",
        '{"Workload": "' + "-fp16 " * 16_000 + '"}',
        "\u0000\ud800" * 50_000,
        '{"Criterion": ' + "9" * 90_000 + "}",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_texts_are_read_in_no_time(answer):
    start = time.process_time()
    reading = read_dcw(answer)
    read_choice(answer)
    read_choice(reading.rest)
    assert reading.dcw() is None
    assert time.process_time() - start < 2


@pytest.mark.parametrize("words", ["Results:", "index", "The results are:"])
def test_an_announcement_without_a_list_states_nothing(words):
    assert read_choice(words).chosen is None
