"""Lessons on the system domain: what tools, options, columns, variables, errors and terms mean, asked as in a chat.

Answers are one to three plain sentences. Everything is written by hand from facts (`facts_options`, `facts_terms`,
`facts_tables`); the option tables of the tasks say in the tests whether each flag exists. Chats have no system prompt, as the
page's have none unless a visitor writes one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sigma.aimicius.infrawise.names import SKUS
from sigma.aimicius.optiflow.plans.topology import PRESETS
from sigma.training.lessons import Lesson
from sigma.training.lessons import facts_tables as tables
from sigma.training.lessons.cmdgen_phrasing import dressed, slip
from sigma.training.lessons.facts_options import OPTIONS
from sigma.training.lessons.facts_terms import TERMS

OPENINGS = (
    "hi, ",
    "hey, ",
    "quick question: ",
    "hello! ",
    "sorry for the basic question: ",
    "for my notes: ",
    "remind me, ",
)
DOES = (
    "what does {flag} do in {tool}?", "what does {tool} {flag} do?", "{tool} {flag}?", "what is {tool} {flag} for?", "explain {flag} of {tool}",
    "meaning of {flag} in {tool}", "what does the {flag} option of {tool} mean?", "what's {flag} in {tool}", "{tool}: what is {flag}?",
    "when do I need {flag} with {tool}?", "I saw {tool} {flag}, what does it do?",
)  # fmt: skip
WHICH = (
    "which option of {tool} {does}?", "which {tool} flag {does}?", "what flag of {tool} {does}?", "{tool} option that {does}?",
    "is there an option of {tool} that {does}?", "name the option of {tool} that {does}",
)  # fmt: skip
VARIABLE = ("what does {name} do?", "what is {name}?", "{name}?", "{name} meaning", "explain {name}", "what happens if I set {name}?", "what is {name} for?", "when do I set {name}?")  # fmt: skip
WHICH_VARIABLE = ("which variable {does}?", "which environment variable {does}?", "environment variable that {does}?", "what do I set that {does}?")  # fmt: skip
COLUMN = ("what does the {name} column of {tool} mean?", "{tool} {name} column?", "what is {name} in {tool}?", "what is {name} in the output of {tool}?", "meaning of {name} in {tool} output", "{tool}: what does {name} say?")  # fmt: skip
WHAT = ("what is {name}?", "what is {name}", "{name}?", "explain {name}", "what's {name}?", "what does {name} mean?", "can you explain {name}?", "tell me about {name}", "define {name}", "{name} in simple words", "I keep reading about {name}, what is it?", "{name} - what is that?")  # fmt: skip
XID = ("what is Xid {name}?", "Xid {name}?", "what does Xid {name} mean?", "dmesg shows NVRM: Xid {name}, what is it?", "we got Xid {name} on a node, what does it mean?", "meaning of Xid error {name}", "explain Xid {name}")  # fmt: skip
LINK = ("what does {name} mean in nvidia-smi topo -m?", "{name} in the topology matrix?", "what is {name} in topo -m", "nvidia-smi topo: meaning of {name}", "the topo matrix says {name}, what is that?")  # fmt: skip
KUSTO = ("what does {name} do in KQL?", "KQL {name}?", "what is {name} in Kusto?", "how do I use {name} in a Kusto query?", "explain the {name} {kind} of KQL", "kusto {name}")  # fmt: skip
WHICH_KUSTO = ("which Kusto {kind} {does}?", "which KQL {kind} {does}?", "KQL {kind} that {does}?", "what {kind} of Kusto {does}?")  # fmt: skip
GPU_OF = ("which GPU does {name} have?", "which GPUs are in {name}?", "{name}: what GPU is that?", "what GPU is in the {name} SKU?", "GPU model of {name}", "does {name} use the {gpu}?", "what's inside {name}?")  # fmt: skip
WITH_GPU = (
    "which SKU has the {gpu}?",
    "which machines have {gpu}?",
    "where do I get {gpu} GPUs?",
    "{gpu} SKU?",
    "name machines with {gpu}",
)
FABRIC = ("how are the GPUs of {name} connected?", "links of {name}?", "link speed in {name}", "latency and bandwidth of {name}", "describe the GPU links of {name}", "how fast are the links of {name}?")  # fmt: skip
OFTEN = {
    "terms": 6,
    "xid": 5,
    "machines": 4,
    "variables": 3,
    "kusto": 2,
    "columns": 4,
    "hardware": 4,
}  # questions per fact


@dataclass(frozen=True, slots=True)
class Fact:
    """Questions of one kind that share an answer, and what may be asked next."""

    topic: str
    questions: tuple[str, ...]
    answer: str
    next: tuple[tuple[tuple[str, ...], str], ...] = field(default=())


def sentence(text: str, begins: bool = True) -> str:
    """With a full stop, and with a capital if it `begins` a sentence."""
    text = text.strip()
    text = text if text[-1] in ".!?`" else text + "."
    return text[0].upper() + text[1:] if begins else text


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.strip().splitlines():
        name, _, meaning = line.partition(" = ")
        yield name.strip(), meaning.strip()


def _all(forms: tuple[str, ...], **words: str) -> tuple[str, ...]:
    return tuple(form.format(**words) for form in forms)


def _options() -> Iterator[Fact]:
    for tool, text in OPTIONS.items():
        for names, meaning in _pairs(text):
            flags = names.split()
            does = meaning.partition("; ")[0]
            other = f" (`{flags[1]}`)" if len(flags) > 1 and flags[1].lstrip("-") != flags[0].lstrip("-") else ""
            asked = [form.format(tool=tool, flag=flag) for form in DOES for flag in flags]
            yield Fact(f"{tool} options", tuple(asked), f"`{flags[0]}`{other} of {tool} {sentence(meaning, False)}")
            yield Fact(
                f"{tool} options",
                _all(WHICH, tool=tool, does=does),
                f"Use `{flags[0]}`{other}: it {sentence(meaning, False)}",
            )


def _variables() -> Iterator[Fact]:
    for name, meaning in _pairs(tables.VARIABLES):
        does = meaning.partition("; ")[0]
        yield Fact("variables", _all(VARIABLE, name=name), f"{name} {sentence(meaning, False)}")
        yield Fact("variables", _all(WHICH_VARIABLE, does=does), f"{name} {sentence(meaning, False)}")


def _columns() -> Iterator[Fact]:
    for tool, text in tables.COLUMNS.items():
        for name, meaning in _pairs(text):
            yield Fact("columns", _all(COLUMN, tool=tool, name=name), f"In the output of {tool}, {name} is {meaning}.")
    for name, meaning in _pairs(tables.LINKS):
        yield Fact("columns", _all(LINK, name=name), f"In nvidia-smi topo -m, {name} stands for {meaning}.")


def _errors() -> Iterator[Fact]:
    for name, meaning in _pairs(tables.XIDS):
        yield Fact("xid", _all(XID, name=name), f"Xid {name} reports {meaning}.")


def _kusto() -> Iterator[Fact]:
    for kind, text in (
        ("operator", tables.OPERATORS),
        ("function", tables.FUNCTIONS),
        ("operator", tables.COMPARISONS),
    ):
        for name, meaning in _pairs(text):
            meaning, _, example = meaning.partition(" ;; ")
            does = meaning.partition("; ")[0]
            said = sentence(meaning, False) + (f" Example: `{example}`" if example else "")
            yield Fact("kusto", _all(KUSTO, name=name, kind=kind), f"In KQL, {name} {said}")
            if not does.startswith("is another name"):
                yield Fact("kusto", _all(WHICH_KUSTO, does=does, kind=kind), f"`{name}` {said}")


def _machines() -> Iterator[Fact]:
    """From the tables of Infrawise and Optiflow."""
    for name, gpu in SKUS.items():
        yield Fact("machines", _all(GPU_OF, name=name, gpu=gpu), f"{name} has the {gpu}.")
    for gpu in dict.fromkeys(SKUS.values()):
        names = [name for name, has in SKUS.items() if has == gpu]
        listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
        yield Fact("machines", _all(WITH_GPU, gpu=gpu), f"The {gpu} is in {listed}.")
    for name, machine in PRESETS.items():
        yield Fact(
            "machines", _all(FABRIC, name=name), sentence(f"{name} has {re.split(r' [(]|; latency', machine.note)[0]}")
        )


def _hardware() -> Iterator[Fact]:
    for asked, answer in _pairs(tables.HARDWARE):
        yield Fact("hardware", tuple(question for one in asked.split("|") for question in (one, one + "?")), answer)


def terms() -> Iterator[Fact]:
    """The terms with their follow-ups."""
    blocks: list[tuple[str, list[tuple[str, str]]]] = []
    for line in TERMS.strip().splitlines():
        if line.startswith(" "):
            heading, answers = blocks[-1]
            answers[-1] = (answers[-1][0], line.strip())
        elif line.startswith(">"):
            blocks[-1][1].append((line[1:].strip(), ""))
        else:
            blocks.append((line, [(line, "")]))
    for heading, answers in blocks:
        asked = tuple(question for name in heading.split(" | ") for question in _what(name.strip()))
        follow = tuple((tuple(part.strip() for part in more.split("|")), answer) for more, answer in answers[1:])
        yield Fact("terms", asked, answers[0][1], follow)


def _what(name: str) -> tuple[str, ...]:
    """A heading is a name, or a question already."""
    if name.startswith(("why ", "how ", "what ")):
        return name, name + "?"
    plural = " and " in name or name.endswith(("channels", "protocols", "errors", "clocks", "reasons"))
    forms = [
        form.replace("what is {name}", "what are {name}").replace("does {name} mean", "do {name} mean")
        if plural
        else form
        for form in WHAT
    ]
    forms = [
        form for form in forms if not plural or ("what's" not in form and "is it" not in form and "is that" not in form)
    ]
    return _all(tuple(forms), name=name)


def facts() -> list[Fact]:
    """All of them, in a fixed order."""
    return [
        fact
        for source in (_options, _variables, _columns, _errors, _kusto, _machines, _hardware, terms)
        for fact in source()
    ]


def lessons(seed: int) -> Iterator[Lesson]:
    """The lessons in mixed order, no chat twice."""
    rng = random.Random(f"facts lessons {seed}")
    made: dict[str, Lesson] = {}
    for fact in facts():
        most = OFTEN.get(fact.topic, 2)
        for question in rng.sample(fact.questions, min(most, len(fact.questions))):
            _add(made, fact.topic, ({"role": "user", "content": _asked(question, rng)},), fact.answer)
        for more, answer in fact.next:
            for question in rng.sample(fact.questions, 3):
                before = (
                    {"role": "user", "content": _asked(question, rng)},
                    {"role": "assistant", "content": fact.answer},
                )
                last = {"role": "user", "content": _asked(rng.choice(more) + rng.choice(("", "?")), rng)}
                _add(made, "follow-ups", (*before, last), answer)
    mixed = list(made.values())
    rng.shuffle(mixed)
    yield from mixed


def _add(made: dict[str, Lesson], topic: str, messages: tuple[dict[str, str], ...], answer: str) -> None:
    key = " / ".join(message["content"].lower() for message in messages)
    made.setdefault(key, Lesson("facts", messages, answer, topic))


def _asked(question: str, rng: random.Random) -> str:
    """As someone would type it: small talk, capitals, slips."""
    if rng.random() < 0.05:
        question = slip(question, rng, frozenset())
    if rng.random() < 0.07:
        question = rng.choice(OPENINGS) + question
    return dressed(question, rng)
