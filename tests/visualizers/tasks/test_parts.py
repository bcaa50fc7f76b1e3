"""The Tasks tab without a page: fields, judges in threads, verdict payloads, turns and trials."""

import csv
import io
import json
import threading
import time
from dataclasses import replace

import pytest

from sigma.aimicius.contract import Case, CaseError, MetricInfo, Part, Score, Verdict, verdict_of
from sigma.aimicius.scoring import Report
from sigma.events import ChatRequest, PromptError, Sampling
from tests.aimicius.small_task import TASK, SmallTask
from tests.fake_engine import FakeEngine
from visualizers.shared.stream import Run
from visualizers.shared.turn_view import TurnView
from visualizers.tasks import common, fields
from visualizers.tasks.evaluate import results, trial
from visualizers.tasks.judging import JudgeRoom
from visualizers.tasks.shelf import Shelf
from visualizers.tasks.turn import Asked, judge_one, stream_and_judge

HOSTILE = '<img src=x onerror="window.broken=1"></pre></textarea><script>window.broken=1</script>&"\'`'


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


# Fields


def test_fields_come_back_as_they_were():
    for case in [*TASK.examples(), *TASK.generate("dev")]:
        texts = fields.to_boxes(case)
        assert fields.from_boxes(TASK, case, texts, case.truth) == Case(case.id, case.fields, case.truth)
        assert all(isinstance(text, str) for text in texts.values())
    matrix = fields.to_text([[1, 2.5], [float("inf"), 4]])
    assert matrix.count("\n") == 3 and json.loads(matrix) == [[1, 2.5], [float("inf"), 4]]
    assert fields.lines_of("x" * 500) == 5 and fields.lines_of("\n" * 500) == fields.LINES


def test_a_changed_question_does_not_keep_the_old_truth():
    case = TASK.examples()[0]
    texts = {**fields.to_boxes(case), "question": "What is 3 plus 5?"}
    assert fields.from_boxes(TASK, case, texts, case.truth).truth == ""
    own = fields.from_boxes(TASK, case, texts, "8")
    assert own.truth == "8" and own.id != case.id and own.fields["question"] == "What is 3 plus 5?"


@pytest.mark.parametrize(
    "changed,message",
    [
        ({"numbers": "[3, 4"}, "field numbers is not JSON: Expecting"),
        ({"numbers": "[" * 100_000}, "not JSON"),
        ({"numbers": "[3]"}, "'numbers' is not a list of two"),
        ({"question": "x" * 300_000}, "at most 200,000 are read"),
    ],
)
def test_fields_that_cannot_be_read_are_explained(changed, message):
    case = TASK.examples()[0]
    with pytest.raises(PromptError, match=message):
        fields.from_boxes(TASK, case, {**fields.to_boxes(case), **changed}, "")


def test_more_fields_than_boxes_is_an_error_of_the_task():
    with pytest.raises(ValueError, match="9 fields"):
        fields.to_boxes(Case("x", {str(i): "" for i in range(9)}, ""))


# The shelf


def test_the_shelf_loads_once_and_explains_what_it_cannot_load():
    loads = []

    def load(name):
        loads.append(name)
        if name == "gone":
            raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
        if name == "bad":
            raise RuntimeError("secret")
        return TASK

    shelf = Shelf(("small", "gone", "bad"), load)
    assert shelf.task("small") is shelf.task("small") and loads == ["small"]
    with pytest.raises(PromptError, match="duckdb is missing"):
        shelf.task("gone")
    with pytest.raises(PromptError, match="log says why") as caught:
        shelf.task("bad")
    assert "secret" not in str(caught.value)
    for name in ("none", None, ["small"], "x" * 1000):
        with pytest.raises(PromptError, match="There is no task"):
            shelf.task(name)
    assert shelf.draw("small") is None, "a task without a drawing is shown as text"


# Judges


class Slow(SmallTask):
    """Gives one part, then waits for `go`."""

    def __init__(self):
        self.go = threading.Event()

    def judge(self, case, answer):
        yield Part("first", "good", "here")
        self.go.wait(10)
        yield from super().judge(case, answer)


def test_parts_can_be_read_before_the_verdict():
    slow, room = Slow(), JudgeRoom()
    judgement = room.start(slow, TASK.examples()[0], "7")
    until(lambda: judgement.parts)
    assert not judgement.finished() and judgement.verdict is None
    slow.go.set()
    until(judgement.finished)
    assert judgement.verdict.scores["Exact"].value == 1 and len(judgement.parts) == 3


def test_a_judge_that_takes_too_long_is_given_up_and_cannot_pile_up():
    slow, room = Slow(), JudgeRoom(seats=1, seconds=0.2)
    case = TASK.examples()[0]
    hanging = room.judge(slow, case, "7")
    assert hanging.verdict is None and "longer than" in hanging.problem
    waiting = room.judge(TASK, case, "7")
    assert waiting.verdict is None and waiting.problem, "the only seat is taken"
    slow.go.set()
    until(lambda: room.judge(TASK, case, "7").verdict is not None)
    assert hanging.verdict is None, "a verdict that comes late changes nothing"


@pytest.mark.parametrize("found", [[], [Part("a", "good", "b")], None])
def test_a_judge_that_breaks_its_promise_is_no_crash(found):
    class Broken(SmallTask):
        def judge(self, case, answer):
            if found is None:
                raise RuntimeError("secret")
            yield from found

    judgement = JudgeRoom().judge(Broken(), TASK.examples()[0], "7")
    assert judgement.verdict is None and "secret" not in judgement.problem and judgement.problem


# Verdicts as HTML


def view_of(*payloads):
    return [json.loads(payload) for payload in payloads if payload is not None]


