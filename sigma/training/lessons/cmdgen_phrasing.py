"""How people put one and the same wish: bare words, orders, questions, small talk around it, capitals, slips of the finger."""

from __future__ import annotations

import random
import re

VERBS = frozenset(
    "show list print get display check see dump give report read set turn switch enable disable lock unlock reset clear clean "
    "change put make run start launch benchmark measure test time compile build link assemble generate emit produce create "
    "destroy delete remove add watch monitor poll sample log save write store record stream keep stop cap limit raise lower "
    "restore undo undefine define find look query tell summarise summarize compare diagnose deploy install execute use force "
    "pin bind export allow let forbid restrict block tune validate verify count identify inspect trace fetch collect "
    "gather select pick split carve apply drop wipe kill suppress silence treat warn fail skip limit do preprocess "
    "inject ask bring take refresh repeat return revert schedule scan sweep view work give inline strip embed optimize "
    "optimise specify search include activate deactivate aim enumerate enforce filter fix forget freeze kick leave listen permit plot prepare recover reboot release translate trigger toggle update sum zero hold archive exec instrument parallelize relocate route send evaluate configure pass hide ignore "
    "repartition partition override discover try only confine level roll retire".split()
)
QUESTION = re.compile(
    r"^(what|what's|whats|how|which|is|are|who|whose|does|do|did|can|could|where|why|when|has|have|any|will|at what)\b"
)
ORDERS = (
    ("{}", 9), ("how do I {}?", 2), ("how to {}", 2), ("how can I {}?", 1), ("I want to {}", 1), ("I need to {}", 1),
    ("need to {}", 1), ("please {}", 1), ("{} please", 0.7), ("pls {}", 0.5), ("can you {}?", 1), ("command to {}", 1),
    ("what's the command to {}?", 1), ("give me the command to {}", 1), ("one-liner to {}", 0.5), ("I'd like to {}", 0.5),
    ("what do I type to {}?", 0.5), ("help me {}", 0.5), ("could you {}", 0.5), ("what do I run to {}?", 0.7),
    ("let's {}", 0.3), ("want to {}", 0.5), ("trying to {}", 0.4), ("what is the right way to {}?", 0.4), ("cmd to {}", 0.4),
)  # fmt: skip
NOUNS = (
    ("{}", 9), ("show {}", 2), ("get {}", 1.5), ("print {}", 1), ("{}?", 1), ("check {}", 1.5), ("{} please", 0.7),
    ("give me {}", 1), ("I need {}", 0.7), ("how do I see {}?", 1), ("how to check {}", 1), ("let me see {}", 0.6),
    ("I want to see {}", 0.7), ("display {}", 1), ("show me {}", 1), ("where do I see {}?", 0.5), ("how do I get {}?", 1),
    ("command for {}", 0.7), ("what command shows {}?", 0.7), ("look up {}", 0.4), ("see {}", 0.4), ("report {}", 0.5),
)  # fmt: skip
RUNS = (
    ("{}", 9), ("run {}", 3), ("benchmark {}", 1.5), ("measure {}", 1), ("how do I run {}?", 1), ("test {}", 1), ("I want to run {}", 0.8),
    ("{} please", 0.6), ("start {}", 0.6), ("launch {}", 0.6), ("command for {}", 0.8), ("please run {}", 0.6), ("need to run {}", 0.5),
    ("what do I type for {}?", 0.4), ("do {}", 0.4), ("give me the command for {}", 0.6), ("how to test {}", 0.5), ("time {}", 0.4),
)  # fmt: skip
FRAGMENTS = (
    ("{}", 8),
    ("{} please", 1),
    ("how: {}", 0.3),
    ("cmd for: {}", 0.5),
    ("need this: {}", 0.4),
    ("{}, how?", 0.6),
)
QUESTIONS = (("{}?", 3), ("{}", 4), ("quick question: {}?", 0.4), ("tell me: {}?", 0.2))
OPENINGS = (
    "hi, ", "hey, ", "hello! ", "quick one: ", "on call here, ", "new to this box - ", "we are debugging a slow job; ",
    "for the runbook: ", "training got stuck, ", "before the next run: ", "ops here. ", "sorry, forgot how: ", "node is acting up, ",
    "maintenance window: ", "for a dashboard: ", "ticket says: ", "my boss asks: ", "for a script: ", "first day here: ",
)  # fmt: skip
NAMED = (
    " with {}",
    " using {}",
    " via {}",
    " ({})",
    " in {}",
    ", {}",
    "^{}: ",
    "^with {}: ",
    "^{} - ",
    "^using {}, ",
    " by {}",
)
PROPER = {
    "gpu": "GPU", "gpus": "GPUs", "ecc": "ECC", "mig": "MIG", "vram": "VRAM", "nccl": "NCCL", "rccl": "RCCL", "pcie": "PCIe",
    "nvlink": "NVLink", "xgmi": "XGMI", "ras": "RAS", "numa": "NUMA", "csv": "CSV", "json": "JSON", "xml": "XML", "cuda": "CUDA",
    "ptx": "PTX", "uuid": "UUID", "uuids": "UUIDs", "pid": "PID", "pids": "PIDs", "cpu": "CPU", "vbios": "VBIOS", "mhz": "MHz",
    "i": "I", "i'd": "I'd", "amd": "AMD", "nvidia": "NVIDIA", "mpi": "MPI", "superbench": "SuperBench", "rocm": "ROCm", "hip": "HIP",
    "infiniband": "InfiniBand", "ib": "IB", "sm": "SM",
}  # fmt: skip
LETTERS = re.compile(r"^[a-z]{5,}$")


