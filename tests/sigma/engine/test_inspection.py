"""Inspection against the eager attention of the readable model, and what the engine keeps of a turn."""

import threading

import numpy as np
import pytest
import torch

from kernels.selective.missing_mass import MISSING_MASS
from sigma.engine import inspection
from sigma.engine.engine import Model, SigmaEngine
from sigma.engine.inspection import recompute
from sigma.events import Cancelled, ChatRequest, DamagedStep, PromptError, Sampling
from sigma.limits.current import limits
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model
from visualizers.explore.payloads import squares_of

SHAPES = {
    "gqa": dict(num_key_heads=3),
    "sigma": dict(seed=1, num_key_heads=1, augmented_query_dim=108),
    "layers differ": dict(seed=8, num_key_heads=[3, 1], augmented_query_dim=[None, 108]),
    "one head": dict(seed=2, num_attention_heads=1, num_key_heads=1, num_value_heads=1, head_dim=8),
    "32/4/16": dict(seed=3, num_attention_heads=32, num_key_heads=4, num_value_heads=16, head_dim=8),
    "half K": dict(seed=4, num_key_heads=3, key_head_dim=4),
    "biases, so the torch path": dict(seed=6, num_key_heads=3, qkv_bias=True),
    "mean": dict(seed=7, num_key_heads=1, selective_v_missing_mass="mean", selective_v_threshold=0.03),
    "raw weights": dict(seed=5, num_key_heads=1, selective_v_missing_mass="drop"),
}


@pytest.fixture(params=SHAPES)
def model(request):
    return tiny_model(**SHAPES[request.param])


def some_ids(n, seed=0):
    return np.random.default_rng(seed).integers(3, 259, n).tolist()


def eager(model, ids):
    """(weights per layer [n_q, T, T], logits [T, vocab]) of the readable model."""
    model.config._attn_implementation = "eager"
    with torch.no_grad():
        hidden = model.model(torch.tensor([ids]), use_cache=False, output_attentions=True)
        return [w[0].numpy() for w in hidden.attentions], model.lm_head(hidden.last_hidden_state)[0]


@pytest.mark.parametrize("tokens", [2, 40, inspection.CHUNK + 1, inspection.CHUNK + 30])
def test_weights_are_those_of_the_readable_model(model, tokens):
    ids = some_ids(tokens)
    found = recompute(Runtime.from_model(model, weights="fp32"), ids, 1)
    wanted, _ = eager(model, ids)
    assert (found.tokens, found.layers, found.query_heads) == (tokens, 2, model.config.num_attention_heads)
    for layer in range(2):
        np.testing.assert_allclose(found.weights(layer, 0, tokens), wanted[layer], atol=2e-4)
        row = found.weights(layer, tokens - 1, tokens)
        np.testing.assert_allclose(row[:, 0], wanted[layer][:, -1], atol=2e-4)
        np.testing.assert_allclose(row.sum(-1), 1, atol=1e-5)


def test_bf16_is_close(model):
    """Random weights make sharp softmaxes, so single weights move; on the whole they stay."""
    ids = some_ids(60)
    found = recompute(Runtime.from_model(model, weights="bf16"), ids, 1)
    assert np.abs(found.weights(0, 0, 60) - eager(model, ids)[0][0]).mean() < 1e-3


