"""The evaluation command."""

import json
from itertools import pairwise

import pytest

from sigma.aimicius import evaluate, load_task
from sigma.aimicius.answers import Answer, AnswerLog, read_answers
from sigma.aimicius.contract import Case, Score, Verdict
from sigma.aimicius.scoring import Report
from sigma.events import PromptError
from tests.aimicius.commands import call
from tests.aimicius.small_task import TASK
from tests.fake_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("small")


class Loader:
    """Stands in for load_engine: counts how often a model was loaded and asked, and can be interrupted."""

    def __init__(self, monkeypatch):
        self.loads, self.asked, self.interrupt_at = 0, [], None
        import sigma.engine.engine

        monkeypatch.setattr(sigma.engine.engine, "load_engine", self.load)

    def load(self, *_):
        self.loads += 1
        outer = self

        class Engine(FakeEngine):
            def stream(self, request, session=None):
                if len(outer.asked) == outer.interrupt_at:
                    raise KeyboardInterrupt
                (messages,) = request.messages.values()
                outer.asked.append(messages[-1]["content"])
                if "77" in messages[-1]["content"]:
                    raise PromptError("too long")
                return super().stream(request, session)

            def close(self):
                pass

        return Engine(words=30)


@pytest.fixture
def loader(monkeypatch):
    return Loader(monkeypatch)


@pytest.mark.parametrize("options, sent", [(("--constrained",), "start: /x/"), ((), None)])
def test_constrained_answers_are_asked_with_the_tasks_grammar(capsys, loader, monkeypatch, options, sent):
    grammars = []
    stream = FakeEngine.stream
    monkeypatch.setattr(type(TASK), "grammar", lambda self, case: "start: /x/")
    monkeypatch.setattr(
        FakeEngine,
        "stream",
        lambda self, request, session=None: grammars.append(request.grammar) or stream(self, request),
    )
    status, _, _ = call(capsys, "--task", "small", "--side", "gqa", "--limit", 2, *options)
    assert status == 0 and grammars == [sent] * 2


def test_truths_score_in_full_and_the_keys_are_those_promised(capsys, loader):
    status, result, _ = call(capsys, "--task", "small", "--answers", "truth")
    assert status == 0 and loader.loads == 0
    assert (result["task"], result["side"], result["n"]) == ("small", "truth", 20)
    assert result["metrics"] == {"Number Found": 100.0, "Exact": 100.0, "Improved": None}
    assert result["counted"]["Improved"] == 0
    assert result["groups"]["product"] == {"n": 10, "metrics": result["metrics"]}


def test_all_tasks_in_one_object(capsys):
    _, result, _ = call(capsys, "--task", "all", "--answers", "truth", "--limit", 4)
    assert (result["task"], result["n"], len(result["tasks"])) == ("all", 8, 2)
    assert result["metrics"]["other: Exact"] == 100.0
    assert result["tasks"][1]["task"] == "other" and result["tasks"][1]["n"] == 4


def test_the_pages_examples_are_data_too(capsys):
    _, result, _ = call(capsys, "--task", "all", "--answers", "truth", "--data", "examples")
    assert result["n"] == 2 * len(TASK.examples()) and result["tasks"][0]["data"] == "examples"
    assert result["tasks"][0]["metrics"]["Exact"] == 100.0


def test_the_table_for_people(capsys):
    evaluate.main(["--task", "small", "--answers", "truth", "--limit", "5"])
    out = capsys.readouterr().out
    assert "EXACT" in out and "sum (n=2)" in out and "all (n=5)" in out


def test_a_slice_is_a_fixed_sample_with_every_group_in_its_share():
    cases = list(TASK.generate("test"))
    drawn = evaluate.sample(TASK, cases, 10)
    assert drawn == evaluate.sample(TASK, cases, 10) and len({case.id for case in drawn}) == 10
    assert evaluate.sample(TASK, cases, 20) == cases == evaluate.sample(TASK, cases, 99)
    assert evaluate.sample(TASK, cases, None) == cases
    places = [cases.index(case) for case in drawn]
    assert places == sorted(places) and len({b - a for a, b in pairwise(places)}) > 1


