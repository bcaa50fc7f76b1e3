"""How a question is typed: bare words, plain, chatty, with slips of the finger. Values stay as they are."""

from __future__ import annotations

import random
import re

# A value inside a question while it is put together: no style touches what is between these marks.
OPEN, CLOSE = "\x01", "\x02"
KEPT = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE})")
ASKING = re.compile(
    r"(how|which|what|who|whose|where|when|why|is|are|did|does|do|has|have|any|can|could)\b", re.IGNORECASE
)
FILLERS = re.compile(r"\b(the|a|an|please) ")

BEFORE_QUESTIONS = (
    "can you tell me ",
    "I need to know ",
    "I wonder ",
    "my boss wants to know ",
    "I'd like to know ",
    "do you know ",
    "tell me ",
    "so, ",
    "and ",
    "also ",
)
OPENERS = (
    "please: ", "pls ", "could you check: ", "hi! ", "hello, ", "hey there, ", "good morning, ", "need: ", "looking for this: ",
    "quick question: ", "question: ", "on-call here, ", "for the handover: ", "for a status mail: ", "for the ops review, ", "help me out: ",
    "ok next: ", "kql for: ", "write a query: ", "query please: ", "kusto query for: ", "give me the KQL: ", "let's see: ", "just checking, ",
    "for my report: ", "one more: ", "urgent: ", "morning all, ", "sanity check: ", *BEFORE_QUESTIONS,
)  # fmt: skip
CLOSERS = (
    " please",
    " pls",
    " thanks",
    ", thx",
    ", thank you",
    " - kql please",
    " (kusto)",
    " asap",
    ", it's urgent",
    "!",
    " :)",
    ", cheers",
    " for me",
    "...",
)
STORIES = (
    "We had an incident this morning.", "The pager went off.", "A customer opened a case.", "I am new here.", "Something smells.",
    "Training keeps dying.", "The dashboards are down.", "We are planning the next purchase.", "The fabric team asks.", "I'm writing the postmortem.",
    "People complain about slow jobs.", "We did a rollout last night.", "Management wants figures.", "It is too warm in the hall.",
    "I can't find it on the dashboard.", "We might have to drain some machines.", "A vendor call is in ten minutes.", "Audit season.",
)  # fmt: skip
KEYS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip",
    "p": "o", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "y": "tu",
}  # fmt: skip


# Words that people use for one another; any of a line may stand for any other. The last two only before a value.
SAME = (
    "nodes|hosts|machines|servers|boxes", "node|host|machine|server|box", "switches|network devices|devices", "show|list|give me|print|display",
    "average|mean|avg", "highest|max|maximum|peak|largest", "lowest|min|minimum|smallest", "per|by", "jobs|runs", "gpus|cards|GPUs", "errors|errs",
    "newest first|latest first|most recent first|newest on top", "which|what", "newest|latest|most recent", "temp|temperature",
    "over |above |more than |greater than |exceeding |beyond ", "under |below |less than |lower than |fewer than ",
)  # fmt: skip
OTHERS = {word: [each for each in line.split("|") if each != word] for line in SAME for word in line.split("|")}
WORDS = re.compile(
    r"\b("
    + "|".join(re.escape(word) + (r"\b" if word[-1] != " " else "$") for word in sorted(OTHERS, key=len, reverse=True))
    + ")"
)


def keep(value: object) -> str:
    """A value as it goes into a question, safe from every style."""
    return f"{OPEN}{value}{CLOSE}"


def dress(rng: random.Random, ask: str) -> str:
    """The question as somebody types it."""
    ask = re.sub(r"\s+([,:?])", r"\1", re.sub(r"\s+", " ", ask)).strip(" ,:")
    draw = rng.random()
    if draw < 0.3:
        text = _outside(ask, str.lower) if rng.random() < 0.7 else ask
        text = _outside(text, lambda part: FILLERS.sub(lambda m: "" if rng.random() < 0.5 else m[0], part))
        text = text.strip()
        if rng.random() < 0.15:
            text += "?"
    elif draw < 0.62:
        text = _asked(_first_up(ask)) if rng.random() < 0.75 else _asked(ask)
    elif draw < 0.88:
        openers = OPENERS if ASKING.match(ask) else OPENERS[: -len(BEFORE_QUESTIONS)]
        text = (rng.choice(openers) if rng.random() < 0.7 else "") + ask
        text = text + rng.choice(CLOSERS) if rng.random() < 0.5 else _asked(text)
        text = _first_up(text) if rng.random() < 0.5 else text
    else:
        text = f"{rng.choice(STORIES)} {_asked(_first_up(ask))}"
    if rng.random() < 0.14:
        text = _slips(rng, text)
    return text.replace(OPEN, "").replace(CLOSE, "")


def swapped(rng: random.Random, text: str) -> str:
    """The text with some of its words said in another way."""
    return _outside(
        text, lambda part: WORDS.sub(lambda m: rng.choice(OTHERS[m[0]]) if rng.random() < 0.3 else m[0], part)
    )


def _outside(text: str, change) -> str:
    """The text with everything but its values changed."""
    return "".join(part if part.startswith(OPEN) else change(part) for part in KEPT.split(text))


def _first_up(text: str) -> str:
    return text if text.startswith(OPEN) else text[:1].upper() + text[1:]


def _asked(text: str) -> str:
    """With a question mark if it is a question."""
    return f"{text}?" if ASKING.match(text) and not text.endswith("?") else text


def _slips(rng: random.Random, text: str) -> str:
    """One or two wrong letters in words of five or more."""
    parts = KEPT.split(text)
    places = [
        (i, match.start(), match.end())
        for i, part in enumerate(parts)
        if not part.startswith(OPEN)
        for match in re.finditer(r"\b[a-z]{5,}\b", part)
    ]
    for i, start, end in sorted(rng.sample(places, min(len(places), rng.choice((1, 1, 2)))), reverse=True):
        parts[i] = parts[i][:start] + _slip(rng, parts[i][start:end]) + parts[i][end:]
    return "".join(parts)


def _slip(rng: random.Random, word: str) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.35:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind < 0.65:
        return word[:at] + word[at + 1 :]
    if kind < 0.8:
        return word[:at] + word[at] + word[at:]
    return word[:at] + rng.choice(KEYS.get(word[at], word[at])) + word[at + 1 :]
