"""The run on tiny layers: what is timed and computed, refusals before it, cancelling, and the time budget by a clock of ours."""

import gc
import itertools
import json
import weakref

import pytest
import torch

from kernels.decode import reference
from sigma.efficiency import __main__ as command
from sigma.efficiency import estimate, measure
from sigma.efficiency.layer import Layers
from sigma.efficiency.measure import Begun, Timed, directly
from sigma.efficiency.results import Point, Result
from sigma.efficiency.settings import Settings
from sigma.events import PromptError

TINY = dict(n_q=4, std_k=2, std_v=2, sigma_k=1, sigma_v=2, head_dim=16, key_dim=16, augmented=32, layers=3)
TINY |= dict(prefixes=[64, 96], output=1, top_k=8, dtype="fp32", seconds=600)
CLOSE = dict(rtol=1e-4, atol=1e-5)
FAST = 1e12  # bytes per second: nothing is refused for its time


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(estimate, "COLD_BYTES", {"cpu": 1 << 16, "cuda": 1 << 16})
    monkeypatch.setattr(measure, "copy_rate", lambda device: FAST)
    monkeypatch.setattr(measure, "LENGTH_SECONDS", 0.0)


def asked(**changes) -> Settings:
    return Settings.asked(TINY | changes)


def drained(going):
    events = []
    while True:
        try:
            events.append(next(going))
        except StopIteration as end:
            return events, end.value


def test_a_run_from_begin_to_end():
    calls = []

    def alone(work):
        calls.append(work)
        return work()

    events, result = drained(measure.measure(asked(), "cpu", alone))
    assert isinstance(events[0], Begun) and events[0].lengths == (64, 96)
    rounds = [e for e in events if isinstance(e, Timed)]
    assert [e.tokens for e in rounds] == [64] * estimate.ROUNDS + [96] * estimate.ROUNDS
    fractions = [e.fraction for e in rounds]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert [e.tokens for e in events if isinstance(e, Point)] == [64, 96]
    # Each call apart, so that others may go on in between: the copy's rate, warming up, and the rounds.
    parts = 3 + 4 + 1
    assert len(calls) == 1 + 2 * parts * (1 + estimate.ROUNDS)
    assert isinstance(result, Result) and [o.prefix for o in result.outputs] == [64, 96]
    p = result.points[0]
    assert set(p.parts) == {"std", "sigma", "selective"}
    assert set(p.parts["std"]) == {"store", "copy", "attention"} and "augmented" in p.parts["sigma"]
    assert all(0 < s.low <= s.median <= s.high for parts in p.parts.values() for s in parts.values())
    assert p.parts["selective"]["store"] == p.parts["sigma"]["store"]
    json.dumps(result.to_dict())


def test_without_augmented_query_or_selection_there_is_none():
    _, result = drained(measure.measure(asked(augmented=0, top_k=0)))
    assert set(result.points[0].parts) == {"std", "sigma"} and "augmented" not in result.points[0].parts["sigma"]


@pytest.mark.parametrize("batch, key_dim", [(1, 16), (3, 8)])
def test_the_timed_calls_do_what_they_are_called(batch, key_dim):
    layers = Layers(asked(batch=batch, key_dim=key_dim), "cpu")
    found = layers.contenders(64)
    k, v = layers.caches["sigma"]
    window_k, window_v = k[:, :, :64], v[:, :, :64]
    out = found["sigma", "attention"].calls[0]()
    torch.testing.assert_close(out, reference.decode_attention(layers.queries["sigma"], window_k, window_v), **CLOSE)
    before = k.clone()
    found["sigma", "store"].calls[1]()
    changed = (k != before).any(dim=(0, 1, 3)).nonzero().flatten().tolist()
    assert changed == [127]  # the newest row of the second window
    torch.testing.assert_close(k[:, :, 127:128], layers.newest["sigma"][0])
    layers.target.zero_()
    found["sigma", "copy"].calls[0]()
    copied = layers.target[: batch * 64 * key_dim].view(batch, 1, 64, key_dim)
    torch.testing.assert_close(copied[:, :, :63], k[:, :, :63])
    torch.testing.assert_close(copied[:, :, 63:], layers.newest["sigma"][0])
    gate_up, down = layers.weights[0]
    gate, up = (layers.input @ gate_up.mT).chunk(2, -1)
    wanted = (torch.nn.functional.silu(gate) * up) @ down.mT
    torch.testing.assert_close(found["sigma", "augmented"].calls[0](), wanted, **CLOSE)
    assert layers.heads["std"].d_k == 16


