"""What is wrong with a DCW as far as the request alone tells: a design that is not named there, or one that is and is left
out; a limit or a precision that only one of the two has.

Nothing here knows a truth: faults are a reason to try again, and to prefer a try that has fewer, not a verdict.
"""

from __future__ import annotations

import re
from fractions import Fraction

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.answer import read_dcw

MOST_CHARACTERS = 4000  # of a request that are looked at
_WORD = re.compile(r"[A-Za-z0-9]+")
_LONGEST = 8  # words of a name: OCI BM.GPU.MI300X.8, Standard_ND96isr_H100_v5
_DURATION = re.compile(r"(?<![\w.])([0-9]{1,9}(?:,[0-9]{3})*(?:\.[0-9]{1,6})?)[ -]?([a-zµμ]+)", re.IGNORECASE)
_PRECISION = re.compile(
    r"\b(?:(?:half|single|double)[ -]precision|(?:fp|bf|tf|int|float|bfloat)[ -]?(?:64|32|16|8|4))\b", re.IGNORECASE
)


def designs(request: str) -> list[str]:
    """GPUs and machines that a text names, by their canonical names, the longest name at each place."""
    words, found, at = list(_WORD.finditer(request)), [], 0
    while at < len(words):
        for count in range(min(_LONGEST, len(words) - at), 0, -1):
            name = names.design(request[words[at].start() : words[at + count - 1].end()])
            if name in names.DESIGNS:
                found.append(name)
                at += count
                break
        else:
            at += 1
    return list(dict.fromkeys(found))


def limits(request: str) -> set[Fraction]:
    """Durations in a text, in seconds."""
    found = ((number, names.unit_seconds(unit)) for number, unit in _DURATION.findall(request))
    return {Fraction(number.replace(",", "")) * unit for number, unit in found if unit is not None}


def precisions(text: str) -> set[str]:
    """Number formats that a text names."""
    return {names.workload_key(f"x {found}")[1] for found in _PRECISION.findall(text)} - {""}


def faults(request: str, answer: str) -> list[str]:
    """What is wrong, in words for people; [] for nothing. Never raises for anything in an answer."""
    request, given = request[:MOST_CHARACTERS], read_dcw(answer).dcw()
    if given is None:
        return ["is no DCW"] * 4  # worse than any fault of one
    asked, own = designs(request), [names.design(given.target), names.design(given.baseline)]
    wrong = [] if own[0] else ["has no target"]
    wrong += [f"has {name[:40]}, which is not asked about" for name in own if name and name not in asked]
    if own[0] and own[0] == own[1]:
        wrong.append(f"compares {own[0][:40]} with itself")
    wrong += [f"leaves out {name}" for name in asked if not any(name == one or _holds(name, one) for one in own)]
    limit, asked_limits = names.seconds(given.criterion), limits(request)
    if limit is not None and limit not in asked_limits:
        wrong.append("has a limit that is not asked for")
    if limit is None and asked_limits:
        wrong.append("leaves out the limit")
    precision, asked_precisions = names.workload_key(given.workload)[1], precisions(request)
    if precision and precision not in asked_precisions:
        wrong.append(f"has {precision}, which is not asked for")
    if len(asked_precisions) == 1 and not precision:
        wrong.append(f"leaves out {min(asked_precisions)}")
    return wrong


def _holds(one: str, other: str) -> bool:
    """Whether one is the GPU in the other, a machine: "NDv4 with its A100" names one design."""
    return names.SKUS.get(one) == other or names.SKUS.get(other) == one
