"""The NL2KQL task (paper section 4, App. C and D) behind the contract of `sigma.aimicius.contract`.

Fields of a case: `question`; `tables`, the schema excerpt shown to the model as a list of "cluster.database.Table" (without
it, tables are chosen by the question's words); `schema`, another schema than our fleet's, as {cluster: {database: {table:
{column: type}}}} (such queries are judged, not run). A `prompt`, if given, is sent instead of the one made from them.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sigma.aimicius.contract import Ask, Case, CaseError, MetricInfo, Part, Task, Verdict, Worked, text_field
from sigma.aimicius.nl2kql import cases, judge, strict
from sigma.aimicius.nl2kql.answer import find_query
from sigma.aimicius.nl2kql.faults import faults
from sigma.aimicius.nl2kql.language import parse
from sigma.aimicius.nl2kql.lark import over
from sigma.aimicius.nl2kql.prompt import ASKED, RULES, choose, prompt
from sigma.aimicius.nl2kql.schema import Schema, SchemaError, Table, fleet
from sigma.aimicius.paper import figures
from sigma.aimicius.tries import several

MAX_TABLES = 20
QUERY_TOKENS = 160  # of one query
_MEANINGS = {
    judge.SYNTAX: "the parser accepts the query",
    judge.SIMILARITY: "Jaccard index of the sets of tokens (Kusto's lexer) of query and truth; the paper does not say of what",
} | {score: f"{part} of the truth that the query names" for part, score in judge.SCORES.items()}
# In the order of Table 6, which marks none of them as the task's primary metric.
METRICS = tuple(MetricInfo(name, meaning, paper=figures("nl2kql", name)) for name, meaning in _MEANINGS.items())


class Nl2kql(Task):
    """Questions about a GPU fleet become KQL queries."""

    name = "nl2kql"
    title = "NL2KQL"
    about = (
        "A question about a GPU fleet becomes a Kusto (KQL) query. A parser of the language judges the syntax; clusters, "
        "databases, tables and columns are read from its tree and compared with the true query's; and the query runs on a "
        "made-up fleet of 154,000 rows, so that there is a result to look at. A query that the parser does not take, that names "
        "what is not there or does not have the question's values is tried again, up to three times; the lines between say why."
    )
    metrics = METRICS
    tries = 4
    answer_tokens = tries * QUERY_TOKENS
    worked = 3
    lead = ASKED.lstrip()

    def __init__(self, execute: bool = True, use_strict: bool | None = None):
        """`execute`: run queries too; `use_strict`: judge by Microsoft's parser (None: where it is present)."""
        self._execute = execute
        self._strict = use_strict

    def examples(self) -> list[Case]:
        """One click each; the first is the paper's own."""
        return list(cases.examples())

    def generate(self, split: str) -> Iterator[Case]:
        """5,000 / 100 / 100 cases. Raises CaseError for an unknown split."""
        return cases.cases(split)

    def label(self, case: Case) -> str:
        """The question."""
        return case.fields.get("question") or case.fields.get("prompt", "")

    def case(self, row: dict[str, Any], where: str) -> Case:
        """A case from a JSON line. Raises CaseError."""
        fields: dict[str, Any] = {}
        if prompted := text_field(row, "prompt", where, ""):
            fields["prompt"] = prompted
        fields["question"] = text_field(row, "question", where, "" if prompted else None)
        if row.get("schema") is not None:
            fields["schema"] = row["schema"]
        if row.get("tables") is not None:
            fields["tables"] = row["tables"]
        case = Case(
            text_field(row, "id", where),
            fields,
            text_field(row, "truth", where, ""),
            text_field(row, "split", where, "test"),
        )
        try:
            schema = _schema(case)
            _tables(case, schema)
        except SchemaError as error:
            raise CaseError(f"{where}: {error}") from error
        if case.truth:
            self._check_truth(case, schema, where)
        return case

    def messages(self, case: Case) -> list[dict[str, str]]:
        """One user message: rules, tables, question."""
        text = case.fields.get("prompt")
        if not text:
            text = prompt(case.fields.get("question", ""), _tables(case, _schema(case)))
        return [{"role": "user", "content": text}]

    def question(self, messages: Sequence[dict[str, str]]) -> str | None:
        """What stands behind the tables."""
        text = messages[-1]["content"]
        return text.rpartition(ASKED)[2] if text.startswith(RULES) and ASKED in text else None

    def fits(self, worked: Worked, messages: Sequence[dict[str, str]]) -> bool:
        """Whether the prompt shows every table of the example's query."""
        return all(f"\n{table}: " in messages[-1]["content"] for table in worked.about)

    def grammar(self, case: Case) -> str | None:
        """Queries over the tables of the prompt; None for a prompt of somebody's own, whose tables are not known."""
        return None if case.fields.get("prompt") else over(_tables(case, _schema(case)))

    def dialogue(
        self, case: Case, first: list[dict[str, str]], tries: int | None = None
    ) -> Generator[Ask, str | None, str]:
        """The question, and as long as the query has faults that show without a truth, further tries of it, a few at most."""
        ask, most = Ask(first, self.grammar(case), QUERY_TOKENS), self.tries if tries is None else tries
        if case.fields.get("prompt"):  # of somebody's own: what it asks for is not known
            most = 1
        question, schema = case.fields["question"], _schema(case)
        _, end = yield from several(ask, lambda text: faults(question, text, schema), most)
        return end

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Query, syntax, references, similarity, result."""
        own = case.fields.get("schema") is None
        use_strict = strict.present() if self._strict is None else self._strict
        return judge.judge(answer, case.truth.strip(), _schema(case), self._execute and own, use_strict)

    def _check_truth(self, case: Case, schema: Schema, where: str) -> None:
        found = find_query(case.truth)
        if found.refusal:
            raise CaseError(f"{where}: 'truth': {found.refusal}")
        parsed = parse.parse(case.truth)
        if not parsed.ok:
            first = parsed.diagnostics[0]
            raise CaseError(f"{where}: 'truth' is no KQL: {first.message}, at character {first.start + 1}")


def _schema(case: Case) -> Schema:
    given = case.fields.get("schema")
    return fleet() if given is None else _own_schema(json.dumps(given))


@lru_cache(maxsize=32)
def _own_schema(text: str) -> Schema:
    return Schema.from_dict(json.loads(text))


def _tables(case: Case, schema: Schema) -> list[Table]:
    """The tables that the prompt shows. Raises SchemaError for a list that names others."""
    names = case.fields.get("tables")
    if names is None:
        return choose(schema, case.fields.get("question", ""))
    if not isinstance(names, list) or not names or len(names) > MAX_TABLES:
        raise SchemaError(f"'tables' must be a list of 1 to {MAX_TABLES} names like azphynet.azdhmds.SyslogData")
    tables = []
    for name in names:
        table = schema.by_key(name) if isinstance(name, str) else None
        if table is None:
            raise SchemaError(f"'tables': the schema has no {name!r}; names are cluster.database.Table")
        tables.append(table)
    return tables
