"""Lessons for CMDGen: every option of every tool of the task in people's words, no tool more than a quarter of them.

A lesson is the task's own chat, or the bare question as a visitor of the page types it; the answer is the command alone. One
wish has one answer throughout: `nvidia-smi` with the changed device first and the asked one last, short names of options where
people use them, `rocm-smi` on an AMD node where a question names no tool and both could answer, `-f 2` for a range of message
sizes, `-g` for GPUs of one process, mpirun's `-x` for variables. Words and values are in the modules beside this one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sigma.aimicius import load_task
from sigma.aimicius.contract import Case
from sigma.training.lessons import (
    Lesson,
    cmdgen_amd,
    cmdgen_nvcc,
    cmdgen_nvidia,
    cmdgen_nvidia_more,
    cmdgen_rocm,
    cmdgen_sb,
)
from sigma.training.lessons.cmdgen_phrasing import ask
from sigma.training.lessons.cmdgen_rows import Row, draw, rows
from sigma.training.lessons.cmdgen_runs import collective, parts
from sigma.training.lessons.cmdgen_words import COMMON_FIELDS, RARE_FIELDS

BARE = 0.2  # share of lessons without the task's own prompt
SUDO = 0.03  # share of settings that are asked for with sudo
SETS = re.compile(r"^nvidia-smi (-i \S+ )?-(pm|e|pl|lgc|rgc|mig|c|r|ac|lmc)\b|--(re)?set|^amd-smi (re)?set")
SYSTEMS = {"NVIDIA": ("8xH100", "8xA100"), "AMD": ("8xMI300X",)}
AMD_HINTS = (" on amd", " (amd)", " on an mi300x", " on the amd node", " on mi300x", "^amd: ", "^rocm: ", "^mi300x: ", " on amd instinct", " for amd gpus", " with rocm")  # fmt: skip
NVIDIA_HINTS = (" on the h100 node", "^nvidia: ", " (nvidia)", " on our a100 box", " on nvidia")
AMD_NAMES = re.compile(r"\b(amd|rocm|mi300x|rccl|hip|hsa|instinct)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tool:
    """A share of the lessons: what a question may call the tool, how often it does, and where the rows come from."""

    name: str
    vendor: str  # "" for either
    names: tuple[str, ...]
    named: float
    size: int
    table: Callable[[], list[Row]]
    kind: str = "show"  # what a phrase without a verb asks for, see `cmdgen_phrasing.ask`


def _nvidia() -> list[Row]:
    alone = [
        Row(f"nvidia-smi --query-gpu={field} {{{form}}} {{one}}", tuple(words.split("|")), weight)
        for fields, weight, form in ((COMMON_FIELDS, 1.3, "form1"), (RARE_FIELDS, 0.6, "form"))
        for field, words in fields.items()
    ]
    return [*rows(cmdgen_nvidia.TEXT), *rows(cmdgen_nvidia.QUERIES), *rows(cmdgen_nvidia_more.TEXT), *alone]


JOBS = {
    "{src} -o {bin}": "compile {src} to {bin}|build {bin} from {src}|{src} -> {bin}|compile {src} into {bin}|make {bin} from {src}",
    "{src}": "compile {src}|build {src}|compile the file {src}|just compile {src}",
    "-c {src} -o {obj}": "compile {src} to the object {obj}|{src} to {obj} without linking|only compile {src} to {obj}",
    "-arch={arch} {src} -o {bin}": "compile {src} to {bin} for {arch}|build {bin} from {src} for {arch}|{src} -> {bin}, target {arch},",
    "-O3 -arch={arch} {src} -o {bin}": "compile {src} to {bin} for {arch} with O3|optimized build of {src} for {arch} into {bin}|{src} -> {bin}, O3, {arch},|build {bin} from {src} with -O3 for {arch}",
    "-O3 {src} -o {bin}": "compile {src} to {bin} with O3|optimized build of {src} into {bin}|build {bin} from {src} with full optimization",
    "-arch={arch} {src}": "compile {src} for {arch}|build {src} for {arch}",
}


def _nvcc() -> list[Row]:
    """Whole jobs, and each option with each job. Two options at once: neighbours of the table in a fixed mixture."""
    options = rows(cmdgen_nvcc.OPTIONS)
    mixed = list(options)
    random.Random("nvcc").shuffle(mixed)
    made = rows(cmdgen_nvcc.TEXT)
    for place, (one, other) in enumerate(zip(options, mixed, strict=True)):
        jobs = list(JOBS.items())
        for number, (job, phrases) in enumerate(jobs):
            if "-O3" in job and "-O" in one.command:
                continue
            weight = one.weight * (0.5, 0.25, 0.1, 0.15, 0.12, 0.1, 0.1)[number]
            made.append(_together(job, phrases.split("|"), (one,), weight))
        flags = {word for word in one.command.split() if word.startswith("-")}
        if not flags & set(other.command.split()) and not ("{" in one.command and "{" in other.command):
            job, phrases = jobs[(place * 3) % len(jobs)]
            made.append(_together(job, phrases.split("|"), (one, other), 0.5))
    return made


def _together(job: str, phrases: list[str], options: tuple[Row, ...], weight: float) -> Row:
    front = [one.command for one in options if not one.command.startswith("-l")]
    back = [one.command for one in options if one.command.startswith("-l")]  # libraries after what needs them
    command = " ".join(("nvcc", *front, job, *back))
    joined = [" ".join((phrase, *tails)).replace(",,", ",") for phrase in phrases for tails in _tails(options)]
    return Row(command, tuple(joined), weight)


def _tails(options: tuple[Row, ...]) -> list[tuple[str, ...]]:
    first = options[0].phrases
    if len(options) == 1:
        return [(tail,) for tail in first]
    others = options[1].phrases
    longest = max(len(first), len(others))
    pairs = [(first[n % len(first)], others[n % len(others)]) for n in range(longest)]
    return [
        (one + (" and" if n % 2 and not other.startswith("and ") else ","), other)
        for n, (one, other) in enumerate(pairs)
    ]


TOOLS = (
    Tool("nvidia-smi", "NVIDIA", ("nvidia-smi",), 0.3, 2500, _nvidia),
    Tool("nvcc", "NVIDIA", ("nvcc", "nvcc", "the cuda compiler"), 0.3, 1750, _nvcc, "do"),
    Tool("rocm-smi", "AMD", ("rocm-smi",), 0.4, 1750, lambda: rows(cmdgen_rocm.TEXT)),
    Tool("amd-smi", "AMD", ("amd-smi",), 1.0, 1750, lambda: rows(cmdgen_amd.TEXT)),
    Tool("sb", "", ("superbench", "sb", "SuperBench"), 0.85, 950, lambda: rows(cmdgen_sb.TEXT)),
)
COLLECTIVES = (
    Tool("nccl-tests", "NVIDIA", ("nccl-tests", "nccl", "nccl tests"), 0.5, 1150, list, "run"),
    Tool("rccl-tests", "AMD", ("rccl-tests", "rccl", "rccl tests"), 0.5, 950, list, "run"),
)


def lessons(seed: int) -> Iterator[Lesson]:
    """The lessons in mixed order, no question twice."""
    rng = random.Random(f"cmdgen lessons {seed}")
    task = load_task("cmdgen")
    made: list[Lesson] = []
    seen: set[str] = set()
    for tool in TOOLS:
        for row, count in _shares(tool.table(), tool.size):
            for _ in range(count):
                _add(made, seen, tool, lambda row=row: _drawn(row, rng), rng, task)
    for tool in COLLECTIVES:
        pieces = 2 * parts(tool.vendor)  # each option and variable at least twice, whatever else is drawn
        for part in [*pieces, *[None] * (tool.size - len(pieces))]:
            _add(made, seen, tool, lambda tool=tool, part=part: (*collective(tool.vendor, rng, part), False), rng, task)
    rng.shuffle(made)
    yield from made


def _shares(table: list[Row], size: int) -> list[tuple[Row, int]]:
    """How many lessons each row gets: by weight, at least two or three, of a row without a slot no more than it has phrases twice."""
    total = sum(row.weight for row in table)
    shares = [max(3 if row.weight >= 1 else 2, round(size * row.weight / total)) for row in table]
    return [
        (row, min(share, 2 * len(row.phrases)) if "once" in row.marks else share)
        for row, share in zip(table, shares, strict=True)
    ]


def _drawn(row: Row, rng: random.Random) -> tuple[str, str, bool]:
    return (*draw(row.command, rng.choice(row.phrases), rng), "free" in row.marks)


def _add(made: list[Lesson], seen: set[str], tool: Tool, source: Callable, rng: random.Random, task: object) -> None:
    """One more lesson, unless the question turns out to be there already a few times in a row."""
    for _ in range(6):
        command, phrase, free = source()
        vendor = tool.vendor or rng.choice(("NVIDIA", "AMD"))
        bare = rng.random() < BARE
        named = tool.named if not free else 0.4
        name = rng.choice(tool.names) if rng.random() < named and not _says(phrase, tool) else ""
        phrase = _hinted(phrase, name, tool, bare, rng)
        if SETS.search(command) and rng.random() < SUDO:
            command, phrase = (
                "sudo " + command,
                phrase + rng.choice((" with sudo", " using sudo", ", sudo", " via sudo")),
            )
        question = ask(phrase, name, rng, frozenset(re.split(r"[^\w.-]+", command)), tool.kind)
        key = f"{vendor} {re.sub(r'[^a-z0-9]+', ' ', question.lower())}"
        if key not in seen:
            seen.add(key)
            break
    else:
        return
    fields = {"prompt": question, "vendor": vendor, "system": rng.choice(SYSTEMS[vendor]), "tool": tool.name}
    messages = [{"role": "user", "content": question}] if bare else task.messages(Case("", fields, command, "train"))
    made.append(Lesson("cmdgen", tuple(messages), command, tool.name))


def _says(phrase: str, tool: Tool) -> bool:
    return any(re.search(rf"\b{name}\b", phrase, re.IGNORECASE) for name in tool.names)


def _hinted(phrase: str, name: str, tool: Tool, bare: bool, rng: random.Random) -> str:
    """Without the task's prompt nobody knows whose GPUs are meant: an AMD question then says so, in some word."""
    unclear = tool.vendor == "AMD" and bare and not AMD_NAMES.search(f"{phrase} {name}")
    if tool.vendor == "AMD" and (unclear or (not name and rng.random() < 0.1)):
        hint = rng.choice(AMD_HINTS)
    elif tool.vendor == "NVIDIA" and tool.name != "nvcc" and not name and rng.random() < 0.06:
        hint = rng.choice(NVIDIA_HINTS)
    else:
        return phrase
    dot = "." if phrase.startswith(".") or hint.startswith("^") else ""
    phrase = phrase.lstrip(".")
    return dot + (hint[1:] + phrase if hint.startswith("^") else phrase + hint)
