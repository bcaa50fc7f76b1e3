"""Lessons of NL2KQL: all right by the task's own judge, broad, and clear of what the task keeps for dev and test."""

import random
import re
from collections import Counter
from itertools import dropwhile, islice

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.nl2kql.cases import templates_of
from sigma.aimicius.nl2kql.pools import POOLS, values
from sigma.aimicius.nl2kql.schema import fleet
from sigma.aimicius.nl2kql.task import Nl2kql
from sigma.training.lessons import lessons
from sigma.training.lessons.nl2kql import cases, held_back
from sigma.training.lessons.nl2kql_conditions import condition
from sigma.training.lessons.nl2kql_questions import ASKS, Question
from sigma.training.lessons.nl2kql_renamed import renamed
from sigma.training.lessons.nl2kql_style import dress, keep, swapped
from sigma.training.lessons.nl2kql_times import between_ago, date, ordinal, when, words
from sigma.training.lessons.nl2kql_values import MORE, pool
from sigma.training.lessons.nl2kql_words import COLUMNS, FLAGS, ROWS, SAID, column, many

OPERATORS = (
    "where", "project", "project-away", "distinct", "count", "summarize", "top", "sort by", "take", "extend", "join kind=inner",
    "join kind=leftanti", "render timechart", "let ",
)  # fmt: skip
PARTS = (
    "==", "!=", ">", "<", ">=", "<=", "has", "!has", "contains", "startswith", "endswith", "in", "!in", "between", "matches regex",
    "avg(", "max(", "min(", "sum(", "percentile(", "dcount(", "countif(", "make_set(", "arg_max(", "stdev(", "bin(", "ago(",
    "startofday(", "datetime(", "iff(", "hourofday(", "isnotempty(", "$left.PeerNode == $right.Node", " asc", " desc",
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    return list(cases(7))


def test_they_are_the_same_for_a_seed_and_others_for_another():
    first = list(islice(lessons("nl2kql", 1), 60))
    assert first == list(islice(lessons("nl2kql", 1), 60))
    assert first != list(islice(lessons("nl2kql", 2), 60))


def test_a_lesson_is_the_tasks_own_prompt_and_the_query():
    task = Nl2kql(execute=False, use_strict=False)
    for lesson, (case, topic) in islice(zip(lessons("nl2kql", 3), cases(3)), 40):
        assert (lesson.kind, lesson.answer, lesson.topic) == ("nl2kql", case.truth, topic)
        assert list(lesson.messages) == task.messages(case)


def test_every_answer_gets_full_marks(made):
    task = Nl2kql(execute=False, use_strict=False)
    for case, _ in random.Random(1).sample(made, 150):
        verdict = verdict_of(task, case, case.truth)
        assert all(score.value in (1, None) for score in verdict.scores.values()), (case.truth, verdict.scores)
        assert not [part.text for part in verdict.parts if "not in the schema" in part.text], case.truth


def test_the_prompt_shows_the_tables_that_the_answer_needs(made):
    task = Nl2kql(execute=False, use_strict=False)
    for case, topic in made[:1500]:
        text = task.messages(case)[0]["content"]
        for table in fleet().tables:
            if topic not in ("bare", "other names") and table.kql in case.truth:
                assert f"{table.kql}: " in text, (case.truth, text)
    bare = [case for case, topic in made if topic == "bare"]
    assert 0.03 < len(bare) / len(made) < 0.07
    assert all(re.search("kql|kusto", case.fields["prompt"], re.IGNORECASE) for case in bare)


def test_there_are_thousands_and_no_kind_of_question_rules(made):
    assert 8_000 <= len(made) <= 12_000
    assert len({case.fields["question"] or case.fields["prompt"] for case, _ in made}) == len(made)
    assert max(Counter(topic for _, topic in made).values()) <= 0.1 * len(made)


def test_every_table_and_every_column_is_asked_for_often(made):
    tables, columns = Counter(), Counter()
    for case, _ in made:
        named = [table for table in fleet().tables if re.search(rf"\.{table.name}\b", case.truth)]
        tables.update(table.name for table in named)
        if len(named) == 1:
            columns.update(
                f"{named[0].name}.{name}" for name in set(re.findall(r"\w+", case.truth)) & set(named[0].columns)
            )
    assert min(tables[table.name] for table in fleet().tables) > 200, tables
    least = min(
        (columns[f"{table.name}.{name}"], table.name, name) for table in fleet().tables for name in table.columns
    )
    assert least[0] > 25, least


def test_every_operator_and_function_is_in_use(made):
    text = "\n".join(f" {case.truth} " for case, _ in made)
    counts = {part: text.count(part) for part in (f"| {name}" if name != "let " else name for name in OPERATORS)}
    counts |= {part: text.count(part if "(" in part or part[0] == " " else f" {part} ") for part in PARTS}
    assert min(counts.values()) >= 3, counts


def test_nothing_that_the_task_keeps_for_dev_and_test_is_taught(made):
    kept = {
        value for name in POOLS for split in ("dev", "test") for value in values(name, split) if isinstance(value, str)
    }
    taught = {name for pool_name in POOLS for name in values(pool_name, "train")}
    for case, _ in made:
        assert not set(re.findall(r'"([^"]*)"', case.truth)) & (kept - taught), case.truth
        assert not set(re.findall(r"ago\((\w+)\)", case.truth)) & (set(POOLS["span"]) - set(values("span", "train")))
    keys = {template.key for split in ("dev", "test") for template in templates_of(split)}
    assert keys
    for case, _ in made:
        table, *stages = case.truth.split(" | ")
        tail = " | ".join(dropwhile(lambda stage: stage.startswith("where "), stages))
        if case.truth.count("cluster(") == 1:
            assert f"{table.rpartition('.')[2]} | {tail}" not in keys, case.truth


def test_a_template_that_is_kept_is_held_back():
    key = next(template for template in templates_of("test") if template.shape.name == "average")
    table = fleet().find(key.wording.table)
    question = Question("", f'{table.kql} | where A == "x" | {key.tail}', (table,), "")
    assert held_back(question)
    assert not held_back(Question("", f"{table.kql} | summarize nothing", (table,), ""))


@pytest.mark.parametrize("name", sorted(MORE))
def test_no_pool_hands_out_what_is_kept(name):
    assert pool(name)
    if name in POOLS:
        assert not set(pool(name)) & {*values(name, "dev"), *values(name, "test")}


def test_every_table_and_column_has_words():
    for table in fleet().tables:
        assert len(ROWS[table.name].split("|")) >= 6
        assert len(ASKS[table.name]) >= 10
        for name in table.columns:
            words_of = column(table.name, name)
            assert len(set(words_of.names.split("|"))) >= 3, (table.name, name)
            assert words_of.kind in ("group", "measure", "time", "flag", "text", "id")
            if words_of.kind == "flag":
                assert sum(each.startswith(f"{name} ") for each in FLAGS) == 2
    assert {name.partition(".")[0] for name in COLUMNS if "." in name} <= set(ROWS)


def test_a_condition_says_the_values_of_its_predicate():
    rng = random.Random(8)
    for table in fleet().tables:
        for name in table.columns:
            for _ in range(25):
                if column(table.name, name).kind == "flag":
                    continue
                predicate, said = condition(rng, table, name)
                strings = re.findall(r'"([^"]*)"', predicate)
                values = (
                    strings
                    or re.findall(r"(?<![\w-])-?\d+(?:\.\d+)?", predicate.partition(" ")[2])[
                        : 1 if column(table.name, name).kind == "time" else 9
                    ]
                )
                for value in values:
                    words_of = SAID.get(value, "").split("|") + [keep(value)]
                    assert any(each and each in said for each in words_of), (predicate, said)
                assert predicate.startswith(f"{name} ")


def test_times_say_what_they_mean():
    rng = random.Random(4)
    assert {words(rng, "2h") for _ in range(80)} == {"2h", "2 hours", "2 hrs", "two hours"}
    assert words(random.Random(0), "1d") in ("1d", "1 day", "one day")
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
    ]
    assert date(3) == "datetime(2025-06-03)"
    for _ in range(200):
        right, said = between_ago(rng)
        numbers = [int(number) for number in re.findall(r"\d+", right)]
        assert sorted(numbers) == sorted(int(number) for number in re.findall(r"\d+", said))
        assert numbers == sorted(numbers, reverse=True)  # what is longer ago comes first
        right, said = when(rng)
        assert said and right.startswith(("> ", "< ", "between ("))


