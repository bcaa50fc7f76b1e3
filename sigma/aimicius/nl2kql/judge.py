"""From an answer to a verdict: the query, its syntax, what it refers to, how close it is, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from sigma.aimicius.contract import Part, Sheet, Verdict
from sigma.aimicius.nl2kql import strict
from sigma.aimicius.nl2kql.answer import Found, curly_quotes, find_query
from sigma.aimicius.nl2kql.engine import run as engine
from sigma.aimicius.nl2kql.engine.child import ChildError
from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.language.parse import Diagnostic
from sigma.aimicius.nl2kql.language.references import PARTS, References
from sigma.aimicius.nl2kql.schema import Schema

SYNTAX, SIMILARITY = "Syntax Acc.", "Similarity"
SCORES = {
    "clusters": "Cluster Score",
    "databases": "Database Score",
    "tables": "Table Score",
    "columns": "Column Score",
}
SHOWN_ROWS = 50
SHOWN_TEXT = 10_000


@dataclass(frozen=True)
class Reading:
    """A query as one of the parsers read it. `references` is None where the syntax is not accepted."""

    parser: str
    syntax: tuple[Diagnostic, ...]
    references: References | None
    note: str = ""


def read(query: str, schema: Schema, use_strict: bool) -> Reading:
    """Parse with the strict parser where asked and possible, else with the default one."""
    note = ""
    if use_strict:
        try:
            syntax, found = strict.judge(query, schema)
            if not syntax:
                parsed = parse.parse(query)
                # Names are read from the default tree wherever it has one: a query scores alike with both parsers.
                found.queries = 1
                if parsed.ok:
                    named = references.read(parsed, schema)
                    named.diagnostics = found.diagnostics
                    found = named
            return Reading(strict.NAME, tuple(syntax), None if syntax else found)
        except (ChildError, strict.StrictError) as error:
            note = f"{strict.NAME} failed ({_short(error)}), so the default parser judged"
    parsed = parse.parse(query)
    found = references.read(parsed, schema) if parsed.ok else None
    return Reading(parse.NAME, parsed.diagnostics, found, note)


def _short(error: Exception) -> str:
    """An error without the source text that a JavaScript engine quotes."""
    first = str(error).strip().splitlines()[:1]
    return first[0][:160] if first else type(error).__name__


def judge(answer: str, truth: str, schema: Schema, runnable: bool, use_strict: bool) -> Iterator[Part | Verdict]:
    """The parts and the verdict; see the contract. `truth` may be empty; `runnable`: there are rows behind the schema."""
    sheet = Sheet((SYNTAX, SIMILARITY, *SCORES.values()))
    found = find_query(answer)
    yield sheet.add(_query_part(found))
    reading = None if found.refusal else read(found.query, schema, use_strict)
    problem = found.refusal or _problem(found.query, reading)
    sheet.score(SYNTAX, 0.0 if problem else 1.0, problem or f"accepted by {reading.parser if reading else ''}")
    yield sheet.add(_syntax_part(found, reading, problem))

    usable = reading.references if reading is not None and not problem else None
    true = read_truth(truth, schema, use_strict) if truth else None
    yield sheet.add(_references_part(usable, true, sheet, problem))
    yield sheet.add(_similarity_part(found.query, truth, sheet))
    for part in _results(found.query, truth, problem, runnable, usable):
        yield sheet.add(part)
    yield sheet.verdict()


def read_truth(truth: str, schema: Schema, use_strict: bool) -> References:
    """The references of a truth; empty ones if it does not parse, which `case` has refused before."""
    return _truth(truth, schema, use_strict) or References()


@lru_cache(maxsize=4096)
def _truth(truth: str, schema: Schema, use_strict: bool) -> References | None:
    return read(truth, schema, use_strict).references


def _problem(query: str, reading: Reading | None) -> str:
    if reading is None:
        return "nothing was parsed"
    if reading.syntax:
        more = f" (and {len(reading.syntax) - 1} more)" if len(reading.syntax) > 1 else ""
        curly = curly_quotes(query)
        if curly and "typographic" not in reading.syntax[0].message:
            more += f"; {curly[0][1]} is a typographic quote, KQL wants {curly[0][2]}"
        return f"{reading.syntax[0].message}, at character {reading.syntax[0].start + 1}{more}"
    assert reading.references is not None
    if reading.references.queries > 1:
        return f"{reading.references.queries} queries in one answer; one is asked for"
    if reading.references.queries == 0:
        return "there are only let or set statements, and no query after them"
    return ""


def _query_part(found: Found) -> Part:
    notes = "; ".join(found.notes)
    if found.refusal:
        return Part("Query", "bad", found.refusal + (f" ({notes})" if notes else ""))
    return Part(
        "Query", "neutral", notes[:1].upper() + notes[1:] if notes else "The whole answer is taken as the query"
    )


def _syntax_part(found: Found, reading: Reading | None, problem: str) -> Part:
    if reading is None:
        shown = found.query[:2_000]
        view = {"kind": "nl2kql.query", "text": shown, "diagnostics": [], "parser": ""} if shown else None
        return Part("Syntax", "bad", "No parser was asked", view)
    names = reading.references.diagnostics if reading.references is not None else []
    view = {
        "kind": "nl2kql.query",
        "text": found.query[:SHOWN_TEXT],
        "diagnostics": [asdict(each) for each in (*reading.syntax, *names)],
        "parser": reading.parser,
    }
    text = f"Judged by {reading.parser}: {problem or 'accepted'}"
    if names:
        text += f"; {len(names)} thing{'s' if len(names) > 1 else ''} that the schema speaks against"
    return Part("Syntax", "bad" if problem else "good", text + (f". {reading.note}" if reading.note else ""), view)


def _references_part(found: References | None, true: References | None, sheet: Sheet, problem: str) -> Part:
    rows: list[dict[str, Any]] = []
    total = hits = 0
    for part in PARTS:
        wanted = true.part(part) if true is not None else set()
        named = found.part(part) if found is not None else set()
        hit = wanted & named
        total, hits = total + len(wanted), hits + len(hit)
        rows.append(
            {"name": part, "found": sorted(hit), "missed": sorted(wanted - named), "extra": sorted(named - wanted)}
        )
        sheet.score(SCORES[part], *_recall(part, wanted, hit, true, problem))
    view = {"kind": "nl2kql.references", "parts": rows, "truth": true is not None}
    if problem:
        return Part("References", "skipped", "Nothing is read from what is no valid query", view if true else None)
    if true is None:
        return Part("References", "neutral", "What the query names; there is no truth to compare with", view)
    text = f"{hits} of the truth's {total} names are in the query"
    return Part("References", "good" if hits == total else "bad", text, view)


def _recall(
    part: str, wanted: set[str], hit: set[str], true: References | None, problem: str
) -> tuple[float | None, str]:
    if true is None:
        return (None, "there is no truth to compare with")
    if not wanted:
        return (None, f"the truth names no {part}")
    if problem:
        return (0.0, "the answer is no valid query")
    return (len(hit) / len(wanted), f"{len(hit)} of {len(wanted)} {part} of the truth")


def _similarity_part(query: str, truth: str, sheet: Sheet) -> Part:
    if not truth:
        sheet.score(SIMILARITY, None, "there is no truth to compare with")
        return Part(SIMILARITY, "skipped", "There is no truth to compare with")
    mine, other = parse.tokens_of(query[: 2 * SHOWN_TEXT]), parse.tokens_of(truth)
    both, either = len(mine & other), len(mine | other)
    value = both / either if either else 0.0
    reason = f"{both} of {either} distinct tokens are in both"
    sheet.score(SIMILARITY, value, reason)
    return Part(SIMILARITY, "good" if value == 1 else "neutral", f"Jaccard {100 * value:.1f} %: {reason}")


def _results(query: str, truth: str, problem: str, runnable: bool, named: References | None) -> Iterator[Part]:
    """What the query returns, and the truth; not a metric of the paper."""
    if not runnable:
        yield Part("Result", "skipped", "There are no rows behind this schema; queries run on the built-in fleet only")
        return
    if problem:
        yield Part("Result", "skipped", "Only a valid query is run")
    else:
        result = engine.run(query)
        text = _told(result)
        unknown = next((each.message for each in named.diagnostics if each.kind == "schema"), "") if named else ""
        if unknown and "error" not in result:
            text += f"; Kusto, which minds types and upper and lower case, would refuse it: {unknown}"
        elif truth:
            same = engine.same_rows(result, engine.run(truth))
            if same is not None:
                text += "; the same rows as the truth's" if same else "; other rows than the truth's"
        state = "bad" if "error" in result else "neutral"
        yield Part("Result", state, f"{text} (not a metric of the paper)", _table(result, "answer"))
    if truth and (problem or query != truth):
        result = engine.run(truth)
        yield Part("Truth's result", "neutral", _told(result), _table(result, "truth"))


def _told(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"Not run to the end: {result['error']}"
    count = f"more than {len(result['rows'])}" if result["more"] else str(len(result["rows"]))
    return f"{count} row{'' if count == '1' else 's'} in {result['ms']:.0f} ms on DuckDB"


def _table(result: dict[str, Any], whose: str) -> dict[str, Any] | None:
    if "error" in result:
        return None
    return {
        "kind": "nl2kql.result",
        "whose": whose,
        "columns": result["columns"],
        "rows": result["rows"][:SHOWN_ROWS],
        "total": len(result["rows"]),
        "more": result["more"],
    }
