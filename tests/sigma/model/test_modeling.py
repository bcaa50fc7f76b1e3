"""The class is a drop-in transformers model, and its GQA configuration is Llama."""

import warnings

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, StaticCache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sigma import SigmaForCausalLM
from sigma.model import attention
from sigma.model.cache import CACHE_NAME, DiffKVCache
from tests.tiny import SHAPE, tiny_model

SHAPES = {
    "gqa-9-3-3": dict(num_key_heads=3),
    "sigma-9-1-3": dict(num_key_heads=1, augmented_query_dim=108),
    "layers-differ": dict(num_key_heads=[3, 1], augmented_query_dim=[None, 108]),
    "more-k-than-v": dict(num_key_heads=3, num_value_heads=1),
    "half-k": dict(num_key_heads=1, key_head_dim=4),
    "wide-k": dict(num_key_heads=1, key_head_dim=12, augmented_query_dim=100),
    "mha": dict(num_value_heads=9),
    "mqa": dict(num_key_heads=1, num_value_heads=1),
    "selective": dict(num_key_heads=1, selective_v_top_k=5),
    "selective-kept-weights": dict(num_key_heads=1, selective_v_top_k=5, selective_v_missing_mass="drop"),
    "selective-mean": dict(num_key_heads=1, selective_v_top_k=5, selective_v_missing_mass="mean"),
    "selective-threshold": dict(num_key_heads=1, selective_v_top_k=9, selective_v_threshold=0.05),
}


@pytest.fixture(params=SHAPES, ids=list(SHAPES))
def model(request):
    return tiny_model(**SHAPES[request.param])


def ids(*shape):
    return torch.randint(3, 259, shape, generator=torch.Generator().manual_seed(3))


def test_gqa_is_llama():
    llama = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=259,
            hidden_size=72,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=9,
            num_key_value_heads=3,
            head_dim=8,
            rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
            rms_norm_eps=1e-5,
            tie_word_embeddings=True,
            initializer_range=0.2,
        )
    ).eval()
    ours = tiny_model(num_key_heads=3)
    ours.load_state_dict(llama.state_dict())
    prompts = ids(64, 33)
    with torch.no_grad():
        assert (ours(prompts).logits - llama(prompts).logits).abs().max() < 2e-4
    options = dict(do_sample=False, max_new_tokens=64, min_new_tokens=64, pad_token_id=0)
    assert torch.equal(ours.generate(prompts[:1], **options), llama.generate(prompts[:1], **options))


def test_steps_through_the_cache_equal_one_pass(model):
    model.config.selective_v_top_k = None
    prompt = ids(2, 40)
    with torch.no_grad():
        whole = model(prompt).logits
        cache = DiffKVCache(model.config, chunk=16)
        parts = [model(prompt[:, a:b], cache=cache).logits for a, b in ((0, 25), (25, 26), (26, 29), (29, 40))]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=2e-4, rtol=1e-4)


def test_chunks_of_a_prompt_need_no_mask(model, monkeypatch):
    """A chunk after the first: our kernels align it by themselves; padding and static caches still get a mask."""
    model.config.selective_v_top_k = None
    prompt, masks = ids(1, 64), []
    plain = attention.diffqkv_attention

    def watched(module, query, key, value, attention_mask, scaling, **kwargs):
        masks.append(attention_mask is not None)
        return plain(module, query, key, value, attention_mask, scaling, **kwargs)

    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, "diffqkv", watched)
    with torch.no_grad():
        whole = model(prompt).logits
        for padding in (None, torch.ones_like(prompt)):
            cache = DiffKVCache(model.config)
            model(prompt[:, :30], cache=cache, attention_mask=None if padding is None else padding[:, :30])
            rest = model(prompt[:, 30:], cache=cache, attention_mask=padding).logits
            torch.testing.assert_close(rest, whole[:, 30:], atol=2e-4, rtol=1e-4)
    assert not any(masks)
    options = dict(do_sample=False, max_new_tokens=8, min_new_tokens=8, pad_token_id=2)
    wanted = model.generate(prompt, **options)
    assert torch.equal(model.generate(prompt, prefill_chunk_size=20, **options), wanted)
    assert not any(masks)
    static = {CACHE_NAME: StaticCache(model.config, 100), **options}
    if model.config.num_key_heads == model.config.num_value_heads:
        assert torch.equal(model.generate(prompt, **static), wanted)
        assert any(masks)
    else:
        with pytest.raises(ValueError, match=r"as many V heads as K heads.*DiffKVCache"):
            model.generate(prompt, **static)


