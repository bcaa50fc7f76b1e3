"""The cases written by hand: whole, fixed, apart from everything generated, and reported apart."""

import json
import re
from functools import cache

import pytest

from sigma.aimicius import NAMES, data, evaluate, load_task
from sigma.aimicius.contract import SPLITS, Case, CaseError, read_cases, verdict_of
from sigma.training.lessons import lessons
from tests.aimicius.commands import call

FOLDER = data.HELD_OUT_HASHES.parent
FILES = sorted(path.relative_to(FOLDER).as_posix() for name in data.HELD_OUT for path in (FOLDER / name).glob("*"))


def cases_of(file: str) -> list[Case]:
    folder, name = file.split("/")
    task = load_task(name.removesuffix(".jsonl"))
    return read_cases(task, data.held_out(task, folder))


def words_of(case: Case) -> str:
    """What a person says in a case, in lower case and without punctuation; its DCW where nobody says anything."""
    fields = case.fields
    said = fields.get("question") or fields.get("intention") or fields.get("prompt") or json.dumps(fields["dcw"])
    return plain(said)


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


@cache
def generated(name: str) -> frozenset[str]:
    """Everything that our splits ask. A DCW given for retrieval is nobody's wording: its records tell cases apart."""
    task = load_task(name)
    with pytest.MonkeyPatch.context() as patch:
        # Optiflow times every truth as it draws, which takes a minute and changes no word.
        patch.setattr("sigma.aimicius.optiflow.cases._time", lambda *_: 1.0)
        return frozenset(
            words_of(case)
            for split in SPLITS
            for case in task.generate(split)
            if case.fields.get("kind") != "retrieval"
        )


def test_every_task_has_both_files_and_their_hashes_are_fixed():
    assert sorted(data.held_out_hashes()) == FILES
    assert {f"{name}/{task}.jsonl" for name in data.HELD_OUT for task in NAMES} == set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_forty_cases_that_are_read_back_as_they_stand(file):
    cases = cases_of(file)
    folder, name = file.split("/")
    assert [case.id for case in cases] == [f"{name.removesuffix('.jsonl')}-{folder}-{n:02d}" for n in range(1, 41)]
    assert "".join(case.to_json() + "\n" for case in cases) == (FOLDER / file).read_text("utf-8")


@pytest.mark.parametrize("file", FILES)
def test_every_truth_scores_in_full(file):
    task = load_task(file.split("/")[1].removesuffix(".jsonl"))
    for case in cases_of(file):
        scores = verdict_of(task, case, case.truth).scores
        primary = [scores[metric.name].value for metric in task.metrics if metric.primary]
        values = [score.value for score in scores.values() if score.value is not None]
        assert values and min(values) == 1.0, (case.id, scores)
        assert primary != [None] or case.fields.get("kind") == "dcw", case.id


@pytest.mark.parametrize("task", NAMES)
def test_no_question_is_one_of_the_generated_or_occurs_twice(task):
    asked = [case for name in data.HELD_OUT for case in cases_of(f"{name}/{task}.jsonl")]
    words = [words_of(case) for case in asked]
    assert len(set(words)) == 80
    assert not generated(task) & set(words)


@pytest.mark.parametrize("task", NAMES)
def test_no_lesson_asks_one_of_the_questions(task):
    """A retrieval's DCW is nobody's wording; tuning may meet it with other records."""
    asked = [case for name in data.HELD_OUT for case in cases_of(f"{name}/{task}.jsonl")]
    words = {words_of(case) for case in asked if case.fields.get("kind") != "retrieval"}
    taught = "\n".join(plain(lesson.messages[-1]["content"]) for lesson in lessons(task, 0))
    assert len(words) >= 60 and len(taught) > 10_000
    assert not {said for said in words if said in taught}


@pytest.mark.parametrize("name", data.HELD_OUT)
def test_cmdgen_asks_half_about_each_vendor_and_every_truth_runs(name):
    from sigma.aimicius.cmdgen.command import program, read
    from sigma.aimicius.cmdgen.simulator import run

    cases = cases_of(f"{name}/cmdgen.jsonl")
    assert [case.fields["vendor"] for case in cases] == ["NVIDIA", "AMD"] * 20
    for case in cases:
        fields = case.fields
        assert fields["tool"] == program(next(word for word in case.truth.split() if "=" not in word))
        assert run(read(case.truth, fields["vendor"]), fields["system"]).exit_code == 0, case.truth