@pytest.mark.parametrize("limit", [1, 7, 20, 50, 100])
def test_a_slice_of_cmdgen_holds_both_vendors_in_their_shares(limit):
    task = load_task("cmdgen")
    cases = list(task.generate("test"))
    drawn = evaluate.sample(task, cases, limit)
    assert len(drawn) == limit
    for vendor in ("NVIDIA", "AMD"):
        share = limit * sum(task.group(case) == vendor for case in cases) / len(cases)
        assert abs(sum(task.group(case) == vendor for case in drawn) - share) < 1


def test_means_leave_out_what_does_not_apply():
    report = Report(TASK, "sigma")
    for value in (1.0, 0.5, None):
        verdict = Verdict({"Exact": Score(value, ""), "Number Found": Score(1.0, "")})
        report.add(Case("x", {"kind": "sum"}, "1"), verdict, "stop")
    result = report.to_dict()
    assert result["metrics"] == {"Number Found": 100.0, "Exact": 75.0, "Improved": None}
    assert result["counted"] == {"Number Found": 3, "Exact": 2, "Improved": 0}
    assert result["finished_by"] == {"stop": 3}


def test_a_model_is_asked_and_its_answers_are_judged(capsys, loader, tmp_path):
    kept = tmp_path / "verdicts.jsonl"
    status, result, _ = call(capsys, "--task", "small", "--side", "gqa", "--limit", 4, "--verdicts", kept)
    # The fake model repeats the question and goes on with word1.0, word1.1 ...: a number, never the right one.
    assert status == 0 and result["side"] == "gqa" and result["metrics"]["Number Found"] == 100.0
    assert result["metrics"]["Exact"] < 100 and result["finished_by"] == {"stop": 4} and result["unanswered"] == 0
    assert loader.loads == 1 and len(loader.asked) == 4
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(rows) == 4 and rows[0]["answer"].startswith("GQA 135M heard") and "Exact" in rows[0]["scores"]


def test_the_token_budget_is_the_tasks_or_the_callers(capsys, loader):
    _, result, _ = call(capsys, "--task", "small", "--limit", 2, "--max-new-tokens", 3)
    assert result["finished_by"] == {"length": 2}


def test_a_prompt_that_the_model_cannot_take_counts_as_an_empty_answer(capsys, loader, tmp_path):
    row = {"id": "a", "question": "77", "numbers": [7, 7], "kind": "sum", "truth": "14"}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(row))
    status, result, _ = call(capsys, "--task", "small", "--data", path)
    assert status == 0 and result["unanswered"] == 1 and result["metrics"]["Number Found"] == 0.0


def test_an_interrupted_run_goes_on_where_it_was(capsys, loader, tmp_path):
    log = tmp_path / "sub" / "run.jsonl"
    run = ("--task", "small", "--resume", log)
    whole = call(capsys, "--task", "small")[1]
    asked, loader.asked = loader.asked, []
    loader.interrupt_at = 7
    assert call(capsys, *run)[0] == 130
    assert len(log.read_text().splitlines()) == 7
    with log.open("a") as file:  # the power went while a line was written
        file.write('{"id": "test-7", "answ')
    loader.interrupt_at = None
    status, result, _ = call(capsys, *run)
    assert status == 0 and result == whole
    assert loader.asked == asked, "no case was asked twice or left out"
    assert len(log.read_text().splitlines()) == 20
    loads = loader.loads
    assert call(capsys, *run)[1] == whole and loader.loads == loads, "a finished run loads no model"
    # The same file judges without a model, and several tasks may share it.
    assert call(capsys, "--task", "small", "--answers", log, "--side", "sigma")[1] == whole
    assert call(capsys, "--task", "all", "--resume", log)[0] == 0
    assert len(log.read_text().splitlines()) == 40


