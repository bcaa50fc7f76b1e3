"""Prompt lookup in the engine: answers that are the same with it, token for token, and in every event."""

import random
from dataclasses import replace

import pytest

from sigma.engine import batch
from sigma.engine.lookup import MOST_ROWS, SAMPLED, Guesses, Pace
from sigma.events import ChatRequest, DamagedStep, Sampling, StepEvent
from sigma.limits.current import limits
from sigma.runtime.graph import GraphPath
from tests.sigma.engine.test_batch import in_threads, told
from tests.sigma.engine.test_same_answers import _no_native, make_engine, user

GRAMMAR = 'start: ("ab" | "abc" | /[0-9]/)+'


@pytest.fixture(params=["native", "torch", "graph"])
def engine(request, monkeypatch):
    """The C++ code in bf16, where a draft is exact; torch operations in fp32, one by one and as a GPU's step."""
    if request.param != "native":
        monkeypatch.setattr("sigma.runtime.runtime.NativePath", _no_native)
    made = make_engine("bf16" if request.param == "native" else "fp32")
    for model in made.models.values():
        if request.param == "graph":
            model.runtime.path = GraphPath(model.runtime.compiled)
    yield made
    made.close()


def ask(text="Hello there", sides=("sigma", "gqa"), tokens=60, on=True, **options):
    sampling = Sampling(**{"max_new_tokens": tokens, **options.pop("sampling", {})})
    return ChatRequest({side: [user(text)] for side in sides}, sampling, lookup=on, **options)


ASKED = {
    "plain": dict(),
    "selective": dict(selective_k=5, probe_layer=1),
    "mean": dict(selective_k=4, selective_missing_mass="mean", selective_threshold=0.02, probe_layer=0),
    "every-row": dict(selective_k=500),
    "growing-k": dict(text="x", selective_k=30, probe_layer=1),
    "penalty": dict(sampling=dict(repetition_penalty=1.3)),
    "grammar": dict(grammar=GRAMMAR),
    "likelihood": dict(likeliest=3),
    "one-token": dict(tokens=1),
    "two-tokens": dict(tokens=2),
    "to-the-context": dict(text="z" * 440, tokens=200),
    "over-a-buffer": dict(text="y" * 200, tokens=120),
}


def accounts(events):
    return [event.lookup for event in events if isinstance(event, StepEvent) and event.lookup]


def scripted(monkeypatch, answers, seed):
    """Guesses that know the answers and are wrong now and then, in every place of a draft."""
    dice = random.Random(seed)

    def draft(self, most):
        known = next(ids for ids in answers if ids[: len(self.seen)] == self.seen)
        found = known[len(self.seen) : len(self.seen) + dice.randint(0, max(0, most))]
        if found and dice.random() < 0.5:
            at = dice.randrange(len(found))
            found[at] = (found[at] + 1) % 200
        return found

    plain_add, plain_start = Guesses.add, Guesses.__init__

    def start(self, ids, *more):
        self.seen = list(ids)
        plain_start(self, ids, *more)

    def add(self, token):
        self.seen.append(token)
        plain_add(self, token)

    monkeypatch.setattr(Guesses, "__init__", start)
    monkeypatch.setattr(Guesses, "add", add)
    monkeypatch.setattr(Guesses, "draft", draft)


def ids_of(engine, request):
    """Every side's prompt and answer as token ids."""
    list(engine.stream(request, "to know"))
    past = engine.past_run("to know")
    engine.release("to know")
    return [list(side.ids) for side in past.sides.values()]


@pytest.mark.parametrize("name", ASKED)
def test_the_answer_is_the_same(engine, name, monkeypatch):
    """Whatever is guessed: events, probes, bytes and likelihoods too, but for rounding where torch computes."""
    without = list(engine.stream(ask(**ASKED[name], on=False)))
    answers = ids_of(engine, ask(**ASKED[name], on=False))
    assert not accounts(without)
    for seed in range(2):
        scripted(monkeypatch, answers, seed)
        events = list(engine.stream(ask(**ASKED[name])))
        monkeypatch.undo()
        check_same(engine, events, without)
        check_accounts(events)


def check_same(engine, events, without):
    exact = engine.models["sigma"].runtime.draft_margin == 0
    if exact:
        assert told(events) == told(without)
        assert likelihoods(events) == likelihoods(without)
        return
    for side, steps in told(without).items():
        got = told(events)[side]
        assert [(s[0], s[1], s[2].tokens, s[4]) for s in got] == [(s[0], s[1], s[2].tokens, s[4]) for s in steps]
        assert [s[2].v_read for s in got] == pytest.approx([s[2].v_read for s in steps], rel=0.05)


def likelihoods(events):
    return [event.likelihood for event in sorted_by_side(events)]


def sorted_by_side(events):
    return sorted((e for e in events if isinstance(e, StepEvent)), key=lambda e: (e.side, e.step))


def check_accounts(events):
    """The account adds up: every token but the first came of a step or of a guess that was right."""
    for side in {event.side for event in events}:
        steps = [e for e in events if isinstance(e, StepEvent) and e.side == side]
        last = steps[-1].lookup
        if len(steps) == 1:
            assert last is None
            continue
        assert last.accepted <= last.drafted and last.steps + last.accepted >= len(steps) - 1
        assert sum(e.compute_ms for e in steps) > 0


def test_by_its_own_guesses_too(engine, monkeypatch):
    """A tiny model soon repeats itself."""
    monkeypatch.setattr(Pace, "note", lambda *_: None)  # whatever the machine is busy with
    accepted = 0
    for options in ({}, dict(selective_k=5), dict(grammar=GRAMMAR)):
        without = list(engine.stream(ask("over and over", on=False, tokens=150, **options)))
        events = list(engine.stream(ask("over and over", tokens=150, **options)))
        assert [e.token_id for e in sorted_by_side(events)] == [e.token_id for e in sorted_by_side(without)]
        check_accounts(events)
        accepted += max(one.accepted for one in accounts(events))
    assert accepted > 0


