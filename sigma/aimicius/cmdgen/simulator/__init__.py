"""A simulated node that prints what its tools would print. Every figure is simulated; no command is ever run.

`run(read, system)` takes a parsed command line and gives its text, exit code and effects: settings changed, files written, how
often it repeats. Equal results of two read-only commands are how a different command can still be a right answer.
"""

from __future__ import annotations

import json
from collections import Counter

from sigma.aimicius.cmdgen.command import Read
from sigma.aimicius.cmdgen.meaning import Meaning
from sigma.aimicius.cmdgen.simulator import amd_smi, collectives, nvcc, nvidia_smi, rocm_smi, superbench
from sigma.aimicius.cmdgen.simulator.state import SYSTEMS, Execution, node

__all__ = ["SYSTEMS", "Execution", "closeness", "run", "same_result"]

RUNNERS = {"nvidia-smi": nvidia_smi.run, "nvcc": nvcc.run, "rocm-smi": rocm_smi.run, "amd-smi": amd_smi.run, "sb": superbench.run}  # fmt: skip


def run(read: Read, system: str) -> Execution:
    """What the terminal of the node shows for the line; a refused line shows the tool's refusal."""
    if read.error is not None:
        return Execution(read.error.output or f"{read.error.reason}\n", read.error.exit_code or 1)
    meaning: Meaning = read.meaning
    return RUNNERS.get(meaning.tool, collectives.run)(meaning, node(system))


def closeness(truth: Execution, answer: Execution) -> float:
    """Share of lines that the two outputs (and files) have in common, 0 to 1; the order of a line's words does not count."""
    wanted, given = _lines(truth), _lines(answer)
    total = wanted.total() + given.total()
    return 2 * (wanted & given).total() / total if total else 1.0


def _lines(execution: Execution) -> Counter[str]:
    text = "\n".join([execution.output, *execution.files.values()])
    lines = (" ".join(sorted(line.replace(",", " ").split())) for line in text.splitlines())
    return Counter(line for line in lines if line)


def same_result(truth: Execution, answer: Execution, threshold: float) -> bool:
    """Did both do the same? Both went well, same settings, same files, same rhythm, and outputs at least that close."""
    if truth.exit_code or answer.exit_code:
        return False
    effects = [
        json.dumps([e.changes, sorted(e.files), e.rhythm, bool(e.changes) or e.query], sort_keys=True, default=str)
        for e in (truth, answer)
    ]
    return effects[0] == effects[1] and closeness(truth, answer) >= threshold
