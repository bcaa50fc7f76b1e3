"""The engine's protocol holds: the real engine and the fake one have every member with the same signature."""

import inspect
import threading

import numpy as np
import pytest

from sigma import events
from sigma.engine.engine import SigmaEngine
from sigma.engine.inspection import KeptTensors
from sigma.engine.lent import LentEngine
from sigma.events import SIDES, Cancelled, ChatRequest, Sampling
from sigma.observe.meter import WatchedEngine
from tests.fake_engine import FakeEngine, FakeInspection
from visualizers.explore.recorded import RecordedSide


def methods(protocol: type) -> dict[str, list[tuple]]:
    """Parameters (name, kind, default) of a protocol's methods, its parents' too."""
    named = {name for base in protocol.__mro__ if base.__module__ == events.__name__ for name in vars(base)}
    return {name: parameters(protocol, name) for name in named if not name.startswith("_")}


def parameters(kind: type, name: str) -> list[tuple] | None:
    """None for what is there and is no method."""
    member = inspect.getattr_static(kind, name)
    if not inspect.isfunction(member):
        return None
    return [(p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()]


@pytest.mark.parametrize(
    "kind, protocol",
    [
        (SigmaEngine, events.Engine),
        (LentEngine, events.Engine),
        (FakeEngine, events.Engine),
        (WatchedEngine, events.Engine),
        (KeptTensors, events.HeldInspection),
        (FakeInspection, events.HeldInspection),
        (RecordedSide, events.Inspection),
    ],
)
def test_the_whole_protocol_is_there_with_its_signatures(kind, protocol):
    wanted = methods(protocol)
    assert len(wanted) >= 4
    assert {name: parameters(kind, name) for name in wanted} == wanted


def test_the_protocol_names_all_that_callers_use():
    talking = {"info", "stream", "release", "past_run", "inspect", "piece", "text", "figures", "close"}
    assert set(methods(events.Engine)) == talking | {"aside", "together"}


def asked(engine, session="one", **options):
    messages = {side: [{"role": "user", "content": "Which score is highest?"}] for side in SIDES}
    return list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=6), **options), session))


def test_the_fake_remembers_a_run_as_the_engine_does():
    engine = FakeEngine(words=9)
    told = asked(engine)
    past = engine.past_run("one")
    for side in SIDES:
        mine = [event for event in told if event.side == side]
        steps = [event for event in mine if isinstance(event, events.StepEvent)]
        assert past.sides[side].ids == (*mine[0].token_ids, *(event.token_id for event in steps))
        assert past.sides[side].prompt_length == len(mine[0].token_ids)
        assert [engine.piece(side, i) for i in past.sides[side].ids] == [*mine[0].pieces, *(e.piece for e in steps)]
    engine.release("one")
    assert engine.past_run("one") is None


def test_the_fakes_inspection_is_what_its_steps_were_told():
    engine = FakeEngine(words=9)
    told = asked(engine, probe_layer=4)
    run = engine.past_run("one").sides["sigma"]
    found, parts = engine.inspect("sigma", run.ids, run.prompt_length), []
    for event in told:
        if isinstance(event, events.StepEvent) and event.side == "sigma":
            query = run.prompt_length - 1 + event.step
            weights, sums = found.attend(4, query, query + 1)
            np.testing.assert_array_equal(weights[:, 0], event.probe.scores)
            assert weights.sum(-1) == pytest.approx(1, abs=1e-5) and np.isfinite(sums).all()
            errors = found.output_errors(4, query, [1, 4, 10_000])
            assert (np.diff(errors, axis=1) <= 1e-6).all() and errors[:, -1] == pytest.approx(0, abs=1e-5)
            assert found.next_tokens(query).taken == pytest.approx(0.5, nan_ok=True)
    assert found.next_tokens(0) is None and found.nbytes > 0
    found.free()
    assert found.nbytes == 0
    gone = threading.Event()
    gone.set()
    with pytest.raises(Cancelled):
        engine.inspect("gqa", run.ids, 1, gone, parts.append)
    engine.inspect("gqa", run.ids, 1, progress=parts.append)
    assert parts == [1.0]
