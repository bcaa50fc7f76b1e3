"""Prompt lookup on the default pair: the same answers token for token, alone and beside others, in fewer steps."""

from pathlib import Path

import pytest
import torch

from kernels import native
from sigma.checkpoints.load import load_pair
from sigma.engine.engine import Model, SigmaEngine
from sigma.events import ChatRequest, Sampling, StepEvent
from sigma.measure.lookup import WORKLOADS
from sigma.runtime import Runtime, SequenceStep
from tests.real import need_default_pair
from tests.sigma.engine.test_batch import in_threads

pytestmark = pytest.mark.base
TEXT = Path(__file__).parents[3] / "LICENSE"
CHATS = [chats[i] for i in range(2) for chats in WORKLOADS.values()]


@pytest.fixture(scope="module")
def pair():
    need_default_pair()
    return load_pair()


@pytest.fixture(scope="module")
def engine(pair):
    gqa = Runtime(pair.gqa.config, pair.gqa.tensors)
    sigma = Runtime(pair.sigma.config, pair.sigma.tensors, share=gqa)
    made = SigmaEngine({"sigma": Model(pair.sigma, sigma), "gqa": Model(pair.gqa, gqa)})
    yield made
    made.close()


def answer(engine, messages, on, tokens=48, **how):
    request = ChatRequest(dict.fromkeys(("sigma", "gqa"), messages), Sampling(max_new_tokens=tokens), lookup=on, **how)
    found = {"sigma": [], "gqa": []}
    for event in engine.stream(request):
        if isinstance(event, StepEvent):
            probe = None if event.probe is None else (event.probe.scores.tobytes(), event.probe.captured.tobytes())
            found[event.side].append((event.token_id, event.text, probe, event.cache, event.finish_reason))
            last = event.lookup
    return found, last


@pytest.mark.parametrize("how", [{}, dict(selective_k=16, probe_layer=12)], ids=["all-rows", "selective"])
def test_the_answers_are_the_same(engine, how):
    if engine.models["sigma"].runtime.draft_margin:
        pytest.skip("bit for bit in the C++ code alone")
    right = drafted = 0
    for chat in CHATS:
        without, _ = answer(engine, chat, False, **how)
        with_it, account = answer(engine, chat, True, **how)
        assert with_it == without
        right, drafted = right + account.accepted, drafted + account.drafted
    assert right > 0.5 * drafted > 20


def test_beside_each_other(engine):
    if engine.models["sigma"].runtime.draft_margin:
        pytest.skip("bit for bit in the C++ code alone")
    alone = [answer(engine, chat, False, tokens=32, selective_k=24)[0] for chat in CHATS[:4]]
    asked = [
        lambda c=chat, i=i: answer(engine, c, i != 2, tokens=32, selective_k=24)[0] for i, chat in enumerate(CHATS[:4])
    ]
    assert in_threads(asked)() == alone


@pytest.mark.parametrize("top_k", [None, 24])
@pytest.mark.parametrize("side", ["sigma", "gqa"])
def test_torch_operations_choose_the_same_tokens(pair, side, top_k, monkeypatch):
    """Of 8 tokens in one pass: the difference of two likely tokens' logits changes by less than the margin, so where a token is
    ahead by it, as in most places of a text, a step of one token has the same; elsewhere the engine takes such a step."""
    if side == "gqa" and top_k is not None:
        pytest.skip("Sigma's alone")
    monkeypatch.setenv("SIGMA_NATIVE", "0")
    native.reset()
    loaded = getattr(pair, side)
    runtime = Runtime(loaded.config, loaded.tensors)
    ids = torch.tensor(loaded.tokenizer(TEXT.read_text("utf-8")).input_ids)
    clear = same = 0
    worst, margin = 0.0, runtime.draft_margin
    for start in range(0, 16 * 40, 40):
        prompt, tokens = ids[start : start + 32][None], ids[start + 32 : start + 40].tolist()
        caches = [runtime.new_cache() for _ in range(2)]
        for cache in caches:
            runtime.prefill(prompt, cache)
        several = runtime.decode_many([SequenceStep(t, caches[0], top_k, drafted=i > 0) for i, t in enumerate(tokens)])
        for token, (logits, _) in zip(tokens, several, strict=True):
            ((single, _),) = runtime.decode_many([SequenceStep(token, caches[1], top_k)])
            (best, second, *_), likely = (x.tolist() for x in logits[0].topk(20))
            change = (single - logits)[0, likely]
            worst = max(worst, float((change - change[0]).max()))
            if best - second > margin:
                clear += 1
                same += int(logits.argmax() == single.argmax())
    native.reset()
    print(f"{side} {top_k}: differences change by {worst:.3f} at most, {clear} of 128 are clear")
    assert worst < margin and same == clear > 64
