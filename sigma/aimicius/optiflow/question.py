"""A case's fields, checked.

Fields of a case (one JSON object a line, beside "id" and "truth"):

    topology   a name of PRESETS, or any label together with the next three
    gpus       number of GPUs; the matrices' first nodes, later nodes are switches
    latency    square matrix, us; "inf" where there is no link. Rows of numbers, or one text with a row on each line
    bandwidth  square matrix, GB/s; 0 where there is no link; likewise
    size       KB (1,000 bytes) of data on each GPU to begin with
    chunks     into how many equal chunks each GPU's data is cut
    question   optional: the words of the request; the matrices and the format are added below them
    prompt     optional: the whole user message, sent as it is instead of all that
    previous   optional: {"program": text, "latency_us": number}, or {"plan": text} with or without a latency.
               With it the case asks for a better plan: the second turn of the protocol.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from sigma.aimicius.contract import Case, CaseError
from sigma.aimicius.optiflow.plans.plan import PlanError, check_plan, read_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import PRESETS, Topology, TopologyError, topology_from

MAX_CHUNKS = 64
MAX_DELIVERIES = 10_000  # transfers that an all-gather needs: GPUs * (GPUs - 1) * chunks
MAX_WORDS = 20_000  # characters of a question, prompt, program or plan of a case


@dataclass(frozen=True, slots=True)
class Question:
    """A case's fields after checking."""

    topology: Topology
    size: float  # KB on each GPU
    chunks: int
    words: str
    prompt: str
    previous: Previous | None

    @property
    def chunk_kb(self) -> float:
        """KB of one chunk."""
        return self.size / self.chunks

    def values(self) -> dict[str, Any]:
        """The variables that a program finds defined: the matrices, the size in KB, the number of chunks."""
        rows = lambda matrix: [[_short(x) for x in row] for row in matrix]  # noqa: E731
        t = self.topology
        return {
            "latency": rows(t.latency),
            "bandwidth": rows(t.bandwidth),
            "size": _short(self.size),
            "chunks": self.chunks,
        }


@dataclass(frozen=True, slots=True)
class Previous:
    """The plan to improve upon: what was answered, and what it took (us)."""

    answer: str
    latency: float


def read_question(fields: dict[str, Any], where: str = "the case") -> Question:
    """Check a case's fields. Raises CaseError that names `where` and the field."""
    name = _text(fields, "topology", where, "custom", 200)
    if "latency" in fields or "bandwidth" in fields:
        try:
            latency, bandwidth = (pasted(fields.get(key), key) for key in ("latency", "bandwidth"))
            topology = topology_from(latency, bandwidth, fields.get("gpus"), name)
        except TopologyError as error:
            raise CaseError(f"{where}: {error}") from error
    elif name in PRESETS:
        topology = PRESETS[name]
        if fields.get("gpus", topology.gpus) != topology.gpus:
            raise CaseError(
                f"{where}: {name} has {topology.gpus} GPUs, not {fields['gpus']!r}; other machines need their matrices"
            )
    else:
        raise CaseError(
            f"{where}: 'topology' is {name[:40]!r}; give one of {', '.join(PRESETS)}, or 'gpus', 'latency' and 'bandwidth'"
        )
    size = fields.get("size")
    if isinstance(size, bool) or not isinstance(size, int | float) or not math.isfinite(size) or not 0 < size <= 1e9:
        raise CaseError(f"{where}: 'size' is {str(size)[:40]!r}, not a number of KB between 0 and 1e9")
    chunks = fields.get("chunks", 1)
    if isinstance(chunks, bool) or not isinstance(chunks, int) or not 1 <= chunks <= MAX_CHUNKS:
        raise CaseError(f"{where}: 'chunks' is {str(chunks)[:40]!r}, not a whole number from 1 to {MAX_CHUNKS}")
    if (deliveries := topology.gpus * (topology.gpus - 1) * chunks) > MAX_DELIVERIES:
        raise CaseError(
            f"{where}: {topology.gpus} GPUs with {chunks} chunks need {deliveries:,} transfers; at most {MAX_DELIVERIES:,}"
        )
    words = _text(fields, "question", where, "", MAX_WORDS)
    prompt = _text(fields, "prompt", where, "", MAX_WORDS)
    previous = (
        _previous(fields["previous"], topology, float(size) / chunks, chunks, where) if fields.get("previous") else None
    )
    return Question(topology, float(size), chunks, words, prompt, previous)