def _drawn(pool: tuple[tuple[str, float], ...], rng: random.Random) -> str:
    return rng.choices([form for form, _ in pool], [weight for _, weight in pool])[0]


def ask(phrase: str, tool: str, rng: random.Random, keep: frozenset[str] = frozenset(), kind: str = "show") -> str:
    """The phrase as someone would type it. `tool`: a name to work in, "" for none. `keep`: words that must stay as they are.

    `kind`: what a phrase without a verb names: a thing to "show", to "run" or to "do" (said as it is).
    """
    fragment = phrase.startswith(".")
    phrase = phrase.lstrip(". ")
    words = phrase.lower().split()
    first = words[1 if len(words) > 1 and words[0] in ("just", "only") else 0].rstrip(",:")
    asked = bool(QUESTION.match(phrase.lower())) or phrase.endswith("?")
    phrase = phrase.rstrip("?")
    if tool:
        form = rng.choice(NAMED)
        phrase = form[1:].format(tool) + phrase if form.startswith("^") else phrase + form.format(tool)
        fragment = fragment or form.startswith("^")
    if rng.random() < 0.06:
        phrase = slip(phrase, rng, keep)
    if fragment:
        form = _drawn(FRAGMENTS, rng)
    elif asked:
        form = _drawn(QUESTIONS, rng)
    else:
        form = _drawn(
            ORDERS
            if first in VERBS and not (kind == "run" and first == "gather")
            else {"show": NOUNS, "run": RUNS, "do": FRAGMENTS}[kind],
            rng,
        )
    text = form.format(phrase)
    if rng.random() < 0.07:
        text = rng.choice(OPENINGS) + text
    return dressed(text, rng)


def dressed(text: str, rng: random.Random) -> str:
    """Capitals and full stops: of people who use them, and of those who do not."""
    if rng.random() < 0.5:
        text = re.sub(
            r"[A-Za-z']+", lambda match: PROPER.get(match[0], match[0]) if _alone(text, match) else match[0], text
        )
        if re.fullmatch(r"[A-Za-z'?-]+[,:?]?", text.split()[0]) and "-smi" not in text.split()[0]:
            text = text[:1].upper() + text[1:]
        if text[-1] not in "?.!" and rng.random() < 0.5:
            text += "."
    elif rng.random() < 0.5:
        text = re.sub(r"\bI(?=['\s])", "i", text)
    return text


def _alone(text: str, match: re.Match) -> bool:
    """A word between blanks or light punctuation: not a part of a path, a flag or a name."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return before in ("", " ", "(") and after in ("", " ", ",", "?", ".", ")", ":", ";")


def slip(text: str, rng: random.Random, keep: frozenset[str]) -> str:
    """One word with two letters swapped, one left out or one doubled."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if LETTERS.match(word) and word not in keep]
    if not places:
        return text
    place = rng.choice(places)
    word, cut = words[place], rng.randrange(1, len(words[place]) - 2)
    words[place] = rng.choice(
        (
            word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :],
            word[:cut] + word[cut + 1 :],
            word[:cut] + word[cut] + word[cut:],
        )
    )
    return " ".join(words)
