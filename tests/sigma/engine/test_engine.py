"""The event stream, on tiny real models."""

import itertools
import threading
import time

import numpy as np
import pytest
import torch

from kernels.selective.missing_mass import MISSING_MASS
from sigma.engine.engine import Model, SigmaEngine
from sigma.events import ChatRequest, OverLimit, PrefillEvent, PromptError, PromptEvent, Sampling, StepEvent
from sigma.limits.current import limits, using
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model


@pytest.fixture
def engine():
    models = {}
    for name, changes in (
        ("sigma", dict(seed=1, num_key_heads=1, augmented_query_dim=108)),
        ("gqa", dict(num_key_heads=3)),
    ):
        side = side_of(tiny_model(**changes), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    yield engine
    engine.close()


def ask(text="Hello there", sides=("sigma", "gqa"), **options):
    sampling = Sampling(**{"max_new_tokens": 12, **options.pop("sampling", {})})
    messages = {side: [{"role": "user", "content": text}] for side in sides}
    return ChatRequest(messages, sampling, **options)


def steps(events, side):
    return [e for e in events if isinstance(e, StepEvent) and e.side == side]


def test_both_sides_run_to_their_end(engine):
    events = list(engine.stream(ask()))
    for side in ("sigma", "gqa"):
        mine = [e for e in events if e.side == side]
        assert isinstance(mine[0], PromptEvent) and isinstance(mine[1], PrefillEvent)
        answer = steps(events, side)
        assert [e.step for e in answer] == list(range(len(answer)))
        assert answer[-1].finish_reason in ("stop", "length") and all(e.finish_reason is None for e in answer[:-1])
        config = engine.models[side].side.config
        for e in answer:
            assert (e.cache.k_resident, e.cache.v_resident) == config.kv_bytes(e.cache.tokens, 4)


def test_greedy_text_is_transformers_own(engine):
    model = engine.models["gqa"].side.dense()
    events = list(engine.stream(ask(sides=("gqa",))))
    prompt = torch.tensor([events[0].token_ids])
    out = model.generate(prompt, max_new_tokens=12, do_sample=False, eos_token_id=2, pad_token_id=2)[
        0, prompt.shape[1] :
    ]
    assert [e.token_id for e in steps(events, "gqa")] == out.tolist()


def test_sampling_repeats_with_its_seed_and_differs_without(engine):
    def run(seed):
        options = dict(temperature=1.0, top_p=0.95, top_k=50, repetition_penalty=1.1, seed=seed)
        return [e.token_id for e in steps(list(engine.stream(ask(sampling=options))), "sigma")]

    assert run(1) == run(1)
    assert len({tuple(run(seed)) for seed in range(4)}) > 1


def test_equal_device_time_not_alternate_steps(engine):
    """The side that has spent less goes next, whatever the number of its steps."""
    spent = {"sigma": 0.0, "gqa": 0.0}
    finished = set()
    for event in engine.stream(ask(sampling=dict(max_new_tokens=40, temperature=1.0, seed=3))):
        if isinstance(event, PromptEvent):
            continue
        if not finished:
            assert spent[event.side] == min(spent.values())
        spent[event.side] += event.compute_ms
        if isinstance(event, StepEvent) and event.finish_reason:
            finished.add(event.side)


def test_each_turn_says_what_becomes_of_the_missing_mass(engine):
    """The bytes of a turn under a threshold are those of the rows that it fetched."""
    answers = {}
    for word in (None, *MISSING_MASS):
        turn = ask(selective_k=1, selective_missing_mass=word, sampling={"max_new_tokens": 40})
        answers[word] = [e.token_id for e in steps(engine.stream(turn), "sigma")]
    assert answers[None] == answers[engine.models["sigma"].side.config.selective_v_missing_mass]
    assert len({tuple(tokens) for tokens in answers.values()}) == len(MISSING_MASS)
    light = engine.stream(ask(probe_layer=1, selective_k=5, selective_threshold=0.2))
    probes = [e for e in steps(light, "sigma") if e.probe is not None]
    assert any((e.probe.positions < 0).any() for e in probes)
    whole = engine.models["sigma"].side.config
    assert all(e.cache.v_read <= whole.v_read_bytes(e.cache.tokens, 5, 4) for e in probes)
    assert any(e.cache.v_read < whole.v_read_bytes(e.cache.tokens, 5, 4) for e in probes)


def test_probe_scores_are_a_distribution(engine):
    events = list(engine.stream(ask(probe_layer=1, selective_k=5)))
    for side, heads in (("sigma", 9), ("gqa", 9)):
        for e in steps(events, side)[1:]:
            assert e.probe.layer == 1 and e.probe.scores.shape == (heads, e.cache.tokens)
            np.testing.assert_allclose(e.probe.scores.sum(1), 1, atol=1e-4)
    for e in steps(events, "sigma")[1:]:
        assert e.probe.positions.shape == (9, 6) and (e.probe.positions[:, -1] == e.cache.tokens - 1).all()
        kept = np.take_along_axis(e.probe.scores, e.probe.positions.astype(np.int64), 1).sum(1)
        np.testing.assert_allclose(kept, e.probe.captured, atol=1e-4)
        assert e.cache.v_read == engine.models["sigma"].side.config.v_read_bytes(e.cache.tokens, 5, 4)
        assert 0 < e.cache.v_distinct <= min(e.cache.v_read, e.cache.v_resident)
    assert steps(events, "gqa")[-1].probe.positions is None


def test_next_turn_prefills_only_what_is_new(engine):
    first = list(engine.stream(ask("One two three four"), "visitor"))
    answers = {side: "".join(e.text for e in steps(first, side)) for side in ("sigma", "gqa")}
    messages = {
        side: [
            {"role": "user", "content": "One two three four"},
            {"role": "assistant", "content": answers[side]},
            {"role": "user", "content": "And five?"},
        ]
        for side in answers
    }
    request = ChatRequest(messages, Sampling(max_new_tokens=6))
    second = list(engine.stream(request, "visitor"))
    fresh = list(engine.stream(request))
    for side in answers:
        opening = next(e for e in second if isinstance(e, PromptEvent) and e.side == side)
        assert opening.reused >= len(first[0].token_ids) - 1
        assert [e.token_id for e in steps(second, side)] == [e.token_id for e in steps(fresh, side)]


def test_edit_crops_the_kept_cache(engine):
    list(engine.stream(ask("The same start, then this"), "visitor"))
    again = list(engine.stream(ask("The same start, then that"), "visitor"))
    fresh = list(engine.stream(ask("The same start, then that")))
    assert again[0].reused > 20
    assert [e.token_id for e in steps(again, "gqa")] == [e.token_id for e in steps(fresh, "gqa")]


@pytest.mark.parametrize("events_before_stop", [1, 3, 8])
def test_stop_frees_at_once(engine, events_before_stop, monkeypatch):
    caches = []
    for model in engine.models.values():
        make = model.runtime.new_cache
        monkeypatch.setattr(model.runtime, "new_cache", lambda make=make: caches.append(make()) or caches[-1])
    stream = engine.stream(ask("x" * 400), "visitor")  # long: the early stops fall into the prefill
    list(itertools.islice(stream, events_before_stop))
    stream.close()
    assert len(caches) == 2 and all(c.bytes().allocated == 0 for c in caches)
    assert engine.cached_bytes() == 0


def test_release_frees_a_finished_chat(engine):
    list(engine.stream(ask(), "visitor"))
    assert engine.cached_bytes() > 0
    engine.release("visitor")
    engine.release("never seen")
    assert engine.cached_bytes() == 0


def test_sessions_are_few(engine):
    held = []
    for i in range(limits().sessions + 4):
        list(engine.stream(ask(sides=("gqa",), sampling=dict(max_new_tokens=1)), f"visitor {i}"))
        held.append(engine.cached_bytes())
    assert held == [held[0] * min(i + 1, limits().sessions) for i in range(len(held))]


def test_two_visitors_do_not_disturb_each_other(engine):
    texts = ["First visitor's question", "Another one, quite different"]
    alone = [[e.token_id for e in steps(list(engine.stream(ask(t))), "sigma")] for t in texts]
    together: dict[int, list[int]] = {}

    def visit(i):
        together[i] = [e.token_id for e in steps(list(engine.stream(ask(texts[i]), f"v{i}")), "sigma")]

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert [together[0], together[1]] == alone


@pytest.mark.parametrize(
    "request_, words",
    [
        (ask(""), "empty"),
        (ask(" \n\t "), "empty"),
        (ask("\x00\x07\x1b"), "empty"),
        (ask("word " * 300), "512"),
        (ask("a" * 500_000), "500,000"),
        (ask(selective_k=0), "k from 1"),
        (ask(selective_k=513), "512"),
        (ask(selective_missing_mass="keep"), "The missing mass must be one of drop, renormalize, mean, got 'keep'"),
        (ask(selective_threshold=1.5), "The threshold of selective V must be a weight from 0 to less than 1, got 1.5"),
        (ask(probe_layer=2), "0 to 1"),
        (ask(sampling=dict(max_new_tokens=0)), "new token"),
        (ask(sampling=dict(temperature=-1.0)), "temperature"),
        (ask(sampling=dict(temperature=1.0, top_p=-0.5)), "top_p"),
        (ask(sampling=dict(repetition_penalty=0.0)), "penalty"),
        (ChatRequest({}), "side"),
        (ChatRequest({"other": []}), "other"),
    ],
)
def test_bad_requests_are_refused_before_any_work(engine, request_, words):
    with pytest.raises(PromptError, match=words):
        engine.stream(request_)


def test_context_full_ends_the_answer(engine):
    events = list(engine.stream(ask("a" * 470, sampling=dict(max_new_tokens=400, temperature=3.0, seed=0))))
    for side in ("sigma", "gqa"):
        last = steps(events, side)[-1]
        assert last.finish_reason in ("context", "stop") and last.cache.tokens <= 512


def test_control_markers_in_a_question_stay_text(engine):
    plain = list(engine.stream(ask("<|im_end|> hi", sides=("gqa",))))[0]
    assert plain.token_ids.count(2) == 1  # the template's own end of the user turn
    assert "".join(plain.pieces).count("<|im_end|>") == 2


def test_text_never_shows_half_a_character(engine):
    events = list(engine.stream(ask(sampling=dict(max_new_tokens=80, temperature=2.0, seed=5))))
    tokenizer = engine.models["sigma"].side.tokenizer
    answer = steps(events, "sigma")
    whole = tokenizer.decode([e.token_id for e in answer if e.token_id != 2], skip_special_tokens=True)
    shown = "".join(e.text for e in answer)
    assert shown.replace("\ufffd", "") == whole.replace("\ufffd", "")


def test_the_text_of_tokens_has_whole_characters(engine):
    """One by one, the two tokens of é are bytes; together they are the character, and no control token shows."""
    tokenizer = engine.models["sigma"].side.tokenizer
    ids = [*tokenizer("né", add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    assert [engine.piece("sigma", i) for i in ids[:3]] == ["n", "<C3>", "<A9>"]
    assert engine.text("sigma", ids) == "né"
    written = [e for e in engine.stream(ask(sides=("sigma",))) if isinstance(e, StepEvent)]
    assert engine.text("sigma", [e.token_id for e in written]) == "".join(e.text for e in written)


def test_an_answer_ends_when_its_time_is_over(engine):
    with using(answer_seconds=1):
        stream, begun = engine.stream(ask(sampling=dict(max_new_tokens=400)), "visitor"), time.monotonic()
        with pytest.raises(OverLimit, match=r"longer than 1 s.*fewer new tokens") as over:
            for event in stream:
                time.sleep(0.3 if isinstance(event, StepEvent) else 0)
    assert over.value.limit == "answer_seconds" and time.monotonic() - begun < 10
    assert engine.cached_bytes() == 0 and engine.figures().answer_bytes == 0


def test_the_servers_limits_of_context_and_of_a_step(engine):
    own = engine.info("gqa").context_length
    with using(context=64):
        assert engine.info("gqa").context_length == 64
        with pytest.raises(PromptError, match="context is 64"):
            engine.stream(ask("word " * 80))
        last = list(engine.stream(ask("word " * 5, sampling=dict(max_new_tokens=200))))[-1]
        assert last.finish_reason == "context"
    with using(context=own * 2):
        assert engine.info("gqa").context_length == own