def test_the_memory_that_is_said_covers_what_is_allocated():
    s = asked(batch=2)
    layers = Layers(s, "cpu")
    tensors = [layers.target, *itertools.chain(*layers.caches.values()), *itertools.chain(*layers.weights)]
    assert sum(t.nbytes for t in tensors) <= estimate.memory_bytes(s, "cpu")
    assert layers.caches["std"][0].nbytes >= 1 << 14  # cold: more rows than the longest length needs
    assert layers.rows == estimate.rows_held(s, "cpu")


def test_what_does_not_fit_is_refused_with_the_numbers():
    with pytest.raises(PromptError, match=r"would need [0-9.]+ GiB; 0.00 GiB of memory are free"):
        estimate.check(asked(), "cpu", FAST, free=1000)
    with pytest.raises(PromptError, match=r"would take about .* time budget is 1 s"):
        estimate.check(asked(seconds=1), "cpu", 1e3, free=1 << 60)
    with pytest.raises(PromptError, match="fp16 has no kernels"):
        estimate.check(asked(dtype="fp16"), "cpu", FAST, free=1 << 60)
    big = Settings.asked({"preset": "10b", "prefixes": [1 << 19], "batch": 256, "seconds": 600})
    with pytest.raises(PromptError, match="Choose shorter prefixes"):
        next(measure.measure(big))


def test_no_memory_after_all_is_a_sentence(monkeypatch):
    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(measure, "Layers", full)
    with pytest.raises(PromptError, match="no memory for this run, which needs"):
        drained(measure.measure(asked()))


def test_closing_cancels_and_frees(monkeypatch):
    held = []

    def layers(*given):
        made = Layers(*given)
        held.append(weakref.ref(made))
        return made

    monkeypatch.setattr(measure, "Layers", layers)
    going = measure.measure(asked())
    while not isinstance(next(going), Timed):
        pass
    assert held[0]() is not None
    going.close()
    gc.collect()
    assert held[0]() is None


@pytest.mark.parametrize("steps, lengths", [(30, 1), (1e9, 0)])
def test_the_time_budget_ends_it_with_what_there_is(steps, lengths):
    ticks = itertools.count()
    going = measure.measure(asked(seconds=100), "cpu", directly, clock=lambda: next(ticks) * steps / 10)
    if not lengths:
        with pytest.raises(PromptError, match="In its time budget of 100 s this run could not time one length"):
            drained(going)
        return
    _, result = drained(going)
    assert [p.tokens for p in result.points] == [64][:lengths]
    assert "time budget of 100 s ended the run before 96 tokens" in result.notes[0]


OPTIONS = [
    "--query-heads",
    "4",
    "--std-key-heads",
    "2",
    "--std-value-heads",
    "2",
    "--key-heads",
    "1",
    "--value-heads",
    "2",
]
OPTIONS += ["--head-dim", "16", "--key-head-dim", "16", "--augmented-query", "32", "--prefixes", "64", "--top-k-v", "8"]
OPTIONS += ["--seconds", "600", "--device", "cpu"]


def test_the_command_prints_a_table_or_json(capsys, tmp_path):
    command.main([*OPTIONS, "--csv", str(tmp_path / "a.csv")])
    text = capsys.readouterr().out
    assert "one layer, bf16" in text and "Table 15" in text and "33.36 %" in text
    assert (tmp_path / "a.csv").read_text().startswith("tokens,side,part,median_ms")
    command.main([*OPTIONS, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {"device", "settings", "points", "outputs", "crossovers", "notes", "paper", "seconds"} <= set(told)
    assert told["points"][0]["tokens"] == 64 and told["paper"]["table_15_ns"][0]["prefix"] == 2048


def test_the_command_refuses_in_one_line(capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(["--key-heads", "5"])
    assert caught.value.code == 2
    assert "error: --key-heads: 32 query heads cannot share 5 heads" in capsys.readouterr().err
