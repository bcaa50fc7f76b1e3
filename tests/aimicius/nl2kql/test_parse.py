"""The default parser: what it accepts, what it underlines, and that hostile text costs little."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from sigma.aimicius.nl2kql import TASK
from sigma.aimicius.nl2kql.language import parse
from sigma.aimicius.nl2kql.language.keywords import KEYWORDS
from tests.aimicius.nl2kql.broken import BREAKERS
from tests.aimicius.nl2kql.queries import ACCEPTED, REFUSED, places_of

PAIRS = os.environ.get("SIGMA_NL2KQL_PAIRS", "")


def truths(count: int) -> list[str]:
    return [case.truth for case, _ in zip(TASK.generate("dev"), range(count))]


def test_breaks_are_rejected_and_originals_are_not():
    variants = 0
    for truth in truths(18):
        assert parse.parse(truth).ok, truth
        for name, change in BREAKERS.items():
            found = parse.parse(change(truth))
            assert not found.ok, f"{name}: {change(truth)}"
            assert all(0 <= each.start <= len(found.text) and each.length >= 1 for each in found.diagnostics)
            variants += 1
    assert variants >= 200


@pytest.mark.skipif(not PAIRS, reason="SIGMA_NL2KQL_PAIRS names no JSONL of {context, baseline} pairs")
def test_published_pairs_are_accepted_and_their_breaks_are_not():
    rows = [json.loads(line) for line in Path(PAIRS).read_text(encoding="utf-8").splitlines() if line.strip()]
    rejected = [row["baseline"] for row in rows if not parse.parse(row["baseline"]).ok]
    assert rejected == []
    changes = list(BREAKERS.values())
    for number, row in enumerate(rows):
        broken = changes[number % len(changes)](row["baseline"].rstrip())
        assert not parse.parse(broken).ok, broken


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("T | where a == “x”", "“", "typographic"),
        ("T | sumarize count()", "| sumarize count()", "no operator"),
        ('T | where a == "abc', '"', "no end"),
        ("T | where a ==", "", "mismatched"),
    ],
)
def test_diagnostics_name_the_place(query, place, words):
    first = parse.parse(query).diagnostics[0]
    assert query[first.start : first.start + first.length] == place
    assert words in first.message


def test_tokens_ignore_the_kind_of_quote_but_not_case():
    assert parse.tokens_of("T | where a == 'x'") == parse.tokens_of('T|where a == "x" // note')
    assert parse.tokens_of("T | where A == 'x'") != parse.tokens_of("T | where a == 'x'")
    assert "“" in parse.tokens_of("“")


@pytest.mark.parametrize(
    "text",
    ["(" * 5_000, "T | where " + "(" * 59 + "a" + ")" * 59, "T | where " + "not(" * 3_000, "|" * 5_000, "[" * 9_000,
     "T " + "| where a == 1 " * 600, "".join(map(chr, range(1, 3_000))), "\ud800", "'" * 9_999, "T | where a " + "and a " * 1_500],
    ids=lambda text: f"{text[:12]!r}x{len(text)}",
)  # fmt: skip
def test_hostile_text_is_read_in_bounded_time(text):
    started = time.thread_time()
    parse.parse(text)
    assert time.thread_time() - started < parse.PARSE_S + 3


def test_a_parse_can_be_stopped(monkeypatch):
    monkeypatch.setattr(parse, "PARSE_S", -1.0)
    found = parse.parse("T | where a == 1")
    assert not found.ok
    assert "stopped" in found.diagnostics[0].message


def test_a_query_takes_ten_milliseconds_at_most():
    parse.warm()
    queries = truths(40)
    for query in queries:
        parse.parse(query)
    times = []
    for query in queries:
        started = time.thread_time()
        parse.parse(query)
        times.append(time.thread_time() - started)
    assert sorted(times)[len(times) // 2] < 0.010


@pytest.mark.parametrize(
    "query",
    [
        "T | where a between (b .. b + 1h)",
        "T | where a !between (b .. f(b, 1) - 1h) and c == 1",
        "T | serialize",
        "T | serialize | extend x = prev(a)",
        "T | summarize count=count() by X | order by count",
        "T | where kind == 'a' | project kind, table",
        "T | extend x = d.kind",
        "let table = 5; T | where a == table",
        "T | count as n",
        "T | parse-kv a as (x:int)",
        "T | parse-kv a as (x:int, y:string) with (pair_delimiter=';', kv_delimiter='=') | where x > 1",
        "T | count as n | where n > 5",
    ],
)
def test_what_the_grammar_lacks_is_mended(query):
    parsed = parse.parse(query)
    assert parsed.ok, parsed.diagnostics
    assert parsed.tokens == parse.tokens_of(query)


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_keyword_is_a_name_wherever_it_can_be(word):
    assert len(KEYWORDS) == 27
    places = places_of(word)
    assert len(places) > 60
    assert [query for query, right in places if parse.parse(query).ok is not right] == []


@pytest.mark.parametrize("word", ["time", "where", "timechart", "string", "endswith"])
def test_other_keywords_are_no_names(word):
    for query in ("T | where {w} == 1", "T | project {w}, b", "T | order by {w}", "T | count as {w}", "let {w} = 5; T"):
        assert not parse.parse(query.format(w=word)).ok


@pytest.mark.parametrize(
    "query",
    [
        "T | summarize count=count() by X | order by count | render timechart with (kind=stacked)",
        "T | where kind == 'a' | render columnchart with (kind=unstacked, title='x', series=kind, ycolumns=count, table)",
        "T | order by table | render table",
        "T | fork (count) (where kind == 1 | count)",
        "T | where order > 1 | mv-apply x = d on (count | where Count > 1)",
        "T | where order > 1 | partition by kind (count)",
        "T | where order > 1 | parse kind=regex a with * 'x' count:long",
        "T | where order == 1 | join kind=inner (table | distinct *) on kind",
        "union kind=outer withsource=src T, table | where kind == 'a'",
        "let f = (T:(a:long)) { T | where kind > 1 }; T | invoke f() | order by count",
        "table('T') | count",
        "T | join (table('U') | take 5) on a",
    ],
)
def test_a_mended_query_keeps_its_operators(query):
    parsed = parse.parse(query)
    assert parsed.ok, parsed.diagnostics


@pytest.mark.parametrize("query", ACCEPTED)
def test_kql_is_accepted(query):
    parsed = parse.parse(query)
    assert parsed.ok, parsed.diagnostics


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_kql_is_refused(query):
    assert not parse.parse(query).ok


@pytest.mark.parametrize(
    "query",
    [
        "T | count as",
        "T | where a between (b .. )",
        "T | where a between (b .. b + )",
        "T | serialize |",
        "T | order by",
        "T | take",
    ],
)
def test_mending_accepts_no_broken_query(query):
    assert not parse.parse(query).ok
