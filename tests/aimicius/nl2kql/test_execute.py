"""Running queries: real rows, a fixed now, and nothing a query does hurts the next one."""

from __future__ import annotations

import numpy as np
import pytest

from sigma.aimicius.contract import Part
from sigma.aimicius.nl2kql import TASK
from sigma.aimicius.nl2kql import judge as judging
from sigma.aimicius.nl2kql.engine import rows as fleet
from sigma.aimicius.nl2kql.engine import run as engine
from sigma.aimicius.nl2kql.engine.child import Child
from sigma.aimicius.nl2kql.schema import fleet as fleet_schema

SYSLOG = 'cluster("azphynet").database("azdhmds").SyslogData'
KINDS = {"datetime": "M", "real": "f", "long": "i", "bool": "b", "string": "O"}


@pytest.fixture(scope="module", autouse=True)
def engine_ends():
    yield
    engine._child().close()


def test_rows_fit_the_schema_and_are_the_same_everywhere():
    rows = fleet.tables()
    assert sum(len(next(iter(columns.values()))) for columns in rows.values()) == 153_870
    for table in fleet_schema().tables:
        columns = rows[table.name]
        assert list(columns) == list(table.columns)
        for name, kind in table.columns.items():
            assert columns[name].dtype.kind == KINDS[kind], (table.name, name)
    for name in ("TIMESTAMP", "EventTime", "Timestamp", "OpenTime"):
        for columns in rows.values():
            if name in columns:
                assert columns[name].max() < np.datetime64(fleet.NOW)
    assert rows["GpuMetrics"]["Node"][0] == "weu-r33-n5"
    assert float(rows["GpuMetrics"]["PowerW"].sum()) == 9679340.0


def test_the_papers_question_has_an_answer():
    result = engine.run(TASK.examples()[0].truth)
    assert result["columns"] == ["Device", "DeviceIp"]
    assert sorted(row[0] for row in result["rows"]) == ["phx61-p01-ufm", "phx61-p02-ufm"]


def test_now_stands_still():
    assert engine.run("print now()")["rows"] == [["2025-06-16 12:00:00"]]
    assert engine.run("XidErrors | where Timestamp > ago(1h) | count")["rows"][0][0] > 100


def test_a_database_can_be_named_with_and_without_its_cluster():
    counts = [
        engine.run(f"{place} | count")["rows"] for place in (SYSLOG, 'database("azdhmds").SyslogData', "SyslogData")
    ]
    assert counts == [[[16_000]]] * 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (".drop table XidErrors", "control commands"),
        (" .show tables", "control commands"),
        ('externaldata(a:string)["/etc/passwd"]', "does not know"),
        ("Nope | count", "Nope"),
        ("XidErrors | where Foo == 1", "Foo"),
        ("XidErrors | take 1; XidErrors | take 1", "does not know"),
        ("range x from 1 to 100000000 step 1 | extend y = strcat(tostring(x), 'aaaaaaaaaaaaaaaaaaaa') | summarize make_list(y)", "memory"),
        ("GpuMetrics | join kind=inner GpuMetrics on Model | join kind=inner GpuMetrics on Model | count", "stopped"),
        ('cluster("other").database("x").T | count', "cluster"),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_what_cannot_run_says_why(query, words):
    assert words in engine.run(query)["error"]


def test_a_query_that_grows_in_translation_is_killed_and_the_next_one_runs():
    lets = "; ".join(f"let a{i + 1} = a{i} + a{i}" for i in range(40))
    assert "error" in engine.run(f"let a0 = 1; {lets}; print a40")
    assert engine.run("XidErrors | summarize n = count()")["rows"] == [[8_000]]


def test_long_results_are_cut():
    result = engine.run("GpuMetrics | project Node")
    assert (len(result["rows"]), result["more"]) == (200, True)


def test_results_are_compared_without_order():
    one, other = (
        engine.run("XidErrors | distinct Xid | sort by Xid asc"),
        engine.run("XidErrors | distinct Xid | sort by Xid desc"),
    )
    assert engine.same_rows(one, other) is True
    assert engine.same_rows(one, engine.run("XidErrors | distinct Driver")) is False
    assert engine.same_rows(one, {"error": "x"}) is None


def test_most_questions_of_the_test_split_return_rows():
    results = [engine.run(case.truth) for case in list(TASK.generate("test"))[::4]]
    assert not [result["error"] for result in results if "error" in result]
    assert sum(bool(result["rows"]) for result in results) >= 0.9 * len(results)


def test_the_page_gets_both_tables():
    case = TASK.examples()[1]
    parts = [part for part in TASK.judge(case, case.truth.replace("top 5", "top 3")) if isinstance(part, Part)]
    views = {part.view["whose"]: part.view for part in parts if part.view and part.view["kind"] == "nl2kql.result"}
    assert (len(views["answer"]["rows"]), len(views["truth"]["rows"])) == (3, 5)
    assert "other rows than the truth's" in next(part.text for part in parts if part.name == "Result")


def test_the_engines_process_loads_no_model():
    child = Child("tests.aimicius.nl2kql.modules")
    try:
        loaded = set(child.ask({}, 30)["loaded"])
    finally:
        child.close()
    assert {"sigma", "sigma.aimicius.nl2kql.engine.duck", "duckdb"} <= loaded
    assert not {"torch", "transformers", "gradio", "sigma.model.modeling"} & loaded


def test_a_table_in_another_case_is_not_the_truths_rows():
    truth = "GpuMetrics | count"
    for query, same in (("GpuMetrics | count", True), ("gpumetrics | count", False)):
        *parts, _ = judging.judge(query, truth, fleet_schema(), True, False)
        text = next(part.text for part in parts if part.name == "Result")
        assert ("the same rows as the truth's" in text) is same
        assert ("would refuse it: there is no table gpumetrics" in text) is not same
