"""The parser's tree with its one-child chains taken out: what the reading of references walks over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from antlr4.tree.Tree import TerminalNode
from duckdb_kql._antlr.KqlParser import KqlParser

RULES = KqlParser.ruleNames
NAMES = frozenset({"identifierName", "keywordName", "extendedKeywordName", "escapedName"})
# Rules that hold no reference, whatever name stands inside.
SILENT = frozenset(
    {
        "namedExpressionNameClause", "relaxedQueryOperatorParameter", "strictQueryOperatorParameter", "scalarType",
        "extendedScalarType", "rowSchema", "renderOperator", "renderOperatorWithClause", "dynamicLiteralExpression",
        "queryOperatorProperty", "sortOrdering", "mvapplyOperatorExpressionToClause", "parseOperatorKindClause",
    }
)  # fmt: skip

TABLE_CALLS = ("table", "external_table", "materialized_view")


@dataclass(slots=True)
class Node:
    """One rule with more than one child, or a leaf; `start` and `stop` are character offsets, stop exclusive."""

    rule: str  # "" for a bare token
    start: int
    stop: int
    text: str = ""  # of a leaf
    kids: list[Node] = field(default_factory=list)

    @property
    def is_name(self) -> bool:
        """Whether this is a plain or quoted name."""
        return self.rule in NAMES

    @property
    def name(self) -> str:
        """The name without [''] around it."""
        if self.rule == "escapedName":
            return string_value(self.kids[1]) if len(self.kids) > 2 else ""
        return self.text

    def rules(self, *names: str) -> list[Node]:
        """Children of these rules."""
        return [kid for kid in self.kids if kid.rule in names]

    def parts(self) -> Iterator[Node]:
        """Children that are neither tokens nor silent."""
        return (kid for kid in self.kids if kid.rule and kid.rule not in SILENT)


def build(tree: Any) -> Node:
    """The slim tree of ANTLR's `top` context."""
    while not isinstance(tree, TerminalNode) and tree.getChildCount() == 1:
        child = tree.getChild(0)
        if isinstance(child, TerminalNode):
            token = child.getSymbol()
            return Node(RULES[tree.getRuleIndex()], token.start, token.stop + 1, token.text)
        tree = child
    if isinstance(tree, TerminalNode):
        token = tree.getSymbol()
        return Node("", token.start, token.stop + 1, token.text)
    kids = [build(tree.getChild(i)) for i in range(tree.getChildCount())]
    rule = RULES[tree.getRuleIndex()]
    if not kids:
        return Node(rule, tree.start.start, tree.start.start)
    return Node(rule, kids[0].start, kids[-1].stop, "", kids)


def string_value(node: Node) -> str:
    """The value of a string literal; adjacent literals join, as in Kusto. Escapes other than quotes stay as they are."""
    if node.kids:
        return "".join(string_value(kid) for kid in node.kids)
    text = node.text
    if text[:1] in "hH":
        text = text[1:]
    if text.startswith("@"):
        return text[2:-1].replace(text[1] * 2, text[1])
    return text[1:-1].replace('\\"', '"').replace("\\'", "'").replace("\\\\", "\\")


def steps_of(node: Node) -> list[tuple[str, Node | None, Node]] | None:
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
    steps = steps_of(node.kids[0])
    if not steps:
        return None
    for kid in node.kids[1:]:
        if kid.rule == "dotCompositeFunctionCallOperation":
            more = steps_of(kid.kids[1])
            if not more:
                return None
            steps += more
        elif kid.rule == "functionCallOrPathPathOperation":
            steps.append(("", None, kid.kids[1]))
        elif kid.is_name or kid.rule == "wildcardedName":
            steps.append(("", None, kid))
    return steps
