"""The tasks' worked examples (`sigma.aimicius.worked`), written from their train splits and lessons.

    python -m sigma.training.worked

A question that a dev, test or held-out case asks in the same words is left out, and one that is asked twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sigma.aimicius import load_task
from sigma.aimicius.contract import Task, Worked, read_cases
from sigma.aimicius.data import HELD_OUT, held_out
from sigma.aimicius.nl2kql.schema import fleet
from sigma.aimicius.worked import path_of, write
from sigma.cli import parser_for, run
from sigma.training.lessons import infrawise, lessons, nl2kql

SEED = 0
TASKS = ("cmdgen", "infrawise", "nl2kql")


def examples(name: str) -> list[Worked]:
    """All examples of a task. Raises ValueError for one that has none."""
    task = load_task(name)
    taken = {_words(question) for question in _kept_back(task)}
    found = []
    for one in {"cmdgen": _commands, "infrawise": _requests, "nl2kql": _queries}[name](task):
        if _words(one.question) + str(one.about) not in taken and _words(one.question) not in taken:
            taken.add(_words(one.question) + str(one.about))
            found.append(one)
    return found


def _words(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _kept_back(task: Task) -> Iterator[str]:
    """The questions of all cases that are for evaluation."""
    cases = [case for split in ("dev", "test") for case in task.generate(split)]
    cases += [case for name in HELD_OUT for case in read_cases(task, held_out(task, name))]
    for case in cases:
        yield from (case.fields[key] for key in ("prompt", "question", "intention") if case.fields.get(key))


def _commands(task: Task) -> Iterator[Worked]:
    for lesson in lessons("cmdgen", SEED):
        if (question := task.question(lesson.messages)) is not None:
            yield Worked(question, lesson.answer, (task.vendor(lesson.messages),))
    for case in task.generate("train"):
        yield Worked(case.fields["prompt"], case.truth, (case.fields["vendor"],))


def _requests(task: Task) -> Iterator[Worked]:
    for case in (*(case for case, _ in infrawise.questions(SEED)), *task.generate("train")):
        if case.fields["kind"] == "dcw":
            yield Worked(case.fields["intention"], case.truth)


def _queries(task: Task) -> Iterator[Worked]:
    tables = {table.name: table.kql for table in fleet().tables}
    for case in (*(case for case, _ in nl2kql.cases(SEED)), *task.generate("train")):
        if case.fields["question"] and "schema" not in case.fields:
            used = sorted({tables[word] for word in re.findall(r"\w+", case.truth) if word in tables})
            yield Worked(case.fields["question"], case.truth, tuple(used))


def work() -> None:
    """What the command does."""
    for name in TASKS:
        found = examples(name)
        write(path_of(name), found)
        print(f"{name}: {len(found):,} examples, {path_of(name).stat().st_size / 2**20:.2f} MiB")


def main(argv: list[str] | None = None) -> None:
    parser_for(__doc__).parse_args(argv)
    run(work, False)


if __name__ == "__main__":
    main()
