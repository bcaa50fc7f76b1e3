"""Greedy answers do not depend on what was asked before, on the chunks of a prefill, or on a k that covers all rows."""

import pytest
import torch

from sigma.engine import run
from sigma.engine.engine import Model, SigmaEngine, load_engine
from sigma.events import ChatRequest, DamagedStep, PrefillEvent, PromptError, PromptEvent, Sampling, StepEvent
from sigma.runtime import Runtime
from tests.real import need_default_pair
from tests.tiny import side_of, tiny_model

SHAPES = {"sigma": dict(seed=1, num_key_heads=1, augmented_query_dim=108), "gqa": dict(num_key_heads=3)}


def made(weights="bf16", **more) -> dict[str, Model]:
    models = {}
    for name, changes in SHAPES.items():
        side = side_of(tiny_model(**changes | more), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights=weights))
    return models


def make_engine(weights="bf16", tuned=None) -> SigmaEngine:
    return SigmaEngine(made(weights), tuned)


@pytest.fixture(params=["native", "torch"])
def engine(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr("sigma.runtime.runtime.NativePath", _no_native)
    engine = make_engine()
    yield engine
    engine.close()


def _no_native(*_):
    from sigma.runtime.native import NativeUnavailable

    raise NativeUnavailable("asked for by the test")


def user(text):
    return {"role": "user", "content": text}


def answers(engine, messages, session=None, tokens=24, **options):
    """Side -> (token ids, reused rows) of one greedy turn."""
    request = ChatRequest(dict.fromkeys(engine.models, messages), Sampling(max_new_tokens=tokens), **options)
    got = {side: ([], 0) for side in engine.models}
    for event in engine.stream(request, session):
        if isinstance(event, PromptEvent):
            got[event.side] = ([], event.reused)
        elif isinstance(event, StepEvent):
            got[event.side][0].append(event.token_id)
    return got


def tokens_of(got):
    return {side: ids for side, (ids, _) in got.items()}


def test_a_session_uses_no_rows_of_the_other_weights():
    engine, long = make_engine(tuned=made(seed=7)), "tell me everything " * 20
    try:
        fresh = {tuned: tokens_of(answers(engine, [user(long)], tuned=tuned)) for tuned in (False, True)}
        assert fresh[False] != fresh[True]
        reused = []
        for tuned in (True, True, False, False, True):
            got = answers(engine, [user(long)], "one session", tuned=tuned)
            assert tokens_of(got) == fresh[tuned]
            reused.append(all(rows > 0 for _, rows in got.values()))
        assert reused == [False, True, False, True, False]
    finally:
        engine.close()


def check_same_answers(engine, long, short, context):
    chat = [user(long), {"role": "assistant", "content": "Yes, " + short}, user("And then?")]
    fresh = {
        name: tokens_of(answers(engine, m))
        for name, m in (("long", [user(long)]), ("short", [user(short)]), ("chat", chat))
    }
    turns = [
        ("long", [user(long)], {}),
        ("long", [user(long)], {}),  # retry
        ("long", [user(long)], {"selective_k": context}),  # every row, in words
        ("chat", chat, {}),  # the next turn
        ("chat", chat, {}),
        ("long", [user(long)], {}),  # undo
        ("short", [user(short)], {}),  # an edit to something shorter
        ("long", [user(long)], {}),
        ("chat", chat, {"selective_k": context}),
    ]
    reused = []
    for name, messages, options in turns:
        got = answers(engine, messages, "visitor", **options)
        assert tokens_of(got) == fresh[name], (name, options)
        reused.append(got["sigma"][1])
    assert max(reused) > 0  # else nothing was tested
    return reused


def test_a_turn_answers_as_a_fresh_chat_does(engine):
    """300 tokens: a whole chunk and a part of one."""
    reused = check_same_answers(engine, "The house by the sea. " * 12, "The house by the lake.", 512)
    if engine.models["sigma"].runtime.cuts_freely:
        assert reused[1] > 256  # a retry computes two tokens of its prompt again, not a chunk


def test_the_default_pair_answers_as_a_fresh_chat_does():
    need_default_pair()
    engine = load_engine(device="cpu")
    try:
        check_same_answers(engine, "Tell me about the moon. " * 3, "Tell me about the sea.", 2048)
    finally:
        engine.close()


@pytest.mark.parametrize("weights", ["bf16", "fp32", "int4"])
@pytest.mark.parametrize("side", SHAPES)
def test_rows_and_logits_do_not_depend_on_the_cut(side, weights):
    model = side_of(tiny_model(**SHAPES[side]), side)
    runtime = Runtime(model.config, model.tensors, weights=weights)
    if not runtime.cuts_freely:
        pytest.skip(f"{runtime.kernels}: the cut shows, so the engine keeps whole chunks only")
    ids = torch.randint(259, (1, 300), generator=torch.Generator().manual_seed(0))
    caches, logits = [], []
    for cuts in ([300], [256, 44], [298, 2], [2, 3, 11, 16, 17, 31, 220], [150, 150]):
        cache = runtime.new_cache()
        for piece in ids.split(cuts, 1):
            last = runtime.prefill(piece, cache)
        caches.append(cache)
        logits.append(last)
    for cache, last in zip(caches[1:], logits[1:]):
        assert torch.equal(last, logits[0])
        for mine, whole in zip(cache.layers, caches[0].layers):
            assert torch.equal(mine.keys, whole.keys) and torch.equal(mine.values, whole.values)


def test_a_prompt_one_token_longer_than_a_chunk_has_no_piece_of_one(engine, monkeypatch):
    monkeypatch.setattr(run, "PREFILL_CHUNK", 16)
    for length in (1, 2, 15, 16, 17, 33):
        monkeypatch.setattr(run, "prompt_ids", lambda *_, length=length: list(range(3, 3 + length)))
        request = ChatRequest({"gqa": [user("x")]}, Sampling(max_new_tokens=1))
        done = [e.done for e in engine.stream(request) if isinstance(e, PrefillEvent)]
        assert done[-1] == length
        if engine.models["gqa"].runtime.cuts_freely and length > 1:
            assert min(b - a for a, b in zip([0, *done], done)) > 1


@pytest.mark.parametrize("covering", [40, 41, 511])
def test_a_selection_of_every_row_is_full_attention(engine, covering):
    """41 rows with the new one: k = 40 earlier ones are all of them."""
    runtime = engine.models["sigma"].runtime
    ids = torch.randint(259, (1, 40), generator=torch.Generator().manual_seed(0))
    answers = []
    for top_k in (None, covering, 3):
        cache = runtime.new_cache()
        runtime.prefill(ids, cache)
        answers.append((*runtime.decode(ids[:, :1], cache, top_k=top_k, probe_layer=0), cache.bytes()))
    (full, _, _), (all_rows, probe, read), (fewer, _, _) = answers
    assert torch.equal(full, all_rows) and not torch.equal(full, fewer)
    assert probe.positions.shape == (9, 41) and (probe.positions == range(41)).all() and (probe.captured == 1).all()
    assert read.v_read == runtime.config.v_read_bytes(41, covering, 2) and read.v_distinct == read.v_resident


# Steps that are damaged ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("sampling", [dict(), dict(temperature=0.8, top_p=0.9), dict(temperature=1.0, top_k=5)])
@pytest.mark.parametrize("when", ["prefill", "decode_many"])
def test_a_damaged_step_ends_with_an_error_and_nothing_leaks(engine, monkeypatch, value, sampling, when):
    runtime = engine.models["gqa"].runtime
    whole, caches = getattr(runtime, when), []
    make = runtime.new_cache
    monkeypatch.setattr(runtime, "new_cache", lambda: caches.append(make()) or caches[-1])

    def damage(logits):
        logits = logits.clone()
        logits[0, 7] = value
        return logits

    def damaged(*arguments):
        result = whole(*arguments)
        return damage(result) if when == "prefill" else [(damage(logits), probe) for logits, probe in result]

    messages = {side: [user("Hello")] for side in engine.models}
    with monkeypatch.context() as broken:
        broken.setattr(runtime, when, damaged)
        with pytest.raises(DamagedStep, match="GQA side computed values that are not numbers"):
            list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=9, **sampling)), "visitor"))
    assert caches and all(cache.bytes().allocated == 0 for cache in caches)
    assert engine.cached_bytes() == 0
    assert len(answers(engine, [user("Hello")], "other", tokens=3)["gqa"][0]) > 0  # the engine goes on


