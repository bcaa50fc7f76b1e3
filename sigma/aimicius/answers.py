"""Answers on disk, as JSON lines: those that a model gave in a run that can be taken up again, and those to be judged.

A line is {"id", "answer"}; a run of ours adds "task", "side", "model", "max_new_tokens", "prompt" (a hash of what was sent)
and "finish" (stop, length, context, or refused for a prompt that the model could not take).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigma.aimicius.contract import Case, CaseError, Task, json_rows, read_text
from sigma.aimicius.worked import asked


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and how it ended (None: it was given, not generated)."""

    text: str
    finish: str | None = None


def prompt_hash(messages: list[dict[str, str]]) -> str:
    """Short hash of a chat: an answer belongs to exactly what was asked."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]


def read_rows(path: Path, text: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of every line that is not blank. Raises CaseError for anything that is not an answer."""
    for where, row in json_rows(read_text(path) if text is None else text, path.name):
        if not isinstance(row, dict):
            raise CaseError(f"{where}: an answer is a JSON object, this is a {type(row).__name__}")
        for name in ("id", "answer"):
            if not isinstance(row.get(name), str):
                raise CaseError(f"{where}: {name!r} {'is no string' if name in row else 'is missing'}")
        yield where, row


def read_answers(path: str | Path, task: Task, cases: list[Case], side: str | None = None) -> dict[str, Answer]:
    """Given answers by case id. Lines of other tasks and of the other side are passed over.

    Raises CaseError for a file that is no list of answers, for two answers to one case, and if a case has none.
    """
    path = Path(path)
    wanted = {case.id for case in cases}
    found: dict[str, Answer] = {}
    sides: set[str] = set()
    for where, row in read_rows(path):
        if row.get("task", task.name) != task.name or row["id"] not in wanted:
            continue
        if side is not None and row.get("side", side) != side:
            continue
        sides.add(str(row.get("side", "")))
        if len(sides) > 1:
            raise CaseError(f"{where}: the file holds answers of several sides; choose one with --side")
        if row["id"] in found:
            raise CaseError(f"{where}: a second answer for {row['id']!r}")
        found[row["id"]] = Answer(row["answer"], row.get("finish"))
    missing = [case.id for case in cases if case.id not in found]
    if missing:
        raise CaseError(
            f"{path.name} has no answer for {len(missing):,} of the {len(cases):,} {task.title} cases; "
            f"the first is {missing[0]!r}"
        )
    return found


class AnswerLog:
    """The file of a run that can be interrupted: every answer is a line, written as soon as it is there.

    A line that was cut short by the interruption is dropped. Several tasks and sides may share a file.
    """

    def __init__(self, path: str | Path, task: Task, settings: dict[str, Any], examples: int | None = None):
        """`settings` (side, model, max_new_tokens) must be those of the file's lines for this task and side.

        `examples`: how many worked examples the prompts show, None for the task's own number. Raises CaseError if they are not, or if the file is no such file.
        """
        self.path, self.task, self.settings = Path(path), task, {"task": task.name, **settings}
        self.examples = examples
        self._answers: dict[str, tuple[str, Answer]] = {}
        data = self._bytes()
        whole = data if _is_row(data[data.rfind(b"\n") + 1 :]) else data[: data.rfind(b"\n") + 1]
        if data and not whole and not data.startswith(b'{"'):
            raise CaseError(f"{self.path} is not a file of answers")
        try:
            text = whole.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CaseError(f"{self.path} is not a readable text file: {error}") from error
        for where, row in read_rows(self.path, text):
            if (row.get("task"), row.get("side")) == (task.name, settings["side"]):
                self._take(where, row)
        self._mend(data, whole)

    def _bytes(self) -> bytes:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            return self.path.read_bytes()
        except OSError as error:
            raise CaseError(f"{self.path} cannot be used to keep answers: {error}") from error

    def _take(self, where: str, row: dict[str, Any]) -> None:
        for name, value in self.settings.items():
            if row.get(name) != value:
                raise CaseError(
                    f"{where}: this answer has {name} {row.get(name)!r} and the run has {value!r}; "
                    "give another file to --resume"
                )
        self._answers[row["id"]] = (str(row.get("prompt")), Answer(row["answer"], row.get("finish")))

    def _mend(self, data: bytes, whole: bytes) -> None:
        """Take off a line that was cut short; only now, when the rest is known to be a file of answers."""
        if whole != data:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        elif data and not data.endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, case: Case) -> Answer | None:
        """The answer of an earlier run. Raises CaseError if it was given to another prompt."""
        stored = self._answers.get(case.id)
        if stored is None:
            return None
        prompt, answer = stored
        if prompt != prompt_hash(asked(self.task, case, self.examples)):
            raise CaseError(
                f"{self.path.name}: the answer for {case.id!r} was given to another prompt than this data's"
            )
        return answer

    def put(self, case: Case, answer: Answer) -> None:
        """Append one answer and see it on the disk's way before the next is asked for."""
        prompt = prompt_hash(asked(self.task, case, self.examples))
        row = {**self.settings, "id": case.id, "prompt": prompt, "answer": answer.text, "finish": answer.finish}
        with self.path.open("a", encoding="utf-8") as file:
            # One write of one line: an interruption leaves a whole line or none.
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
        self._answers[case.id] = (prompt, answer)


def _is_row(line: bytes) -> bool:
    """Whether a last line without a line end is complete all the same."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