def _previous(given: Any, topology: Topology, chunk_kb: float, chunks: int, where: str) -> Previous:
    if not isinstance(given, dict):
        raise CaseError(f"{where}: 'previous' is a {type(given).__name__}, not an object")
    inside = f"{where}, 'previous'"
    program = _text(given, "program", inside, "", MAX_WORDS)
    plan = _text(given, "plan", inside, "", 50 * MAX_WORDS)
    if not program and not plan:
        raise CaseError(f"{inside}: give the 'program' and its 'latency_us', or the 'plan'")
    answer = f"```python\n{program.strip()}\n```" if program else f"```\n{plan.strip()}\n```"
    latency = given.get("latency_us")
    if latency is None and plan:
        try:
            checked = check_plan(read_plan(plan), topology, chunks)
        except PlanError as error:
            raise CaseError(f"{inside}: {error}") from error
        if not checked.valid:
            raise CaseError(f"{inside}: the plan is not valid: {checked.problem}")
        return Previous(answer, simulate(checked.plan, topology, chunk_kb).latency)
    if isinstance(latency, bool) or not isinstance(latency, int | float) or not math.isfinite(latency) or latency <= 0:
        raise CaseError(f"{inside}: 'latency_us' is {str(latency)[:40]!r}, not a positive number of microseconds")
    return Previous(answer, float(latency))


def pasted(matrix: Any, name: str) -> Any:
    """Rows of a matrix that came as text: a row on each line or in each bracket, entries apart by spaces or commas.

    What is no text is returned as it is. Raises TopologyError for an entry that is no number.
    """
    if not isinstance(matrix, str):
        return matrix
    lines = re.sub(r"\]\s*,", "\n", matrix[:MAX_WORDS]).splitlines()
    found = [line.replace(",", " ").replace("[", " ").replace("]", " ").replace(";", " ").split() for line in lines]
    try:
        return [[float(x.strip("'\"")) for x in row] for row in found if row]
    except ValueError as error:
        raise TopologyError(f"{name}: {str(error)[:80]}") from error


def _text(fields: dict[str, Any], name: str, where: str, default: str, most: int) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise CaseError(f"{where}: {name!r} is a {type(value).__name__}, not a string")
    if len(value) > most:
        raise CaseError(f"{where}: {name!r} has {len(value):,} characters; at most {most:,}")
    return value


def _short(x: float) -> float | int:
    return int(x) if math.isfinite(x) and x == int(x) else x


def rows(matrix: tuple[tuple[float, ...], ...]) -> str:
    """A matrix as lines of numbers: whole numbers without a point, inf for no link."""
    return "\n".join(" ".join(f"{_short(x):g}" if x < 1e6 else str(_short(x)) for x in row) for row in matrix)


def case_from(row: dict[str, Any], where: str) -> Case:
    """A case from one JSON object. Raises CaseError."""
    identity, truth = row.get("id"), row.get("truth", "")
    if not isinstance(identity, str) or not identity:
        raise CaseError(f"{where}: 'id' is missing or not a string")
    if not isinstance(truth, str):
        raise CaseError(f"{where}: 'truth' is a {type(truth).__name__}, not a string")
    split = row.get("split", "test")
    if not isinstance(split, str):
        raise CaseError(f"{where}: 'split' is not a string")
    known = ("topology", "gpus", "latency", "bandwidth", "size", "chunks", "question", "prompt", "previous")
    fields = {k: row[k] for k in known if k in row}
    read_question(fields, where)
    try:
        json.dumps(fields)
    except (TypeError, ValueError) as error:
        raise CaseError(f"{where}: {error}") from error
    return Case(identity, fields, truth, split)