@pytest.mark.parametrize(
    "queries, keys, width, head",
    [
        ((0, 300), (0, 300), 7, None),
        ((0, 300), (0, 300), 1, None),
        ((3, 250), (5, 120), 4, 0),
        ((299, 300), (0, 300), 64, None),
        ((0, 300), (0, 300), 500, None),
        ((0, 40), (100, 180), 9, None),
    ],
)
def test_squares_are_the_largest_weights_without_the_weights_between(model, queries, keys, width, head):
    found = recompute(Runtime.from_model(model, weights="fp32"), some_ids(300), 1)
    largest, sums = found.squares(1, queries, keys, width, head)
    weights, meant = found.attend(1, *queries, head)
    np.testing.assert_allclose(largest, squares_of(weights, keys, width), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(sums, meant, atol=1e-4)


def test_squares_of_a_text_whose_oldest_queries_were_not_kept(monkeypatch):
    monkeypatch.setattr(inspection, "QUERY_BYTES", 2 * 9 * 12 * 4 * 20)
    found = recompute(Runtime.from_model(tiny_model(num_key_heads=3), weights="fp32"), some_ids(50), 1)
    queries, keys = (found.first_query, 50), (0, 50)
    assert found.first_query > 0
    meant = squares_of(found.weights(0, *queries), keys, 6)
    np.testing.assert_allclose(found.squares(0, queries, keys, 6)[0], meant, rtol=1e-4, atol=1e-6)
    for wrong in (((0, 50), keys, 6), (queries, (0, 51), 6), (queries, keys, 0), (queries, (5, 5), 6)):
        with pytest.raises(ValueError, match="not there"):
            found.squares(0, *wrong)


def test_output_error_is_that_of_the_selective_kernel(model):
    """Against the model's own decode step, which chooses the rows itself."""
    from kernels import decode_attention, selective_decode_attention

    ids = some_ids(50)
    found = recompute(Runtime.from_model(model, weights="fp32"), ids, 1)
    q = found._queries[1][None, :, -1:]
    k, v = found._keys[1][None], found._values[1][None]
    full = decode_attention(q, k, v, scale=found.scale)[0, :, 0]
    ks = [1, 3, 16, 48, 49, 400]
    errors = found.output_errors(1, 49, ks)
    others = [found.output_errors(1, 49, ks, word) for word in MISSING_MASS]
    for i, top_k in enumerate(ks):
        for word, some in zip((found.missing_mass, *MISSING_MASS), (errors, *others)):
            how = dict(missing_mass=word, threshold=found.threshold, scale=found.scale)
            kept = selective_decode_attention(q, k, v, top_k, **how).out
            wanted = (kept[0, :, 0] - full).norm(dim=1) / full.norm(dim=1)
            np.testing.assert_allclose(some[:, i], wanted, atol=1e-4)
    assert errors[:, 0].max() > 0.01 and (found.threshold or errors[:, -1].max() < 1e-5)
    with pytest.raises(ValueError, match="missing_mass must be one of drop, renormalize, mean, got 'keep'"):
        found.output_errors(1, 49, ks, "keep")


def test_next_tokens_begin_at_the_end_of_the_prompt():
    model = tiny_model(num_key_heads=3)
    ids = some_ids(30)
    found = recompute(Runtime.from_model(model, weights="fp32"), ids, 20)
    probabilities = eager(model, ids)[1].softmax(-1)
    assert found.next_tokens(18) is None
    for position in range(19, 30):
        told = found.next_tokens(position)
        best = probabilities[position].topk(5)
        assert told.ids == tuple(best.indices.tolist())
        np.testing.assert_allclose(told.probabilities, best.values, rtol=1e-3)
        if position < 29:
            assert told.taken == pytest.approx(float(probabilities[position, ids[position + 1]]), rel=1e-2)
        else:
            assert np.isnan(told.taken)
        wanted = -(probabilities[position] * probabilities[position].log2()).sum()
        assert told.entropy == pytest.approx(float(wanted), abs=1e-3)


def test_one_token():
    found = recompute(Runtime.from_model(tiny_model(num_key_heads=3), weights="fp32"), [5], 1)
    assert found.weights(0, 0, 1).tolist() == [[[1.0]]] * 9
    assert not found.output_errors(0, 0, [1, 4]).any()
    assert found.next_tokens(0) is not None


def test_of_a_long_text_the_newest_queries_are_kept(monkeypatch):
    model = tiny_model(num_key_heads=3)
    monkeypatch.setattr(inspection, "QUERY_BYTES", 2 * 9 * 8 * 4 * 100)
    ids = some_ids(300)
    found = recompute(Runtime.from_model(model, weights="fp32"), ids, 290)
    assert found.first_query == 200 and found.nbytes < 2 * (9 * 100 + 6 * 300) * 8 * 4 + 1
    np.testing.assert_allclose(found.weights(1, 200, 300), eager(model, ids)[0][1][:, 200:], atol=2e-4)
    with pytest.raises(ValueError, match="200 to 299"):
        found.weights(0, 199, 300)


def test_what_cannot_be_inspected_is_explained():
    runtime = Runtime.from_model(tiny_model(num_key_heads=3), weights="fp32")
    for ids, words in (([], "no tokens"), ([259], "vocabulary"), ([-1, 4], "vocabulary"), ([5] * 513, "512")):
        with pytest.raises(PromptError, match=words):
            recompute(runtime, ids, 1)
    found = recompute(runtime, [5, 6, 7], 1)
    for arguments in ((2, 0, 1), (0, 0, 4), (0, 2, 2), (-1, 0, 1)):
        with pytest.raises(ValueError, match=r"not there|does not exist"):
            found.weights(*arguments)
    with pytest.raises(ValueError, match="at least 1"):
        found.output_errors(0, 2, [0])
    found.free()
    assert found.nbytes == 0
    with pytest.raises(ValueError, match="freed"):
        found.weights(0, 0, 1)


@pytest.fixture
def engine():
    models = {}
    for name in ("sigma", "gqa"):
        side = side_of(tiny_model(**SHAPES[name]), f"tiny {name}")
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    engine = SigmaEngine(models)
    yield engine
    engine.close()


def ask(text="Hello there", tokens=6):
    messages = {side: [{"role": "user", "content": text}] for side in ("sigma", "gqa")}
    return ChatRequest(messages, Sampling(max_new_tokens=tokens))


def test_a_visitor_who_leaves_ends_the_work(engine):
    gone, seen = threading.Event(), []

    def progress(part):
        seen.append(part)
        gone.set()

    with pytest.raises(Cancelled):
        engine.inspect("gqa", some_ids(500), 1, gone, progress)
    assert seen == [inspection.CHUNK / 500]


def test_the_engine_notes_the_tokens_of_a_turn_and_shows_their_attention(engine):
    request = ask()
    events = list(engine.stream(request, "visitor"))
    past = engine.past_run("visitor")
    assert past.request is request
    for side in ("sigma", "gqa"):
        mine = [e for e in events if e.side == side]
        wanted = (*mine[0].token_ids, *(e.token_id for e in mine if hasattr(e, "token_id")))
        assert past.sides[side].ids == wanted and past.sides[side].prompt_length == len(mine[0].token_ids)
        found = engine.inspect(side, past.sides[side].ids, past.sides[side].prompt_length)
        assert found.tokens == len(wanted)
        assert engine.piece(side, wanted[0]) == mine[0].pieces[0]


def test_a_turn_of_the_tuned_base_is_inspected_by_it(engine):
    with pytest.raises(KeyError):
        engine.inspect("gqa", some_ids(9), 1, tuned=True)
    side = side_of(tiny_model(**SHAPES["gqa"] | {"seed": 7}), "tuned")
    engine.tuned["gqa"] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    plain, tuned = (engine.inspect("gqa", some_ids(9), 1, tuned=tuned).weights(0, 8, 9) for tuned in (False, True))
    own = recompute(engine.tuned["gqa"].runtime, some_ids(9), 1).weights(0, 8, 9)
    assert np.array_equal(tuned, own) and not np.array_equal(plain, tuned)


def test_the_probe_of_a_step_is_what_the_inspection_says(engine):
    messages = {"sigma": [{"role": "user", "content": "What is it?"}]}
    steps = list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=8), probe_layer=1), "p"))[2:]
    past = engine.past_run("p").sides["sigma"]
    found = engine.inspect("sigma", past.ids, past.prompt_length)
    for step in steps[1:]:
        query = past.prompt_length - 1 + step.step
        np.testing.assert_allclose(found.weights(1, query, query + 1)[:, 0], step.probe.scores, atol=2e-4)


