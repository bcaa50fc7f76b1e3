"""Plans: reading them from a program's output, and checking that they move every chunk to every GPU.

A transfer is `D(s, c): G(a) => G(b)`: chunk c of GPU s's data goes from GPU a to GPU b. Three shapes are read:
a flat list (one transfer a line, or one Python list), and rounds, given as nested lists or under lines such as "step 1".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sigma.aimicius.optiflow.plans.topology import Topology

MAX_TRANSFERS = 50_000
MAX_TEXT = 8_000_000  # characters; a program's output is cut before that by the sandbox
MAX_MARKS = 200_000  # brackets and "step" lines beside the transfers
MAX_WARNINGS = 20

_TRANSFER = (
    r"\bD\s*\(\s*(\d{1,6})\s*,\s*(\d{1,6})\s*\)\s*:\s*G\s*\(\s*(\d{1,6})\s*\)\s*(?:=>|->)\s*G\s*\(\s*(\d{1,6})\s*\)"
)
_TOKEN = re.compile(
    _TRANSFER
    + r"|(?P<open>\[)|(?P<close>\])"
    + r"|(?P<step>(?m:^)[ \t#*=-]{0,8}(?:step|round|phase|stage)s?\b[^\n\[\]]{0,80}?(?=$|\n|\[|D\s*\())"
    + r"|(?P<almost>\b[DG]\s*\([^\n]{0,60})",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(r"D\s*\(\s*[a-z_]\w*\s*,\s*[a-z_]\w*\s*\)|G\s*\(\s*[a-z_]\w*\s*\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Chunk `chunk` of GPU `source`'s data from GPU `sender` to GPU `receiver`."""

    source: int
    chunk: int
    sender: int
    receiver: int

    def __str__(self) -> str:
        return f"D({self.source}, {self.chunk}): G({self.sender}) => G({self.receiver})"


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds of transfers. `grouped`: the plan itself names its rounds, and they act as barriers; else one flat round."""

    rounds: tuple[tuple[Transfer, ...], ...]
    grouped: bool

    def __len__(self) -> int:
        return sum(map(len, self.rounds))

    def text(self) -> str:
        """The plan as lines: what `read_plan` reads."""
        if not self.grouped:
            return "\n".join(str(t) for t in self.rounds[0])
        return "\n".join(f"step {k}\n" + "\n".join(map(str, r)) for k, r in enumerate(self.rounds, 1))


class PlanError(ValueError):
    """Text that is no plan; the message says which line and why."""


def read_plan(text: str) -> Plan:
    """The plan that a program printed.

    Raises PlanError for no transfer at all, more than MAX_TRANSFERS, or something that begins like a transfer and is
    none (with its line number). Other text around the transfers is ignored.
    """
    if len(text) > MAX_TEXT:
        raise PlanError(f"the output has {len(text):,} characters; a plan may have {MAX_TEXT:,}")
    if (count := text.count("=>") + text.count("->")) > MAX_TRANSFERS:
        raise PlanError(f"the plan has {count:,} transfers; at most {MAX_TRANSFERS:,} are read")
    groups: list[list[Transfer]] = [[]]
    depth, named, lists, nested = 0, False, 0, False
    for count, found in enumerate(_TOKEN.finditer(text)):
        if count > MAX_TRANSFERS + MAX_MARKS:
            raise PlanError(f"the output has more than {MAX_MARKS:,} brackets and step lines")
        kind = found.lastgroup
        if kind == "close":
            lists += bool(groups[-1])
        if kind in ("open", "close", "step") and groups[-1]:
            groups.append([])
        if kind == "open":
            depth += 1
            nested |= depth > 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "step":
            named = True
        elif kind == "almost" and _EXPLAINED.match(found.group()):
            continue  # the notation itself, as the question writes it
        elif kind == "almost":
            line = text.count("\n", 0, found.start()) + 1
            shown = found.group().strip()[:60]
            raise PlanError(f"line {line} of the output is not a transfer `D(s, c): G(a) => G(b)`: {shown!r}")
        else:
            groups[-1].append(Transfer(*(int(found.group(k)) for k in range(1, 5))))
    rounds = [tuple(g) for g in groups if g]
    if not rounds:
        raise PlanError(
            "the output holds no transfer `D(s, c): G(a) => G(b)`" if text.strip() else "the program printed nothing"
        )
    grouped = named or nested or lists > 1
    if not grouped:
        rounds = [tuple(t for r in rounds for t in r)]
    return Plan(tuple(rounds), grouped)


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a plan is an all-gather. `plan` is without redundant sends; `problem` is "" for a valid plan."""

    plan: Plan
    problem: str
    bad: tuple[int, int] | None  # round and place of the first bad transfer in the plan as written
    warnings: tuple[str, ...]
    delivered: int  # (chunk, GPU) pairs that arrived, without a GPU's own
    wanted: int

    @property
    def valid(self) -> bool:
        """Every GPU ends with every chunk, and every sender held what it sent."""
        return not self.problem


