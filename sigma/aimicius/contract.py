"""What the four tasks have in common: a case goes in as a prompt, an answer comes back as a verdict.

A task is a package `sigma.aimicius.NAME` that exposes `TASK`, an instance of a `Task`. Each has the same files: `task`
(the contract), `cases` (generation), `prompt`, `answer` (what is read from one), `judge`. Everything that crosses the
border is plain data: strings, numbers, lists and dicts that JSON can hold. No task ever imports torch.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sigma.measure.text import json_lines

MAX_ANSWER = 100_000  # characters of an answer that a judge looks at; what is longer is cut and says so
ANSWER_TOKENS = 256  # of a model's answer, where the task does not say
LABEL = 60  # characters of an example's button
SPLITS = ("train", "dev", "test")


class CaseError(ValueError):
    """A case file or a case that a task cannot use; the message names the line and the field."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `fields` is the task's own (documented in its module); `truth` is an answer that scores in full."""

    id: str
    fields: dict[str, Any]
    truth: str
    split: str = "test"

    def to_json(self) -> str:
        """One line of a case file: id, the task's fields, truth."""
        return json.dumps({"id": self.id, **self.fields, "truth": self.truth}, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A column of the table: `paper` maps the models of the paper's Table 6 to their percentages (None: not given)."""

    name: str
    meaning: str
    primary: bool = False
    paper: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one answer: 0 to 1, or None where it does not apply (left out of the average), and why."""

    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Part:
    """One step of judging, in order: what was looked at and what came of it. `view` is what the page draws of it.

    `state` is "good", "bad", "neutral" (no judgement) or "skipped" (an earlier part failed). `view` is JSON-able, has
    a "kind" of the task's choosing, and holds raw text: whoever draws it escapes it.
    """

    name: str
    state: str
    text: str
    view: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All scores of one answer by metric name, in the order of `Task.metrics`, and the parts that led to them."""

    scores: dict[str, Score]
    parts: tuple[Part, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


class Sheet:
    """What a judge fills in: parts as they are found, a score for each metric, and the verdict of it all at the end.

    A judge yields what `part` and `add` return, then `verdict()`.
    """

    def __init__(self, names: Iterable[str], reason: str = ""):
        """`names`: the metrics in the task's order. With a `reason` they start as not applying because of it."""
        self._names = tuple(names)
        self._parts: list[Part] = []
        self._scores: dict[str, Score] = dict.fromkeys(self._names, Score(None, reason)) if reason else {}

    def part(self, name: str, state: str, text: str, view: dict[str, Any] | None = None) -> Part:
        """Note a new part."""
        return self.add(Part(name, state, text, view))

    def add(self, part: Part) -> Part:
        """Note a part that is made already."""
        self._parts.append(part)
        return part

    def score(self, name: str, value: float | None, reason: str) -> None:
        """Set a metric's score; the last one counts."""
        assert name in self._names, name
        self._scores[name] = Score(value, reason)

    def missing(self, value: float | None, reason: str, names: Iterable[str] | None = None) -> None:
        """Set those metrics (all, if no names are given) that have no score yet."""
        for name in self._names if names is None else names:
            if name not in self._scores:
                self.score(name, value, reason)

    def verdict(self) -> Verdict:
        """All scores in the metrics' order, and all parts. Every metric must have a score by now."""
        return Verdict({name: self._scores[name] for name in self._names}, tuple(self._parts))


@dataclass(frozen=True, slots=True)
class Worked:
    """A question, its right answer, and what a prompt must have for it to fit: a vendor, or the tables of its query."""

    question: str
    answer: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt of a case: the chat that is sent, what its answer may be held to, the most tokens that it needs.

    `lead` stands before its answer in the whole one; `joint` is what its line ends become there. `draw`: the number of a try
    whose tokens are drawn, None for an answer as the request wants it.
    """

    messages: list[dict[str, str]]
    grammar: str | None = None
    tokens: int | None = None
    lead: str = ""
    joint: str = "\n"
    draw: int | None = None


class Task(ABC):
    """The contract. Judges never raise for anything that an answer contains, and never let it reach a shell."""

    name: str  # as in sigma.aimicius.NAMES
    title: str  # as the paper writes it
    about: str  # two or three sentences for the page: the question, the answer, how it is judged
    metrics: tuple[MetricInfo, ...]
    answer_tokens = ANSWER_TOKENS  # the longest answer that it needs
    note = ""  # a sentence to read beside the table of scores, where one is needed
    tries = 1  # of an answer whose faults show without a truth, unless told otherwise
    worked = 0  # examples that a prompt shows unless told otherwise (sigma.aimicius.worked)
    lead = ""  # what stands before a question that is not a chat's first

    @abstractmethod
    def examples(self) -> list[Case]:
        """Three to six cases for one-click use on the page, small enough for a small model; not from the test split."""

    @abstractmethod
    def generate(self, split: str) -> Iterator[Case]:
        """The split's cases, seeded: the same on every machine. Raises CaseError for an unknown split."""

    @abstractmethod
    def case(self, row: dict[str, Any], where: str) -> Case:
        """A case from one parsed JSON line. Raises CaseError that names `where` and the field that is wrong."""

    @abstractmethod
    def messages(self, case: Case) -> list[dict[str, str]]:
        """The chat that is really sent: {"role", "content"} dicts, the last of them the user's; the first of several."""

    @abstractmethod
    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Parts as they are found, then exactly one Verdict that holds them all.

        A case without a truth ("" for a visitor's own prompt) is judged as far as that goes; scores that need the truth
        are None.
        """

    def dialogue(
        self, case: Case, first: list[dict[str, str]], tries: int | None = None
    ) -> Generator[Ask, str | None, str]:
        """Each prompt in turn, sent the answer to it; returns what ends the whole answer, which is what is judged.

        `first`: the chat of `messages`, perhaps with worked examples. `tries`: at most so many of one answer, None for the
        task's own number; a further one (`Ask.draw`) is sent None where there is no room for it, and must be the last then.
        The whole answer is every lead and answer, then that end.
        """
        yield Ask(first, self.grammar(case))
        return ""

    def lessons(self, case: Case) -> Iterator[tuple[list[dict[str, str]], str]]:
        """Each prompt of a case that has a truth, with its right answer."""
        yield self.messages(case), case.truth

    def question(self, messages: Sequence[dict[str, str]]) -> str | None:
        """The question in a chat that `messages` made, as it stands there; None where no example could be put before it."""
        return None

    def fits(self, worked: Worked, messages: Sequence[dict[str, str]]) -> bool:
        """Whether an example is one for this chat, by what the chat says before its question."""
        return True

    def grammar(self, case: Case) -> str | None:
        """Lark text of all answers to the (first) prompt in the task's form, for decoding held to it; None where the form is free text.

        It knows the form and the names that the prompt or the tools' documentation give, never the truth.
        """
        return None

    def follow_up(self, case: Case, verdict: Verdict) -> Case | None:
        """The second turn that begins from a judged answer; None where the task has none for it."""
        return None

    def group(self, case: Case) -> str:
        """The part of the test set that the paper reports apart ("NVIDIA", "AMD"); "" where there are no parts."""
        return ""

    def label(self, case: Case) -> str:
        """What an example is about: the beginning of the case's first text."""
        return next((value for value in case.fields.values() if isinstance(value, str) and value), case.id)

    def button(self, case: Case) -> str:
        """The label on one line, short enough for a button."""
        text = " ".join(self.label(case).split())
        return text if len(text) <= LABEL else text[: LABEL - 1].rstrip() + "\u2026"


def verdict_of(task: Task, case: Case, answer: str) -> Verdict:
    """The verdict alone."""
    *_, last = task.judge(case, answer)
    assert isinstance(last, Verdict)
    return last


def read_cases(task: Task, path: str | Path, limit: int | None = None) -> list[Case]:
    """Cases of a JSON-lines file. Raises CaseError with the line's number for anything that is not a case."""
    path = Path(path)
    cases: list[Case] = []
    seen: dict[str, str] = {}
    for where, row in islice(json_rows(read_text(path), path.name), limit):
        if not isinstance(row, dict):
            raise CaseError(f"{where}: a case is a JSON object, this is a {type(row).__name__}")
        case = task.case(row, where)
        if case.id in seen:
            raise CaseError(f"{where}: the id {case.id!r} is already that of {seen[case.id]}")
        seen[case.id] = where.rpartition(", ")[2]
        cases.append(case)
    if not cases:
        raise CaseError(f"{path} holds no case")
    return cases


def readable(text: str) -> str:
    """The text with lone surrogates, which no file and no page can hold, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_text(path: Path) -> str:
    """A text file. Raises CaseError if it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path} is not a readable text file: {error}") from error


def json_rows(text: str, name: str) -> Iterator[tuple[str, Any]]:
    """`sigma.measure.text.json_lines`, with CaseError for a line that is no JSON."""
    try:
        yield from json_lines(text, name)
    except ValueError as error:
        raise CaseError(str(error)) from error


def text_field(row: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    """A string field of a case. Raises CaseError if it is missing without a default, or is no string."""
    value = row.get(name, default)
    if not isinstance(value, str):
        problem = "is missing" if value is None else f"is a {type(value).__name__}, not a string"
        raise CaseError(f"{where}: {name!r} {problem}")
    return value
