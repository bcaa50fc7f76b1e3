"""Recorded figures: means by group, paired differences, and a file that keeps other models' figures."""

import json
import math

import pytest

from sigma.aimicius.contract import CaseError
from sigma.aimicius.record import interval, main, merged, pairs, read_verdicts, reports


def row(case, side, accuracy, group="NVIDIA", data="test", task="cmdgen"):
    scores = {} if accuracy is None else {"Accuracy": {"value": accuracy, "reason": "x"}}
    return {
        "task": task,
        "side": side,
        "data": data,
        "group": group,
        "id": case,
        "finish": "stop",
        "answer": "a",
        "truth": "b",
        "scores": scores,
        "parts": [],
    }


def written(path, rows):
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_means_by_group_and_what_does_not_apply(tmp_path):
    rows = [row("a", "sigma", 1.0), row("b", "sigma", 0.0, "AMD"), row("c", "sigma", None, "AMD")]
    (report,) = reports(read_verdicts([written(tmp_path / "v", rows)]))
    assert (report["n"], report["metrics"]["Accuracy"], report["metrics"]["CMD Score"]) == (3, 50.0, None)
    assert report["groups"]["AMD"]["n"] == 2 and report["groups"]["AMD"]["metrics"]["Accuracy"] == 0.0
    assert report["finished_by"] == {"stop": 3}


def test_of_examples_it_says_what_became_of_each(tmp_path):
    values = {"a": 1.0, "b": 0.0, "c": 0.5, "d": None}
    rows = [row(case, "gqa", value, data="examples") for case, value in values.items()]
    (report,) = reports(read_verdicts([written(tmp_path / "v", rows)]))
    assert report["outcomes"] == {"a": "right", "b": "wrong", "c": "partly", "d": ""}
    alone = {**row("a", "gqa", None, data="examples"), "scores": {"CMD Score": {"value": 1.0}}}
    (report,) = reports(read_verdicts([written(tmp_path / "u", [alone])]))
    assert report["outcomes"] == {"a": "right"}
    (other,) = reports(read_verdicts([written(tmp_path / "w", [row("a", "gqa", 1.0)])]))
    assert "outcomes" not in other


def test_the_difference_is_taken_case_by_case(tmp_path):
    mine = [row(str(i), "sigma", float(i % 2)) for i in range(8)]
    theirs = [row(str(i), "gqa", float(i % 4 == 1)) for i in range(10)]  # two cases that Sigma was not asked
    found = read_verdicts([written(tmp_path / "a", mine), written(tmp_path / "b", theirs)])
    (pair,) = pairs(found)
    # differences: 100 at 3 and 7, else 0
    mean, deviation = 25.0, math.sqrt(15000 / 7)
    assert (pair["metric"], pair["n"], pair["difference"]) == ("Accuracy", 8, 25.0)
    assert pair["high"] - mean == pytest.approx(1.96 * deviation / math.sqrt(8), rel=1e-3)
    assert pair["low"] == pytest.approx(2 * mean - pair["high"], abs=0.02)


def test_one_case_has_no_interval():
    mean, low, high = interval([5.0])
    assert mean == 5.0 and math.isnan(low) and math.isnan(high)


@pytest.mark.parametrize(
    "text, words",
    [("", "no verdicts"), ("{}\n", "v, line 1: not a verdict"), ("[1]\n", "not a verdict"), ("{\n", "line 1")],
)
def test_files_that_hold_no_verdicts(tmp_path, text, words):
    (tmp_path / "v").write_text(text)
    with pytest.raises(CaseError, match=words):
        read_verdicts([tmp_path / "v"])


def test_a_case_twice_is_refused(tmp_path):
    path = written(tmp_path / "v", [row("a", "sigma", 1.0), row("a", "sigma", 0.0)])
    with pytest.raises(CaseError, match=r"line 2.*already"):
        read_verdicts([path])


def test_a_file_keeps_other_models_and_other_data(tmp_path):
    out = tmp_path / "figures.json"
    for model, accuracy, data in (
        ("old", 0.0, "test"),
        ("new", 0.5, "test"),
        ("new", 0.2, "heldout"),
        ("new", 1.0, "test"),
    ):
        path = written(tmp_path / "v", [row("a", "sigma", accuracy, data=data), row("a", "gqa", 0.0, data=data)])
        main([str(path), "--model", model, "--out", str(out), "--json"])
    kept = json.loads(out.read_text())
    figures = {(r["model"], r["data"], r["side"]): r["metrics"]["Accuracy"] for r in kept["reports"]}
    assert figures[("old", "test", "sigma")] == 0.0 and figures[("new", "test", "sigma")] == 100.0
    assert figures[("new", "heldout", "sigma")] == 20.0 and len(kept["reports"]) == 6 and len(kept["paired"]) == 3


def test_another_file_is_not_overwritten(tmp_path):
    out = tmp_path / "figures.json"
    for text in ("{}", "[]", "no json", '{"reports": [{}], "paired": []}'):
        out.write_text(text)
        with pytest.raises(CaseError, match="something else"):
            merged(out, {"reports": [], "paired": []}, "x")


def test_the_command_prints_both_tables(tmp_path, capsys):
    path = written(
        tmp_path / "v", [row("a", "sigma", 1.0), row("b", "sigma", 1.0), row("a", "gqa", 0.0), row("b", "gqa", 1.0)]
    )
    main([str(path)])
    printed = capsys.readouterr().out
    assert "ACCURACY" in printed and "Sigma less GQA" in printed and "50" in printed