def check_plan(plan: Plan, topology: Topology, chunks: int) -> Check:
    """Play the plan. In a grouped plan a sender must hold the chunk before the round begins, in a flat one before its line.

    A send of a chunk that the receiver has (or gets earlier in the same round) is dropped with a warning. The check
    stops at the first bad transfer.
    """
    n = topology.gpus
    held = [{(g, c) for c in range(chunks)} for g in range(n)]
    wanted, delivered, dropped = n * (n - 1) * chunks, 0, 0
    kept: list[tuple[Transfer, ...]] = []
    warnings: list[str] = []
    problem, bad = "", None
    for number, transfers in enumerate(plan.rounds):
        fresh: set[tuple[int, tuple[int, int]]] = (
            set()
        )  # what arrives in this round: none may send it on before the next
        keep: list[Transfer] = []
        for place, t in enumerate(transfers):
            where = f"step {number + 1}, transfer {place + 1}" if plan.grouped else f"transfer {place + 1}"
            data = (t.source, t.chunk)
            holds = t.sender < n and data in held[t.sender] and (t.sender, data) not in fresh
            if problem := _fault(t, topology, chunks, holds):
                problem, bad = f"{where}, {t}: {problem}", (number, place)
                break
            if data in held[t.receiver]:
                dropped += 1
                if len(warnings) < MAX_WARNINGS:
                    warnings.append(f"{where}, {t}: redundant, GPU {t.receiver} already has it; dropped")
                continue
            held[t.receiver].add(data)
            if plan.grouped:
                fresh.add((t.receiver, data))
            delivered += 1
            keep.append(t)
        if keep:
            kept.append(tuple(keep))
        if problem:
            break
    if dropped > len(warnings):
        warnings.append(f"... {dropped:,} redundant sends in all")
    if not problem and delivered < wanted:
        g, (s, c) = next(
            (g, d) for g in range(n) for d in ((s, c) for s in range(n) for c in range(chunks)) if d not in held[g]
        )
        problem = f"at the end GPU {g} lacks chunk {c} of GPU {s}'s data; {wanted - delivered:,} of {wanted:,} deliveries are missing"
    return Check(Plan(tuple(kept), plan.grouped), problem, bad, tuple(warnings), delivered, wanted)


def _fault(t: Transfer, topology: Topology, chunks: int, holds: bool) -> str:
    n = topology.gpus
    for node in (t.source, t.sender, t.receiver):
        if node >= n:
            if node < topology.nodes:
                return f"node {node} is a switch; name the GPUs at both ends, the way through the switch is implied"
            return f"there is no GPU {node} (GPUs are 0 to {n - 1})"
    if t.chunk >= chunks:
        return f"there is no chunk {t.chunk} (chunks are 0 to {chunks - 1})"
    if not holds:
        return f"GPU {t.sender} does not hold chunk {t.chunk} of GPU {t.source}'s data at that point"
    if t.sender != t.receiver and (t.sender, t.receiver) not in topology.paths:
        return f"there is no link from GPU {t.sender} to GPU {t.receiver}, and no way through a switch"
    return ""