def test_styles_change_words_but_never_a_value():
    rng = random.Random(5)
    seen = {dress(rng, f"which switches are on {keep('Dev-P01-Tor')} and complaining") for _ in range(300)}
    assert len(seen) > 100 and all("Dev-P01-Tor" in text for text in seen)
    assert not any(mark in text for text in seen for mark in "\x01\x02")


@pytest.mark.parametrize(
    "one, more",
    [
        ("GPU id", "GPU ids"),
        ("box", "boxes"),
        ("switch", "switches"),
        ("severity", "severities"),
        ("type of xid", "types of xid"),
    ],
)
def test_plurals(one, more):
    assert many(one) == more


def test_other_names_are_those_of_the_schema_that_is_shown(made):
    task = Nl2kql(execute=False, use_strict=False)
    found = [case for case, topic in made if topic == "other names"]
    assert 0.04 < len(found) / len(made) < 0.08
    for case in found[:80]:
        assert case.fields["schema"] and not any(table.kql in case.truth for table in fleet().tables)
        verdict = verdict_of(task, case, case.truth)
        assert all(score.value in (1, None) for score in verdict.scores.values()), (case.truth, verdict.scores)
        assert not [part.text for part in verdict.parts if "not in the schema" in part.text], case.truth


def test_a_renamed_query_keeps_its_strings_and_its_own_names():
    keys = ["jobhub.training.StepMetrics", "azphynet.azdhmds.OpticsReadings"]
    optics = fleet().by_key(keys[1])
    kql = f'{optics.kql} | where Vendor == "Port" | extend Loss = TxPowerDbm - RxPowerDbm | top 3 by Loss'
    for seed in range(20):
        text, new, schema, tables = renamed(random.Random(seed), keys, "OpticsReadings rows", kql)
        cluster, database, table = tables[1].split(".")
        names = list(schema[cluster][database][table])
        assert len(set(names)) == len(names) == len(optics.columns)
        vendor, tx, rx = names[6], names[4], names[3]
        start = f'cluster("{cluster}").database("{database}").{table}'
        assert new == f'{start} | where {vendor} == "Port" | extend Loss = {tx} - {rx} | top 3 by Loss'
        assert text == f"{table} rows"


def test_words_are_swapped_for_others_of_the_same_meaning():
    rng = random.Random(6)
    seen = {swapped(rng, f"hosts over {keep('hosts')} time over all") for _ in range(300)}
    assert len(seen) > 10 and all(f"{keep('hosts')} time over all" in text for text in seen)
