"""Which task a free chat asks, if any: its case, so that a judge can look at the answers. No model, no guess.

Known questions first: those of the hand-written cases, and whatever the caller adds (examples). They bring their truth.
Else the text must name what a task is about (a tool, a table, a machine, a GPU) and ask for what the task judges (a
command, a query, a plan, a DCW), or an answer must hold one. Such a case has no truth: judged is what needs none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sigma.aimicius import NAMES
from sigma.aimicius.contract import json_rows, read_text
from sigma.aimicius.data import HELD_OUT, HELD_OUT_HASHES

QUESTION = {"cmdgen": "prompt", "infrawise": "intention", "optiflow": "question", "nl2kql": "question"}
"""The field of a case that holds its question in words."""

SHORTEST = 24  # characters of a known question that is looked for inside a longer text
LONGEST = 40_000  # characters of a prompt that are looked at
MOST_COLUMNS = 60  # of a table that the question describes


@dataclass(frozen=True, slots=True)
class Known:
    """A question with a known answer: its task, the case's fields with "truth" and "id", and whose case it is."""

    task: str
    row: dict[str, Any]
    whose: str

    @property
    def question(self) -> str:
        """The words that are recognised."""
        found = self.row.get(QUESTION.get(self.task, "question"))
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A task's case found in a chat: `row` is what `Task.case` takes.

    how: why it is taken for one, a sentence without its full stop; assumed: what the question does not say and the case needs.
    """

    task: str
    row: dict[str, Any] = field(repr=False)
    how: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def has_truth(self) -> bool:
        """Whether the right answer is known."""
        return bool(str(self.row.get("truth", "")).strip())


def recognise(text: str, answers: Sequence[str] = (), more: Iterable[Known] = ()) -> Recognised | None:
    """The case that a chat's question is, or None. `answers`: what was answered; `more`: known questions of the caller.

    Raises CaseError where a file of hand-written cases cannot be read.
    """
    text = text[:LONGEST]
    found = _match(text, [*more, *hand_written()])
    if found is not None:
        return found
    for look in (_nl2kql, _cmdgen, _optiflow, _infrawise):
        found = look(text, [answer[:LONGEST] for answer in answers])
        if found is not None:
            return found
    return None


@cache
def hand_written() -> tuple[Known, ...]:
    """The questions of the hand-written cases, read once; of no case more than its question is used to find it."""
    found = []
    for folder in HELD_OUT:
        for name in NAMES:
            path = HELD_OUT_HASHES.parent / folder / f"{name}.jsonl"
            for _, row in json_rows(read_text(path), path.name):
                found.append(Known(name, row, f"of the cases written by hand ({folder})"))
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" ?.!")


def _match(text: str, known: Sequence[Known]) -> Recognised | None:
    """The known question that the text is, or the longest that stands in it."""
    asked, best = _plain(text), None
    for one in known:
        question = _plain(one.question)
        whole = question == asked
        if question and (whole or (len(question) >= SHORTEST and question in asked)):
            size = (whole, len(question))
            best = (size, one) if best is None or size > best[0] else best
    return None if best is None else _of_known(best[1])


def _of_known(known: Known) -> Recognised | None:
    row, assumed = dict(known.row), []
    if known.task == "infrawise" and row.get("kind", "end-to-end") != "dcw":
        # The chat does not hold the records, so nobody can choose among them.
        truth = str(row.get("truth", ""))
        end = truth.rfind("}") + 1
        row = {**row, "kind": "dcw", "truth": truth[:end]}
        row.pop("records", None)
        assumed.append("the results to choose from are not in the chat: the DCW alone is judged")
    if known.task == "optiflow" and row.pop("previous", None) is not None:
        assumed.append("the earlier plan is not in the chat: judged as a first plan")
    return Recognised(known.task, row, f"the question is {row.get('id', 'a case')} {known.whose}", tuple(assumed))


def _row(task: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"id": "chat", QUESTION[task]: text, "truth": "", **fields}


# NL2KQL: names the language or one of our tables, and asks for a query.

_KQL = re.compile(r"\b(KQL|Kusto)\b")
_PIPE = re.compile(r"\|\s*(where|summarize|project|extend|take|limit|top|count|distinct|join|order|sort|render)\b")
_TABLE = re.compile(
    r"\btable\s+`?([A-Za-z_]\w*)`?\s+(?:has|with)\s+(?:the\s+|these\s+)?columns?:?\s+([^.;\n]+)", re.IGNORECASE
)
_COLUMN = re.compile(r"^`?([A-Za-z_]\w*)`?(?:\s*[:(]\s*([a-z]+)\)?)?$")


def _nl2kql(text: str, answers: list[str]) -> Recognised | None:
    from sigma.aimicius.nl2kql.schema import fleet

    named = [table for table in fleet().tables if re.search(rf"\b{table.name}\b", text)]
    language = _KQL.search(text)
    if not named and not language:
        return None
    asks = re.search(r"\bquer(y|ies)\b", text, re.IGNORECASE) or any(_PIPE.search(answer) for answer in answers)
    if not asks:
        return None
    schema = _described(text)
    if schema:
        tables = ", ".join(schema["here"]["here"])
        assumed = (
            f"the schema is what the question says of {tables}; columns without a type are taken as their names suggest"
        )
        return Recognised("nl2kql", _row("nl2kql", text, schema=schema), f"asks for a query over {tables}", (assumed,))
    if named:
        how = f"names {', '.join(table.name for table in named[:3])}, a table of our made-up GPU fleet"
        return Recognised("nl2kql", _row("nl2kql", text, tables=[table.key for table in named[:20]]), how)
    assumed = "names are looked up in the schema of our made-up GPU fleet"
    return Recognised("nl2kql", _row("nl2kql", text), f"asks for a {language[1]} query", (assumed,))


def _described(text: str) -> dict[str, Any]:
    """The schema of tables that the text describes: "Table T has the columns a, b and c"; {} for none."""
    from sigma.aimicius.nl2kql.schema import KUSTO_TYPES

    tables: dict[str, dict[str, str]] = {}
    for name, listed in _TABLE.findall(text):
        columns = {}
        for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", listed.strip())[:MOST_COLUMNS]:
            match = _COLUMN.match(part.strip())
            if match is None:
                continue
            kind = (
                match[2]
                if match[2] in KUSTO_TYPES
                else "datetime"
                if re.search(r"time|date", match[1], re.IGNORECASE)
                else "string"
            )
            columns[match[1]] = kind
        if columns:
            tables[name] = columns
    return {"here": {"here": tables}} if tables else {}


# CMDGen: names a tool, and asks for a command.

_SUITES = {"nccl-tests": "NVIDIA", "rccl-tests": "AMD", "superbench": ""}
_AMD = re.compile(r"\b(AMD|ROCm|RCCL|MI\d{3}\w*|Instinct)\b", re.IGNORECASE)
_COMMAND = re.compile(r"\bcommand(s| line| lines)?\b", re.IGNORECASE)
_LIKE_A_TOOL = re.compile(r"smi\b|nvcc|nccl|rccl|_perf\b|superbench", re.IGNORECASE)


def _cmdgen(text: str, answers: list[str]) -> Recognised | None:
    if not _LIKE_A_TOOL.search(text):
        return None
    from sigma.aimicius.cmdgen.answer import find
    from sigma.aimicius.cmdgen.prompt import NODES
    from sigma.aimicius.cmdgen.task import DEFAULT_SYSTEM
    from sigma.aimicius.cmdgen.tools import TOOLS

    def said(name: str) -> bool:
        return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None

    # "sb" alone may be somebody; the collectives' programs are the same for both vendors.
    vendors = {
        name: vendor for vendor, tools in TOOLS.items() for name in tools if name.endswith("smi") or name == "nvcc"
    }
    shared = {name: "" for tools in TOOLS.values() for name in tools if name.endswith("_perf")}
    whose = {**vendors, **_SUITES, **shared}
    named = [name for name in whose if said(name)]
    if not named or not (_COMMAND.search(text) or any(find(answer).command for answer in answers)):
        return None
    vendor = whose[named[0]] or ("AMD" if _AMD.search(text) else "NVIDIA")
    system = next(
        (known for known in NODES if known.removeprefix("8x") in text and (("MI" in known) == (vendor == "AMD"))), None
    )
    assumed = () if system else (f"a simulated node with {NODES[DEFAULT_SYSTEM[vendor]]}",)
    row = _row("cmdgen", text, vendor=vendor, system=system or DEFAULT_SYSTEM[vendor])
    return Recognised("cmdgen", row, f"names {named[0]} and is about a command", assumed)


# Optiflow: asks for an all-gather plan on a machine that it names or whose matrices it holds.

_GATHER = re.compile(r"\ball[- ]?gather\b", re.IGNORECASE)
_PLAN = re.compile(r"\b(plan|program|schedule|python)\b", re.IGNORECASE)
_ENTRIES = re.compile(r"[\d\s.,;\[\]einfINF+-]+")  # a line of a matrix: numbers, or inf
_SIZE = re.compile(r"\b(\d+(?:\.\d+)?)\s*(KB|MB|GB)\b", re.IGNORECASE)
_CHUNKS = re.compile(
    r"\b(?:in|into)\s+(\d{1,2})\s+(?:equal\s+)?(?:chunks?|pieces?|parts?)\b|\b(\d{1,2})\s+(?:equal\s+)?chunks?\b",
    re.IGNORECASE,
)
_GPUS = re.compile(r"\b(\d{1,3})\s+GPUs\b", re.IGNORECASE)
_KB = {"kb": 1.0, "mb": 1e3, "gb": 1e6}


def _optiflow(text: str, answers: list[str]) -> Recognised | None:
    if not _GATHER.search(text) or not (_PLAN.search(text) or any("=>" in answer for answer in answers)):
        return None
    from sigma.aimicius.contract import CaseError
    from sigma.aimicius.optiflow.plans.topology import PRESETS
    from sigma.aimicius.optiflow.question import read_question

    fields: dict[str, Any] = {}
    machine = next(
        (name for name in sorted(PRESETS, key=len, reverse=True) if re.search(rf"(?<![\w-]){name}(?![\w-])", text)), ""
    )
    if all(matrices := [_matrix(text, name) for name in ("latency", "bandwidth")]):
        count, rows = _GPUS.search(text), len(matrices[0].splitlines())
        gpus = int(count[1]) if count else rows
        fields = {"topology": "custom", "latency": matrices[0], "bandwidth": matrices[1], "gpus": gpus}
        how = "holds a machine's matrices"
    elif machine:
        fields, how = {"topology": machine}, f"names {machine}"
    else:
        return None
    size, chunks, assumed = _SIZE.search(text), _CHUNKS.search(text), []
    fields["size"] = float(size[1]) * _KB[size[2].lower()] if size else 1024
    fields["chunks"] = int(chunks[1] or chunks[2]) if chunks else 1
    assumed += [] if size else ["1,024 KB on each GPU"]
    assumed += [] if chunks else ["one chunk"]
    row = _row("optiflow", text[:20_000], **fields)
    try:
        read_question({key: value for key, value in row.items() if key not in ("id", "truth")}, "the question")
    except CaseError:
        return None  # no machine that can be timed
    return Recognised("optiflow", row, f"asks for an all-gather plan and {how}", tuple(assumed))


def _matrix(text: str, name: str) -> str:
    """The lines of numbers that follow a line such as "latency (us):"; "" for none."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.strip().lower().startswith(name) and line.rstrip().endswith(":"):
            rows = itertools.takewhile(lambda row: row.strip() and _ENTRIES.fullmatch(row), lines[at + 1 :])
            return "\n".join(rows)
    return ""


# Infrawise: the answer's form is one that nobody gives unasked, so it must be asked for, or be there.


def _infrawise(text: str, answers: list[str]) -> Recognised | None:
    asked = re.search(r"\bDCW\b", text) is not None
    if not asked and not any('"Design"' in answer for answer in answers):
        return None
    row = _row("infrawise", text, kind="dcw")
    return Recognised("infrawise", row, "asks for a DCW" if asked else "an answer holds a DCW")
