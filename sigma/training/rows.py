"""What a tuning run reads: lessons as token rows, in a share each, cut into batches of similar length.

Everything here is a pure function of the seed and the data, so a resumed run sees the batches it would have seen.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sigma.aimicius import NAMES, load_task
from sigma.engine.prompts import prompt_ids
from sigma.training.corpus import read
from sigma.training.lessons import KINDS, Lesson, lessons

CHATS = "chats"  # the base's own: held in place by its own distribution instead of an answer
_TRAIN = "-train"  # "cmdgen-train" is the task's train split, "cmdgen" its lessons
_WINDOW = 512  # rows that are sorted by length together


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids, and where the learned part begins: an answer, or for a chat everything behind its system prompt."""

    kind: str
    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded at the right: ids [b, t], and `learned` [b, t - 1], true where the next token counts."""

    kind: str
    ids: Tensor
    learned: Tensor


def sources() -> tuple[str, ...]:
    """All names that a mix may give a share to."""
    return (*KINDS, *(name + _TRAIN for name in NAMES), CHATS)


def parse_mix(text: str) -> dict[str, float]:
    """ "cmdgen=2 chats=0.5" -> shares that sum to 1. Raises ValueError for an unknown name or a share that is none."""
    shares: dict[str, float] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if name not in sources() or name in shares or not 0 < share < float("inf"):
            raise ValueError(f"a mix is NAME=SHARE with names from {', '.join(sources())}, each once; got {part!r}")
        shares[name] = share
    if not shares:
        raise ValueError("the mix is empty")
    return {name: share / sum(shares.values()) for name, share in shares.items()}


def learned(source: str, seed: int) -> Iterator[Lesson]:
    """A source's lessons in an order fixed by the seed; not for chats."""
    if not source.endswith(_TRAIN):
        yield from lessons(source, seed)
        return
    task = load_task(source.removesuffix(_TRAIN))
    cases = list(task.generate("train"))
    random.Random(f"{source} {seed}").shuffle(cases)
    for case in cases:
        yield Lesson(task.name, tuple(task.messages(case)), case.truth)


def row_of(tokenizer, lesson: Lesson, source: str) -> Row:
    """A lesson as the engine would send it, its answer, and the token that ends an answer."""
    prompt = prompt_ids(tokenizer, list(lesson.messages), 1 << 30)
    answer = tokenizer(lesson.answer, add_special_tokens=False).input_ids
    return Row(source, (*prompt, *answer, tokenizer.eos_token_id), len(prompt))


def chat_rows(path: Path, tokenizer, longest: int) -> list[Row]:
    """The training chats of a file of `sigma.training.chats`, cut to `longest` tokens."""
    rows = []
    for text in read(path, "train"):
        ids = tokenizer(text, add_special_tokens=False).input_ids[:longest]
        ends = [place for place, token in enumerate(ids) if token == tokenizer.eos_token_id]
        start = ends[0] + 1 if len(ends) > 1 else 1  # behind the system prompt
        if len(ids) > start + 1:
            rows.append(Row(CHATS, tuple(ids), start))
    if not rows:
        raise ValueError(f"{path} holds no training chats")
    return rows


def drawn(rows: Iterable[Row], tokens: int, longest: int) -> list[Row]:
    """Rows in their order until they hold `tokens`; those over `longest` are left out. They repeat if they run out.

    Raises ValueError if no row is short enough.
    """
    taken: list[Row] = []
    left = tokens
    for row in rows:
        if left <= 0:
            return taken
        if len(row.ids) <= longest:
            taken.append(row)
            left -= len(row.ids)
    if not taken:
        raise ValueError(f"no lesson has at most {longest} tokens")
    place, found = 0, len(taken)
    while left > 0:
        taken.append(taken[place % found])
        left -= len(taken[-1].ids)
        place += 1
    return taken


def gathered(mix: str, tokens: int, longest: int, seed: int, tokenizer, chats: Path | None = None) -> list[Row]:
    """All rows of a run: each source of the mix in its share of the tokens, and a line printed on each.

    `chats`: the file of the base's own chats. Raises ValueError for a mix that cannot be had.
    """
    rows: list[Row] = []
    for source, share in parse_mix(mix).items():
        if source != CHATS:
            found = (row_of(tokenizer, lesson, source) for lesson in learned(source, seed))
        elif chats is None:
            raise ValueError("the mix has chats: name their file with --chats")
        else:
            found = chat_rows(chats, tokenizer, 512)
        taken = drawn(found, round(share * tokens), longest)
        held = sum(len(row.ids) for row in taken)
        print(f"{source}: {len(taken):,} rows ({len(set(taken)):,} different), {held:,} tokens", flush=True)
        rows += taken
    return rows


def planned(rows: list[Row], batch_tokens: int, seed: int) -> list[list[Row]]:
    """All rows once, in batches of at most `batch_tokens` padded tokens (or one row), chats apart from lessons."""
    rng = random.Random(seed)
    batches: list[list[Row]] = []
    for apart in ([r for r in rows if r.kind != CHATS], [r for r in rows if r.kind == CHATS]):
        rng.shuffle(apart)
        for begin in range(0, len(apart), _WINDOW):
            batch: list[Row] = []
            for row in sorted(apart[begin : begin + _WINDOW], key=lambda r: len(r.ids)):
                if batch and (len(batch) + 1) * len(row.ids) > batch_tokens:
                    batches.append(batch)
                    batch = []
                batch.append(row)
            batches.append(batch)
    batches = [batch for batch in batches if batch]
    rng.shuffle(batches)
    return batches


def padded(rows: list[Row], pad: int) -> Batch:
    """One batch of a plan. Padding stands at the right, where a causal model's earlier positions never see it."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), longest), pad)
    counts = torch.zeros(len(rows), longest - 1, dtype=torch.bool)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
        counts[place, row.start - 1 : len(row.ids) - 1] = True
    return Batch(rows[0].kind if rows[0].kind == CHATS else "lessons", ids, counts)


def digest(batches: list[list[Row]]) -> str:
    """What tells one plan from another: the batches' tokens, hashed."""
    found = hashlib.sha256()
    for batch in batches:
        for row in batch:
            found.update(torch.tensor((row.start, *row.ids), dtype=torch.int32).numpy().tobytes())
    return found.hexdigest()[:16]