def test_beside_others_who_guess_or_do_not(engine, monkeypatch):
    requests = [ask(f"number {i}", on=i % 2 == 0, **ASKED[name]) if "text" not in ASKED[name] else ask(**ASKED[name])
                for i, name in enumerate(["plain", "selective", "mean", "growing-k", "grammar", "penalty"])]  # fmt: skip
    alone = [list(engine.stream(unguessed(request))) for request in requests]
    answers = [ids for request in requests for ids in ids_of(engine, unguessed(request))]
    rows = []
    for model in engine.models.values():
        whole = model.runtime.decode_many
        monkeypatch.setattr(model.runtime, "decode_many", lambda steps, w=whole: rows.append(len(steps)) or w(steps))
    monkeypatch.setattr(batch, "LINGER_SECONDS", 0.2)
    scripted(monkeypatch, answers, 3)
    for events, wanted in zip(in_threads([lambda r=r: list(engine.stream(r)) for r in requests])(), alone, strict=True):
        assert not isinstance(events, Exception), events
        check_same(engine, events, wanted)
    assert limits().batch >= max(rows) > MOST_ROWS


def unguessed(request):
    return replace(request, lookup=False)


def test_an_end_token_within_a_draft_ends_the_answer(engine, monkeypatch):
    answers = ids_of(engine, ask(sides=("sigma",), on=False))
    model = engine.models["sigma"]
    prompt = len(answers[0]) - 60
    ends = answers[0][prompt + 11]
    first = answers[0].index(ends, prompt) - prompt
    monkeypatch.setattr(model.side.config, "eos_token_id", ends)
    scripted(monkeypatch, answers, 5)
    events = [e for e in engine.stream(ask(sides=("sigma",)), "me") if isinstance(e, StepEvent)]
    assert [e.token_id for e in events] == answers[0][prompt : prompt + first + 1]
    assert events[-1].finish_reason == "stop" and events[-1].piece == ""
    assert len(engine.past_run("me").sides["sigma"].ids) == prompt + first + 1


def test_who_leaves_within_a_draft_has_the_tokens_that_were_told(engine, monkeypatch):
    answers = ids_of(engine, ask(on=False))
    scripted(monkeypatch, answers, 0)
    for stop in range(4, 16):
        stream, seen = engine.stream(ask(), "leaver"), {"sigma": [], "gqa": []}
        for event in stream:
            if isinstance(event, StepEvent):
                seen[event.side].append(event.token_id)
                if sum(map(len, seen.values())) == stop:
                    stream.close()
        past = engine.past_run("leaver").sides
        assert {side: list(run.ids[run.prompt_length :]) for side, run in past.items()} == seen
    assert engine._device._requests == 0


def test_the_next_turn_is_as_without(engine, monkeypatch):
    def turns(on):
        messages, session = [user("A question about the sea")], f"turns {on}"
        for text in ("And then?", "Why?"):
            request = ChatRequest({"sigma": messages}, Sampling(max_new_tokens=40), selective_k=6, lookup=on)
            answer = "".join(e.text for e in engine.stream(request, session) if isinstance(e, StepEvent))
            messages = [*messages, {"role": "assistant", "content": answer}, user(text)]
        engine.release(session)
        return messages

    assert turns(True) == turns(False)


def test_sampled_text_is_drawn_as_without_and_says_so(engine):
    how = dict(sampling=dict(temperature=0.8, seed=4))
    events = list(engine.stream(ask(**how)))
    assert told(events) == told(engine.stream(ask(on=False, **how)))
    assert {(one.drafted, one.off) for one in accounts(events)} == {(0, SAMPLED)}


def test_a_damaged_step_is_told_after_what_came_before_it(engine, monkeypatch):
    answers = ids_of(engine, ask(sides=("gqa",), on=False))
    prompt = len(answers[0]) - 60
    runtime = engine.models["gqa"].runtime
    whole = runtime.decode_many

    def damaged(steps):
        found, length = whole(steps), prompt + 20
        return [(x * float("nan") if s.trace.length > length else x, p) for s, (x, p) in zip(steps, found)]

    monkeypatch.setattr(runtime, "decode_many", damaged)
    scripted(monkeypatch, answers, 1)
    seen = []
    with pytest.raises(DamagedStep, match="not numbers"):
        for event in engine.stream(ask(sides=("gqa",))):
            seen += [event.token_id] if isinstance(event, StepEvent) else []
    assert seen == answers[0][prompt : prompt + 21]


def test_a_step_that_fails_with_a_draft_is_taken_without(engine, monkeypatch):
    answers = ids_of(engine, ask(on=False))
    without = list(engine.stream(ask(on=False)))
    for model in engine.models.values():
        whole = model.runtime.decode_many

        def failing(steps, w=whole):
            if any(step.drafted for step in steps):
                w(steps)
                raise RuntimeError("too much for this device")
            return w(steps)

        monkeypatch.setattr(model.runtime, "decode_many", failing)
    scripted(monkeypatch, answers, 2)
    assert told(engine.stream(ask())) == told(without)


def test_the_engine_counts_tokens_not_steps(monkeypatch):
    engine = make_engine("fp32")
    try:
        answers = ids_of(engine, ask(on=False))
        begun = engine.figures()
        scripted(monkeypatch, answers, 4)
        made = sum(isinstance(event, StepEvent) for event in engine.stream(ask()))
        after = engine.figures()
        assert after.stepped - begun.stepped == made > after.steps - begun.steps
    finally:
        engine.close()
