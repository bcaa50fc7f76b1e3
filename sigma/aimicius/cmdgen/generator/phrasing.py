"""Turning an intent into a question: openings, scenes, hints at the tool, clipped speech and slips of the finger.

Every opening, scene and hint belongs to one split; so does every phrase of an intent (see `Intent`).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

OPENINGS = {
    "train": (
        "{C}.",
        "How do I {c}?",
        "How to {c}?",
        "I want to {c}.",
        "Please {c}.",
        "Give me the command to {c}.",
        "Show me how to {c}.",
        "need to {c}",
        "What command lets me {c}?",
        "Can you tell me how to {c}?",
        "{c}",
        "I am trying to {c}; what do I run?",
    ),
    "dev": ("Which command will {c}?", "Write a command line to {c}.", "{c} pls"),
    "test": (
        "What should I type to {c}?",
        "I'd like to {c}. What's the command?",
        "One command to {c}, please.",
        "Looking for a way to {c}.",
        "{c} - command?",
        "Could you help me {c}?",
        "My task: {c}.",
        "Is there a one-liner to {c}?",
    ),
}
SCENES = {
    "train": (
        "We are debugging a slow training job. ",
        "A node was just handed back from repair. ",
        "I am writing the runbook for our cluster. ",
        "Hi, quick one. ",
        "Our nightly job looks off. ",
        "I am on call tonight. ",
    ),
    "dev": ("A colleague asked me this. ", "New to this machine. "),
    "test": (
        "The customer says their model slowed down since Monday. ",
        "I'm preparing an acceptance check for a new rack. ",
        "Sorry for the basic question. ",
        "Before we drain the node: ",
        "For the incident report: ",
    ),
}
HINTS = {
    "train": (" with {tool}", " using {tool}", " via {tool}"),
    "dev": (" by means of {tool}",),
    "test": (" through {tool}", " on the command line with {tool}", ", {tool} please"),
}
ASKS = {
    "train": (" Use {tool}.", " ({tool})", " I have {tool}."),
    "dev": (" Stick to {tool}.",),
    "test": (" Do it in {tool}.", " {tool} is installed."),
}
SLIP, SCENE, CLIPPED = 0.08, 0.14, 0.10  # shares of questions with a typo, a scene in front, clipped speech
_ARTICLES = re.compile(r"\b(the|a|an|all|of|its|their) ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Intent:
    """A command template and its phrases by split. A phrase that starts with "!" is a whole sentence."""

    command: str
    phrases: dict[str, tuple[str, ...]]
    systems: tuple[str, ...] = ()
    named: bool = False  # the question must name the tool: another tool could do the same

    @property
    def tool(self) -> str:
        """The tool's name as a person would say it."""
        words = [word for word in self.command.split() if "=" not in word]
        if words[0] == "mpirun" or words[0].endswith("_perf") or words[0].startswith("{"):
            return "rccl-tests" if "8xMI300X" in self.systems else "nccl-tests"
        return "SuperBench" if words[0] == "sb" else words[0]


def intent(command: str, text: str, systems: tuple[str, ...], named: bool = False) -> Intent:
    """An intent from lines: a plain line is a phrase of train, one after `=` of dev, one after `+` of test."""
    phrases: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        split = {"=": "dev", "+": "test"}.get(line[0], "train")
        phrases[split].append(line.lstrip("=+ "))
    return Intent(command, {split: tuple(lines) for split, lines in phrases.items()}, systems, named)


def question(made: Intent, phrase: str, said: dict[str, str], split: str, draw: random.Random) -> tuple[str, str]:
    """(the question, the template that it was made from)."""
    whole = phrase.startswith("!")
    filled = _fill(phrase.lstrip("! "), said)
    tool = made.tool
    names_it = re.sub(r"\W", "", tool.lower()) in re.sub(r"\W", "", phrase.lower())
    hint = (
        "" if names_it or not (made.named or draw.random() < 0.35) else draw.choice((ASKS if whole else HINTS)[split])
    )
    if whole:
        opening = "{C}"
        text = filled + hint.format(tool=tool)
    else:
        opening = draw.choice(OPENINGS[split])
        core = filled + hint.format(tool=tool)
        text = opening.format(c=core, C=core[:1].upper() + core[1:])
        if draw.random() < CLIPPED and opening == "{c}":
            text = _ARTICLES.sub("", text)
    if draw.random() < SCENE:
        text = draw.choice(SCENES[split]) + text
    if draw.random() < SLIP:
        text = _slip(text, [*said.values(), tool], draw)
    return text, f"{made.command} | {phrase} | {opening}"


def _fill(text: str, values: dict[str, str]) -> str:
    """Put the values in: `{slot}` only, so that braces of a command stay."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], text)


fill = _fill


def _slip(text: str, kept: list[str], draw: random.Random) -> str:
    """Swap or drop a letter of one plain word; values and names stay as they are."""
    held = " ".join(kept).lower()
    words = text.split(" ")
    open_to = [place for place, word in enumerate(words) if re.fullmatch(r"[a-z]{5,}", word) and word not in held]
    if not open_to:
        return text
    place = draw.choice(open_to)
    word = words[place]
    cut = draw.randrange(1, len(word) - 1)
    words[place] = (
        word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
        if draw.random() < 0.5
        else word[:cut] + word[cut + 1 :]
    )
    return " ".join(words)
