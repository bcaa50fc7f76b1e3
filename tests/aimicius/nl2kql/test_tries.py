"""Faults of a query that show without a truth, and the further tries that they lead to."""

import pytest

from sigma.aimicius import load_task
from sigma.aimicius.contract import verdict_of
from sigma.aimicius.evaluate import ask, load_cases
from sigma.aimicius.nl2kql.answer import find_query
from sigma.aimicius.nl2kql.faults import faults, values
from sigma.aimicius.nl2kql.schema import fleet
from sigma.aimicius.tries import BEST
from tests.aimicius.test_asking import Scripted

TASK = load_task("nl2kql")
QUESTION = "p90 outage time by unit of the cooling events near racks starting with weu2 in the last 8 hours"
EVENTS = 'cluster("fleetops").database("facility").CoolingEvents'
RIGHT = (
    f'{EVENTS} | where TIMESTAMP > ago(8h) | where Rack startswith "weu2" | summarize percentile(OutageMin, 90) by Unit'
)


@pytest.mark.parametrize(
    "question, found",
    [
        (QUESTION, ["90", "weu2", "8"]),
        ("the 75th percentile of ocr-train-3 under 560.35.03, more than 120 s, past 10d, below -7.", "75 ocr-train-3 560.35.03 120 10 7".split()),
        ("all of it", []),
    ],
)  # fmt: skip
def test_values_are_what_a_query_has_to_say(question, found):
    assert values(question) == found


@pytest.mark.parametrize(
    "query, wrong",
    [
        (RIGHT, []),
        (RIGHT.replace("8h", "9h"), ["leaves out 8", "has 9, which is not asked for"]),
        (RIGHT.replace("weu2", "eus"), ["leaves out weu2", "has eus, which is not asked about"]),
        (RIGHT.replace("90", "99"), ["leaves out 90", "has 99, which is not asked for"]),
    ],
)
def test_what_is_wrong_is_said(query, wrong):
    assert faults(QUESTION, query, fleet()) == wrong


def test_names_that_are_not_there_syntax_and_no_query_are_faults():
    assert any("Outage" in one for one in faults(QUESTION, RIGHT.replace("OutageMin", "OutageHours"), fleet()))
    assert len(faults(QUESTION, RIGHT.replace("| where", "| were"), fleet())) == 3
    assert len(faults(QUESTION, "", fleet())) == 4 == len(faults(QUESTION, ".drop table x", fleet()))
    for odd in ("\0", '"' * 399, "x | " * 4000, "7" * 10_000):
        assert isinstance(faults(odd, odd, fleet()), list)


def test_hardly_a_right_query_looks_faulty():
    cases = [*load_cases(TASK, None, "dev", 100), *load_cases(TASK, None, "train", 300)]
    alarms = [case for case in cases if faults(case.fields["question"], case.truth, fleet())]
    assert len(alarms) <= 0.02 * len(cases), [(case.fields["question"], case.truth) for case in alarms[:5]]


def tried(case, answers, tries=None):
    """(the whole answer, how each try was asked): the engine's answers in turn."""
    left = iter(answers)
    engine = Scripted(lambda side, prompt: next(left))
    *_, answer = ask(engine, "sigma", TASK, case, 0, tries=tries)
    return answer, [request.sampling for request in engine.requests]


def test_a_faulty_query_is_tried_again_and_the_try_with_the_fewest_faults_counts():
    case = TASK.case({"id": "a", "question": QUESTION, "truth": RIGHT}, "here")
    wrong, worse = RIGHT.replace("8h", "9h"), "I cannot."
    answer, asked = tried(case, [wrong, RIGHT, "never asked"])
    assert [s.seed for s in asked] == [None, 1] and verdict_of(TASK, case, answer.text).scores["Similarity"].value == 1
    assert "# another try: it leaves out 8; has 9" in answer.text
    answer, asked = tried(case, [wrong, worse, worse, worse])
    assert len(asked) == 4 and answer.text.endswith(f"{BEST}\n{wrong}") and find_query(answer.text).query == wrong
    assert "of several tries the last counts" in find_query(answer.text).notes
    assert tried(case, [wrong], tries=1)[0].text == wrong


def test_a_prompt_of_somebodys_own_is_asked_once():
    case = TASK.case({"id": "a", "prompt": "Write a query.", "truth": RIGHT}, "here")
    assert len(tried(case, ["nothing", "nothing"])[1]) == 1
