"""The CMDGen data: seeded questions and commands; train, dev and test share no phrase and no value.

Sizes: train 4,000, dev 200, test 395 (200 NVIDIA, 195 AMD, as in the paper). A split is the same on every machine: only
`random.Random` seeded with text is used.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sigma.aimicius.cmdgen.generator import amd, bench_suite, collective, compiler, nvidia
from sigma.aimicius.cmdgen.generator.phrasing import Intent, fill, question
from sigma.aimicius.cmdgen.generator.pools import POOLS, SLOTS
from sigma.aimicius.contract import Case

SIZES = {"train": (2050, 1950), "dev": (100, 100), "test": (200, 195)}  # (NVIDIA, AMD)
SEED = "cmdgen 1"
# The suite runs on nodes of both vendors; of NVIDIA's half it is a small part.
INTENTS: dict[str, tuple[Intent, ...]] = {
    "NVIDIA": (*nvidia.INTENTS, *collective.NCCL, *compiler.INTENTS, *bench_suite.INTENTS[::4]),
    "AMD": (*amd.ROCM, *amd.AMD_SMI, *collective.RCCL, *bench_suite.INTENTS),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A case with what it was made from: the template (command, phrase, opening) and the values put in."""

    case: Case
    template: str
    values: tuple[tuple[str, str], ...]


def drafts(split: str) -> Iterator[Draft]:
    """The split's cases, tools mixed, vendors in turn so that a slice has both. No question occurs twice."""
    draw = random.Random(f"{SEED} {split}")
    placed: list[tuple[float, str, Draft]] = []
    seen: set[str] = set()
    for vendor, size in zip(("NVIDIA", "AMD"), SIZES[split], strict=True):
        made = _vendor(split, vendor, size, random.Random(f"{SEED} {split} {vendor}"), seen)
        draw.shuffle(made)
        placed += [((place + 0.5) / size, vendor, draft) for place, draft in enumerate(made)]
    for number, (_, _, draft) in enumerate(sorted(placed, key=lambda one: one[:2])):
        old = draft.case
        yield Draft(Case(f"cmdgen-{split}-{number:04d}", old.fields, old.truth, split), draft.template, draft.values)


def _vendor(split: str, vendor: str, size: int, draw: random.Random, seen: set[str]) -> list[Draft]:
    """Every intent in turn, in a new order each round, until there are enough; an exhausted one drops out."""
    made: list[Draft] = []
    tired: dict[str, int] = {}
    while len(made) < size:
        open_to = [one for one in INTENTS[vendor] if tired.get(one.command, 0) < 12]
        assert open_to, f"the {vendor} intents of {split} are used up at {len(made)} of {size}"
        draw.shuffle(open_to)
        for one in open_to:
            draft = _draft(one, split, vendor, draw)
            key = re.sub(r"\W+", " ", draft.case.fields["prompt"].lower())
            if key in seen:
                tired[one.command] = tired.get(one.command, 0) + 1
                continue
            seen.add(key)
            made.append(draft)
            if len(made) == size:
                break
    return made


def _draft(one: Intent, split: str, vendor: str, draw: random.Random) -> Draft:
    phrase = draw.choice(one.phrases[split])
    said: dict[str, str] = {}
    typed: dict[str, str] = {}
    for slot in sorted(set(re.findall(r"\{(\w+)\}", one.command + phrase))):
        if slot not in typed:
            for name, (command, prose) in draw.choice(POOLS[SLOTS.get(slot, slot)][split]).items():
                typed[name], said[name] = command, prose
    prompt, template = question(one, phrase, said, split, draw)
    truth = fill(one.command, typed)
    system = draw.choice([name for name in one.systems if ("MI" in name) == (vendor == "AMD")])
    tool = next(word for word in truth.split() if "=" not in word)
    fields = {"prompt": prompt, "vendor": vendor, "system": system, "tool": tool}
    used = sorted(set(re.findall(r"\{(\w+)\}", one.command)))
    together: dict[str, list[str]] = {}  # slots of one pool are one value: the pair 8 and 128M, not each of them
    for slot in used:
        together.setdefault(SLOTS.get(slot, slot), []).append(typed[slot])
    values = tuple(sorted((pool, " ".join(parts)) for pool, parts in together.items()))
    return Draft(Case("", fields, truth, split), template, values)


def cases(split: str) -> Iterator[Case]:
    """The split's cases."""
    return (draft.case for draft in drafts(split))


EXAMPLES = (
    ("nvidia-smi pmon", "NVIDIA"),
    ("nvidia-smi --query-gpu", "NVIDIA"),
    ("all_reduce_perf", "NVIDIA"),
    ("rocm-smi", "AMD"),
    ("amd-smi", "AMD"),
    ("sb run", "AMD"),
)


def examples() -> list[Case]:
    """The dev split's shortest question for each of a few tools, three of each vendor."""
    every = list(cases("dev"))
    return [
        min(
            (case for case in every if case.truth.startswith(start) and case.fields["vendor"] == vendor),
            key=lambda case: (abs(len(case.fields["prompt"]) - 70), case.id),
        )
        for start, vendor in EXAMPLES
    ]
