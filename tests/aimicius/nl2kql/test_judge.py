"""Verdicts: full for the truth, in parts for near misses, clear for what is no query; and never a crash."""

from __future__ import annotations

import random

import pytest

from sigma.aimicius.contract import Case, CaseError, Part, Verdict, verdict_of
from sigma.aimicius.nl2kql.answer import find_query
from sigma.aimicius.nl2kql.task import METRICS, Nl2kql

TASK = Nl2kql(execute=False, use_strict=False)
NAMES = [metric.name for metric in METRICS]
TRUTH = 'cluster("gpufleet").database("health").XidErrors | where Timestamp > ago(2d) | where Xid == 79 | summarize count() by Node'
CASE = Case("one", {"question": "Xid 79 per node"}, TRUTH)


def scores(answer: str, case: Case = CASE) -> dict[str, float | None]:
    return {name: score.value for name, score in verdict_of(TASK, case, answer).scores.items()}


def test_metrics_are_table_6():
    assert NAMES == ["Syntax Acc.", "Similarity", "Cluster Score", "Database Score", "Table Score", "Column Score"]
    assert METRICS[0].paper["DeepSeek-Coder-7B"] == 81.4
    assert METRICS[2].paper == {**dict.fromkeys(METRICS[2].paper), "Sigma-System-10B": 43.0}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_truths_score_in_full(split):
    for case in TASK.generate(split):
        assert set(scores(case.truth, case).values()) <= {1.0, None}, case.truth


def test_examples_score_in_full_and_begin_with_the_papers():
    examples = TASK.examples()
    assert 3 <= len(examples) <= 6
    assert examples[0].fields["question"].startswith("Check which UFM device")
    for case in examples:
        assert set(scores(case.truth, case).values()) == {1.0}
        read = TASK.case({"id": case.id, **case.fields, "truth": case.truth}, "line 1")
        assert read.truth == case.truth
        content = TASK.messages(case)[-1]["content"]
        table = case.truth.partition("|")[0].strip().replace("'", '"')
        assert table in content, "the prompt shows the table that is needed"
        assert len(content) < 1_200


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TRUTH.replace("gpufleet", "GPUFleet"), (1, None, 1, 1, 1, 1)),
        (TRUTH.replace("gpufleet", "fleetops"), (1, None, 0, 1, 1, 1)),
        (TRUTH.replace('cluster("gpufleet").database("health").', ""), (1, None, 0, 0, 1, 1)),
        (TRUTH.replace("Xid ==", "Code =="), (1, None, 1, 1, 1, 2 / 3)),
        (TRUTH.replace("XidErrors", "EccErrors"), (1, None, 1, 1, 0, 1)),
        ("print 1", (1, None, 0, 0, 0, 0)),
        (f"Sure! {TRUTH}", (0, None, 0, 0, 0, 0)),
        (TRUTH + " |", (0, None, 0, 0, 0, 0)),
    ],
)
def test_near_misses_score_by_part(answer, expected):
    found = scores(answer)
    for name, value in zip(NAMES, expected):
        if value is not None:
            assert found[name] == pytest.approx(value), name
    assert 0 <= found["Similarity"] <= 1