def test_answers_of_another_run_are_not_mixed_in(capsys, loader, tmp_path):
    log = tmp_path / "run.jsonl"
    call(capsys, "--task", "small", "--limit", 2, "--resume", log)
    status, _, err = call(capsys, "--task", "small", "--limit", 2, "--resume", log, "--max-new-tokens", 9)
    assert status == 2 and "max_new_tokens 48 and the run has 9" in err
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps({**row, "prompt": "0" * 16}) + "\n" for row in rows))
    status, _, err = call(capsys, "--task", "small", "--limit", 2, "--resume", log)
    assert status == 2 and "another prompt" in err


@pytest.mark.parametrize(
    "content", [b"notes of mine, no line end", b"\xff\xfe\x00", b'{"id": 1}\n', b"a\nb\n", b'{"x": 1}']
)
def test_a_file_that_is_no_run_is_refused_and_left_alone(capsys, loader, tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    status, _, err = call(capsys, "--task", "small", "--resume", path)
    assert status == 2 and err.count("\n") == 1 and "notes.txt" in err
    assert path.read_bytes() == content


def test_a_last_line_without_a_line_end_is_kept(tmp_path):
    settings = {"side": "sigma", "model": "m", "max_new_tokens": 4}
    cases = list(TASK.generate("dev"))
    path = tmp_path / "run.jsonl"
    log = AnswerLog(path, TASK, settings)
    log.put(cases[0], Answer("7", "stop"))
    path.write_bytes(path.read_bytes().rstrip())
    AnswerLog(path, TASK, settings).put(cases[1], Answer("8", "stop"))
    log = AnswerLog(path, TASK, settings)
    assert len(log) == 2 and log.get(cases[0]) == Answer("7", "stop") and log.get(cases[2]) is None


def answers_file(tmp_path, rows):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def test_given_answers_are_judged_without_a_model(capsys, loader, tmp_path):
    cases = list(TASK.generate("test"))
    rows = [{"id": case.id, "answer": case.truth if i % 2 else "none"} for i, case in enumerate(cases)]
    status, result, _ = call(capsys, "--task", "small", "--answers", answers_file(tmp_path, rows))
    assert status == 0 and loader.loads == 0 and result["side"] == "file"
    assert result["metrics"]["Exact"] == 50.0 == result["metrics"]["Number Found"]


@pytest.mark.parametrize(
    "rows,message",
    [
        ([], "no answer for 20 of the 20 Small sums cases; the first is 'test-0'"),
        (["{\n"], "line 1: not JSON"),
        ([[1, 2]], "line 1: an answer is a JSON object"),
        ([{"id": "test-0"}], "line 1: 'answer' is missing"),
        ([{"id": "test-0", "answer": 3}], "line 1: 'answer' is no string"),
        ([{"id": "test-0", "answer": "3"}] * 2, "line 2: a second answer for 'test-0'"),
        (
            [{"id": "test-0", "answer": "3", "side": side} for side in ("sigma", "gqa")],
            "line 2: the file holds answers of several sides",
        ),
    ],
)
def test_bad_answer_files_are_explained(capsys, tmp_path, rows, message):
    status, result, err = call(capsys, "--task", "small", "--answers", answers_file(tmp_path, rows))
    assert status == 2 and result is None and message in err and err.count("\n") == 1


def test_one_side_of_a_file_with_both(tmp_path):
    case = next(TASK.generate("test"))
    rows = [{"id": case.id, "answer": side, "side": side} for side in ("sigma", "gqa")]
    assert read_answers(answers_file(tmp_path, rows), TASK, [case], "gqa")[case.id].text == "gqa"


@pytest.mark.parametrize(
    "arguments,message",
    [
        (("--task", "none"), "invalid choice"),
        (("--task", "small", "--limit", "0"), "--limit must be at least 1"),
        (("--task", "all", "--data", "x.jsonl"), "--data needs one --task"),
        (("--task", "small", "--answers", "truth", "--resume", "x"), "there is no model"),
        (("--task", "small", "--data", "/none/x.jsonl"), "not a readable text file"),
        (("--task", "small", "--answers", "/none/x.jsonl"), "not a readable text file"),
    ],
)
def test_bad_options_are_explained(capsys, arguments, message):
    status, _, err = call(capsys, *arguments)
    assert status == 2 and message in err