def test_every_text_of_a_verdict_is_escaped():
    class Echo(SmallTask):
        metrics = (MetricInfo(HOSTILE, HOSTILE, primary=True),)

        def judge(self, case, answer):
            part = Part(answer, "good", answer, {"kind": answer, "rows": [answer]})
            yield part
            yield Verdict({HOSTILE: Score(0.5, answer)}, (part,))

    judged = JudgeRoom().judge(Echo(), TASK.examples()[0], HOSTILE)
    (payload,) = [p for p in judge_one("k", HOSTILE, judged, None) if p]
    assert "<" not in payload
    (state,) = view_of(payload)
    html = "".join(state["parts"]) + state["scores"]
    assert "<img" not in html and "<script" not in html and "</pre></textarea>" not in html
    assert html.count("&lt;img") >= 5
    sent = common.messages_html({"": [{"role": HOSTILE, "content": HOSTILE}]})
    assert "<img" not in sent and "&lt;img" in sent


def test_a_drawing_that_fails_or_grows_is_replaced_by_plain_text(caplog):
    def fails(view):
        raise KeyError("x")

    for draw in (fails, lambda view: 7, lambda view: "x" * 1_000_000):
        html = common.view_html({"kind": "<b>"}, draw)
        assert "part-plain" in html and "<b>" not in html
    assert common.view_html({"kind": "x"}, lambda view: "<i>drawn</i>") == '<div class="part-view"><i>drawn</i></div>'
    assert common.view_html(None, fails) == ""
    long = common.part_html(Part("n", "no such state", "t" * 10_000), None)
    assert len(long) < 5000 and 'data-state="neutral"' in long


def test_a_verdict_without_a_truth_says_so():
    verdict = verdict_of(TASK, replace(TASK.examples()[0], truth=""), "7")
    html = common.scores_html(TASK.metrics, verdict.scores)
    assert "no truth" in html and "–" in html
    assert common.spoken("Sigma", TASK, verdict) == "Sigma: Number Found 100.0 %."
    assert common.spoken("S", TASK, Verdict({})).startswith("S: judged; no score")


# A turn


def asked_turn(engine, cases, budget=48, run=None, room=None, task=TASK):
    asked = Asked(task, cases, budget, {"sigma": "Sigma", "gqa": "GQA"})
    run = run or Run(TurnView(0.0, tuple(cases)))
    request = ChatRequest(asked.messages(), Sampling(max_new_tokens=budget))
    return asked, run, stream_and_judge(engine, request, asked, room or JudgeRoom(), run)


def test_a_turn_streams_both_sides_and_judges_each():
    case = TASK.examples()[0]
    engine = FakeEngine(words=20)
    asked, run, updates = asked_turn(engine, {"sigma": case, "gqa": case})
    seen = list(updates)
    last = {side: [u.verdicts[side] for u in seen if side in u.verdicts][-1] for side in ("sigma", "gqa")}
    for side, name in (("sigma", "Sigma"), ("gqa", "GQA")):
        (state,) = view_of(last[side])
        assert state["state"] == "done" and state["summary"].startswith(f"{name}: Exact 0.0 %")
        answer = json.loads([u.answers[side] for u in seen if side in u.answers][-1])
        assert answer["phase"] == "done" and answer["tokens"] == 20 and answer["budget"] == 48
        assert asked.judgements[side].answer == answer["text"]
    assert run.ended.is_set() and not engine.open_now()


def test_a_stopped_side_is_not_judged_and_the_device_is_free():
    case = TASK.examples()[0]
    engine = FakeEngine(words=500, delay=0.005)
    asked, run, updates = asked_turn(engine, {"sigma": case, "gqa": case}, budget=500)
    next(updates)
    run.stop.set()
    rest = list(updates)
    assert not engine.open_now() and not asked.judgements
    assert (
        json.loads(rest[-1].answers["sigma"] if rest[-1].answers else rest[-2].answers["sigma"])["phase"] == "stopped"
    )


def test_closing_a_turn_frees_the_device_and_leaves_the_judge():
    slow, case = Slow(), TASK.examples()[0]
    engine = FakeEngine(words=8)
    asked, _, updates = asked_turn(engine, {"sigma": case}, task=slow)
    while not asked.judgements:
        next(updates)
    updates.close()
    assert not engine.open_now() and asked.judgements["sigma"].finished()
    slow.go.set()


# Trials and their table


def run_small(engine=None, cases=None, task=TASK, side="truth", stop=None):
    cases = cases or list(task.generate("test"))[:6]
    one = trial.Trial(task, side, side, len(cases), Report(task, side))
    for _ in trial.run_trial(one, cases, engine, JudgeRoom(), stop or threading.Event()):
        pass
    return one


def test_a_trial_of_the_truths_scores_in_full():
    one = run_small()
    assert one.ended and one.report.to_dict()["metrics"]["Exact"] == 100.0 and len(one.rows) == 6


def test_a_trial_asks_the_model_and_can_be_stopped():
    engine, stop = FakeEngine(words=400, delay=0.002), threading.Event()
    one = trial.Trial(TASK, "gqa", "GQA", 3, Report(TASK, "gqa"))
    steps = trial.run_trial(one, list(TASK.generate("test"))[:3], engine, JudgeRoom(), stop)
    next(steps)
    assert one.note.startswith("case 1 of 3: ") and one.note.endswith("of 48 tokens")
    assert list(engine.requests[-1].messages) == ["gqa"] and engine.open_now()
    stop.set()
    assert list(steps) == [] and not one.ended and not engine.open_now()
    again = run_small(FakeEngine(words=12), side="sigma")
    assert again.ended and again.report.stopped == {"stop": 6}


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
