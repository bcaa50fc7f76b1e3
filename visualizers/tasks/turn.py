"""One task given to the models: their answers stream, and the verdict on each begins when that side has ended. No Gradio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sigma.aimicius.asking import Talk, stream, talks
from sigma.aimicius.contract import Case, Task
from sigma.aimicius.worked import asked
from sigma.events import ChatRequest, Engine
from visualizers.shared.stream import Run, stream_turn
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.common import VerdictView, packed
from visualizers.tasks.judging import Judgement, Judges
from visualizers.tasks.loader import Draw

POLL_SECONDS = 0.1
ENDS = {"stop": "done", "length": "token budget used up", "context": "context is full"}
TURNS = {1: "", 2: "second turn"}


@dataclass(frozen=True, slots=True)
class TurnUpdate:
    """What changed: payloads of answers and verdicts by side."""

    answers: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


def answer_payload(name: str, turn_view: TurnView, side: str, budget: int, how: str = "") -> str:
    """One side's answer so far and its figures, for the browser. `how` it is answered: "second turn"."""
    shown = turn_view.sides[side]
    meter = shown.meter
    phase = meter.phase
    words = {
        "waiting": "waiting",
        "prefill": f"reading the prompt {meter.prefilled:,} of {meter.prompt_tokens:,}",
        "decode": "writing",
        "done": ENDS.get(meter.finish or "", "done"),
    }[phase]
    if turn_view.stopped and phase != "done":
        phase, words = "stopped", "stopped, not judged"
    return packed(
        run=turn_view.run,
        name=name,
        phase=phase,
        words=words,
        turn=how,
        text=shown.text,
        tokens=meter.step + 1,
        budget=budget,
        prompt=meter.prompt_tokens,
        rate=meter.tokens_per_second,
        first=meter.first_ms,
    )


@dataclass
class Asked:
    """What a turn asks and what came of it: a case per side, then a judgement per side that ended by itself.

    `held`: to the task's form. `worked`: examples before the question, None for the task's own number.
    """

    task: Task
    cases: dict[str, Case]
    budget: int
    names: dict[str, str]
    draw: Draw | None = None
    turn: int = 1
    held: bool = False
    worked: int | None = None
    judgements: dict[str, Judgement] = field(default_factory=dict)

    @cached_property
    def messages(self) -> dict[str, list[dict[str, str]]]:
        """The first chats that are sent, made once: a stream asks with every token. Raises CaseError for unreadable examples."""
        return {side: asked(self.task, case, self.worked) for side, case in self.cases.items()}

    @cached_property
    def talks(self) -> dict[str, Talk]:
        """What each side is asked, prompt by prompt, and what of it was sent."""
        return talks(self.task, self.cases, self.messages)

    def sent(self) -> dict[str, list[dict[str, str]]]:
        """The first chats, and of a side that was sent more prompts the second as well, with how many like it followed."""
        found: dict[str, list[dict[str, str]]] = dict(self.messages)
        for side, talk in self.talks.items():
            if len(talk.sent) > 1:
                found[f"{self.names[side]}, then {len(talk.sent) - 1} such prompts, each a chat of its own"] = (
                    talk.sent[1]
                )
        return found

    def formed(self) -> bool:
        """Whether the task has a form that answers can be held to; by the first case, as both are of one kind."""
        return self.task.grammar(next(iter(self.cases.values()))) is not None

    def answer_payload(self, view: TurnView, side: str) -> str:
        """One side's answer so far (see `answer_payload`)."""
        return answer_payload(self.names[side], view, side, self.budget, self.how(side))

    def how(self, side: str) -> str:
        """In words: which turn, how many worked examples, whether held to the form, how many prompts by now."""
        shown = len(self.messages[side]) - len(self.task.messages(self.cases[side]))
        examples = f"{shown // 2} worked example{'s' if shown > 2 else ''}" if shown else ""
        turn = TURNS.get(self.turn, f"turn {self.turn}")
        prompts = len(self.talks[side].sent)
        several = f"{prompts} prompts" if prompts > 1 else ""
        return ", ".join(filter(None, (turn, examples, "held to the form" if self.held else "", several)))


def stream_and_judge(
    engine: Engine, request: ChatRequest, asked: Asked, judges: Judges, run: Run
) -> Iterator[TurnUpdate]:
    """Both sides through the engine, and each through the judge when it has ended.

    A side that was stopped is not judged. Closing this generator, or `run.stop`, frees the engine's caches and leaves
    the judges alone. Raises what the engine raises.
    """
    views: dict[str, VerdictView] = {}
    try:
        events = stream(engine, asked.talks, request, asked.held)
        for update in stream_turn(events, request, run, pictures=False):
            answers = {side: asked.answer_payload(run.view, side) for side in update.texts}
            yield TurnUpdate(answers, _judged(asked, judges, run, views))
        while not run.stop.is_set():
            changed = _judged(asked, judges, run, views)
            ended = all(judgement.finished() for judgement in asked.judgements.values())
            # Always a yield: a generator that does not yield cannot be stopped.
            yield TurnUpdate(verdicts=changed)
            if ended and not changed:
                break
            time.sleep(POLL_SECONDS)
    finally:
        for judgement in asked.judgements.values():
            if not judgement.finished():
                judgement.leave()


def _judged(asked: Asked, judges: Judges, run: Run, views: dict[str, VerdictView]) -> dict[str, str]:
    """Begin to judge what has ended; payloads of the verdicts that changed."""
    changed = {}
    for side, view in run.view.sides.items():
        if view.meter.finish is None:
            continue
        if side not in asked.judgements:
            asked.judgements[side] = judges.start(asked.task, asked.cases[side], view.text)
            views[side] = VerdictView(f"{run.view.run}-{side}", asked.names[side], asked.task, asked.draw)
        payload = views[side].payload(asked.judgements[side])
        if payload is not None:
            changed[side] = payload
    return changed


def judge_one(key: str, who: str, asked: Judgement, draw: Draw | None) -> Iterator[str | None]:
    """Payloads of a single judgement until it has ended; None where nothing changed."""
    view = VerdictView(key, who, asked.task, draw)
    try:
        while True:
            ended = asked.finished()
            yield view.payload(asked)
            if ended:
                return
            time.sleep(POLL_SECONDS)
    finally:
        if not asked.finished():
            asked.leave()


def empty_verdict(task: str = "", note: str = "") -> str:
    """A payload that clears a verdict."""
    return packed(key="", task=task, state="empty", note=note, parts=[], scores="", summary="")


def names_of(infos: dict[str, Any]) -> dict[str, str]:
    """Column titles of the loaded sides, which answer tasks in their tuned form if they have one."""
    return {side: info.tuned or info.name for side, info in infos.items()}
