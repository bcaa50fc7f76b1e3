"""The Tasks tab without a page: fields, judges in threads, verdict payloads and turns."""

import json
import threading
import time
from dataclasses import replace

import pytest

from sigma.aimicius import load_task, worked
from sigma.aimicius.contract import Case, MetricInfo, Part, Score, Verdict, verdict_of
from sigma.aimicius.worked import nearest
from sigma.events import ChatRequest, PromptError, Sampling
from tests.aimicius.small_task import TASK, SmallTask
from tests.fake_engine import FakeEngine
from visualizers.shared.stream import Run
from visualizers.shared.turn_view import TurnView
from visualizers.tasks import common, fields
from visualizers.tasks.choose.handlers import sent_html
from visualizers.tasks.judging import Judges
from visualizers.tasks.loader import TaskLoader
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


# The task_loader


def test_tasks_load_once_and_explains_what_it_cannot_load():
    loads = []

    def load(name):
        loads.append(name)
        if name == "gone":
            raise ModuleNotFoundError("No module named 'duckdb'", name="duckdb")
        if name == "bad":
            raise RuntimeError("secret")
        return TASK

    task_loader = TaskLoader(("small", "gone", "bad"), load)
    assert task_loader.task("small") is task_loader.task("small") and loads == ["small"]
    with pytest.raises(PromptError, match="duckdb is missing"):
        task_loader.task("gone")
    with pytest.raises(PromptError, match="log says why") as caught:
        task_loader.task("bad")
    assert "secret" not in str(caught.value)
    for name in ("none", None, ["small"], "x" * 1000):
        with pytest.raises(PromptError, match="There is no task"):
            task_loader.task(name)
    assert task_loader.draw("small") is None, "a task without a drawing is shown as text"


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
    slow, judges = Slow(), Judges()
    judgement = judges.start(slow, TASK.examples()[0], "7")
    until(lambda: judgement.parts)
    assert not judgement.finished() and judgement.verdict is None
    slow.go.set()
    until(judgement.finished)
    assert judgement.verdict.scores["Exact"].value == 1 and len(judgement.parts) == 3


def test_a_judge_that_takes_too_long_is_given_up_and_cannot_pile_up():
    slow, judges = Slow(), Judges(seats=1, seconds=0.2)
    case = TASK.examples()[0]
    hanging = judges.judge(slow, case, "7")
    assert hanging.verdict is None and "longer than" in hanging.problem
    waiting = judges.judge(TASK, case, "7")
    assert waiting.verdict is None and waiting.problem, "the only seat is taken"
    slow.go.set()
    until(lambda: judges.judge(TASK, case, "7").verdict is not None)
    assert hanging.verdict is None, "a verdict that comes late changes nothing"


@pytest.mark.parametrize("found", [[], [Part("a", "good", "b")], None])
def test_a_judge_that_breaks_its_promise_is_no_crash(found):
    class Broken(SmallTask):
        def judge(self, case, answer):
            if found is None:
                raise RuntimeError("secret")
            yield from found

    judgement = Judges().judge(Broken(), TASK.examples()[0], "7")
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

    judged = Judges().judge(Echo(), TASK.examples()[0], HOSTILE)
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


def asked_turn(engine, cases, budget=48, run=None, judges=None, task=TASK):
    asked = Asked(task, cases, budget, {"sigma": "Sigma", "gqa": "GQA"})
    run = run or Run(TurnView(0.0, tuple(cases)))
    request = ChatRequest(asked.messages, Sampling(max_new_tokens=budget))
    return asked, run, stream_and_judge(engine, request, asked, judges or Judges(), run)


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


def test_examples_are_looked_up_once_a_turn_and_said(monkeypatch):
    cmdgen, engine, asked_for = load_task("cmdgen"), FakeEngine(words=40, delay=0.02), []
    monkeypatch.setattr(worked, "nearest", lambda *given: asked_for.append(given) or nearest(*given))
    case = cmdgen.examples()[0]
    asked, _, updates = asked_turn(engine, {"sigma": case, "gqa": case}, task=cmdgen)
    answers = [json.loads(update.answers["sigma"]) for update in updates if "sigma" in update.answers]
    assert len(answers) > 3 and len(asked_for) == 2  # a side each, however many tokens
    assert all(answer["turn"] == f"{cmdgen.worked} worked examples" for answer in answers)
    alone = replace(asked, worked=0, held=True)
    assert alone.how("gqa") == "held to the form" and len(alone.messages["gqa"]) == 2


def test_examples_that_cannot_be_read_are_said_in_the_place_of_the_prompt(tmp_path, monkeypatch):
    monkeypatch.setattr(worked, "FOLDER", tmp_path)
    (tmp_path / "cmdgen.jsonl.gz").write_bytes(b"no gzip")
    worked._collection.cache_clear()
    cmdgen = load_task("cmdgen")
    case = cmdgen.examples()[0]
    try:
        assert "cmdgen.jsonl.gz" in sent_html(cmdgen, case, True) and case.fields["prompt"] in sent_html(
            cmdgen, case, False
        )
    finally:
        worked._collection.cache_clear()


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
