"""What a query refers to: clusters, databases, tables, columns, read from the parser's tree and the schema.

A column counts if it comes from a table: names that the query itself introduces (`extend x = ...`, `Count = count()`)
are its own business. A name that is neither counts as a column too: the query means one, and the schema does not have
it, which a diagnostic says. After operators whose output cannot be known here (`evaluate`, `invoke` ...) no name is
called unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from sigma.aimicius.nl2kql.language.columns import Scope, declared, scope_of
from sigma.aimicius.nl2kql.language.operators import Operators
from sigma.aimicius.nl2kql.language.parse import Diagnostic, Parsed
from sigma.aimicius.nl2kql.language.tree import SILENT, TABLE_CALLS, Node, build, steps_of, string_value
from sigma.aimicius.nl2kql.schema import Schema, Table, normal_cluster

PARTS = ("clusters", "databases", "tables", "columns")
MAX_DIAGNOSTICS = 20
TABULAR = frozenset(
    "pipeExpression dataTableExpression externalDataExpression rangeExpression unionOperator toTableExpression".split()
)


@dataclass(slots=True)
class References:
    """Distinct names by part, and what the schema says against them. `queries` counts statements that return rows."""

    clusters: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    queries: int = 0

    def part(self, name: str) -> set[str]:
        """The set of one of PARTS."""
        return getattr(self, name)


def read(parsed: Parsed, schema: Schema) -> References:
    """The references of a query that parsed. Raises nothing that a query can cause."""
    reader = _Reader(schema)
    try:
        reader.statements(build(parsed.tree))
    except RecursionError:
        reader.found.diagnostics.append(
            Diagnostic(0, len(parsed.text), "nested too deeply to read all names", "schema")
        )
    return reader.found


class _Reader(Operators):
    def __init__(self, schema: Schema):
        self.schema = schema
        self.found = References()
        self.lets: dict[str, Scope | None] = {}  # None: a scalar

    # -- statements

    def statements(self, node: Node) -> None:
        for kid in node.kids if node.rule == "query" else [node]:
            if kid.rule.startswith("let"):
                self._let(kid)
            elif kid.rule and kid.rule not in ("setStatement", "declarePatternStatement", "aliasDatabaseStatement"):
                if kid.rule == "declareQueryParametersStatement":
                    for each in kid.rules("declareQueryParametersStatementParameter"):
                        self.lets[each.kids[0].name] = None
                    continue
                self.found.queries += 1
                self.table(kid)

    def _let(self, node: Node) -> None:
        name = node.kids[1].name
        body = node.kids[-1]
        if node.rule in ("letFunctionDeclaration", "letViewDeclaration"):
            outer = dict(self.lets)
            self._parameters(node)
            scope: Scope | None = Scope(open=True)
            for kid in body.parts():
                if kid.rule.startswith("let"):
                    self._let(kid)
                else:
                    scope = self._value(kid)
            self.lets = outer
        elif node.rule == "letMaterializeDeclaration":
            scope = self.table(node.kids[-2])
        else:
            scope = self._value(body)
        self.lets[name] = scope

    def _parameters(self, node: Node) -> None:
        if node.rule in ("scalarParameter", "tabularParameter"):
            self.lets[node.kids[0].name] = None if node.rule == "scalarParameter" else Scope(open=True)
            return
        for kid in node.kids:
            if kid.rule != "letFunctionBody":
                self._parameters(kid)

    def _value(self, node: Node) -> Scope | None:
        """The scope of a tabular expression, None of a scalar one."""
        if self._is_table(node):
            return self.table(node)
        self.expression(node, Scope(open=False))
        return None

    def _is_table(self, node: Node) -> bool:
        if node.rule == "parenthesizedExpression":
            return self._is_table(node.kids[1])
        if node.rule in TABULAR:
            return True
        if node.is_name:
            bound = self.lets.get(node.name, self)
            return isinstance(bound, Scope) or (bound is self and self.schema.find(node.name) is not None)
        if steps_of(node):
            return True
        if node.rule == "namedFunctionCallExpression":
            name = node.kids[0].name
            return name in ("view", "materialize") or isinstance(self.lets.get(name), Scope)
        return False

    # -- tables

    def table(self, node: Node) -> Scope:
        """Read a tabular expression; what columns it has at its end."""
        if node.rule == "parenthesizedExpression":
            return self.table(node.kids[1])
        if node.rule == "pipeExpression":
            return self._pipe(self.table(node.kids[0]), node.rules("pipedOperator"))
        if node.is_name:
            return self._named_table(node)
        if node.rule == "wildcardedName":
            return self._wildcard(node)
        steps = steps_of(node)
        if steps:
            return self._entity(steps)
        if node.rule in ("toTableExpression", "toScalarExpression"):
            return self.table(node.kids[-2])
        if node.rule == "namedFunctionCallExpression":
            return self._table_call(node)
        if node.rule in ("dataTableExpression", "externalDataExpression"):
            return Scope(dict.fromkeys(declared(node), False))
        if node.rule == "rangeExpression":
            for kid in node.kids[2:]:
                self.expression(kid, Scope())
            return Scope({node.kids[1].name: False})
        if node.rule.endswith("Operator"):
            return self.operator(node, Scope())
        self.expression(node, Scope(open=False))
        return Scope(open=True)

    def _pipe(self, scope: Scope, piped: list[Node]) -> Scope:
        for step in piped:
            scope = self.operator(step.kids[1], scope)
        return scope

    def _named_table(self, node: Node) -> Scope:
        name = node.name
        bound = self.lets.get(name, self)
        if isinstance(bound, Scope):
            return bound.copy()
        if bound is None:
            return Scope(open=True)
        self.found.tables.add(name)
        table = self.schema.find(name)
        if table is None:
            self._complain(node, f"there is no table {name}")
        return scope_of(table)

    def _wildcard(self, node: Node) -> Scope:
        pattern = "".join(kid.text for kid in node.kids) or node.text
        scope = Scope()
        for table in self.schema.tables:
            if fnmatchcase(table.name, pattern):
                if pattern != "*":  # a bare * names nothing, or it would answer every question
                    self.found.tables.add(table.name)
                scope.columns.update(dict.fromkeys(table.columns, True))
        scope.open = not scope.columns
        return scope

    def _table_call(self, node: Node) -> Scope:
        name, arguments = node.kids[0].name, list(node.parts())[1:]
        bound = self.lets.get(name)
        if name in ("materialize", "view", "toscalar") and arguments:
            return self.table(arguments[0])
        for argument in arguments:
            self._value(argument)
        return bound.copy() if isinstance(bound, Scope) else Scope(open=True)

    def _entity(self, steps: list[tuple[str, Node | None, Node]]) -> Scope:
        cluster = database = None
        for function, argument, node in steps:
            value = (
                string_value(argument) if argument is not None and argument.rule == "stringLiteralExpression" else None
            )
            if function == "cluster" and value is not None:
                cluster = value
                self.found.clusters.add(normal_cluster(value))
                if normal_cluster(value) not in self.schema.clusters:
                    self._complain(node, f"there is no cluster {value}")
                    cluster = None
            elif function == "database" and value is not None:
                database = value
                self.found.databases.add(value)
                if not self.schema.has_database(value, cluster):
                    self._complain(
                        node, f"there is no database {value}" + (f" in cluster {cluster}" if cluster else "")
                    )
                    database = None
            elif function == "" or function in TABLE_CALLS:
                name = node.name if function == "" else value
                if node.rule == "wildcardedName":
                    return self._wildcard(node)
                if not name:
                    return Scope(open=True)
                self.found.tables.add(name)
                return scope_of(self._find(name, cluster, database, node))
        return Scope(open=True)

    def _find(self, name: str, cluster: str | None, database: str | None, node: Node) -> Table | None:
        table = self.schema.find(name, database, cluster)
        if table is None:
            table = self.schema.find(name)
            place = f"{cluster or 'any cluster'}, {database or 'any database'}"
            elsewhere = f"; there is one in {table.cluster}, {table.database}" if table else ""
            self._complain(
                node,
                f"there is no table {name} in {place}{elsewhere}"
                if cluster or database
                else f"there is no table {name}{elsewhere}",
            )
        return table

    # -- expressions

    def expression(self, node: Node, scope: Scope) -> None:
        """Read a scalar expression against the columns in scope."""
        if node.rule in SILENT or not node.rule:
            return
        if node.is_name:
            self._column(node, scope)
        elif node.rule in ("pipeExpression", "toScalarExpression", "toTableExpression") or (
            node.rule == "parenthesizedExpression" and self._is_table(node) and not self._in_scope(node, scope)
        ):
            self.table(node)
        elif steps := steps_of(node):
            self._entity(steps)
        elif node.rule in ("functionCallOrPathExpression", "entityPathOrElementExpression"):
            self.expression(node.kids[0], scope)
            for kid in node.kids[1:]:
                if "Element" in kid.rule:
                    for each in kid.parts():
                        self.expression(each, scope)
        elif node.rule == "namedFunctionCallExpression":
            for kid in list(node.parts())[1:]:
                self.expression(kid, scope)
        elif node.rule in ("pipeSubExpression", "contextualSubExpression") or node.rule.endswith("Operator"):
            self._sub(node, scope)
        else:
            for kid in node.parts():
                self.expression(kid, scope)

    def _in_scope(self, node: Node, scope: Scope) -> bool:
        inner = node.kids[1]
        return inner.is_name and inner.name in scope.columns

    def _column(self, node: Node, scope: Scope) -> None:
        name = node.name
        if name in scope.columns:
            if scope.columns[name]:
                self.found.columns.add(name)
            return
        if name in self.lets or name.startswith("$"):
            return
        if self.schema.find(name) is not None:
            self.found.tables.add(name)
            return
        self.found.columns.add(name)
        if not scope.open:
            where = f" in {', '.join(dict.fromkeys(scope.tables))}" if scope.tables else ""
            close = next((each for each in scope.columns if each.lower() == name.lower()), None)
            self._complain(node, f"there is no column {name}{where}" + (f"; there is {close}" if close else ""))

    def _complain(self, node: Node, message: str) -> None:
        if len(self.found.diagnostics) < MAX_DIAGNOSTICS:
            self.found.diagnostics.append(Diagnostic(node.start, max(1, node.stop - node.start), message, "schema"))