@pytest.mark.parametrize("name", data.HELD_OUT)
def test_infrawise_asks_in_all_kinds_and_the_rule_chooses_the_truths(name):
    from sigma.aimicius.infrawise import answer, choice, names, records
    from sigma.aimicius.infrawise.dcw import DCW

    cases = cases_of(f"{name}/infrawise.jsonl")
    kinds = [case.fields["kind"] for case in cases]
    assert {kind: kinds.count(kind) for kind in kinds} == {"dcw": 10, "retrieval": 10, "end-to-end": 20}
    real = {json.dumps(record.row(0), sort_keys=True) for record in records.published()}
    nothing = 0
    for case in cases:
        given = answer.read_dcw(case.truth if "dcw" not in case.fields else json.dumps(case.fields["dcw"]))
        asked: DCW = given.dcw()
        designs = {asked.target, asked.baseline} - {""}
        assert designs <= set(names.DESIGNS), case.id
        rows = case.fields.get("records", [])
        assert all(json.dumps(row | {"index": 0}, sort_keys=True) in real for row in rows), case.id
        if rows:
            fitting = {row["index"] for row in rows if records.fits(row, asked)}
            assert choice.read_choice(given.rest if "dcw" not in case.fields else case.truth).chosen == fitting
            nothing += not fitting
    assert nothing == 5


@pytest.mark.parametrize("name", data.HELD_OUT)
def test_nl2kql_asks_of_every_table_and_every_truth_returns_rows(name):
    from sigma.aimicius.nl2kql import judge, schema
    from sigma.aimicius.nl2kql.engine import run as engine

    fleet, asked = schema.fleet(), set()
    for case in cases_of(f"{name}/nl2kql.jsonl"):
        named = judge.read_truth(case.truth, fleet, use_strict=False)
        assert not named.diagnostics, (case.id, named.diagnostics)
        used = {table.key for table in fleet.tables if table.kql in case.truth}
        assert used and used < set(case.fields["tables"]), case.id  # and others beside them
        assert engine.run(case.truth).get("rows"), case.id
        asked |= used
    assert asked == {table.key for table in fleet.tables}


@pytest.mark.parametrize("name", data.HELD_OUT)
def test_optiflow_asks_sixteen_times_for_a_faster_plan_and_the_latency_given_is_its_programs(name):
    from sigma.aimicius.optiflow import TASK, judge, question
    from sigma.aimicius.optiflow.cases import SIZES

    cases = cases_of(f"{name}/optiflow.jsonl")
    again = [case for case in cases if "previous" in case.fields]
    assert len(again) == 16
    for case in again:
        q, before = question.read_question(case.fields), case.fields["previous"]
        run = TASK.sandbox.run(before["program"], q.values())
        assert judge.judge_output(q, run.stdout)[1] == pytest.approx(before["latency_us"], abs=1e-4), case.id
    drawn = {size for sizes in SIZES.values() for size in sizes}
    assert sum(case.fields["size"] in drawn for case in cases) == 0


@pytest.mark.parametrize("name", data.HELD_OUT)
def test_the_command_takes_the_word_and_says_what_was_scored(name, capsys):
    status, result, _ = call(capsys, "--task", "infrawise", "--data", name, "--answers", "truth")
    assert status == 0 and (result["n"], result["data"]) == (40, name)
    assert result["metrics"]["Bench. Accuracy"] == 100.0 and len(result["groups"]) == 3
    evaluate.main(["--task", "infrawise", "--data", name, "--answers", "truth", "--limit", "4"])
    assert f"Infrawise, truth, {name}: percent on questions written by hand" in capsys.readouterr().out


def test_the_word_goes_with_all_tasks(capsys):
    status, result, _ = call(capsys, "--task", "all", "--data", "heldout", "--answers", "truth", "--limit", 2)
    assert status == 0 and result["data"] == "heldout" and result["n"] == 2 * len(NAMES)
    assert {row["data"] for row in result["tasks"]} == {"heldout"}


def test_other_data_is_named_in_the_report_too(capsys, tmp_path):
    path = tmp_path / "heldout"  # a file of that name is meant when it is written as a path
    path.write_text(cases_of("heldout/infrawise.jsonl")[0].to_json())
    _, result, _ = call(capsys, "--task", "infrawise", "--data", path, "--answers", "truth")
    assert (result["n"], result["data"]) == (1, str(path))


def test_an_edited_file_is_refused(capsys, monkeypatch, tmp_path):
    text = (FOLDER / "heldout/infrawise.jsonl").read_text("utf-8")
    (tmp_path / "heldout").mkdir()
    (tmp_path / "heldout/infrawise.jsonl").write_text(text.replace("NCCL", "nccl", 1), encoding="utf-8")
    (tmp_path / "heldout.sha256").write_text(data.HELD_OUT_HASHES.read_text("utf-8"), encoding="utf-8")
    monkeypatch.setattr(data, "HELD_OUT_HASHES", tmp_path / "heldout.sha256")
    status, _, err = call(capsys, "--task", "infrawise", "--data", "heldout", "--answers", "truth")
    assert status == 2 and "held-out cases are not edited" in err
    with pytest.raises(CaseError, match="there are no heldout-final cases of Infrawise"):
        data.held_out(load_task("infrawise"), "heldout-final")
