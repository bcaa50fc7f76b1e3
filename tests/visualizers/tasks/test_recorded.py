"""The recorded scores of the default models on the Tasks tab."""

import json

from sigma.aimicius import load_task
from visualizers.tasks.recorded import RECORDED, outcomes, recorded, recorded_html

TASK = load_task("cmdgen")


def report(model, side, accuracy, data="test"):
    metrics = {metric.name: None for metric in TASK.metrics} | {"Accuracy": accuracy}
    groups = {"AMD": {"n": 1, "metrics": metrics}}
    return {"model": model, "task": "cmdgen", "data": data, "side": side, "n": 3, "metrics": metrics, "groups": groups}


def pair(model, low, high, data="test"):
    row = {"task": "cmdgen", "data": data, "metric": "Accuracy", "primary": True, "n": 3}
    return {"model": model, **row, "difference": -2.0, "low": low, "high": high}


def written(tmp_path, content):
    path = tmp_path / "figures.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_both_kinds_of_data_stand_apart_beside_the_paper(tmp_path):
    reports = [
        report("<b>tuned", "sigma", 61.5),
        report("untuned", "gqa", 0.25),
        report("tuned", "sigma", 12.0, "heldout"),
    ]
    path = written(
        tmp_path, {"reports": reports, "paired": [pair("tuned", -7.5, 3.5), pair("x", None, None, "heldout")]}
    )
    html = recorded_html(TASK, path)
    assert html.count("<table") == 2 and html.index("61.5") < html.index("by hand") < html.index("12.0")
    assert "&lt;b&gt;tuned" in html and "<b>tuned" not in html and "Table 6" in html
    assert "-2.0 points (95 % interval -7.5 to +3.5, n = 3)" in html and "one case: no interval" in html
    assert recorded_html(load_task("nl2kql"), path) == ""


def test_an_example_has_a_sign_for_each_side_where_both_were_recorded(tmp_path):
    mine, theirs = {"a": "right", "b": "partly", "c": "wrong"}, {"a": "wrong", "b": "right", "d": "right", "c": ""}
    reports = [
        report("x", side, 1.0, "examples") | {"outcomes": found} for side, found in (("sigma", mine), ("gqa", theirs))
    ]
    assert outcomes(TASK, written(tmp_path, {"reports": reports, "paired": []})) == {"a": "✓✗", "b": "◐✓"}
    recorded.cache_clear()
    assert outcomes(TASK, written(tmp_path, {"reports": reports[:1], "paired": []})) == {}
    recorded.cache_clear()


def test_no_file_and_a_damaged_one_show_nothing(tmp_path):
    assert recorded_html(TASK, tmp_path / "none.json") == ""
    for content in ("", "[]", "{}", "no json"):
        path = written(tmp_path, content)
        recorded.cache_clear()
        assert recorded_html(TASK, path) == ""


def test_the_shipped_record_has_both_sides_of_every_task():
    rows = {(row["task"], row["data"], row["side"]) for row in recorded(RECORDED)["reports"]}
    for task in ("cmdgen", "infrawise", "optiflow", "nl2kql"):
        for data in ("test", "heldout"):
            assert {(task, data, "sigma"), (task, data, "gqa")} <= rows
        assert "details" in recorded_html(load_task(task))
