"""What each operator after a bar does to the columns: the part of the reader of references that walks along a pipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fnmatch import fnmatchcase

from sigma.aimicius.nl2kql.language.columns import Scope, columns_of, declared, descend
from sigma.aimicius.nl2kql.language.tree import SILENT, Node

OPENING = frozenset(
    "evaluateOperator partitionOperator partitionByOperator forkOperator facetByOperator "
    "topNestedOperator makeGraphOperator graphToTableOperator macroExpandOperator reduceByOperator "
    "topHittersOperator executeAndCacheOperator".split()
)
# How each operator is read: a method of `Operators`; any other passes its columns on.
_METHODS = {
    "projectOperator": "_named_columns", "distinctOperator": "_named_columns", "summarizeOperator": "_named_columns",
    "extendOperator": "_named_columns", "serializeOperator": "_named_columns", "printOperator": "_print",
    "countOperator": "_count", "projectAwayOperator": "_selected", "projectKeepOperator": "_selected",
    "projectReorderOperator": "_selected", "projectRenameOperator": "_renamed", "joinOperator": "_join",
    "lookupOperator": "_join", "unionOperator": "_union", "mvexpandOperator": "_multi_value",
    "mvapplyOperator": "_multi_value", "parseOperator": "_parse", "parseWhereOperator": "_parse",
    "parseKvOperator": "_parse", "makeSeriesOperator": "_series", "asOperator": "_as", "findOperator": "_search",
    "searchOperator": "_search", "sampleDistinctOperator": "_sample", "getSchemaOperator": "_schema", "scanOperator": "_scan",
    "invokeOperator": "_invoke", "makeGraphOperator": "_make_graph", "graphMatchOperator": "_graph_match",
    "graphShortestPathsOperator": "_graph_match", "graphToTableOperator": "_unknown",
}  # fmt: skip


class Operators(ABC):
    """`operator` reads one; the reader of references brings tables, expressions and columns."""

    lets: dict[str, Scope | None]  # names that the query binds; None: a scalar

    @abstractmethod
    def table(self, node: Node) -> Scope:
        """Read a tabular expression; what columns it has at its end."""

    @abstractmethod
    def expression(self, node: Node, scope: Scope) -> None:
        """Read a scalar expression against the columns in scope."""

    @abstractmethod
    def _column(self, node: Node, scope: Scope) -> None:
        """Note a column's name."""

    @abstractmethod
    def _complain(self, node: Node, message: str) -> None:
        """Note what the schema has against a name."""

    @abstractmethod
    def _pipe(self, scope: Scope, piped: list[Node]) -> Scope:
        """Read the operators behind further bars."""

    def operator(self, node: Node, scope: Scope) -> Scope:
        """Read one operator after a bar; the columns behind it."""
        method = _METHODS.get(node.rule)
        if method is not None:
            return getattr(self, method)(node, scope)
        opens = node.rule in OPENING
        for kid in node.parts():
            self.expression(kid, Scope(scope.columns, True, scope.tables) if opens else scope)
        return Scope(dict(scope.columns), True, scope.tables) if opens else scope

    def _unknown(self, node: Node, scope: Scope) -> Scope:
        return Scope(open=True)

    def _invoke(self, node: Node, scope: Scope) -> Scope:
        """A function of the query's own gets the table; the fleet stores none."""
        function, *arguments = next(node.parts()).parts()
        for each in arguments:
            self.expression(each, Scope(open=True))
        bound = self.lets.get(function.name)
        if function.name not in self.lets:
            self._complain(function, f"there is no function {function.name}")
        return bound.copy() if isinstance(bound, Scope) else Scope(open=True)

    def _make_graph(self, node: Node, scope: Scope) -> Scope:
        made = Scope(dict(scope.columns), True, scope.tables)
        for kid in node.parts():
            if kid.rule == "makeGraphIdClause":
                made.columns[kid.kids[-1].name] = False
            elif kid.is_name:
                self._column(kid, scope)
            else:
                self.expression(kid, Scope(scope.columns, True, scope.tables))
        return made

    def _graph_match(self, node: Node, scope: Scope) -> Scope:
        """The pattern binds names for nodes and edges; behind their dot stand columns."""
        patterns = node.rules("graphMatchPattern")
        own = {each.name for pattern in patterns for each in descend(pattern) if each.is_name}
        inside = Scope({**scope.columns, **dict.fromkeys(own, False)}, True, scope.tables)
        for clause in node.kids:
            if clause.rule and clause not in patterns:
                self.expression(clause, inside)
                for path in descend(clause):
                    if path.rule == "functionCallOrPathExpression" and path.kids[0].name in own:
                        self._column(path.kids[1].kids[-1], inside)
        return Scope(open=True)

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
                    fitting = {name for name in scope.columns if fnmatchcase(name, pattern)}
                    names = node.rule == "projectKeepOperator" and pattern != "*"
                    for name in fitting if names else ():  # a bare * names nothing
                        self._column(Node("identifierName", each.start, each.stop, name), scope)
                    hit |= fitting
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

    def _scan(self, node: Node, scope: Scope) -> Scope:
        """scan's steps and the columns that it declares are its own names."""
        below = descend(node)
        own = [each.kids[1].name for each in below if each.rule == "scanOperatorStep" and each.kids[1].is_name]
        own += [
            each.kids[0].name for each in below if "DeclareClause" in each.rule and each.kids and each.kids[0].is_name
        ]
        own += [kid.kids[0].name for each in below for kid in each.rules("scalarParameter") if kid.kids]
        own += declared(node)
        inside = Scope({**scope.columns, **dict.fromkeys(own, False)}, True, scope.tables)
        for each in below:
            first = {"scanOperatorStep": 2, "scanOperatorPartitionByClause": 0, "scanOperatorOrderByClause": 0}
            if each.rule in first:
                for kid in each.kids[first[each.rule] :]:
                    self.expression(kid, inside)
        return inside

    def _schema(self, node: Node, scope: Scope) -> Scope:
        """getschema's four columns are its own."""
        return Scope(dict.fromkeys(("ColumnName", "ColumnOrdinal", "DataType", "ColumnType"), False))

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
