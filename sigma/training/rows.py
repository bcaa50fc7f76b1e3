"""What a tuning run reads: lessons as token rows, in a share each, cut into passes.

Everything here is a pure function of the seed and the data, so a resumed run sees the batches it would have seen.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.worked import nearest, shown
from sigma.engine.prompts import prompt_ids
from sigma.training.branches import Group, Row, grouped
from sigma.training.corpus import read
from sigma.training.lessons import KINDS, Lesson, lessons

CHATS = "chats"  # the base's own: held in place by its own distribution instead of an answer
_TRAIN = "-train"  # "cmdgen-train" is the task's train split, "cmdgen" its lessons


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
        for messages, answer in task.lessons(case):
            yield Lesson(task.name, tuple(messages), answer)


def row_of(tokenizer, lesson: Lesson, source: str) -> Row:
    """A lesson as the engine would send it, its answer, and the token that ends an answer.

    The answers of earlier turns, worked examples, are learned too: with few before them, or none.
    """
    messages = list(lesson.messages)
    prompt = prompt_ids(tokenizer, messages, 1 << 30)
    answer = tokenizer(lesson.answer, add_special_tokens=False).input_ids
    ids = (*prompt, *answer, tokenizer.eos_token_id)
    begins, ends = [], []
    for turn, message in enumerate(messages):
        if message["role"] == "assistant":
            before = prompt_ids(tokenizer, messages[:turn], 1 << 30)
            given = (
                *before,
                *tokenizer(message["content"], add_special_tokens=False).input_ids,
                tokenizer.eos_token_id,
            )
            if ids[: len(given)] != given:
                raise ValueError(f"{source}: the template writes an earlier answer in another way than a last one")
            begins.append(len(before))
            ends.append(len(given))
    begins.append(len(prompt))
    return Row(source, ids, begins[0], tuple(zip(ends, begins[1:])))


def with_examples(found: Iterable[Lesson], source: str, seed: int) -> Iterator[Lesson]:
    """Lessons of a task that shows worked examples, with some before most of them.

    Near ones as an asker gets them, and in other lessons farther ones, and none that has the answer: what was never asked
    like this will come as well.
    """
    task = load_task(source.removesuffix(_TRAIN))
    rng = random.Random(f"examples of {source} {seed}")
    for lesson in found:
        count = rng.choice((0, 1, 2, *(task.worked,) * 9)) if task.worked else 0
        near = nearest(task, lesson.messages, count * 10 if rng.random() < 0.5 else count) if count else []
        if rng.random() < 0.5:
            near = [one for one in near if one.answer != lesson.answer]
        kept = sorted(rng.sample(range(len(near)), min(count, len(near))))
        yield replace(lesson, messages=tuple(shown(task, lesson.messages, [near[i] for i in kept])))


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
            lessons_of = learned(source, seed)
            if source.removesuffix(_TRAIN) in NAMES:
                lessons_of = with_examples(lessons_of, source, seed)
            found = (row_of(tokenizer, lesson, source) for lesson in lessons_of)
        elif chats is None:
            raise ValueError("the mix has chats: name their file with --chats")
        else:
            found = chat_rows(chats, tokenizer, 512)
        taken = drawn(found, round(share * tokens), longest)
        held = sum(len(row.ids) for row in taken)
        print(f"{source}: {len(taken):,} rows ({len(set(taken)):,} different), {held:,} tokens", flush=True)
        rows += taken
    return rows


def planned(rows: list[Row], batch_tokens: int, seed: int) -> list[list[Group]]:
    """All rows once, in passes of at most `batch_tokens` computed tokens (or one row), chats apart from lessons.

    Rows of one source that begin alike stand in one group; the groups of a pass come from anywhere.
    """
    rng = random.Random(seed)
    passes: list[list[Group]] = []
    for chats in (False, True):
        groups: list[Group] = []
        for kind in sorted({row.kind for row in rows if (row.kind == CHATS) == chats}):
            groups += grouped([row for row in rows if row.kind == kind], batch_tokens)
        rng.shuffle(groups)
        held: list[Group] = []
        for group in groups:
            if held and sum(one.size for one in held) + group.size > batch_tokens:
                passes.append(held)
                held = []
            held.append(group)
        if held:
            passes.append(held)
    rng.shuffle(passes)
    return passes


def rows_of(groups: list[Group]) -> list[Row]:
    """The rows of a pass."""
    return [row for group in groups for row in group.rows]


def digest(passes: list[list[Group]]) -> str:
    """What tells one plan from another: the tokens of its passes, hashed."""
    found = hashlib.sha256()
    for groups in passes:
        for group in groups:
            for row in group.rows:
                found.update(
                    torch.tensor((group.shared, row.start, *sum(row.gaps, ()), *row.ids), dtype=torch.int32)
                    .numpy()
                    .tobytes()
                )
    return found.hexdigest()[:16]
