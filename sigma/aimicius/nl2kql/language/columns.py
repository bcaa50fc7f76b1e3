"""Which columns there are at one place of a pipe, and how Kusto names those that a query makes."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from sigma.aimicius.nl2kql.language.tree import Node
from sigma.aimicius.nl2kql.schema import Table

# Functions whose unnamed result keeps the name of their column.
KEEPS_NAME = frozenset(
    "bin floor tostring toint tolong todouble toreal tobool todatetime totimespan startofday".split()
)


@dataclass(slots=True)
class Scope:
    """Columns at one place of a pipe: name -> whether it comes from a table. `open`: there may be others."""

    columns: dict[str, bool] = field(default_factory=dict)
    open: bool = False
    tables: tuple[str, ...] = ()

    def copy(self) -> Scope:
        return Scope(dict(self.columns), self.open, self.tables)


def columns_of(items: list[Node], scope: Scope, own: Container[str], aggregates: bool = False) -> Scope:
    """The columns that a list of expressions makes; `own` are names bound by the query."""
    made = Scope(tables=scope.tables)
    for number, item in enumerate(items, 1):
        if item.rule == "namedExpression":
            clause = item.kids[0]
            names = [n.name for n in descend(clause) if n.is_name]
            made.columns.update(dict.fromkeys(names, False))
        elif item.is_name:
            made.columns[item.name] = scope.columns.get(item.name, item.name not in own)
        else:
            _default_names(item, scope, made, number, aggregates)
    return made


def _default_names(item: Node, scope: Scope, made: Scope, number: int, aggregates: bool) -> None:
    """Kusto's names for what has none: bin(x, 1h) -> x, avg(x) -> avg_x, count() -> count_, else Column1."""
    if item.rule == "countExpression":
        made.columns["count_"] = False
    elif item.rule == "namedFunctionCallExpression":
        function, arguments = item.kids[0].name, list(item.parts())[1:]
        first = arguments[0].name if arguments and arguments[0].is_name else ""
        if function in KEEPS_NAME and first:
            made.columns[first] = False
        elif function in ("arg_max", "arg_min", "take_any", "any"):
            for argument in arguments:
                if argument.rule == "starExpression":
                    made.columns.update(scope.columns)
                    made.open |= scope.open
                elif argument.is_name:
                    made.columns[argument.name] = scope.columns.get(argument.name, True)
        elif function in ("percentile", "percentiles") and first:
            for argument in arguments[1:]:
                made.columns[f"{function.rstrip('s')}_{first}_{argument.text}"] = False
        else:
            made.columns[f"{function}_{first}" if aggregates else f"Column{number}"] = False
            made.columns[f"Column{number}"] = False
    elif item.rule == "functionCallOrPathExpression":
        parts = [kid.name for kid in descend(item) if kid.is_name]
        made.columns["_".join(parts)] = False
        made.columns["_".join(parts[1:])] = False  # parse_json(x).y -> x_y
        made.columns[parts[-1] if parts else f"Column{number}"] = False
    else:
        made.columns[f"Column{number}"] = False


def scope_of(table: Table | None) -> Scope:
    if table is None:
        return Scope(open=True)
    return Scope(dict.fromkeys(table.columns, True), False, (table.name,))


def declared(node: Node) -> list[str]:
    """Column names of a row schema inside the node."""
    found = [each for each in descend(node) if each.rule == "rowSchemaColumnDeclaration"]
    return [each.kids[0].name for each in found if each.kids]


def descend(node: Node) -> list[Node]:
    """The node and all below it."""
    found, stack = [], [node]
    while stack:
        each = stack.pop()
        found.append(each)
        stack += reversed(each.kids)
    return found