def test_other_sessions_go_on_beside_a_damaged_one(engine, monkeypatch):
    alone = tokens_of(answers(engine, [user("Hello")]))
    request = ChatRequest({side: [user("Hello")] for side in engine.models}, Sampling(max_new_tokens=24))
    good, bad = engine.stream(request, "good"), engine.stream(request, "bad")
    events = [next(good) for _ in range(6)]
    for _ in range(6):
        next(bad)
    runtime = engine.models["sigma"].runtime
    whole = runtime.decode_many
    with monkeypatch.context() as broken:
        broken.setattr(runtime, "decode_many", lambda steps: [(x * float("nan"), None) for x, _ in whole(steps)])
        with pytest.raises(DamagedStep, match="Sigma"):
            list(bad)
    events += list(good)
    steps = [e for e in events if isinstance(e, StepEvent)]
    assert {s: [e.token_id for e in steps if e.side == s] for s in engine.models} == alone


def test_the_visitor_is_shown_the_message():
    assert issubclass(DamagedStep, PromptError)  # whose messages the page, the API and the commands show


@pytest.mark.parametrize("name", ["temperature", "top_p", "repetition_penalty"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_sampling_options_must_be_numbers(engine, name, value):
    with pytest.raises(PromptError, match=name):
        engine.stream(ChatRequest({"gqa": [user("Hello")]}, Sampling(**{"temperature": 1.0, name: value})))


def test_a_vanishing_temperature_is_greedy(engine):
    request = lambda t: ChatRequest({"gqa": [user("Hello")]}, Sampling(max_new_tokens=9, temperature=t))  # noqa: E731
    texts = [[e.token_id for e in engine.stream(request(t)) if isinstance(e, StepEvent)] for t in (0, 1e-9, 1e-320)]
    assert texts[0] == texts[1] == texts[2]
