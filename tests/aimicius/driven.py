"""A case's dialogue driven by given answers, without a model."""

from collections.abc import Callable, Iterator

from sigma.aimicius.contract import Ask, Case, Task


def right(task: Task, case: Case) -> Callable[[Ask], str]:
    """Gives each prompt of the case its right answer."""
    known = {messages[-1]["content"]: answer for messages, answer in task.lessons(case)}
    return lambda ask: known[ask.messages[-1]["content"]]


def driven(task: Task, case: Case, answer: Callable[[Ask], str]) -> Iterator[tuple[Ask, str]]:
    """Each prompt and the answer to it, in turn."""
    dialogue, given = task.dialogue(case, task.messages(case)), None
    while True:
        try:
            ask = dialogue.send(given)
        except StopIteration:
            return
        given = answer(ask)
        yield ask, given


def whole(task: Task, case: Case, answer: Callable[[Ask], str]) -> str:
    """The whole answer, as the judge gets it."""
    dialogue, given, text = task.dialogue(case, task.messages(case)), None, ""
    while True:
        try:
            ask = dialogue.send(given)
        except StopIteration as stop:
            return text + stop.value
        given = answer(ask)
        text += ask.lead + given.replace("\n", ask.joint)