def test_a_stopped_turn_is_noted_and_a_released_one_forgotten(engine):
    stream = engine.stream(ask(tokens=30), "visitor")
    for event in stream:
        if event.side == "sigma" and getattr(event, "step", 0) == 3:
            break
    stream.close()
    assert len(engine.past_run("visitor").sides["sigma"].ids) > engine.past_run("visitor").sides["sigma"].prompt_length
    engine.release("visitor")
    assert engine.past_run("visitor") is None and engine.past_run("nobody") is None
    kept = limits().past_runs
    for i in range(kept + 3):
        list(engine.stream(ask(tokens=1), f"v{i}"))
    assert engine.past_run("v0") is None and engine.past_run(f"v{kept + 2}") is not None


@pytest.mark.parametrize("position", [0, 30, 299])
def test_a_damaged_text_is_not_drawn(model, position, monkeypatch):
    """NaN would reach the page as a picture of nothing, and its JSON as no JSON."""
    runtime = Runtime.from_model(model, weights="fp32")
    plain, caches, make = runtime.path.run, [], runtime.new_cache
    monkeypatch.setattr(runtime, "new_cache", lambda: caches.append(make()) or caches[-1])

    def run(ids, cache, trace, top_k):
        start = cache.length
        hidden = plain(ids, cache, trace, top_k).clone()
        if start <= position < cache.length:
            hidden[0, position - start, 3] = float("nan")
        return hidden

    monkeypatch.setattr(runtime.path, "run", run)
    with pytest.raises(DamagedStep, match="not numbers"):
        recompute(runtime, some_ids(300), 1)
    assert caches[0].bytes().allocated == 0
