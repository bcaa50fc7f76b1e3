"""Evaluations without a page: slices of a small test set, asked and judged, and their table."""

import csv
import io
import json
import threading
import time

import pytest

from sigma.aimicius.contract import Case, CaseError
from sigma.aimicius.scoring import Report
from tests.aimicius.small_task import TASK, SmallTask
from tests.fake_engine import FakeEngine
from visualizers.tasks.evaluate import results, trial
from visualizers.tasks.judging import Judges


def run_small(engine=None, cases=None, task=TASK, side="truth", stop=None):
    cases = cases or list(task.generate("test"))[:6]
    one = trial.Trial(task, side, side, len(cases), Report(task, side))
    for _ in trial.run_trial(one, cases, engine, Judges(), stop or threading.Event()):
        pass
    return one


def test_a_trial_of_the_truths_scores_in_full():
    one = run_small()
    assert one.ended and one.report.to_dict()["metrics"]["Exact"] == 100.0 and len(one.rows) == 6


def test_a_trial_asks_the_model_and_can_be_stopped():
    engine, stop = FakeEngine(words=400, delay=0.002), threading.Event()
    one = trial.Trial(TASK, "gqa", "GQA", 3, Report(TASK, "gqa"))
    steps = trial.run_trial(one, list(TASK.generate("test"))[:3], engine, Judges(), stop)
    next(steps)
    assert one.note.startswith("case 1 of 3: ") and one.note.endswith("of 48 tokens")
    assert list(engine.requests[-1].messages) == ["gqa"] and engine.open_now()
    stop.set()
    assert list(steps) == [] and not one.ended and not engine.open_now()
    again = run_small(FakeEngine(words=12), side="sigma")
    assert again.ended and again.report.stopped == {"stop": 6}


@pytest.mark.parametrize("held, sent", [(True, "start: /[0-9]+/"), (False, None)])
def test_a_trial_that_is_held_sends_the_tasks_grammar(held, sent):
    class Formed(SmallTask):
        def grammar(self, case):
            return "start: /[0-9]+/"

    engine, task = FakeEngine(words=3), Formed()
    one = trial.Trial(task, "sigma", "Sigma", 1, Report(task, "sigma"), held=held)
    list(trial.run_trial(one, list(task.generate("test"))[:1], engine, Judges(), threading.Event()))
    assert engine.requests[-1].grammar == sent and one.ended


def test_cases_that_cannot_be_judged_count_nowhere():
    class Broken(SmallTask):
        def judge(self, case, answer):
            raise RuntimeError

    one = run_small(task=Broken())
    assert one.ended and one.report.whole.n == 0 and all(row["problem"] for row in one.rows)
    payload = json.loads(results.results_payload(TASK, [one], one, False))
    assert "6 could not be judged" in payload["progress"] and payload["table"] == ""


def test_finding_cases_tells_its_progress_and_its_errors(monkeypatch):
    def slow(task, data, split, limit, progress):
        progress("Small test", 7)
        time.sleep(0.1)
        return list(task.generate(split))[:limit]

    monkeypatch.setattr(trial, "load_cases", slow)
    *said, cases = trial.find_cases(TASK, 3, threading.Event())
    assert len(cases) == 3 and said and all(isinstance(text, str) for text in said)

    def fails(*_):
        raise CaseError("the file is gone")

    monkeypatch.setattr(trial, "load_cases", fails)
    with pytest.raises(CaseError, match="gone"):
        list(trial.find_cases(TASK, 3, threading.Event()))


def test_the_table_shows_ours_beside_the_papers():
    one = run_small()
    html = results.table_html(TASK, [one])
    assert "our AIMicius-style test set, n = 6; other data, other size of model" in html
    assert "Table 6" in html and "80.5" in html and "Sigma-10B" in html
    assert results.paper_models(TASK) == ["GPT-4", "Sigma-System-10B"]
    found = TASK.metrics[0]
    assert [results.paper_figure(found, "GPT-4", group) for group in ("", "sum", "product")] == [90.0, 91.5, None]
    assert html.count("<tbody>") == 2, "all, and the only group of these six"


def test_what_is_saved_can_be_read_and_holds_no_formula():
    cases = [Case("=1+2", {"question": "x", "numbers": [1, 2], "kind": "sum"}, "3")]
    one = run_small(FakeEngine(words=6), cases, side="sigma")
    one.rows[0]["answer"] = '=HYPERLINK("http://x")\n"quoted", <b>'
    payload = json.loads(results.results_payload(TASK, [one], one, False))
    rows = list(csv.DictReader(io.StringIO(payload["csv"])))
    assert rows[0]["answer"].startswith("'=HYPERLINK") and rows[0]["id"] == "'=1+2" and rows[0]["Number Found"] == "1.0"
    saved = json.loads(payload["json"])
    assert saved["reports"][0]["n"] == 1 and saved["cases"][0]["answer"].startswith("=HYPERLINK")
    running = json.loads(results.results_payload(TASK, [one], one, True))
    assert running["csv"] == "" == running["summary"]
