"""The drawing of a verdict: pure, complete, and no text of an answer becomes HTML."""

import json
import re

import pytest

from sigma.aimicius.contract import Case, verdict_of
from sigma.aimicius.infrawise import TASK
from visualizers.tasks.infrawise import draw, number

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">&amp;'


def drawn(case, answer):
    return [draw(part.view) for part in verdict_of(TASK, case, answer).parts if part.view]


def test_cards_show_right_and_wrong_parts_with_the_truth():
    case = TASK.examples()[0]
    cards, _ = drawn(case, case.truth.replace('"NDmv4"', '"NDv5"'))
    assert len(re.findall('data-state="good"', cards)) == 3 and len(re.findall('data-state="bad"', cards)) == 1
    assert "NDv5" in cards and "truth: NDmv4" in cards


def test_results_are_marked_by_what_was_chosen_and_what_fits():
    row = {"hardware": "A100", "sku": "NDv4", "workload": "VGG11 training", "results": {"throughput (samples/s)": 3}}
    rows = [{**row, "index": index} for index in (1, 2, 3, 4)]
    rows[2]["results"] = {"time (ms)": 5}
    case = Case("x", {"kind": "retrieval", "dcw": {}, "records": rows}, "[1, 2]")
    (html,) = drawn(case, "[1, 3]")
    assert [html.count(f'<li data-mark="{mark}"') for mark in ("found", "wrong", "missed", "other")] == [1, 1, 1, 1]
    assert html.count('class="iw-row"') == 1 and "samples/s" in html, "a time cannot stand beside a throughput"


def test_an_answer_without_anything_is_drawn_too():
    for case in TASK.examples():
        for answer in ("", "{}", "[999]"):
            assert all(isinstance(html, str) and html for html in drawn(case, answer))


@pytest.mark.parametrize("place", ["answer", "record", "truthless"])
def test_everything_is_escaped(place):
    row = {"index": 1, "hardware": EVIL, "sku": EVIL, "workload": EVIL, "results": {f"{EVIL} (<b>)": 3.5, EVIL: EVIL}}
    dcw = {"Design": {"Target": EVIL, "Baseline": ""}, "Criterion": EVIL, "Workload": "y"}
    answer = f"{json.dumps(dcw)}\nResults: [1]"
    truth = "" if place == "truthless" else TASK.examples()[0].truth.split("\n")[0] + "\nResults: [1]"
    html = "".join(drawn(Case("x", {"kind": "end-to-end", "intention": EVIL, "records": [row]}, truth), answer))
    assert "&lt;script&gt;" in html
    assert set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", html)) <= set(
        "dl div dt dd span b i ul li figure figcaption svg rect small".split()
    )
    assert 'onerror="' not in html and "style=" not in html


def test_drawings_are_pure_and_small():
    case = TASK.examples()[0]
    assert drawn(case, case.truth) == drawn(case, case.truth)
    assert all(len(html) < 40_000 for html in drawn(case, case.truth))
    assert draw({"kind": "something else"}) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(466.35, "466.4"), (2822.4, "2,822.4"), (511860, "511,860"), (0.35, "0.35"), (8.0, "8")]
)
def test_numbers_are_readable(value, text):
    assert number(value) == text
