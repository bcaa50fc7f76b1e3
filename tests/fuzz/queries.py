"""NL2KQL: the query in an answer, the KQL parser, the names that a query refers to."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from sigma.aimicius.nl2kql.answer import find_query
from sigma.aimicius.nl2kql.faults import MOST_CHARACTERS, faults, values
from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.schema import fleet
from tests.fuzz.target import Target
from tests.fuzz.texts import language

_T = "cluster('gpufleet').database('Fleet').GpuHealth"
QUERIES = (
    f'{_T} | where Timestamp > ago(1d) and State =~ "idle" | summarize N = count() by bin(Timestamp, 1h), Node',
    f"{_T} | where Temp between (70 .. 90) or Node !in ('a', 'b') | top 5 by Temp desc",
    f"{_T} | join kind=leftouter (cluster('gpufleet').database('Fleet').Nodes | where X == 79) on $left.Node == $right.Name | count",
    f"{_T} | extend E = iff(Temp > 80, 'hot', 'cool') | project-away Temp | distinct E",
    "let t = 5; let f = (x: long) { x + t }; T | where A > f(3) | render timechart",
    "T | make-series n = count() default=0 on A from ago(7d) to now() step 1h by B | mv-expand n | take 10",
    "T | parse B with * 'x' C:long 'y' | where C matches regex @'^a.*' and D == datetime(2024-01-01) and E == dynamic({\"a\": [1]})",
    "union T, (U | where A has_any ('x', 'y')) | summarize arg_max(A, *), dcountif(B, C > 0) by D | sort by A asc nulls last",
    "```kql\nT | where A == 1 // a note\n| take 3\n```\nThis takes three rows.",
    ".drop table T",
    "T | lookup U on A | invoke g() | evaluate bag_unpack(B)",
)
PIECES = (
    *{word for query in QUERIES for word in query.replace("(", " ( ").replace(")", " ) ").split(" ") if word},
    "| where", "| summarize", "| project", "| extend", "| on", "and", "or", "not(", "ago(", "1d", "==", "!=", "=~", "!contains", "..", "=>", "*",
    "['a b']", "@'x\\'", "h'secret'", "```", "''", '""', "let x =", ";", "datetime(", "real(nan)", "guid(", "| fork (", "| scan", "\u201c", "\u2019",
)  # fmt: skip


def check_query(answer: str) -> None:
    """One query or a refusal; complaints point into the text; the tokens are those of the lexer alone; names are text."""
    found = find_query(answer)
    assert found.refusal or found.query.strip()
    if found.refusal:
        return
    parsed = parse.parse(found.query)
    for problem in parsed.diagnostics:
        assert problem.message and 0 <= problem.start <= len(found.query) and problem.length >= 0
        assert problem.start + problem.length <= len(found.query) + 1
    if not parsed.ok:
        return
    assert parsed.tokens == parse.tokens_of(found.query)
    named = references.read(parsed, fleet())
    json.dumps({part: sorted(named.part(part)) for part in references.PARTS})
    assert named.queries >= 0
    assert all(0 <= one.start <= len(found.query) for one in named.diagnostics)


def check_faults(case: tuple[str, str]) -> None:
    """Words for people, the same again, no more than the texts are long."""
    question, answer = case
    found = faults(question, answer, fleet())
    assert found == faults(question, answer, fleet()) and all(isinstance(words, str) and words for words in found)
    assert len(values(question[:MOST_CHARACTERS])) <= MOST_CHARACTERS


LINES = language(QUERIES, PIECES, 12)
TARGETS = (
    Target("queries", "a KQL query and the names in it (NL2KQL)", LINES, check_query, 5.0),
    Target("queries.faults", "what is wrong with a query as far as its question tells (NL2KQL)",
           st.tuples(LINES, LINES).map(list), check_faults, 5.0),
)  # fmt: skip
