"""The verdict on an answer: its program, the run, the plan that it printed, and for a second turn whether that is faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigma.aimicius.contract import MAX_ANSWER, Case, Part, Score, Sheet, Verdict
from sigma.aimicius.optiflow.answer import find_program
from sigma.aimicius.optiflow.plans.bounds import lower_bounds
from sigma.aimicius.optiflow.plans.plan import Check, Plan, PlanError, check_plan, read_plan
from sigma.aimicius.optiflow.plans.schedules import reference_plan
from sigma.aimicius.optiflow.plans.simulate import Cost, simulate
from sigma.aimicius.optiflow.question import Question, read_question
from sigma.aimicius.optiflow.sandbox import Run, Sandbox

CODE, ENDS, RUNS, VALID, IMPROVED = (
    "Code Detected",
    "Runs without Error",
    "Code Executable",
    "Plan Valid",
    "Plan Improved",
)
BETTER = 1e-6  # a plan is improved if it is quicker by more than rounding
SHOWN_OUTPUT = 20_000  # characters of a program's output in the view
FIRST_TURN = "A first turn: there is no previous plan."


def judge(case: Case, answer: str, sandbox: Sandbox) -> Iterator[Part | Verdict]:
    """Code, run, plan, and for a second turn the comparison. The truth is not needed: plans are judged by what they do."""
    q = read_question(case.fields, case.id)
    sheet = Sheet((CODE, ENDS, RUNS, VALID, IMPROVED))
    if q.previous is None:
        sheet.score(IMPROVED, None, FIRST_TURN)
    cut = len(answer) > MAX_ANSWER
    found = find_program(answer[:MAX_ANSWER])
    note = f" Only the first {MAX_ANSWER:,} of {len(answer):,} characters were read." if cut else ""
    view = {"kind": "optiflow.code", "code": found.program} if found.program else None
    yield sheet.part("Code", "good" if found.program else "bad", found.text + note, view)
    sheet.score(CODE, float(bool(found.program)), found.text)
    if not found.program:
        yield from _skip(sheet, q, ("Run", "Plan"), 0.0, "There is no program to run.")
        return
    if (state := sandbox.status())[0] in ("cold", "preparing"):
        yield sheet.part("Sandbox", "neutral", state[1])
    run = sandbox.run(found.program, q.values())
    yield sheet.add(_run_part(run, found.program))
    if not run.ok:
        value = 0.0 if run.judged else None
        sheet.score(ENDS, value, run.text)
        sheet.score(RUNS, value, run.text)
        yield from _skip(sheet, q, ("Plan",), value, "The program did not run to its end." if run.judged else run.text)
        return
    sheet.score(ENDS, 1.0, run.text)
    if not run.stdout.strip():
        nothing = "The program printed nothing; its output would be the plan."
        sheet.score(RUNS, 0.0, nothing)
        yield from _skip(sheet, q, ("Plan",), 0.0, nothing)
        return
    sheet.score(RUNS, 1.0, run.text)
    plan_part, latency = judge_output(q, run.stdout)
    yield sheet.add(plan_part)
    sheet.score(VALID, float(latency is not None), plan_part.text)
    if q.previous is not None:
        part, score = _improved(q, latency)
        yield sheet.add(part)
        sheet.score(IMPROVED, score.value, score.reason)
    yield sheet.verdict()


def _skip(
    sheet: Sheet, q: Question, names: tuple[str, ...], value: float | None, reason: str
) -> Iterator[Part | Verdict]:
    """What cannot be looked at any more gets that value, and the verdict is said."""
    for name in (*names, "Improvement") if q.previous is not None else names:
        yield sheet.part(name, "skipped", reason)
    sheet.missing(value, reason)
    yield sheet.verdict()


def _run_part(run: Run, program: str) -> Part:
    state = "good" if run.ok and run.stdout.strip() else "bad" if run.judged else "skipped"
    lines = program.splitlines()
    at = lines[run.line - 1].strip()[:200] if run.line and run.line <= len(lines) else ""
    view = {
        "kind": "optiflow.output",
        "text": run.stdout[:SHOWN_OUTPUT],
        "cut": len(run.stdout) > SHOWN_OUTPUT,
        "seconds": round(run.seconds, 3),
        "line": run.line,
        "source": at,
    }
    return Part("Run", state, run.text, view)


def judge_output(q: Question, output: str) -> tuple[Part, float | None]:
    """The plan in a program's output: the part for the page, and its latency in us if it is valid."""
    try:
        plan = read_plan(output)
    except PlanError as error:
        return Part("Plan", "bad", f"No plan: {error}."), None
    check = check_plan(plan, q.topology, q.chunks)
    cost = simulate(check.plan, q.topology, q.chunk_kb)
    view = _plan_view(q, plan, check, cost)
    if not check.valid:
        if check.bad is not None:
            bad = plan.rounds[check.bad[0]][check.bad[1]]
            view["bad"] = [bad.source, bad.chunk, bad.sender, bad.receiver]
        return Part("Plan", "bad", f"Not valid: {check.problem}.", view), None
    bounds = lower_bounds(q.topology, q.size, q.chunks)
    _, reference = reference_plan(q.topology, q.size, q.chunks)
    view |= {
        "latency": cost.latency,
        "free": cost.free,
        "bound": bounds.chunks,
        "bound_any": bounds.any_chunks,
        "reference": reference,
    }
    rounds, lost = len(check.plan.rounds), len(plan) - len(check.plan)
    shape = f"{rounds} round{'s' if rounds > 1 else ''}" if plan.grouped else "a flat list"
    dropped = f" Dropped as redundant: {lost:,}." if lost else ""
    text = (
        f"Valid: {len(check.plan):,} transfers in {shape}, {cost.latency:.2f} us, {cost.latency / bounds.chunks:.2f} times the lower bound "
        f"of {bounds.chunks:.2f} us.{dropped}"
    )
    return Part("Plan", "good", text, view), cost.latency


