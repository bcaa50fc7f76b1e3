"""Random histories of an engine over tiny models: visitors join, are answered, leave, come back and are released.

Each must be told what it is told when nobody else is there.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from sigma.events import ChatRequest, PrefillEvent, PromptEvent, Sampling, StepEvent


def ask(text: str, sides: tuple[str, ...] = ("sigma", "gqa"), tokens: int = 6, **options: Any) -> ChatRequest:
    """A chat of one question."""
    sampling = Sampling(max_new_tokens=tokens, **options.pop("sampling", {}))
    return ChatRequest({side: [{"role": "user", "content": text}] for side in sides}, sampling, **options)


REQUESTS = (
    ask("First question"),
    ask("A longer one, about the sea and the moon. " * 2, selective_k=5),
    ask("Only one side", ("sigma",), selective_k=3, probe_layer=1),
    ask("Its own way", selective_k=4, selective_missing_mass="mean"),
    ask("Sampled", sampling=dict(temperature=1.0, top_p=0.9, seed=4)),
    ask("x", ("gqa",), probe_layer=0),
    ask("First question, and then", ("gqa",), tokens=3),
    ask("Over and over and over", tokens=30, lookup=True),
    ask("Over and over", ("sigma",), tokens=20, lookup=True, selective_k=4, probe_layer=1),
)
SESSIONS = ("one", "two", None)


@cache
def engine() -> Any:
    """One engine for all histories: what one leaves behind the next would find."""
    from tests.sigma.engine.test_same_answers import make_engine

    return make_engine("fp32")


def told(event: Any) -> Any:
    """What a visitor learns from an event, without the clock and what only says how the prompt was cut; None for nothing."""
    if isinstance(event, StepEvent):
        probe = None if event.probe is None else (event.probe.scores.tolist(), event.probe.captured.tolist())
        bytes_ = (
            event.cache.tokens,
            event.cache.k_resident,
            event.cache.v_resident,
            event.cache.k_read,
            event.cache.v_read,
        )
        return (event.token_id, event.text, bytes_, probe, event.finish_reason)
    if isinstance(event, PromptEvent):
        return event.token_ids
    return None


@cache
def alone(place: int) -> dict[str, tuple]:
    """By side what a request is told when nobody else is there, and nothing is guessed."""
    found: dict[str, list] = {}
    for event in engine().stream(replace(REQUESTS[place], lookup=False)):
        if (words := told(event)) is not None:
            found.setdefault(event.side, []).append(words)
    return {side: tuple(words) for side, words in found.items()}


class Visit:
    """One visitor's answer under way."""

    def __init__(self, place: int, session: str | None):
        exact = engine().models["sigma"].runtime.draft_margin == 0  # elsewhere guessing leaves rounding behind
        request = replace(REQUESTS[place], lookup=REQUESTS[place].lookup and exact)
        self.place, self.stream = place, engine().stream(request, session)
        self.heard: dict[str, list] = {side: [] for side in REQUESTS[place].messages}
        self.begun = self.over = False

    def listen(self, events: int) -> None:
        """Take so many events, fewer at the end."""
        for _ in range(events):
            event = next(self.stream, None)
            self.begun = True
            if event is None:
                self.over = True
                return
            assert isinstance(event, (PromptEvent, PrefillEvent, StepEvent))
            if (words := told(event)) is not None:
                self.heard[event.side].append(words)

    def compare(self) -> None:
        """All that was heard so far is what is heard alone."""
        for side, heard in self.heard.items():
            meant = alone(self.place)[side]
            assert tuple(heard) == (meant if self.over else meant[: len(heard)]), (self.place, side)


class BatchHistory(RuleBasedStateMachine):
    """Visitors come and go; each is told what it would be told alone, and nothing is left when all are gone."""

    made = 0
    visits = Bundle("visits")

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        for place in range(len(REQUESTS)):
            alone(place)
        self.live: list[Visit] = []

    @rule(target=visits, place=st.integers(0, len(REQUESTS) - 1), session=st.sampled_from(SESSIONS))
    def join(self, place: int, session: str | None) -> Any:
        if len(self.live) >= 5:
            return multiple()
        self.live.append(Visit(place, session))
        return self.live[-1]

    @rule(visit=visits, events=st.integers(1, 8))
    def answer(self, visit: Visit, events: int) -> None:
        if not visit.over:
            visit.listen(events)
        visit.compare()
        if visit.over and visit in self.live:
            self.live.remove(visit)

    @rule(events=st.integers(1, 6))
    def answer_all_at_once(self, events: int) -> None:
        failed: list[BaseException] = []

        def one(visit: Visit) -> None:
            try:
                visit.listen(events)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=(visit,)) for visit in self.live]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "somebody waits for ever"
        assert not failed, failed
        for visit in self.live:
            visit.compare()
        self.live = [visit for visit in self.live if not visit.over]

    @rule(visit=consumes(visits))
    def leave(self, visit: Visit) -> None:
        visit.stream.close()
        visit.over = True
        if visit in self.live:
            self.live.remove(visit)

    @rule(session=st.sampled_from(SESSIONS[:2]))
    def release(self, session: str) -> None:
        engine().release(session)

    @invariant()
    def the_engine_counts_right(self) -> None:
        figures = engine().figures()
        begun = sum(visit.begun and not visit.over for visit in self.live)
        assert figures.working and figures.answering == begun
        assert (figures.answer_bytes > 0) == (begun > 0)
        assert not engine()._device._steps, "a step waits for nobody"

    def teardown(self) -> None:
        for visit in self.live:
            visit.stream.close()
        for session in SESSIONS[:2]:
            engine().release(session)
        figures = engine().figures()
        assert (figures.answering, figures.answer_bytes, figures.kept_bytes) == (0, 0, 0)
