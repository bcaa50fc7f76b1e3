"""The questions: the same everywhere, the splits apart, every truth good."""

from __future__ import annotations

import hashlib

import pytest
from antlr4 import InputStream, Token
from duckdb_kql._antlr.KqlLexer import KqlLexer

from sigma.aimicius.contract import Case, CaseError
from sigma.aimicius.nl2kql import TASK
from sigma.aimicius.nl2kql import cases as generation
from sigma.aimicius.nl2kql.generator import phrasing
from sigma.aimicius.nl2kql.generator.joins import JOINS
from sigma.aimicius.nl2kql.generator.shapes import OPENERS, SHAPES, STORIES
from sigma.aimicius.nl2kql.generator.wording import TABLES
from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.pools import POOLS, values
from sigma.aimicius.nl2kql.schema import fleet

SPLITS = ("train", "dev", "test")
HASHES = {
    "train": "a05c882b9588f45ba20deeb444d554363dee74abdc93bce1dd648bded470e137",
    "dev": "d2a9b37d0d51edd022aa4c845e39d694b3c1aaa85d9ad9a20a5955d0d7972890",
    "test": "9d5338ff6a9b6fabd69ef2b8fe0ef8036eb0349c8351905f03b0b4e0ee428612",
}
LITERALS = {KqlLexer.STRINGLITERAL, KqlLexer.LONGLITERAL, KqlLexer.REALLITERAL, KqlLexer.TIMESPANLITERAL}


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Case]]:
    return {split: list(TASK.generate(split)) for split in SPLITS}


def lexed(truth: str) -> list[Token]:
    return KqlLexer(InputStream(truth)).getAllTokens()


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_has_its_size_and_its_hash(cases, split):
    assert len(cases[split]) == {"train": 5_000, "dev": 100, "test": 100}[split]
    text = "\n".join(case.to_json() for case in cases[split])
    assert hashlib.sha256(text.encode()).hexdigest() == HASHES[split]


def test_an_unknown_split_is_refused():
    with pytest.raises(CaseError, match="no split 'all'"):
        next(TASK.generate("all"))


def test_templates_are_disjoint(cases):
    shapes = {}
    for split in SPLITS:
        chosen = cases[split][:600]
        shapes[split] = {
            " ".join("?" if t.type in LITERALS and not _names_a_place(tokens, i) else t.text for i, t in enumerate(tokens) if t.text.strip())
            for tokens in (lexed(case.truth) for case in chosen)
        }  # fmt: skip
        assert {template.key for template in generation.templates_of(split)}
    assert not shapes["test"] & shapes["train"]
    assert not shapes["test"] & shapes["dev"]
    assert not shapes["dev"] & shapes["train"]


def _names_a_place(tokens: list[Token], i: int) -> bool:
    return i >= 2 and tokens[i - 2].text in ("cluster", "database")


def test_values_are_disjoint(cases):
    for name, pool in POOLS.items():
        parts = [set(values(name, split)) for split in SPLITS]
        assert all(parts), name
        assert sum(map(len, parts)) == len(set(pool)), name
    strings = {}
    for split in SPLITS:
        strings[split] = {
            token.text
            for case in cases[split][:600]
            for tokens in [lexed(case.truth)]
            for i, token in enumerate(tokens)
            if token.type == KqlLexer.STRINGLITERAL and not _names_a_place(tokens, i)
        }
    assert not strings["test"] & strings["train"]
    assert not strings["test"] & strings["dev"]
    assert not strings["dev"] & strings["train"]


@pytest.mark.parametrize("items", [OPENERS, STORIES, *(shape.says for shape in SHAPES)])
def test_wordings_are_disjoint(items):
    parts = [list(phrasing.share(items, split)) for split in SPLITS]
    assert all(parts)
    assert sum(map(len, parts)) == len(items)


def test_truths_are_accepted_and_name_what_there_is(cases):
    for case in [*cases["dev"], *cases["test"], *cases["train"][::20]]:
        parsed = parse.parse(case.truth)
        assert parsed.ok, case.truth
        found = references.read(parsed, fleet())
        assert found.diagnostics == [], case.truth
        assert found.clusters and found.databases and found.tables and found.queries == 1
        shown = {key.rpartition(".")[2] for key in case.fields["tables"]}
        assert found.tables <= shown


def test_values_survive_in_the_question(cases):
    for case in [*cases["test"], *cases["train"][:400]]:
        tokens = lexed(case.truth)
        for i, token in enumerate(tokens):
            if token.type == KqlLexer.STRINGLITERAL and not _names_a_place(tokens, i):
                assert token.text[1:-1].lower() in case.fields["question"].lower(), case


def test_prompts_are_short(cases):
    assert max(len(TASK.messages(case)[0]["content"]) for case in [*cases["test"], *cases["train"][:300]]) < 1_300


def test_wordings_name_columns_of_their_tables():
    assert {wording.table for wording in TABLES} == {table.name for table in fleet().tables}
    for wording in TABLES:
        columns = phrasing.table_named(wording.table).columns
        named = [condition.kql.split()[0] for condition in wording.conditions]
        named += [group[0] for group in wording.groups] + [metric[0] for metric in wording.metrics]
        named += [name for show in wording.shows for name in show[0].split(", ")]
        assert set(named) <= set(columns)
        for condition in wording.conditions:
            slots = set(phrasing.SLOT.findall(condition.kql))
            assert all(set(phrasing.SLOT.findall(text)) == slots for text in condition.says)
    assert {join.split for join in JOINS} == set(SPLITS)