def test_similarity_is_the_jaccard_index_of_tokens():
    case = Case("s", {"question": ""}, "XidErrors | take 5")
    assert scores("XidErrors | take 6", case)["Similarity"] == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("", "no query"),
        ("   \n\t", "no query"),
        ("// nothing", "only comments"),
        (".drop table XidErrors", "control command"),
        ("// look\n .set-or-replace X <| print 1", "control command"),
        (f"{TRUTH}; {TRUTH}", "2 queries"),
        ("let a = 1;", "no query after"),
        ("x" * 1_000_000, "more than 10,000"),
        ("XidErrors" + " " * 1_000_000, ""),
        (TRUTH.replace('"', "“"), "typographic"),
        ("I cannot help with that.", "character 3"),
        ("\0", "NUL"),
        ("```\n.drop table X\n```", "control command"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_query_is_told_apart(answer, words):
    verdict = verdict_of(TASK, CASE, answer)
    score = verdict.scores["Syntax Acc."]
    assert score.value == (1.0 if not words else 0.0)
    assert words in score.reason
    assert all(part.text for part in verdict.parts)


@pytest.mark.parametrize(
    "answer",
    [f"```kusto\n{TRUTH}\n```", f"```\n{TRUTH}\n```\n", f"`{TRUTH}`", f"Here:\n\n```kql\n{TRUTH}\n```\nIt counts.", f"```kql\r\n{TRUTH}\r\n```",
     f"~~~\n{TRUTH}\n~~~", f"```\n{TRUTH}", f"\ufeff{TRUTH}\n"],
)  # fmt: skip
def test_fences_come_off(answer):
    assert set(scores(answer).values()) == {1.0}


def test_without_a_truth_only_the_syntax_is_scored():
    found = scores(TRUTH, Case("own", {"question": "anything"}, ""))
    assert found.pop("Syntax Acc.") == 1.0
    assert set(found.values()) == {None}


def test_parts_of_the_truth_that_are_not_there_do_not_apply():
    found = scores("XidErrors | count", Case("c", {"question": ""}, "XidErrors | count"))
    assert (found["Cluster Score"], found["Column Score"], found["Table Score"]) == (None, None, 1.0)


def test_another_schema_is_judged_and_not_run():
    schema = {"c": {"d": {"Shops": {"City": "string", "Sales": "real"}}}}
    case = Nl2kql(use_strict=False).case(
        {"id": "x", "question": "sales by city", "schema": schema, "truth": 'cluster("c").database("d").Shops | summarize sum(Sales) by City'}, "line 1"
    )  # fmt: skip
    assert "Shops: City, Sales:real" in TASK.messages(case)[0]["content"]
    verdict = verdict_of(TASK, case, case.truth)
    assert {score.value for score in verdict.scores.values()} == {1.0}
    assert "no rows behind" in verdict.parts[-1].text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "q"}, "'id' is missing"),
        ({"id": "a"}, "'question' is missing"),
        ({"id": "a", "question": 3}, "not a string"),
        ({"id": "a", "question": "q", "truth": "T |"}, "'truth' is no KQL"),
        ({"id": "a", "question": "q", "truth": ".drop table T"}, "control command"),
        ({"id": "a", "question": "q", "tables": ["x"]}, "the schema has no 'x'"),
        ({"id": "a", "question": "q", "tables": "SyslogData"}, "must be a list"),
        ({"id": "a", "question": "q", "tables": [["x"]]}, "the schema has no"),
        ({"id": "a", "question": "q", "schema": {"c": 1}}, "schema.c is a int"),
    ],
)
def test_a_case_that_cannot_be_used_says_why(row, words):
    with pytest.raises(CaseError, match="line 7") as error:
        TASK.case(row, "line 7")
    assert words in str(error.value)


def test_a_prompt_of_ones_own_is_sent_as_it_is():
    case = TASK.case({"id": "a", "prompt": "Write KQL."}, "line 1")
    assert TASK.messages(case) == [{"role": "user", "content": "Write KQL."}]


def test_random_and_mutated_answers_never_crash_nor_beat_the_truth():
    rng = random.Random(11)
    cases = list(TASK.generate("dev"))[:40]
    pieces = " | ( ) [ ] { } ; , . == != > \" ' where summarize by join on let = $left. * union project-away a* count() bin( ago(1d) 79 T “ \0 \n // ``` materialize( toscalar( datatable(a:long)[1] mv-apply evaluate cluster( database(".split(" ")  # fmt: skip
    for number in range(2_500):
        case = rng.choice(cases)
        if number % 3 == 0:
            answer = " ".join(rng.choice(pieces) for _ in range(rng.randrange(25)))
        elif number % 3 == 1:
            answer = "".join(
                chr(rng.choice((rng.randrange(32, 127), rng.randrange(1, 0x2FFF)))) for _ in range(rng.randrange(80))
            )
        else:
            words = case.truth.split(" ")
            for _ in range(rng.randrange(1, 5)):
                words.insert(rng.randrange(len(words) + 1), rng.choice(pieces))
                del words[rng.randrange(len(words))]
            answer = " ".join(words)
        *parts, verdict = TASK.judge(case, answer)
        assert isinstance(verdict, Verdict) and all(isinstance(part, Part) for part in parts)
        assert verdict.parts == tuple(parts)
        assert list(verdict.scores) == NAMES
        assert all(score.value is None or 0 <= score.value <= 1 for score in verdict.scores.values()), answer


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_run_of_quotation_marks_is_refused_before_the_lexer(quote):
    assert "quotation marks" in find_query(quote * 3000).refusal
    assert not find_query('Syslog | where Host in ("a", "b")').refusal
