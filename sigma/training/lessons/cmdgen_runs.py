"""Collective tests put together: a base run, options and environment variables that go with it, and the words of each."""

from __future__ import annotations

import random
import re
from functools import lru_cache

from sigma.training.lessons import cmdgen_collectives as words
from sigma.training.lessons import cmdgen_environment as environment
from sigma.training.lessons.cmdgen_rows import Row, draw, rows

KINDS = ("plain", "option", "variable", "option variable", "option option", "variable variable")
WEIGHTS = (2.2, 3.2, 3, 1.2, 0.9, 0.5)


@lru_cache(maxsize=1)
def _tables() -> dict[str, list[Row]]:
    own = {
        "NVIDIA": (words.NCCL_OPTIONS, words.NCCL_BASES, environment.CUDA),
        "AMD": (words.RCCL_OPTIONS, words.RCCL_BASES, environment.ROCM),
    }
    tables = {"reductions": rows(words.REDUCTIONS), "rooted": rows(words.ROOTED)}
    for vendor, (options, bases, variables) in own.items():
        tables["bases " + vendor] = [*rows(words.BASES), *rows(bases)]
        tables["options " + vendor] = [*rows(words.OPTIONS), *rows(options)]
        tables["variables " + vendor] = [*rows(environment.VARIABLES), *rows(variables)]
    return tables


def parts(vendor: str) -> list[Row]:
    """Every option and variable."""
    tables = _tables()
    return [
        row for name in ("options " + vendor, "reductions", "rooted", "variables " + vendor) for row in tables[name]
    ]


def _one(table: list[Row], rng: random.Random) -> tuple[str, str]:
    row = rng.choices(table, [one.weight for one in table])[0]
    return draw(row.command, rng.choice(row.phrases), rng)


def collective(vendor: str, rng: random.Random, part: Row | None = None) -> tuple[str, str]:
    """A command and what asks for it; with a `part`, one that has this option or variable."""
    tables = _tables()
    while True:
        command, phrase = _one(tables["bases " + vendor], rng)
        if " -h" in command and part is None:
            return command, phrase
        kinds = rng.choices(KINDS, WEIGHTS)[0].split() if part is None else ["part"]
        for kind in kinds:
            if kind == "part":
                drawn = draw(part.command, rng.choice(part.phrases), rng)
                add = _with_option if part.command.startswith("-") else _with_variable
                command, phrase = add(command, phrase, drawn, rng)
            elif kind == "option":
                command, phrase = _with_option(command, phrase, _one(_fitting(command, vendor, rng), rng), rng)
            elif "srun" not in command and "VISIBLE" not in command:
                command, phrase = _with_variable(command, phrase, _one(tables["variables " + vendor], rng), rng)
        if _sensible(command):
            return command, phrase


def _fitting(command: str, vendor: str, rng: random.Random) -> list[Row]:
    """Options for this binary: a reduction or a root only where there is one."""
    tables = _tables()
    if re.search(r"\b(all_reduce|reduce|reduce_scatter)_perf", command) and rng.random() < 0.3:
        return tables["reductions"]
    if re.search(r"\b(broadcast|reduce|gather|scatter)_perf", command) and rng.random() < 0.3:
        return tables["rooted"]
    return tables["options " + vendor]


def _with_option(command: str, phrase: str, part: tuple[str, str], rng: random.Random) -> tuple[str, str]:
    return f"{command} {part[0]}", _added(phrase, part[1], rng)


def _with_variable(command: str, phrase: str, part: tuple[str, str], rng: random.Random) -> tuple[str, str]:
    piece, tail = part
    if command.startswith("mpirun"):  # -x: the ranks on other hosts get it too
        before, program, after = re.match(r"(mpirun .*?)(\S+_perf)(.*)", command).groups()
        exported = " ".join("-x " + part for part in piece.split())
        return f"{before}{exported} {program}{after}", _added(phrase, tail, rng)
    return f"{piece} {command}", _added(phrase, tail, rng)


def _added(phrase: str, tail: str, rng: random.Random) -> str:
    return phrase + rng.choice((", ", ", ", " ")) + tail


def _sensible(command: str) -> bool:
    """No option and no variable twice; a reduction where something is reduced, a root where there is one and that exists."""
    words = command.split()
    flags = [word for word in words if word.startswith("-") and word not in ("-x", "--mca")]
    names = [word.split("=")[0] for word in words if "=" in word]
    if len(set(flags)) < len(flags) or len(set(names)) < len(names) or " -h" in command:
        return False
    if ("=" in command and "srun" in command) or command.count("VISIBLE") > 1:
        return False
    if re.search(r" -o \w+", command) and not re.search(r"(all_reduce|\breduce|reduce_scatter)_perf", command):
        return False
    if re.search(r" -r \w+", command) and not re.search(r"\b(broadcast|reduce|gather|scatter)_perf", command):
        return False
    run = command[command.index("_perf") :]
    root, gpus = re.search(r" -r (\d+)", run), re.search(r" -g (\d+)", run)
    ranks = re.search(r"-np (\d+)", command)
    count = int(gpus[1] if gpus else 1) * int(ranks[1] if ranks else 1)
    return not root or int(root[1]) < count
