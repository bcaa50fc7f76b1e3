"""Optiflow: a machine's latency and bandwidth matrices -> a Python program that prints an all-gather plan -> a better one.

The program runs in the sandbox, its output is read as a plan, the plan is played and timed (`simulate` states the model).
Two turns: a first plan, then, given that plan's latency, a faster one. A case with `previous` is the second turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sigma.aimicius.contract import MAX_ANSWER, Case, MetricInfo, Part, Score, Verdict
from sigma.aimicius.optiflow import question as fields_of
from sigma.aimicius.optiflow.answer import find_program
from sigma.aimicius.optiflow.bounds import lower_bounds
from sigma.aimicius.optiflow.data import examples, generate
from sigma.aimicius.optiflow.plan import PlanError, check_plan, read_plan
from sigma.aimicius.optiflow.question import Question, read_question
from sigma.aimicius.optiflow.sandbox import SANDBOX, Run, Sandbox
from sigma.aimicius.optiflow.schedules import reference_plan
from sigma.aimicius.optiflow.simulate import simulate

MODELS = ("GPT-4", "DeepSeek-Coder-7B", "Qwen2.5-Coder-7B", "LLaMA3-8B", "Sigma-System-10B")
BETTER = 1e-6  # a plan is improved if it is quicker by more than rounding
SHOWN_OUTPUT = 20_000  # characters of a program's output in the view


def _metric(name: str, meaning: str, *percent: float | None, primary: bool = False) -> MetricInfo:
    return MetricInfo(name, meaning, primary, dict(zip(MODELS, percent)))


class Optiflow:
    """The task, as the contract asks. `sandbox` runs the programs."""

    name = "optiflow"
    title = "Optiflow"
    about = (
        "Given the latency and bandwidth matrices of a machine with several GPUs, write a Python program that prints an all-gather plan; "
        "given that plan's latency, write one that is faster. The program runs in a sandbox (CPython in WebAssembly); the plan is "
        "played transfer by transfer and timed: each transfer takes its hops' latencies plus bytes over the narrowest bandwidth, a sender's "
        "port sends one chunk at a time, and rounds are barriers where the plan groups them."
    )
    metrics = (
        _metric("Code Detected", "the answer holds a Python program", 95.8, 82.2, 100.0, 98.2, 100.0),
        _metric("Code Executable", "the program runs in the sandbox without an error", 50.3, 18.6, 28.3, 51.2, 85.9),
        _metric(
            "Plan Valid",
            "what it prints is an all-gather: every GPU ends with every chunk",
            16.8,
            18.6,
            28.3,
            16.4,
            86.7,
            primary=True,
        ),
        _metric(
            "Plan Improved",
            "second turn only: the plan is valid and faster than the previous one",
            0.5,
            None,
            None,
            1.1,
            66.7,
        ),
    )

    answer_tokens = 320  # the longest truth has about 200 tokens

    def __init__(self, sandbox: Sandbox = SANDBOX) -> None:
        self.sandbox = sandbox

    def examples(self) -> list[Case]:
        """One-click cases: first turns on known machines, a second turn, and pasted matrices.

        Who asks is about to judge: the sandbox begins to be compiled in the background if it was not yet.
        """
        self.sandbox.warm()
        return examples()

    def label(self, case: Case) -> str:
        """The machine and the turn, for a button."""
        q = read_question(case.fields, case.id)
        name = q.topology.name if q.topology.name != "custom" else f"{q.topology.gpus} GPUs, own matrices"
        return f"{name}: {'improve the plan' if q.previous else 'plan an all-gather'}"

    def follow_up(self, case: Case, verdict: Verdict) -> Case | None:
        """The second turn; see the function of that name below."""
        return follow_up(case, verdict)

    def generate(self, split: str) -> Iterator[Case]:
        """See `data.generate`."""
        return generate(split)

    def case(self, row: dict[str, Any], where: str) -> Case:
        """See `question` for the fields."""
        return fields_of.case_from(row, where)

    def messages(self, case: Case) -> list[dict[str, str]]:
        """See `question.messages`."""
        return fields_of.messages(case)

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Code, run, plan, and for a second turn the comparison. The truth is not needed: plans are judged by what they do."""
        q = read_question(case.fields, case.id)
        parts: list[Part] = []
        scores: dict[str, Score] = {}

        def add(part: Part) -> Part:
            parts.append(part)
            return part

        cut = len(answer) > MAX_ANSWER
        found = find_program(answer[:MAX_ANSWER])
        note = f" Only the first {MAX_ANSWER:,} of {len(answer):,} characters were read." if cut else ""
        view = {"kind": "optiflow_code", "code": found.program} if found.program else None
        yield add(Part("Code", "good" if found.program else "bad", found.text + note, view))
        scores["Code Detected"] = Score(float(bool(found.program)), found.text)
        if not found.program:
            yield from self._skip(add, scores, q, ("Run", "Plan"), 0.0, "There is no program to run.")
            yield Verdict(self._ordered(scores), tuple(parts))
            return
        if (state := self.sandbox.status())[0] in ("cold", "preparing"):
            yield add(Part("Sandbox", "neutral", state[1]))
        run = self.sandbox.run(found.program, q.values())
        yield add(_run_part(run, found.program))
        if not run.ok:
            value = 0.0 if run.judged else None
            scores["Code Executable"] = Score(value, run.text)
            reason = "The program did not run to its end." if run.judged else run.text
            yield from self._skip(add, scores, q, ("Plan",), value, reason)
            yield Verdict(self._ordered(scores), tuple(parts))
            return
        scores["Code Executable"] = Score(1.0, run.text)
        plan_part, latency = judge_output(q, run.stdout)
        yield add(plan_part)
        scores["Plan Valid"] = Score(float(latency is not None), plan_part.text)
        if q.previous is None:
            scores["Plan Improved"] = Score(None, "A first turn: there is no previous plan.")
        else:
            part, score = _improved(q, latency)
            yield add(part)
            scores["Plan Improved"] = score
        yield Verdict(self._ordered(scores), tuple(parts))

    def _skip(
        self, add, scores: dict[str, Score], q: Question, names: tuple[str, ...], value: float | None, reason: str
    ) -> Iterator[Part]:
        for name in names:
            yield add(Part(name, "skipped", reason))
        for metric in ("Code Executable", "Plan Valid"):
            scores.setdefault(metric, Score(value, reason))
        second = q.previous is not None
        scores["Plan Improved"] = (
            Score(value, reason) if second else Score(None, "A first turn: there is no previous plan.")
        )
        if second:
            yield add(Part("Improvement", "skipped", reason))

    def _ordered(self, scores: dict[str, Score]) -> dict[str, Score]:
        return {m.name: scores[m.name] for m in self.metrics}


