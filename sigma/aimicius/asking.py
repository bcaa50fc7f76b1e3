"""A case put to an engine: each prompt of its dialogue in turn, to one side or to both, as one stream of events.

Most tasks have one prompt. Where there are more, what a side reads and writes for the later ones continues its first answer.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from sigma.aimicius.contract import Ask, Case, Task
from sigma.aimicius.tries import counts
from sigma.events import ChatRequest, Engine, Event, StepEvent

DRAW_TEMPERATURE, DRAW_TOP_P = 0.8, 0.95
"""How the tokens of a further try are drawn (`Ask.draw`)."""


@dataclass
class Talk:
    """One side's dialogue. `sent` are the chats so far, without further tries of one; `tokens` of its answers, `cut` whether one
    of them was cut off; of tries, which are `tried` with what cut them, the one that counts.
    """

    dialogue: Generator[Ask, str, str]
    ask: Ask | None = None
    sent: list[list[dict[str, str]]] = field(default_factory=list)
    tokens: int = 0
    cut: str = ""
    end: str = ""
    tried: list[tuple[str, str]] = field(default_factory=list)

    def go_on(self, answer: str | None = None) -> None:
        """The next prompt, after the answer to the last one; without one, `end` is what the dialogue ends with."""
        try:
            self.ask = self.dialogue.send(answer)
            if self.ask.draw is None:
                self.sent.append(self.ask.messages)
        except StopIteration as stop:
            self.ask, self.end = None, stop.value

    def took(self, answer: str, cut: str) -> None:
        """The answer to what was asked, and what cut it off, "" for nothing: the dialogue goes on."""
        again = self.ask.draw is not None
        self.tried = [*(self.tried if again else []), (answer, cut)]
        self.cut = cut if again else self.cut or cut
        self.go_on(answer)
        self._counted()

    def give_up(self) -> None:
        """There is no room for the further try that is asked for: the dialogue goes on with what it has."""
        self.go_on(None)
        self._counted()

    def _counted(self) -> None:
        """Where the tries of an answer are over, what cut the one that counts is what cut the answer."""
        if len(self.tried) > 1 and (self.ask is None or self.ask.draw is None):
            after = self.end if self.ask is None else self.ask.lead
            self.cut = next((how for text, how in self.tried if counts(text, after)), self.cut)


def talks(
    task: Task, cases: dict[str, Case], first: dict[str, list[dict[str, str]]], tries: int | None = None
) -> dict[str, Talk]:
    """A dialogue per side, its first prompt ready. `first`: what `Task.messages` made, perhaps with worked examples; `tries`:
    as for `Task.dialogue`.
    """
    found = {side: Talk(task.dialogue(case, first[side], tries)) for side, case in cases.items()}
    for talk in found.values():
        talk.go_on()
    return found


def stream(
    engine: Engine, sides: dict[str, Talk], request: ChatRequest, held: bool = False
) -> Generator[Event, None, None]:
    """Ask all sides their prompts, in step with each other; per side one answer, the last event with its `finish_reason`.

    `request`: everything but the messages and the grammar. `held`: to the forms that the prompts have. A later prompt
    has no PromptEvent and no PrefillEvents; `sampling.max_new_tokens` is the budget of a side's whole answer, and a prompt
    may need less. Raises what the engine raises; closing the generator frees the engine's caches.
    """
    while waiting := {side: talk for side, talk in sides.items() if talk.ask is not None}:
        for group in _alike(waiting, held):
            yield from _round(engine, {side: sides[side] for side in group}, request, held)


def _alike(waiting: dict[str, Talk], held: bool) -> list[list[str]]:
    """Sides whose prompts have the same form and length of answer, which one request can ask together."""
    groups: dict[tuple, list[str]] = {}
    for side, talk in waiting.items():
        ask = talk.ask
        groups.setdefault((ask.grammar if held else None, ask.tokens, ask.draw), []).append(side)
    return list(groups.values())


def _round(engine: Engine, sides: dict[str, Talk], request: ChatRequest, held: bool) -> Iterator[Event]:
    ask = next(iter(sides.values())).ask
    budget = request.sampling.max_new_tokens - max(talk.tokens for talk in sides.values())
    sampling = replace(request.sampling, max_new_tokens=max(1, min(budget, ask.tokens or budget)))
    if ask.draw is not None:
        sampling = replace(sampling, temperature=DRAW_TEMPERATURE, top_p=DRAW_TOP_P, seed=ask.draw)
    messages = {side: talk.ask.messages for side, talk in sides.items()}
    asked = replace(request, messages=messages, sampling=sampling, grammar=ask.grammar if held else None)
    texts: dict[str, str] = {}
    with closing(engine.stream(asked)) as events:
        for event in events:
            talk = sides[event.side]
            if isinstance(event, StepEvent):
                yield _step(event, talk, texts, request.sampling.max_new_tokens)
            elif len(talk.sent) == 1 and not talk.tried:
                yield event


def _step(event: StepEvent, talk: Talk, texts: dict[str, str], most: int) -> StepEvent:
    """One event of an answer as it is in the whole one: its lead before it, its end behind it. `texts`: answers so far."""
    side, step, finish, end = event.side, talk.tokens, event.finish_reason, ""
    shown = event.text.replace("\n", talk.ask.joint)
    shown = shown if side in texts else talk.ask.lead + shown
    texts[side] = texts.get(side, "") + event.text
    talk.tokens += event.token_id >= 0
    # The first token of a later answer comes from its prompt's own pass: it has text, and no time of a step.
    token = -1 if (len(talk.sent) > 1 or talk.tried) and event.step == 0 else event.token_id
    if finish is not None:
        talk.took(texts[side], "" if finish == "stop" else finish)
        if talk.ask is not None and talk.ask.draw is not None and most - talk.tokens < (talk.ask.tokens or 0):
            talk.give_up()
        if talk.ask is not None and talk.tokens >= most:
            talk.ask, talk.cut = None, "length"
        finish, end = (talk.cut or "stop", talk.end) if talk.ask is None else (None, "")
    return replace(event, step=step, text=shown + end, token_id=token, finish_reason=finish)