def test_kernels_agree_with_materialised_scores(model):
    prompt = ids(2, 30)
    with torch.no_grad():

        def last():
            cache = DiffKVCache(model.config)
            model(prompt[:, :-1], cache=cache)
            return model(prompt[:, -1:], cache=cache).logits

        ours = last()
        model.set_attn_implementation("eager")
        torch.testing.assert_close(ours, last(), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("tokens", [1, 3])
def test_new_tokens_after_padding_agree_with_materialised_scores(model, tokens):
    prompt, padding = ids(3, 24), torch.ones(3, 24, dtype=torch.long)
    padding[0, :7], padding[2, :2] = 0, 0
    positions = (padding.cumsum(1) - 1).clamp_min(0)
    first = 24 - tokens

    def last():
        given = dict(cache=DiffKVCache(model.config))
        with torch.no_grad():
            model(prompt[:, :first], padding[:, :first], positions[:, :first], **given)
            return model(prompt[:, first:], padding, positions[:, first:], **given).logits

    model.config.selective_v_top_k = None  # that has a path of its own
    ours = last()
    model.set_attn_implementation("eager")
    torch.testing.assert_close(ours, last(), atol=2e-4, rtol=1e-4)


def test_padding_does_not_change_an_answer(model):
    prompt = ids(1, 12)
    padded = torch.cat((torch.full((1, 5), 2), prompt), 1)
    mask = (torch.arange(17) >= 5).long()[None]
    options = dict(do_sample=False, max_new_tokens=6, min_new_tokens=6, pad_token_id=2)
    alone = model.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
    assert torch.equal(model.generate(padded, attention_mask=mask, **options)[:, 5:], alone)


def test_save_and_load(model, tmp_path):
    model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(again, SigmaForCausalLM)
    with torch.no_grad():
        assert torch.equal(again(ids(1, 9)).logits, model(ids(1, 9)).logits)


def test_half_k_expands_inside_the_query():
    """(W_e^T q) . k equals q . (W_e k) without rotation (position 0)."""
    model = tiny_model(**SHAPES["half-k"])
    attention = model.model.layers[0].self_attn
    x = torch.randn(1, 1, SHAPE["hidden_size"])
    q_wide = attention.q_proj(x).view(1, 9, 8)
    k = attention.k_proj(x).view(4)
    expanded = attention.k_expand_proj.weight.view(8, 4) @ k
    torch.testing.assert_close(attention.query(x)[0, :, 0] @ k, (q_wide @ expanded)[0], atol=1e-4, rtol=1e-4)


def test_selective_everywhere_is_selective_decoding():
    """Teacher-forced with selection at every position == decoding each token with selection."""
    model = tiny_model(**SHAPES["selective"])
    prompt = ids(1, 24)
    with torch.no_grad():
        cache = DiffKVCache(model.config)
        model(prompt[:, :1], cache=cache)
        steps = torch.cat([model(prompt[:, i : i + 1], cache=cache).logits for i in range(1, 24)], 1)
        model.set_attn_implementation("diffqkv_selective_everywhere")
        torch.testing.assert_close(model(prompt).logits[:, 1:], steps, atol=2e-4, rtol=1e-4)


def test_training_reaches_every_parameter():
    model = tiny_model(**SHAPES["sigma-9-1-3"]).train()
    model(ids(1, 20), labels=ids(1, 20)).loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_attentions_need_eager(gqa):
    with pytest.raises(ValueError, match="eager"):
        gqa(ids(1, 4), output_attentions=True)


def test_a_keyword_that_is_not_known_is_refused(model):
    """transformers 5.24 passed `cache` to a forward that swallowed it: wrong tokens from the second on."""
    for call in (model, model.model):
        with pytest.raises(TypeError, match="kv_cache"):
            call(ids(1, 4), kv_cache=DiffKVCache(model.config))
        with pytest.raises(ValueError, match="return_dict"):
            call(ids(1, 4), return_dict=False)
    with pytest.raises(ValueError, match="kv_cache"):
        model.generate(ids(1, 4), kv_cache=DiffKVCache(model.config), max_new_tokens=1)


@pytest.mark.parametrize("name", ["cache", "past_key_values"])
def test_the_cache_has_the_name_of_every_supported_transformers(model, name):
    model.config.selective_v_top_k = None
    prompt = ids(1, 12)
    with torch.no_grad():
        whole = model(prompt).logits
        cache = DiffKVCache(model.config)
        model(prompt[:, :8], **{name: cache})
        rest = model(prompt[:, 8:], **{name: cache})
        torch.testing.assert_close(rest.logits, whole[:, 8:], atol=2e-4, rtol=1e-4)
        assert rest[CACHE_NAME] is cache and cache.length == 12
        with pytest.raises(ValueError, match="two names of one argument"):
            model(prompt[:, :1], cache=cache, past_key_values=cache)


def test_generating_keeps_what_it_read(model):
    """Greedy steps through `generate` are the greedy steps of whole passes, and its cache holds all but the last."""
    model.config.selective_v_top_k = None
    prompt = ids(1, 12)
    out = model.generate(
        prompt, do_sample=False, max_new_tokens=9, min_new_tokens=9, pad_token_id=2, return_dict_in_generate=True
    )
    tokens = prompt
    with torch.no_grad():
        for _ in range(9):
            logits = model(tokens, use_cache=False).logits[:, -1]
            logits[:, model.generation_config.eos_token_id] = -torch.inf
            tokens = torch.cat((tokens, logits.argmax(-1, keepdim=True)), 1)
    assert torch.equal(out.sequences, tokens)
    assert isinstance(out[CACHE_NAME], DiffKVCache) and out[CACHE_NAME].length == 20


def test_our_calls_use_no_deprecated_name(model, caplog):
    """transformers says so once per process, through its logger or a FutureWarning."""
    from transformers.utils import logging

    logging.get_logger("transformers").propagate, before = True, logging.get_logger("transformers").propagate
    type(logging.get_logger("transformers")).warning_once.cache_clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.generate(ids(1, 12), do_sample=False, max_new_tokens=3, pad_token_id=2, prefill_chunk_size=5)
            model.generate(ids(1, 12), num_beams=2, do_sample=False, max_new_tokens=3, pad_token_id=2)
        assert not [record.message for record in caplog.records if "deprecated" in record.message]
    finally:
        logging.get_logger("transformers").propagate = before


def test_training_with_checkpointed_layers_has_the_same_gradients():
    model = tiny_model(num_key_heads=1).train()
    prompt, gradients = ids(1, 20), []
    for checkpointed in (False, True):
        model.zero_grad()
        if checkpointed:
            model.gradient_checkpointing_enable()
        model(prompt, labels=prompt).loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for plain, again in zip(*gradients):
        torch.testing.assert_close(again, plain)
