"""Kusto queries over the tables of a prompt as a grammar, for decoding that is held to it.

A part of KQL: what questions about a fleet need (where, summarize, top, project, distinct, join, ...), without let. A query
that begins with a table may refer to that table's columns, to those that an aggregate makes, and to a few names for new
ones. What the question asks for is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from sigma.aimicius.nl2kql.schema import Table

NEW_NAMES = (
    "Count Average Total Maximum Minimum Limit Bad Failed Pct MemPct Value Level Speed Headroom Site Loss Run When Day Hour Rows"
).split()
AGGREGATES = "avg sum max min dcount countif percentile stdev variance make_set arg_max arg_min".split()
FUNCTIONS = (
    "ago bin startofday startofweek startofmonth endofday hourofday dayofweek iff isempty isnotempty isnull isnotnull "
    "round abs strlen tolower toupper strcat toint tolong todouble tostring format_datetime datetime_diff"
).split()
TERMINALS = r"""
INT: /[0-9]{1,7}/
NUMBER: /-?[0-9]{1,12}(\.[0-9]{1,6})?/
SPAN: /[0-9]{1,4}(ms|s|m|h|d)/
TEXT: /"[^"\\\n]{0,60}"/
MOMENT: /[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?/
ORDER: " asc" | " desc"
JOINED: "inner" | "leftouter" | "leftanti" | "leftsemi" | "innerunique" | "rightouter" | "fullouter" | "rightanti"
SIGN: " + " | " - " | " * " | " / " | " % "
COMPARED: " == " | " != " | " =~ " | " !~ " | " < " | " <= " | " > " | " >= "
WORDED: " has " | " !has " | " contains " | " !contains " | " startswith " | " !startswith " | " endswith "
AMONG: " in " | " !in " | " in~ "
TWO: " and " | " or "
"""
# One table's operators; @ is the table's number, or "x" for all of them, whose columns are there behind a join.
OPERATORS = r"""
join@: "join kind=" JOINED " (" query ") on " col@ (", " col@)*
op@: "where " cond@ | "summarize " agg@ (", " agg@)* (" by " key@ (", " key@)*)? | "top " INT " by " ref@ ORDER?
  | "project " item@ (", " item@)* | "project-away " ref@ (", " ref@)* | "distinct " ref@ (", " ref@)* | "count" | "take " INT
  | ("sort by " | "order by ") ref@ ORDER? (", " ref@ ORDER?)* | "extend " new " = " sum@ (", " new " = " sum@)*
  | "render timechart" | "render barchart" | "render columnchart"
cond@: test@ (TWO test@)*
test@: sum@ COMPARED sum@ | sum@ WORDED TEXT | sum@ " between (" sum@ " .. " sum@ ")"
  | ref@ AMONG "(" (atom@ (", " atom@)* | "(" query ")") ")" | call@ | ref@ | "(" cond@ ")" | "not(" cond@ ")"
agg@: (new " = ")? (made@ | sum@)
made@: "count()" | FOLD "(" test@ (", " (NUMBER | "*" | ref@))* ")"
key@: (new " = ")? (ref@ | call@)
item@: ref@ | new " = " sum@
sum@: atom@ (SIGN atom@)*
atom@: ref@ | NUMBER | SPAN | TEXT | "true" | "false" | call@ | made@ | "(" sum@ ")"
call@: CALLED "(" sum@ (", " sum@)* ")" | "now()" | "datetime(" MOMENT ")" | "iff(" cond@ ", " sum@ ", " sum@ ")"
ref@: col@ | new | "count_" | FOLD "_" col@
"""


def _any(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)


@lru_cache(maxsize=64)
def queries(tables: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """The grammar of queries over tables, each (its reference as a query writes it, its columns)."""
    lines = ["start: query", f"query: {' | '.join(f'query{i}' for i in range(len(tables)))}"]
    for i, (reference, columns) in enumerate(tables):
        lines.append(f'query{i}: {json.dumps(reference)} (" | " op{i})* (" | " join{i} (" | " (opx | joinx))*)?')
        lines.append(f"col{i}: {_any(columns)}")
        lines.append(OPERATORS.strip().replace("@", str(i)))
    lines.append(f"colx: {_any(dict.fromkeys(name for _, columns in tables for name in columns))}")
    lines.append(OPERATORS.strip().replace("@", "x"))
    lines += [f"new: {_any(NEW_NAMES)}", f"FOLD: {_any(AGGREGATES)}", f"CALLED: {_any(FUNCTIONS)}"]
    return "\n".join((*lines, TERMINALS))


def over(tables: Iterable[Table]) -> str:
    """The grammar for the tables that a prompt shows."""
    return queries(tuple((table.kql, tuple(table.columns)) for table in tables))