def _run_part(run: Run, program: str) -> Part:
    state = "good" if run.ok else "bad" if run.judged else "skipped"
    lines = program.splitlines()
    at = lines[run.line - 1].strip()[:200] if run.line and run.line <= len(lines) else ""
    view = {
        "kind": "optiflow_output",
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
    t = q.topology
    view: dict[str, Any] = {
        "kind": "optiflow_plan",
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
    if not check.valid:
        if check.bad is not None:
            bad = plan.rounds[check.bad[0]][check.bad[1]]
            view["bad"] = [bad.source, bad.chunk, bad.sender, bad.receiver]
        return Part("Plan", "bad", f"Not valid: {check.problem}.", view), None
    bounds = lower_bounds(t, q.size, q.chunks)
    _, reference = reference_plan(t, q.size, q.chunks)
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


def follow_up(case: Case, verdict: Verdict) -> Case | None:
    """The second turn after a valid first answer: the same machine with that program and its latency as `previous`.

    None after an invalid plan, after a second turn, and where the first plan already is at the lower bound.
    """
    if case.fields.get("previous"):
        return None
    views = {p.view["kind"]: p.view for p in verdict.parts if p.view}
    code, plan = views.get("optiflow_code"), views.get("optiflow_plan")
    if code is None or plan is None or plan["latency"] is None or plan["latency"] <= plan["bound"] * (1 + 1e-3):
        return None
    previous = {"program": code["code"][: fields_of.MAX_WORDS], "latency_us": plan["latency"]}
    return replace(case, id=f"{case.id}-improve", fields={**case.fields, "previous": previous}, truth="")


TASK = Optiflow()
