"""NL2KQL: questions about a GPU fleet become Kusto queries.

schema      clusters, databases, tables, columns: what a query may name
pools       values of the rows and the questions, each split with its own part
generator/  how people speak of each table, and what they ask of it
cases       train, dev and test cases
prompt      the text that is sent
answer      the one query in an answer
language/   the default parser (ANTLR, from Microsoft's grammar), what is mended in it, and what a query refers to
strict      Microsoft's own parser, where it was fetched
engine/     running a query on generated rows, in a process that can be killed
judge       the verdict
task        all of it behind the contract
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """`TASK`, made when it is first asked for: `python -m ...nl2kql.strict` is to import that module only once."""
    if name != "TASK":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sigma.aimicius.nl2kql.task import Nl2kql

    globals()["TASK"] = Nl2kql()
    return globals()["TASK"]
