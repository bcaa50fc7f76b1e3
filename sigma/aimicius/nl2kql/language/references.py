"""What a query refers to: clusters, databases, tables, columns, read from the parser's tree and the schema.

A column counts if it comes from a table: names that the query itself introduces (`extend x = ...`, `Count = count()`)
are its own business. A name that is neither counts as a column too: the query means one, and the schema does not have
it, which a diagnostic says. After operators whose output cannot be known here (`evaluate`, `invoke` ...) no name is
called unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from sigma.aimicius.nl2kql.language.columns import Scope, columns_of, declared, descend, scope_of
from sigma.aimicius.nl2kql.language.parse import Diagnostic, Parsed
from sigma.aimicius.nl2kql.language.tree import SILENT, Node, build, string_value
from sigma.aimicius.nl2kql.schema import Schema, Table, normal_cluster

PARTS = ("clusters", "databases", "tables", "columns")
MAX_DIAGNOSTICS = 20
OPENING = frozenset(
    "evaluateOperator invokeOperator scanOperator partitionOperator partitionByOperator forkOperator facetByOperator "
    "topNestedOperator graphMatchOperator makeGraphOperator graphToTableOperator macroExpandOperator reduceByOperator "
    "getSchemaOperator topHittersOperator executeAndCacheOperator".split()
)
TABULAR = frozenset("pipeExpression dataTableExpression rangeExpression unionOperator toTableExpression".split())
TABLE_CALLS = ("table", "external_table", "materialized_view")
_METHODS = {
    "projectOperator": "_named_columns", "distinctOperator": "_named_columns", "summarizeOperator": "_named_columns",
    "extendOperator": "_named_columns", "serializeOperator": "_named_columns", "printOperator": "_print",
    "countOperator": "_count", "projectAwayOperator": "_selected", "projectKeepOperator": "_selected",
    "projectReorderOperator": "_selected", "projectRenameOperator": "_renamed", "joinOperator": "_join",
    "lookupOperator": "_join", "unionOperator": "_union", "mvexpandOperator": "_multi_value",
    "mvapplyOperator": "_multi_value", "parseOperator": "_parse", "parseWhereOperator": "_parse",
    "parseKvOperator": "_parse", "makeSeriesOperator": "_series", "asOperator": "_as", "findOperator": "_search",
    "searchOperator": "_search", "sampleDistinctOperator": "_sample",
}  # fmt: skip


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


class _Reader:
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
        if self._steps(node):
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
        steps = self._steps(node)
        if steps:
            return self._entity(steps)
        if node.rule in ("toTableExpression", "toScalarExpression"):
            return self.table(node.kids[-2])
        if node.rule == "namedFunctionCallExpression":
            return self._table_call(node)
        if node.rule == "dataTableExpression":
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

    def _steps(self, node: Node) -> list[tuple[str, Node | None, Node]] | None:
        """cluster("a").database("b").T as [(function, argument, node), ..., ("", None, name)]; None for anything else."""
        if node.rule == "namedFunctionCallExpression":
            if node.kids[0].name not in ("cluster", "database", *TABLE_CALLS) or len(node.kids) != 4:
                return None
            return [(node.kids[0].name, node.kids[2], node)]
        if node.rule not in (
            "dotCompositeFunctionCallExpression",
            "functionCallOrPathExpression",
            "wildcardedPathExpression",
        ):
            return None
        steps = self._steps(node.kids[0])
        if not steps:
            return None
        for kid in node.kids[1:]:
            if kid.rule == "dotCompositeFunctionCallOperation":
                more = self._steps(kid.kids[1])
                if not more:
                    return None
                steps += more
            elif kid.rule == "functionCallOrPathPathOperation":
                steps.append(("", None, kid.kids[1]))
            elif kid.is_name or kid.rule == "wildcardedName":
                steps.append(("", None, kid))
        return steps

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

    # -- operators

    def operator(self, node: Node, scope: Scope) -> Scope:
        """Read one operator after a bar; the columns behind it."""
        method = _METHODS.get(node.rule)
        if method is not None:
            return getattr(self, method)(node, scope)
        opens = node.rule in OPENING
        for kid in node.parts():
            self.expression(kid, Scope(scope.columns, True, scope.tables) if opens else scope)
        return Scope(dict(scope.columns), True, scope.tables) if opens else scope

    def _print(self, node: Node, scope: Scope) -> Scope:
        return self._named_columns(node, Scope())

    def _count(self, node: Node, scope: Scope) -> Scope:
        return Scope(open=True) if node.rules("countOperatorAsClause") else Scope({"Count": False})

    def _as(self, node: Node, scope: Scope) -> Scope:
        self.lets[node.kids[-1].name] = scope.copy()
        return scope

    def _sample(self, node: Node, scope: Scope) -> Scope:
        for kid in node.parts():
            self.expression(kid, scope)
        return columns_of([list(node.parts())[-1]], scope, self.lets)

    def _named_columns(self, node: Node, scope: Scope) -> Scope:
        if any(kid.rule == "distinctOperatorStarTarget" for kid in node.kids):
            return scope
        items: list[Node] = []
        for kid in node.parts():
            if kid.rule in ("distinctOperatorColumnListTarget", "summarizeOperatorByClause"):
                items += kid.parts()
            else:
                items.append(kid)
        for item in items:
            self.expression(item, scope)
        made = columns_of(items, scope, self.lets, node.rule == "summarizeOperator")
        if node.rule in ("extendOperator", "serializeOperator"):
            return Scope({**scope.columns, **made.columns}, scope.open, scope.tables)
        return Scope(made.columns, made.open, scope.tables)

    def _selected(self, node: Node, scope: Scope) -> Scope:
        """project-away, project-keep, project-reorder: names and patterns."""
        hit: set[str] = set()
        for kid in node.parts():
            for each in descend(kid):
                if each.rule == "wildcardedName":
                    pattern = "".join(part.text for part in each.kids) or each.text
                    hit |= {name for name in scope.columns if fnmatchcase(name, pattern)}
                elif each.is_name:
                    self._column(each, scope)
                    hit.add(each.name)
        if node.rule == "projectAwayOperator":
            return Scope({n: b for n, b in scope.columns.items() if n not in hit}, scope.open, scope.tables)
        if node.rule == "projectKeepOperator":
            return Scope({n: b for n, b in scope.columns.items() if n in hit}, scope.open, scope.tables)
        return scope

    def _renamed(self, node: Node, scope: Scope) -> Scope:
        columns = dict(scope.columns)
        for item in node.parts():
            self.expression(item, scope)
            if item.rule == "namedExpression" and item.kids[-1].is_name:
                columns.pop(item.kids[-1].name, None)
                columns.update({each.name: False for each in descend(item.kids[0]) if each.is_name})
        return Scope(columns, scope.open, scope.tables)

    def _join(self, node: Node, left: Scope) -> Scope:
        parts = list(node.parts())
        tables = [kid for kid in parts if not kid.rule.startswith("joinOperator")]
        right = self.table(tables[0]) if tables else Scope(open=True)
        both = Scope({**right.columns, **left.columns}, left.open or right.open, left.tables + right.tables)
        for clause in parts:
            if clause.rule.startswith("joinOperator"):
                for kid in clause.parts():
                    self._join_key(kid, left, right, both)
        # Kusto renames the right side's columns whose names are taken.
        both.columns.update({f"{name}1": False for name in right.columns if name in left.columns})
        return both

    def _join_key(self, node: Node, left: Scope, right: Scope, both: Scope) -> None:
        if node.is_name:
            self._column(node, left)
            self._column(node, right)
        elif node.rule == "functionCallOrPathExpression" and node.kids[0].text in ("$left", "$right"):
            side = left if node.kids[0].text == "$left" else right
            for kid in node.kids[1:]:
                if kid.rule == "functionCallOrPathPathOperation":
                    self._column(kid.kids[1], side)
        elif any(kid.text in ("$left", "$right") for kid in descend(node)):
            for kid in node.parts():
                self._join_key(kid, left, right, both)
        else:
            self.expression(node, both)

    def _union(self, node: Node, scope: Scope) -> Scope:
        scopes = [scope] if scope.columns or scope.open else []
        for kid in node.parts():
            scopes.append(self.table(kid))
        columns = {name: base for each in scopes for name, base in each.columns.items()}
        named = node.rules("relaxedQueryOperatorParameter", "strictQueryOperatorParameter")
        columns.update({kid.kids[-1].name: False for kid in named if kid.kids and kid.kids[0].text.startswith("with")})
        return Scope(columns, any(each.open for each in scopes), tuple(t for each in scopes for t in each.tables))

    def _multi_value(self, node: Node, scope: Scope) -> Scope:
        inner = scope.copy()
        for kid in node.parts():
            if (
                kid.rule in ("mvexpandOperatorExpression", "mvapplyOperatorExpression", "namedExpression")
                or kid.is_name
            ):
                self.expression(kid, scope)
                target = kid.kids[0] if kid.rule.endswith("OperatorExpression") else kid
                inner.columns.update(columns_of([target], scope, self.lets).columns)
            elif kid.rule in ("pipeSubExpression", "contextualSubExpression") or kid.rule.endswith("Operator"):
                inner = self._sub(kid, inner)
            else:
                self.expression(kid, scope)
        if node.rule == "mvapplyOperator":
            inner.open = True
        return inner

    def _sub(self, node: Node, scope: Scope) -> Scope:
        if node.rule.endswith("Operator"):
            return self.operator(node, scope)
        first, *rest = node.kids
        return self._pipe(self.operator(first, scope), [kid for kid in rest if kid.rule == "pipedOperator"])

    def _parse(self, node: Node, scope: Scope) -> Scope:
        made = scope.copy()
        source, pattern = None, False
        for kid in node.kids:
            if kid.text in ("with", "as"):
                pattern = True
            elif kid.rule and kid.rule not in SILENT and not pattern and source is None:
                source = kid
                self.expression(kid, scope)
            elif pattern or kid.rule == "rowSchema":
                names = [each.name for each in descend(kid) if each.is_name]
                made.columns.update(dict.fromkeys(names, False))
        if node.rule == "parseKvOperator":
            made.columns.update(dict.fromkeys(declared(node), False))
        return made

    def _series(self, node: Node, scope: Scope) -> Scope:
        items: list[Node] = []
        for kid in node.parts():
            self.expression(kid, scope)
            if kid.rule == "makeSeriesOperatorAggregation":
                items.append(kid.kids[0])
            elif kid.rule in ("makeSeriesOperatorOnClause", "makeSeriesOperatorByClause"):
                items += kid.parts()
            elif kid.rule in ("namedExpression", "countExpression", "namedFunctionCallExpression"):
                items.append(kid)
        return columns_of(items, scope, self.lets, True)

    def _search(self, node: Node, scope: Scope) -> Scope:
        """find and search look at every column of their tables."""
        scope = Scope(open=True)
        for each in descend(node):
            if each.rule in ("findOperatorInClause", "searchOperatorInClause"):
                for kid in each.parts():
                    scope.columns.update(self.table(kid).columns)
        for kid in node.parts():
            if kid.rule not in ("findOperatorParametersWhereClause", "searchOperatorInClause", "findOperatorInClause"):
                self.expression(kid, scope)
        return scope

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
        elif steps := self._steps(node):
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
