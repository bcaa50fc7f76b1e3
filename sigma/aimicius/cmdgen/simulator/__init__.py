"""A simulated node that prints what its tools would print. Every figure is simulated; no command is ever run.

`run(read, system)` takes a parsed command line and gives its text, exit code and effects: settings changed, files written, how
often it repeats. Equal results of two read-only commands are how a different command can still be a right answer.
"""

from __future__ import annotations

import json
from collections import Counter

from sigma.aimicius.cmdgen.command import Read
from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator import amd_smi, collectives, nvcc, nvidia_smi, rocm_smi, superbench
from sigma.aimicius.cmdgen.simulator.state import SYSTEMS, Execution, node

__all__ = ["SYSTEMS", "Execution", "closeness", "deviations", "run"]

# Options that change what a real tool does and nothing that is simulated; the last two only beside a --query-...
SILENT = ("loglevel", "debug", "verbose", "only-show-errors", "gpm-options", "mode", "dtd", "display", "unit")
RUNNERS = {"nvidia-smi": nvidia_smi.run, "nvcc": nvcc.run, "rocm-smi": rocm_smi.run, "amd-smi": amd_smi.run, "sb": superbench.run}  # fmt: skip


def run(read: Read, system: str) -> Execution:
    """What the terminal of the node shows for the line; a refused line shows the tool's refusal."""
    if read.error is not None:
        return Execution(read.error.output or f"{read.error.reason}\n", read.error.exit_code or 1)
    meaning: Meaning = read.meaning
    execution = RUNNERS.get(meaning.tool, collectives.run)(meaning, node(system))
    execution.subject = _subject(meaning, system)
    return execution


def _subject(meaning: Meaning, system: str) -> list[object]:
    chosen = next((meaning.options[name] for name in ("id", "gpu", "device") if name in meaning.options), None)
    devices = node(system).pick(chosen) or []
    asked = [[name, list(value)] for name, value in meaning.options.items() if name.startswith("query-")]
    # A filter that fits nothing prints what another one that fits nothing prints.
    names = ("name", "pid", "showpidgpus") if meaning.tool != "sb" else ()
    names = (*names, *(SILENT if asked else SILENT[:-2]))
    filters = [[name, meaning.options[name]] for name in names if name in meaning.options]
    return [[device.index for device in devices], *sorted(asked), *filters]


def closeness(truth: Execution, answer: Execution) -> float:
    """Share of lines that the two outputs (and files) have in common, 0 to 1; the order of a line's words does not count."""
    wanted, given = _lines(truth), _lines(answer)
    total = wanted.total() + given.total()
    return 2 * (wanted & given).total() / total if total else 1.0


def _lines(execution: Execution) -> Counter[str]:
    text = "\n".join([execution.output, *execution.files.values()])
    lines = (" ".join(sorted(line.replace(",", " ").split())) for line in text.splitlines())
    return Counter(line for line in lines if line)


def deviations(truth: Execution, answer: Execution, threshold: float) -> list[str]:
    """In what the two results differ, in a few words each; empty when they are the same."""
    found = []
    if truth.exit_code or answer.exit_code:
        which = "" if answer.exit_code else "the true command's "
        found.append(f"{which}exit code {answer.exit_code or truth.exit_code}")
    if _text(truth.changes) != _text(answer.changes):
        found.append("other settings or runs")
    if sorted(truth.files) != sorted(answer.files):
        found.append("other files")
    if answer.asks and not truth.asks:  # the other way about it does the same without waiting
        found.append("it waits for an answer at the terminal")
    if truth.rhythm != answer.rhythm:
        found.append("another rhythm")
    if truth.subject != answer.subject:
        found.append("other devices or fields")
    share = closeness(truth, answer)
    if share < threshold:
        found.append(f"{share:.0%} of output lines agree" if share < 0.995 else f"{share:.2%} of output lines agree")
    return found


def _text(changes: dict[str, dict[str, object]]) -> str:
    return json.dumps(changes, sort_keys=True, default=str)
