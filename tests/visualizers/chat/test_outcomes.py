"""Signs at Chat's task examples: recorded for each, made by the real judges, and nothing where the file is no record."""

import json

import pytest

from sigma.aimicius import load_task
from sigma.events import SIDES
from tests.fake_engine import FakeEngine
from visualizers.chat import outcomes
from visualizers.chat.examples import known_questions, labels, read_examples, recorded_signs
from visualizers.shared.signs import SIGNS, signs


def test_every_example_of_a_task_was_recorded_with_the_answers_and_what_came_of_them():
    recorded = json.loads(outcomes.OUTCOMES.read_text("utf-8"))
    rows = {row["prompt"]: row for row in recorded["examples"]}
    assert recorded["made"] and set(rows) == {known.question for known in known_questions()}
    for known in known_questions():
        for side in SIDES:
            row = rows[known.question][side]
            again = outcomes.judged(load_task(known.task), known.row, row["answer"])
            assert again == row, (known.row["id"], side)


def test_a_truth_is_right_and_nonsense_is_not():
    for known in known_questions():
        task = load_task(known.task)
        assert outcomes.judged(task, known.row, known.row["truth"])["outcome"] == "right"
        assert outcomes.judged(task, known.row, "I do not know.")["outcome"] != "right"


def test_the_labels_end_with_the_signs_of_both_sides():
    found = dict(zip([example["prompt"] for example in read_examples()], labels(), strict=True))
    for prompt, text in recorded_signs().items():
        assert len(text) == 2 and set(text) <= {*SIGNS.values()} and found[prompt].endswith(f" {text}")
    assert "What is a GPU?" in found.values()
    assert signs({"sigma": "right", "gqa": ""}) == signs({"sigma": "right"}) == ""


@pytest.mark.parametrize("text", ["", "[]", '{"examples": [{"prompt": 1}]}', "\x00"])
def test_a_file_that_is_no_record_shows_no_signs(text, tmp_path, caplog):
    path = tmp_path / "outcomes.json"
    assert recorded_signs(path) == {}
    path.write_text(text)
    recorded_signs.cache_clear()
    assert recorded_signs(path) == {} and "cannot be read" in caplog.text
    recorded_signs.cache_clear()


def test_the_command_asks_as_the_page_does_and_writes_the_file(tmp_path, monkeypatch):
    engine = FakeEngine(delay=0, words=3)
    monkeypatch.setattr("sigma.engine.engine.load_engine", lambda: engine)
    monkeypatch.setattr(outcomes, "OUTCOMES", tmp_path / "outcomes.json")
    assert outcomes.main([]) == 0
    rows = json.loads((tmp_path / "outcomes.json").read_text("utf-8"))["examples"]
    assert len(rows) == len(known_questions())
    assert all("heard" in row[side]["answer"] and row[side]["outcome"] != "right" for row in rows for side in SIDES)
    systems = {example["prompt"]: example["system"] for example in read_examples()}
    for request in engine.requests:
        sent = request.messages["left"]
        assert [m["content"] for m in sent if m["role"] == "system"] == [systems[sent[-1]["content"]]] * (len(sent) - 1)
        assert request.sampling.temperature == 0