def _plan_view(q: Question, plan: Plan, check: Check, cost: Cost) -> dict[str, Any]:
    """What the page draws of a plan; the figures of a valid one are put in later."""
    t = q.topology
    return {
        "kind": "optiflow.plan",
        "name": t.name,
        "gpus": t.gpus,
        "nodes": t.nodes,
        "links": [list(link) for link in t.links],
        "chunks": q.chunks,
        "chunk_kb": q.chunk_kb,
        "grouped": plan.grouped,
        "steps": [
            {
                "start": s.start,
                "end": s.end,
                "transfers": [[x.source, x.chunk, x.sender, x.receiver] for x in s.transfers],
            }
            for s in cost.steps
        ],
        "routes": [list(t.paths[p].nodes) for p in sorted(t.paths) if len(t.paths[p].nodes) > 2],
        "load": [[a, b, kb] for (a, b), kb in sorted(cost.load.items())],
        "problem": check.problem,
        "warnings": list(check.warnings),
        "bad": None,
        "latency": None,
        "previous": q.previous.latency if q.previous else None,
    }


def _improved(q: Question, latency: float | None) -> tuple[Part, Score]:
    before = q.previous.latency
    if latency is None:
        text = "The plan is not valid, so it improves nothing."
        return Part("Improvement", "skipped", text), Score(0.0, text)
    bound = lower_bounds(q.topology, q.size, q.chunks).chunks
    if latency < before * (1 - BETTER):
        text = f"Faster: {latency:.2f} us after {before:.2f} us ({before / latency:.2f} times)."
        return Part("Improvement", "good", text), Score(1.0, text)
    if before <= bound * (1 + 1e-3):
        text = f"The previous plan ({before:.2f} us) is already at the lower bound ({bound:.2f} us): nothing can be faster."
        return Part("Improvement", "neutral", text), Score(None, text)
    text = f"Not faster: {latency:.2f} us after {before:.2f} us; {bound:.2f} us is the lower bound."
    return Part("Improvement", "bad", text), Score(0.0, text)
