"""Worked examples: the nearest that fit, shown as turns before the question; never a case that is for evaluation."""

import gzip
import re

import pytest

from sigma.aimicius import NAMES, load_task, worked
from sigma.aimicius.contract import Case, CaseError, Worked, read_cases, verdict_of
from sigma.aimicius.data import HELD_OUT, held_out
from sigma.aimicius.worked import MOST, Collection, asked, collection, nearest, path_of, shown, write

WITH = ("cmdgen", "infrawise", "nl2kql")


def commands(question: str, vendor: str = "NVIDIA") -> Case:
    system = {"NVIDIA": "8xH100", "AMD": "8xMI300X"}[vendor]
    return Case("one", {"prompt": question, "vendor": vendor, "system": system, "tool": ""}, "", "test")


def words(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def test_the_nearest_in_words_comes_first_also_when_mistyped():
    found = Collection(
        [Worked("cap gpu 3 at 300 watts", "a"), Worked("list all processes", "b"), Worked("show the temperature", "c")]
    )
    assert found.ranked("whats the temprature")[0].answer == "c"
    assert found.ranked("cap GPU 7 at 250 watts!")[0].answer == "a"
    assert len(found.ranked("")) == len(found.ranked("\x00\ud800")) == 3


def test_a_command_is_shown_before_its_like_with_other_values():
    task = load_task("cmdgen")
    *before, last = asked(task, commands("cap gpu 2 at 410 watts"))
    assert last == {"role": "user", "content": "cap gpu 2 at 410 watts"}
    assert [m["role"] for m in before] == ["system", *["user", "assistant"] * task.worked]
    assert re.fullmatch(r"nvidia-smi -i \d+ -pl \d+|nvidia-smi -pl \d+ -i \d+", before[-1]["content"])
    answers = [m["content"] for m in before if m["role"] == "assistant"]
    assert len(set(answers)) == len(answers)


def test_a_vendor_is_shown_its_own_tools_only():
    task = load_task("cmdgen")
    for vendor, others in (("NVIDIA", ("rocm-smi", "amd-smi")), ("AMD", ("nvidia-smi", "nvcc"))):
        for one in nearest(task, task.messages(commands("show the gpu temperature", vendor)), MOST):
            assert one.about == (vendor,) and one.answer.split()[0] not in others


def test_a_query_is_shown_only_with_tables_that_the_prompt_has():
    task = load_task("nl2kql")
    for case in read_cases(task, held_out(task, "heldout"))[:12]:
        messages = task.messages(case)
        near = nearest(task, messages, 3)
        assert len(near) == 3
        for one in near:
            assert one.about and all(f"\n{table}: " in messages[-1]["content"] for table in one.about)
        first, *_, last = shown(task, messages, near)
        assert first["content"] == messages[0]["content"].replace(case.fields["question"], near[0].question)
        assert last["content"] == f"Question: {case.fields['question']}"


def test_a_request_keeps_the_rules_once_and_its_own_last():
    task = load_task("infrawise")
    case = Case("one", {"kind": "dcw", "intention": "how fast is bert large on the h100?"}, "", "test")
    messages = asked(task, case, 2)
    assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert messages[0]["content"].startswith("A DCW says") and "A DCW says" not in messages[2]["content"]
    assert messages[-1]["content"] == "Request: how fast is bert large on the h100?"


@pytest.mark.parametrize("name", NAMES)
def test_without_examples_the_chat_is_the_tasks_own(name):
    task = load_task(name)
    for case in task.examples():
        assert asked(task, case, 0) == task.messages(case)
        if not task.worked:
            assert asked(task, case) == task.messages(case)


def test_a_prompt_of_ones_own_and_a_choice_among_results_get_none():
    for name, fields in (
        ("nl2kql", {"question": "", "prompt": "count the errors"}),
        ("infrawise", load_task("infrawise").examples()[4].fields),
        ("optiflow", load_task("optiflow").examples()[0].fields),
    ):
        task = load_task(name)
        messages = task.messages(Case("one", fields, "", "test"))
        assert task.question(messages) is None and nearest(task, messages, 3) == []


@pytest.mark.parametrize("count", [-1, MOST + 1, True, 2.0, "3"])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(CaseError, match="worked examples"):
        asked(load_task("cmdgen"), commands("hot?"), count)


@pytest.mark.parametrize("name", WITH)
def test_no_question_that_is_for_evaluation_is_an_example(name):
    task = load_task(name)
    cases = [case for split in ("dev", "test") for case in task.generate(split)]
    cases += [case for held in HELD_OUT for case in read_cases(task, held_out(task, held))]
    kept = {words(case.fields.get(key) or "") for case in cases for key in ("prompt", "question", "intention")} - {""}
    assert kept and not [one.question for one in collection(name).examples if words(one.question) in kept]


@pytest.mark.parametrize("name", WITH)
def test_examples_are_right_by_the_tasks_own_judge(name):
    task, examples = load_task(name), collection(name).examples
    assert len(examples) > 4000
    for one in examples[:: len(examples) // 25]:
        fields = {
            "cmdgen": {"prompt": one.question, "vendor": (one.about or ("",))[0], "system": "8xH100", "tool": ""},
            "infrawise": {"kind": "dcw", "intention": one.question},
            "nl2kql": {"question": one.question},
        }[name]
        if name == "cmdgen" and one.about == ("AMD",):
            fields["system"] = "8xMI300X"
        verdict = verdict_of(task, Case("one", fields, one.answer, "train"), one.answer)
        scores = [score.value for score in verdict.scores.values() if score.value is not None]
        assert scores and all(value == 1 for value in scores), (one, verdict.scores)


@pytest.mark.parametrize("name", WITH)
def test_the_files_are_what_the_command_writes(name, tmp_path):
    from sigma.training.worked import examples

    write(tmp_path / "written.jsonl.gz", examples(name))
    written, kept = (path.read_bytes() for path in (tmp_path / "written.jsonl.gz", path_of(name)))
    assert gzip.decompress(written) == gzip.decompress(kept)


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"[1]\n"), gzip.compress(b"{\n")])
def test_a_damaged_file_is_named(content, tmp_path, monkeypatch):
    monkeypatch.setattr(worked, "FOLDER", tmp_path)
    path_of("cmdgen").write_bytes(content)
    worked._collection.cache_clear()
    try:
        with pytest.raises(CaseError, match=r"cmdgen\.jsonl\.gz"):
            asked(load_task("cmdgen"), commands("hot?"))
    finally:
        worked._collection.cache_clear()
