"""CMDGen: the command in an answer, its meaning, and what a simulated node prints for it."""

from __future__ import annotations

import json
from functools import cache

from hypothesis import strategies as st

from sigma.aimicius.cmdgen.answer import MAX_COMMAND, find
from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.faults import faults, left_out
from sigma.aimicius.cmdgen.grammar.meaning import difference
from sigma.aimicius.cmdgen.grammar.words import tidy
from sigma.aimicius.cmdgen.simulator import SYSTEMS, closeness, deviations, run
from sigma.aimicius.cmdgen.task import vendor_of
from tests.fuzz.target import Target
from tests.fuzz.texts import language

COMMANDS = (
    "nvidia-smi -q -i 0 -d MEMORY,POWER -l 5 -f /tmp/log.txt",
    "nvidia-smi --query-gpu=index,name,memory.used --format=csv,noheader,nounits -lms 500",
    "sudo nvidia-smi -i 0,1 --lock-gpu-clocks=1200,1500",
    "nvidia-smi topo -m",
    "nvidia-smi dmon -s pucm -c 10 -o T",
    "nvcc -arch=sm_90 -O3 -std=c++17 -Xcompiler -fopenmp main.cu -o main -lcublas",
    "rocm-smi --showtemp --showpower -d 0 --json",
    "amd-smi metric -g 0 --temperature --power --csv",
    "amd-smi set -g all --perf-level high",
    "export NCCL_DEBUG=INFO && mpirun -np 8 -x NCCL_ALGO=Ring --hostfile hosts all_reduce_perf -b 8M -e 1G -f 2 -g 1",
    "NCCL_P2P_DISABLE=1 ./all_gather_perf -b 128M -e 128M -n 100 -w 5 -c 0",
    "sb run -c default.yaml -f local.ini --output-dir /tmp/out",
    "watch -n 1 nvidia-smi",
    "```bash\ncd /tmp\nnvidia-smi -L\n```\nThis lists the GPUs.",
    "1. **Command:** `amd-smi list`",
)
PIECES = (
    *{word for command in COMMANDS for word in command.split(" ")},
    "--help", "-h", "--", "-", "--id=", "-i", "0-3", "all", "128M", "1K", "env", "srun", "timeout", "60", "time", "2>&1", ">>", "> out.txt", "| head",
    "&", "||", "\\\n", "export", "A=1", "A=", "cd ..", "mpirun", "-x", "-mca", "btl", "${HOME}", "~/x", "*", "?", "$ ", "# ",
)  # fmt: skip


@cache
def systems() -> tuple[tuple[str, str], ...]:
    """(vendor, system) of every simulated node."""
    return tuple((vendor_of(name), name) for name in SYSTEMS)


def check_answer(answer: str) -> None:
    """What is found stands in order, and is found again in itself."""
    found = find(answer)
    assert found.command == (found.commands[0] if found.commands else "")
    assert len(found.commands) <= 20 and all(found.notes)
    assert len({tidy(command) for command in found.commands}) == len(found.commands)
    for command in found.commands:
        if len(command) < MAX_COMMAND - 1:
            again = find(command)
            assert tidy(again.command) == tidy(command), (command, again)


def check_meaning(case: tuple[str, int]) -> None:
    """A line has a meaning or a refusal; the same line means the same, and a node answers both in text."""
    line, place = case
    vendor, system = systems()[place % len(systems())]
    one, other = read(line, vendor), read(line, vendor)
    assert (one.meaning is None) != (one.error is None)
    shown = run(one, system)
    assert isinstance(shown.output, str) and isinstance(shown.exit_code, int)
    json.dumps([shown.output, shown.files, shown.subject])
    again = run(other, system)
    assert closeness(shown, again) == 1
    assert shown.exit_code or not deviations(shown, again, 1.0)
    if one.error is not None:
        assert one.error.reason and other.error is not None and other.error.reason == one.error.reason
        return
    assert one.meaning.key == other.meaning.key
    rows = difference(one.meaning, other.meaning)
    assert rows and all(row["state"] == "same" for row in rows)


def check_faults(case: tuple[str, str, int]) -> None:
    """Words for people, the same again; a command that says the whole question and is taken has none of them."""
    question, answer, place = case
    vendor, _ = systems()[place % len(systems())]
    found = faults(question, answer, vendor)
    assert found == faults(question, answer, vendor) and all(isinstance(words, str) and words for words in found)
    command = find(answer)
    if len(command.commands) == 1 and read(command.command, vendor).meaning is not None:
        assert faults(command.command, answer, vendor) == left_out(command.command[:MAX_COMMAND], command.command) == []


LINES = language(COMMANDS, PIECES)
TARGETS = (
    Target("commands.answer", "the command in an answer (CMDGen)", LINES, check_answer),
    Target("commands.meaning", "a command line's meaning and its simulated output (CMDGen)",
           st.tuples(LINES, st.integers(0, 99)).map(list), check_meaning),
    Target("commands.faults", "what is wrong with a command as far as its question tells (CMDGen)",
           st.tuples(LINES, LINES, st.integers(0, 99)).map(list), check_faults),
)  # fmt: skip
