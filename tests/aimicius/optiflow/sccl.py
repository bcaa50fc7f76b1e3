"""Is there an all-gather in so many steps and rounds? SCCL's question (PPoPP 2021), put to Google's CP-SAT solver.

(C, S, R): every GPU's data is cut into C chunks; a schedule has S synchronous steps of r_1 + ... + r_S = R rounds; in a
step of r rounds a link pair with b links carries at most b * r chunks. Needs the distribution `ortools`; the page does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigma.aimicius.optiflow.plans.plan import Plan, Transfer


@dataclass(frozen=True, slots=True)
class Answer:
    """`satisfiable` is None if the time was up first. `plan` has one round for each step; `rounds` their r_i."""

    satisfiable: bool | None
    plan: Plan | None = None
    rounds: tuple[int, ...] = ()
    seconds: float = 0.0


def solve(links: Sequence[Sequence[int]], chunks: int, steps: int, rounds: int, seconds: float = 60.0) -> Answer:
    """Search on `links[a][b]` parallel links. Raises ImportError without ortools, ValueError for counts below one."""
    if min(chunks, steps, rounds) < 1:
        raise ValueError(f"chunks, steps and rounds are at least 1, not ({chunks}, {steps}, {rounds})")
    if rounds < steps:
        return Answer(False)
    from ortools.sat.python import cp_model

    n = len(links)
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b and links[a][b]]
    data = [(s, c) for s in range(n) for c in range(chunks)]
    model = cp_model.CpModel()
    # r[i]: rounds of step i. sent[d, a, b, i]: d goes over a->b in step i. at[d, g, i]: g holds d after step i.
    r = [model.new_int_var(1, rounds - steps + 1, f"r{i}") for i in range(steps)]
    model.add(sum(r) == rounds)
    at = {}
    for d in data:
        for g in range(n):
            at[d, g, -1] = model.new_constant(int(g == d[0]))
            for i in range(steps):
                at[d, g, i] = model.new_constant(1) if g == d[0] or i == steps - 1 else model.new_bool_var("")
    sent = {}
    for d in data:
        for a, b in pairs:
            if b != d[0]:
                for i in range(steps):
                    sent[d, a, b, i] = flag = model.new_bool_var("")
                    model.add_implication(flag, at[d, a, i - 1])
        for g in range(n):
            if g == d[0]:
                continue
            for i in range(steps):
                arriving = [sent[d, a, b, i] for a, b in pairs if b == g]
                # A chunk is held after a step exactly if it was held before or came in that step, and it comes once.
                model.add(sum(arriving) == at[d, g, i] - at[d, g, i - 1])
    for a, b in pairs:
        for i in range(steps):
            model.add(sum(sent[d, a, b, i] for d in data if b != d[0]) <= links[a][b] * r[i])
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = (
        8  # a portfolio: (6, 3, 7) on DGX-1 takes 1 s with it, over a minute with one strategy
    )
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return Answer(False, seconds=solver.wall_time)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(None, seconds=solver.wall_time)
    found = tuple(
        tuple(Transfer(*d, a, b) for (d, a, b, i), flag in sent.items() if i == step and solver.value(flag))
        for step in range(steps)
    )
    return Answer(True, Plan(found, grouped=True), tuple(solver.value(x) for x in r), solver.wall_time)
