"""Systematic ways to break a query: each makes any query invalid KQL."""

from __future__ import annotations

BREAKERS = {
    "trailing bar": lambda q: q + " |",
    "open bracket": lambda q: q + " | where (a",
    "open string": lambda q: q + ' | where x == "abc',
    "misspelt operator": lambda q: q + " | wheer a == 1",
    "no right side": lambda q: q + " | where a ==",
    "two bars": lambda q: q + " | | take 1",
    "curly quotes": lambda q: q + " | where a == “x”",
    "two commas": lambda q: q + " | project a,, b",
    "closing bracket": lambda q: q + ")",
    "prose before": lambda q: "Here is the query: " + q,
    "take nothing": lambda q: q + " | take",
    "top by nothing": lambda q: q + " | top 5 by",
}
