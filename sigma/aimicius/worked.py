"""Worked examples: questions with right answers, those whose words are nearest to what is asked, shown before it.

A small model that has seen a thing done does it again with other values, where it would have to know an option or a
field by heart. The examples come from the tasks' train splits and the lessons (`sigma.training.worked` writes their
file), never from a dev, test or held-out case; both sides are shown the same, and the page shows them as they are sent.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from sigma.aimicius.contract import Case, CaseError, Task, Worked

FOLDER = Path(__file__).parent / "data" / "worked"
MOST = 8  # examples of a prompt
_reading = threading.Lock()
_WORDS = re.compile(r"[a-z]+|\d+|[^\s\w]")


def asked(task: Task, case: Case, count: int | None = None) -> list[dict[str, str]]:
    """The chat that is sent for a case, with the `count` nearest examples; None takes as many as the task has by default.

    Raises CaseError for a count that is none.
    """
    count = task.worked if count is None else count
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST:
        raise CaseError(f"worked examples are 0 to {MOST}, not {count!r}")
    messages = task.messages(case)
    return shown(task, messages, nearest(task, messages, count))


def nearest(task: Task, messages: Sequence[dict[str, str]], count: int) -> list[Worked]:
    """The examples that fit the prompt and are nearest to its question, the nearest last, no answer twice.

    None for a prompt that is not in the task's form.
    """
    question = task.question(messages)
    if count == 0 or question is None or not path_of(task.name).is_file():
        return []
    found: dict[str, Worked] = {}
    for one in collection(task.name).ranked(question):
        if one.question != question and one.answer not in found and task.fits(one, messages):
            found[one.answer] = one
            if len(found) == count:
                break
    return list(found.values())[::-1]


def shown(task: Task, messages: Sequence[dict[str, str]], worked: Sequence[Worked]) -> list[dict[str, str]]:
    """The same chat with the examples as turns before the question; what stands before the question is said once, first."""
    question = task.question(messages)
    if not worked or question is None:
        return list(messages)
    *before, last = messages
    head, _, tail = last["content"].rpartition(question)
    texts = [head + worked[0].question + tail, *(task.lead + one.question for one in worked[1:]), task.lead + question]
    turns = [{"role": "user", "content": texts[0]}]
    for one, text in zip(worked, texts[1:]):
        turns += [{"role": "assistant", "content": one.answer}, {"role": "user", "content": text}]
    return [*before, *turns]


def path_of(name: str) -> Path:
    """The file of a task's examples."""
    return FOLDER / f"{name}.jsonl.gz"


def write(path: Path, examples: Sequence[Worked]) -> None:
    """The same bytes for the same examples on every machine."""
    lines = (json.dumps([one.question, one.answer, *one.about], ensure_ascii=False) for one in examples)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode(), 9, mtime=0))


def collection(name: str) -> Collection:
    """A task's examples, read and indexed once, also where several ask at the same time. Raises CaseError for a damaged file."""
    with _reading:
        return _collection(name)


@lru_cache(maxsize=4)
def _collection(name: str) -> Collection:
    path = path_of(name)
    try:
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
        examples = [Worked(row[0], row[1], tuple(row[2:])) for row in rows]
    except (OSError, ValueError, EOFError, LookupError, TypeError) as error:
        raise CaseError(f"{path.name}, the worked examples, cannot be read: {error}") from error
    if not examples:
        raise CaseError(f"{path.name}, the worked examples, is empty")
    return Collection(examples)


class Collection:
    """Examples, found by the words of a question: tf-idf over words, pairs of words and pieces of words, by cosine."""

    def __init__(self, examples: Sequence[Worked]):
        self.examples = list(examples)
        counts = [Counter(_features(one.question)) for one in self.examples]
        self._places: dict[str, int] = {}
        for found in counts:
            for feature in found:
                self._places.setdefault(feature, len(self._places))
        features = np.fromiter((self._places[f] for found in counts for f in found), np.int64)
        owners = np.repeat(np.arange(len(counts)), [len(found) for found in counts])
        spread = np.bincount(features, minlength=len(self._places))
        self._idf = np.log(len(counts) / np.maximum(spread, 1)).astype(np.float32)
        lengths = np.sqrt(np.bincount(owners, self._idf[features] ** 2, len(counts)))
        order = np.argsort(features, kind="stable")  # postings: the owners of a feature side by side
        self._owners = owners[order]
        self._weights = (self._idf[features] / np.maximum(lengths[owners], 1e-9))[order]
        self._begins = np.concatenate(([0], np.cumsum(spread)))

    def ranked(self, question: str) -> list[Worked]:
        """All examples, the nearest first; ties in the file's order."""
        scores = np.zeros(len(self.examples))
        for feature, count in Counter(_features(question)).items():
            place = self._places.get(feature)
            if place is not None:
                rows = slice(self._begins[place], self._begins[place + 1])
                scores[self._owners[rows]] += count * self._idf[place] * self._weights[rows]
        return [self.examples[i] for i in np.argsort(-scores, kind="stable")]


def _features(text: str) -> list[str]:
    """Words with numbers evened out, pairs of neighbours, and all threes of letters: a typo keeps most of a word."""
    words = ["#" if word.isdigit() else word for word in _WORDS.findall(text.lower())]
    pieces = [piece for word in words for piece in _pieces(word)]
    return words + [f"{a} {b}" for a, b in pairwise(words)] + pieces


@lru_cache(maxsize=50_000)
def _pieces(word: str) -> tuple[str, ...]:
    return tuple(f"~{word[i : i + 3]}" for i in range(len(word) - 2)) if len(word) > 3 else ()
