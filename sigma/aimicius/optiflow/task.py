"""Optiflow: a machine's latency and bandwidth matrices -> a Python program that prints an all-gather plan -> a better one.

The program runs in the sandbox, its output is read as a plan, the plan is played and timed (`simulate` states the model).
Two turns: a first plan, then, given that plan's latency, a faster one. A case with `previous` is the second turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sigma.aimicius.contract import Case, MetricInfo, Part, Task, Verdict
from sigma.aimicius.optiflow import cases, prompt
from sigma.aimicius.optiflow import judge as judging
from sigma.aimicius.optiflow import question as fields_of
from sigma.aimicius.optiflow.question import read_question
from sigma.aimicius.optiflow.sandbox import SANDBOX, Sandbox
from sigma.aimicius.paper import figures

_MEANINGS = {
    judging.CODE: "the answer holds a Python program",
    judging.ENDS: "the program runs in the sandbox without an error (not a metric of the paper)",
    judging.RUNS: "it runs without an error and prints something",
    judging.VALID: "what it prints is an all-gather: every GPU ends with every chunk",
    judging.IMPROVED: "second turn only: the plan is valid and faster than the previous one",
}


class Optiflow(Task):
    """The task, as the contract asks. `sandbox` runs the programs."""

    name = "optiflow"
    title = "Optiflow"
    about = (
        "Given the latency and bandwidth matrices of a machine with several GPUs, write a Python program that prints an all-gather plan; "
        "given that plan's latency, write one that is faster. The program runs in a sandbox (CPython in WebAssembly); the plan is "
        "played transfer by transfer and timed: each transfer takes its hops' latencies plus bytes over the narrowest bandwidth, a sender's "
        "port sends one chunk at a time, and rounds are barriers where the plan groups them."
    )
    metrics = tuple(
        MetricInfo(
            name,
            meaning,
            primary=name == judging.VALID,
            paper={} if name == judging.ENDS else figures("optiflow", name),
        )
        for name, meaning in _MEANINGS.items()
    )
    note = (
        "Code Executable asks for a program that ends without an error and prints something; Runs without Error, which the paper "
        "does not have, for the first alone."
    )
    answer_tokens = 440  # the program of a second turn takes about 350

    def __init__(self, sandbox: Sandbox = SANDBOX) -> None:
        self.sandbox = sandbox

    def examples(self) -> list[Case]:
        """One-click cases: first turns on known machines, a second turn, and pasted matrices.

        Who asks is about to judge: the sandbox begins to be compiled in the background if it was not yet.
        """
        self.sandbox.warm()
        return cases.examples()

    def label(self, case: Case) -> str:
        """The machine and the turn, for a button."""
        q = read_question(case.fields, case.id)
        name = q.topology.name if q.topology.name != "custom" else f"{q.topology.gpus} GPUs, own matrices"
        return f"{name}: {'improve the plan' if q.previous else 'plan an all-gather'}"

    def follow_up(self, case: Case, verdict: Verdict) -> Case | None:
        """The second turn after a valid first answer: the same machine with that program and its latency as `previous`.

        None after an invalid plan, after a second turn, and where the first plan already is at the lower bound.
        """
        if case.fields.get("previous"):
            return None
        views = {p.view["kind"]: p.view for p in verdict.parts if p.view}
        code, plan = views.get("optiflow.code"), views.get("optiflow.plan")
        if code is None or plan is None or plan["latency"] is None or plan["latency"] <= plan["bound"] * (1 + 1e-3):
            return None
        previous = {"program": code["code"][: fields_of.MAX_WORDS], "latency_us": plan["latency"]}
        return replace(case, id=f"{case.id}-improve", fields={**case.fields, "previous": previous}, truth="")

    def generate(self, split: str) -> Iterator[Case]:
        """See `cases.generate`."""
        return cases.generate(split)

    def case(self, row: dict[str, Any], where: str) -> Case:
        """See `question` for the fields."""
        return fields_of.case_from(row, where)

    def messages(self, case: Case) -> list[dict[str, str]]:
        """See `prompt.messages`."""
        return prompt.messages(case)

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Code, run, plan, and for a second turn the comparison. The truth is not needed: plans are judged by what they do."""
        return judging.judge(case, answer, self.sandbox)


TASK = Optiflow()
