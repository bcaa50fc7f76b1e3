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


def _one(table: list[Row], rng: random.Random) -> tuple[str, str]:
    row = rng.choices(table, [one.weight for one in table])[0]
    return draw(row.command, rng.choice(row.phrases), rng)


def collective(vendor: str, rng: random.Random) -> tuple[str, str]:
    """A command and what asks for it."""
    tables = _tables()
    while True:
        command, phrase = _one(tables["bases " + vendor], rng)
        if " -h" in command:
            return command, phrase
        for kind in rng.choices(KINDS, WEIGHTS)[0].split():
            if kind == "option":
                command, phrase = _with_option(command, phrase, vendor, rng)
            elif kind == "variable" and "srun" not in command and "VISIBLE" not in command:
                command, phrase = _with_variable(command, phrase, vendor, rng)
        if _sensible(command):
            return command, phrase


def _with_option(command: str, phrase: str, vendor: str, rng: random.Random) -> tuple[str, str]:
    tables = _tables()
    table = tables["options " + vendor]
    if re.search(r"\b(all_reduce|reduce|reduce_scatter)_perf", command) and rng.random() < 0.3:
        table = tables["reductions"]
    if re.search(r"\b(broadcast|reduce|gather|scatter)_perf", command) and rng.random() < 0.3:
        table = tables["rooted"]
    piece, tail = _one(table, rng)
    return f"{command} {piece}", _added(phrase, tail, rng)


def _with_variable(command: str, phrase: str, vendor: str, rng: random.Random) -> tuple[str, str]:
    piece, tail = _one(_tables()["variables " + vendor], rng)
    if command.startswith("mpirun"):  # -x: the ranks on other hosts get it too
        before, program, after = re.match(r"(mpirun .*?)(\S+_perf)(.*)", command).groups()
        exported = " ".join("-x " + part for part in piece.split())
        return f"{before}{exported} {program}{after}", _added(phrase, tail, rng)
    return f"{piece} {command}", _added(phrase, tail, rng)


def _added(phrase: str, tail: str, rng: random.Random) -> str:
    return phrase + rng.choice((", ", ", ", " ")) + tail


def _sensible(command: str) -> bool:
    """No option and no variable twice, a root that exists, warm-ups that the run takes."""
    words = command.split()
    flags = [word for word in words if word.startswith("-") and word not in ("-x", "--mca")]
    names = [word.split("=")[0] for word in words if "=" in word]
    if len(set(flags)) < len(flags) or len(set(names)) < len(names):
        return False
    run = command[command.index("_perf") :]
    root, gpus = re.search(r" -r (\d+)", run), re.search(r" -g (\d+)", run)
    ranks = re.search(r"-np (\d+)", command)
    count = int(gpus[1] if gpus else 1) * int(ranks[1] if ranks else 1)
    return not root or int(root[1]) < count
