"""The DCW that an answer holds.

It may stand in prose or in a code fence. It must be JSON, name each key once, and there must be one, not two different
ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sigma.aimicius.infrawise.dcw import DCW, KEYS, MAX_VALUE, PARTS, normal, printable
from sigma.aimicius.tries import last_try

MAX_OBJECTS = 200  # opening braces at which an object is looked for; more than a DCW and ten records have


class _Object(dict):
    """A JSON object that remembers which keys were given twice."""

    twice: tuple[str, ...] = ()


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        found.twice = tuple(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


@dataclass
class Reading:
    """What an answer gives: `parts` are strings by name, `problems` say why a part is missing; `problem` why all are.

    `rest` is the answer without the objects that were read as DCWs.
    """

    parts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    rest: str = ""

    def dcw(self) -> DCW | None:
        """The DCW if all four parts are there."""
        return DCW(*(self.parts[name] for name in PARTS)) if len(self.parts) == len(PARTS) else None


def objects(text: str) -> tuple[list[tuple[int, int, _Object]], str]:
    """Outermost JSON objects of a text as (start, end, object), and the first error met on the way."""
    found, error, at, tried = [], "", text.find("{"), 0
    while at >= 0:
        tried += 1
        if tried > MAX_OBJECTS:
            return found, error or f"more than {MAX_OBJECTS} opening braces"
        end = at + 1
        try:
            value, end = _DECODER.raw_decode(text, at)
            found.append((at, end, value))
        except json.JSONDecodeError as problem:
            error = error or f"{problem.msg} at character {problem.pos}"
        except RecursionError:
            return found, error or "nested too deeply"
        except ValueError as problem:
            error = error or printable(str(problem), 120)
        at = text.find("{", end)
    return found, error


def read_dcw(text: str) -> Reading:
    """Find the DCW of an answer, of several tries (`sigma.aimicius.tries`) in the last. Never raises."""
    text, parted = last_try(text)
    found, error = objects(text)
    wanted = [(start, end, value) for start, end, value in found if any(key in value for key in KEYS)]
    reading = Reading()
    tried = ["of several tries the last counts"] if parted else []
    pieces, last = [], 0
    for start, end, _ in wanted:
        pieces.append(text[last:start])
        last = end
    reading.rest = " \n".join([*pieces, text[last:]])
    if not wanted:
        reading.problem = _why_none(text, [value for _, _, value in found], error)
        return reading
    readings = [_parts(value) for _, _, value in wanted]
    first = readings[0]
    if any(_meaning(other) != _meaning(first) for other in readings[1:]):
        reading.problem = f"{len(readings)} different DCWs: which one is meant?"
        return reading
    reading.parts, reading.problems, reading.notes = first.parts, first.problems, tried + first.notes
    return reading


def _why_none(text: str, found: list[_Object], error: str) -> str:
    if not text.strip():
        return "the answer is empty"
    if error:
        beside = f" (the object beside it has {_keys(found[0])})" if found else ""
        return f"no JSON object can be read: {error}{beside}"
    if not found:
        return "there is no JSON object in it"
    near = {key.casefold() for key in found[0]} & {key.casefold() for key in KEYS}
    hint = "; keys are written with a capital" if near else ""
    return f"there is a JSON object, but with {_keys(found[0])} instead of Design, Criterion, Workload{hint}"


def _keys(value: _Object) -> str:
    return ", ".join(printable(key, 24) for key in list(value)[:4]) or "no key at all"


def _meaning(reading: Reading) -> tuple:
    return tuple((name, normal(name, reading.parts[name]) if name in reading.parts else None) for name in PARTS)


def _parts(value: _Object) -> Reading:
    reading = Reading()
    design = value.get("Design")
    if isinstance(design, _Object):
        for name in ("Target", "Baseline"):
            _take(reading, name, design)
        _extra(reading, design, ("Target", "Baseline"), "Design")
    else:
        problem = "there is no Design" if "Design" not in value else f"Design is {_kind(design)}, not an object"
        reading.problems |= {"Target": problem, "Baseline": problem}
    if "Design" in value.twice:
        for name in ("Target", "Baseline"):
            reading.parts.pop(name, None)
            reading.problems[name] = "Design is given twice"
    for name in ("Criterion", "Workload"):
        _take(reading, name, value)
    _extra(reading, value, KEYS, "the object")
    return reading


def _take(reading: Reading, name: str, value: _Object) -> None:
    given = value.get(name)
    if name not in value:
        reading.problems[name] = f"there is no {name}"
    elif name in value.twice:
        reading.problems[name] = f"{name} is given twice"
    elif given is None and name == "Baseline":
        reading.parts[name] = ""
    elif not isinstance(given, str):
        reading.problems[name] = f"{name} is {_kind(given)}, not a string"
    elif len(given) > MAX_VALUE:
        reading.problems[name] = f"{name} has {len(given):,} characters"
    else:
        reading.parts[name] = printable(given)


def _extra(reading: Reading, value: _Object, known: tuple[str, ...], where: str) -> None:
    others = [printable(key, 24) for key in value if key not in known]
    if others:
        reading.notes.append(
            f"{where} also has {', '.join(others[:4])}{' ...' if len(others) > 4 else ''}: not looked at"
        )


def _kind(value: Any) -> str:
    kinds = {
        dict: "an object",
        _Object: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        type(None): "null",
    }
    return kinds.get(type(value), "a number")
