"""The lean runtime against the readable model: logits, bytes, selective V, sharing. Both code paths."""

import numpy as np
import pytest
import torch

from kernels import native
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import Dense, GroupInt8, quantize_int4, quantize_int8
from sigma.runtime import Runtime

SHAPE = dict(vocab_size=160, hidden_size=96, intermediate_size=128, num_hidden_layers=3, max_position_embeddings=96)
CONFIGS = {
    "9/1/3+augq": dict(num_attention_heads=9, num_key_heads=1, num_value_heads=3, head_dim=32, augmented_query_dim=320),
    "layers-differ": dict(
        num_attention_heads=9,
        num_key_heads=[1, 3, 1],
        num_value_heads=3,
        head_dim=32,
        augmented_query_dim=[320, None, 320],
    ),
    "9/3/3": dict(num_attention_heads=9, num_key_heads=3, num_value_heads=3, head_dim=32),
    "9/1/3+half-k": dict(
        num_attention_heads=9, num_key_heads=1, num_value_heads=3, head_dim=32, key_head_dim=16, augmented_query_dim=352
    ),
    "9/1/3+wide-k": dict(
        num_attention_heads=9, num_key_heads=1, num_value_heads=3, head_dim=32, key_head_dim=48, augmented_query_dim=320
    ),
    "4/2/1": dict(num_attention_heads=4, num_key_heads=2, num_value_heads=1, head_dim=32, tie_word_embeddings=False),
    "9/3/3+biases+norms": dict(
        num_attention_heads=9, num_key_heads=3, num_value_heads=3, head_dim=32, qkv_bias=True, qk_norm=True
    ),
    "odd-widths": dict(
        num_attention_heads=2,
        num_key_heads=1,
        num_value_heads=2,
        head_dim=6,
        hidden_size=20,
        intermediate_size=44,
        vocab_size=50,
        augmented_query_dim=14,
    ),
}


pytestmark = pytest.mark.usefixtures("path")  # every test runs on the C++ path and on the torch path


def test_the_path_is_the_one_asked_for(path):
    kernels = Runtime.from_model(tiny("9/1/3+augq")).kernels
    if path == "torch":
        assert kernels == "torch (SIGMA_NATIVE=0)"
    else:
        assert kernels == native.status()  # native code wherever there is a compiler


def tiny(name: str, **overrides) -> SigmaForCausalLM:
    torch.manual_seed(0)
    model = SigmaForCausalLM(SigmaConfig(**{**SHAPE, **CONFIGS[name], **overrides}, initializer_range=0.08)).eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:  # norms of all ones would hide a forgotten one
            parameter.data.uniform_(0.5, 1.5)
    return model


def tokens(model, batch: int, length: int) -> torch.Tensor:
    return torch.randint(0, model.config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(1))


def reference(model, ids: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(ids, use_cache=False).logits


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("batch", [1, 3])
def test_chunks_and_steps_agree_with_the_model(name, batch):
    model = tiny(name)
    ids = tokens(model, batch, 61)
    wanted = reference(model, ids)
    runtime = Runtime.from_model(model, weights="fp32")
    cache = runtime.new_cache()
    chunks = [runtime.prefill(part, cache, all_logits=True) for part in ids[:, :52].split((37, 5, 1, 9), dim=1)]
    torch.testing.assert_close(torch.cat(chunks, 1), wanted[:, :52], atol=1e-4, rtol=1e-4)
    for i in range(52, 61):
        logits, probe = runtime.decode(ids[:, i : i + 1], cache)
        assert probe is None
        torch.testing.assert_close(logits, wanted[:, i], atol=1e-4, rtol=1e-4)


def test_prefill_gives_the_last_position():
    model = tiny("9/3/3")
    ids = tokens(model, 2, 20)
    runtime = Runtime.from_model(model, weights="fp32")
    torch.testing.assert_close(
        runtime.prefill(ids, runtime.new_cache()), reference(model, ids)[:, -1], atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("top_k", [None, 5, 500])
def test_bytes_and_probe_are_exact(top_k):
    model = tiny("9/1/3+augq")
    config = model.config
    runtime = Runtime.from_model(model, weights="bf16")
    cache = runtime.new_cache()
    ids = tokens(model, 1, 33)
    runtime.prefill(ids[:, :32], cache)
    distinct = 0
    for layer in range(config.num_hidden_layers):  # the same step once per layer, to see every layer's rows
        cache.keep_first(32)
        _, probe = runtime.decode(ids[:, 32:], cache, top_k=top_k, probe_layer=layer)
        assert probe.layer == layer
        assert probe.scores.shape == (9, 33)
        assert probe.scores.dtype == np.float32
        np.testing.assert_allclose(probe.scores.sum(1), 1, rtol=1e-4)
        if top_k is None:
            assert probe.positions is None
            np.testing.assert_array_equal(probe.captured, 1)
            continue
        kept = min(top_k, 32)
        assert probe.positions.shape == (9, kept + 1)
        assert probe.positions.dtype == np.int32
        for head in range(9):
            best = set(np.argsort(-probe.scores[head, :32], kind="stable")[:kept]) | {32}
            assert set(probe.positions[head]) == best
            assert probe.captured[head] == pytest.approx(probe.scores[head, list(best)].sum(), abs=2e-3)
        groups = probe.positions.reshape(3, -1)
        distinct += sum(len(np.unique(group)) for group in groups)
    used = cache.bytes()
    k, v = config.kv_bytes(33)
    assert (used.k_resident, used.v_resident, used.k_read) == (k, v, k)
    assert used.v_read == config.v_read_bytes(33, top_k)
    assert used.v_distinct == (v if top_k is None else distinct * config.head_dim * 2)
    assert used.allocated == sum(x.k_buffer.nbytes + x.v_buffer.nbytes for x in cache.layers)


def test_crop_and_continue_equals_fresh():
    model = tiny("9/1/3+augq")
    runtime = Runtime.from_model(model, weights="fp32")
    ids = tokens(model, 1, 40)
    used = runtime.new_cache()
    runtime.prefill(ids.flip(1), used)
    used.keep_first(0)
    runtime.prefill(ids[:, :30], used)
    runtime.prefill(ids[:, :8], used)
    used.keep_first(30)
    fresh = runtime.new_cache()
    runtime.prefill(ids[:, :30], fresh)
    a, _ = runtime.decode(ids[:, 30:31], used)
    b, _ = runtime.decode(ids[:, 30:31], fresh)
    torch.testing.assert_close(a, b)


def packed_tensors(model) -> dict:
    """The weights as a checkpoint packs them: int8 q and k, 4-bit with offsets in the augmented query, 4-bit rest."""
    packed = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        if tensor.dim() == 1:
            packed[name] = Dense(tensor)
        elif "embed" in name:
            values = quantize_int8(tensor)
            scale = values.scale[:, None].expand(-1, tensor.shape[1] // 32).contiguous()
            packed[name] = GroupInt8(values.values, scale)
        elif "q_proj" in name or "k_proj" in name:
            packed[name] = quantize_int8(tensor)
        elif "q_gate" in name:
            vectors = (torch.full((len(tensor),), 0.5), torch.linspace(-0.2, 0.2, tensor.shape[1]))
            packed[name] = quantize_int4(tensor + torch.outer(*vectors), 32, rank_one=vectors)
        elif "q_up" in name or "q_down" in name:
            packed[name] = quantize_int4(tensor + 0.7 * torch.eye(*tensor.shape), 32, identity=0.7)
        elif "k_expand" in name:
            packed[name] = Dense(tensor.to(torch.bfloat16))
        else:
            packed[name] = quantize_int4(tensor, 32)
    return packed


@pytest.mark.parametrize("name", ["9/1/3+augq", "9/3/3", "9/1/3+half-k"])
@pytest.mark.parametrize("weights", ["int4", "bf16"])
def test_packed_weights_agree_with_the_dequantized_model(name, weights):
    model = tiny(name)
    packed = packed_tensors(model)
    state = {name: tensor.dequantize() for name, tensor in packed.items()}
    model.load_state_dict({**state, "lm_head.weight": state["model.embed_tokens.weight"]})
    ids = tokens(model, 2, 40)
    wanted = reference(model, ids)
    runtime = Runtime(model.config, packed, weights=weights)
    cache = runtime.new_cache()
    found = [runtime.prefill(ids[:, :33], cache, all_logits=True)]
    found += [runtime.decode(ids[:, i : i + 1], cache)[0][:, None] for i in range(33, 40)]
    assert cache.layers[0].keys.dtype == torch.bfloat16
    # bf16 activations: about 2^-8 per rounding, a dozen roundings per layer
    error = (torch.cat(found, 1) - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()
    assert error < 0.03


def test_sides_share_what_is_the_same_object(path):
    gqa, sigma = tiny("9/3/3"), tiny("9/1/3+augq")
    tensors = packed_tensors(gqa)
    own = ("q_proj", "k_proj", "q_gate_proj", "q_up_proj", "q_down_proj")
    changed = {k: v for k, v in packed_tensors(sigma).items() if k.split(".")[-2] in own}
    first = Runtime(gqa.config, tensors)
    second = Runtime(sigma.config, {**tensors, **changed}, share=first)
    a, b = first.weight_pointers(), second.weight_pointers()
    for name, pointer in b.items():
        assert (a.get(name) == pointer) == (name.split(".")[-2] not in own), name
    alone = Runtime(sigma.config, {**tensors, **changed})
    ids = tokens(sigma, 1, 20)
    torch.testing.assert_close(second.prefill(ids, second.new_cache()), alone.prefill(ids, alone.new_cache()))


def test_errors_carry_the_numbers():
    model = tiny("9/3/3")
    runtime = Runtime.from_model(model)
    cache = runtime.new_cache()
    with pytest.raises(ValueError, match="outside the vocabulary of 160"):
        runtime.prefill(torch.tensor([[160]]), cache)
    with pytest.raises(ValueError, match="exceed the context of 96"):
        runtime.prefill(torch.zeros(1, 97, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="one token per sequence"):
        runtime.decode(torch.zeros(1, 2, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="missing_mass must be one of drop, renormalize, mean, got 'keep'"):
        runtime.decode(torch.zeros(1, 1, dtype=torch.long), cache, top_k=1, missing_mass="keep")
    with pytest.raises(ValueError, match="threshold must be a weight from 0 to less than 1, got 1"):
        runtime.decode(torch.zeros(1, 1, dtype=torch.long), cache, top_k=1, threshold=1)
    with pytest.raises(ValueError, match="top_k"):
        runtime.decode(torch.zeros(1, 1, dtype=torch.long), cache, top_k=0)
    with pytest.raises(ValueError, match="probe_layer 3"):
        runtime.decode(torch.zeros(1, 1, dtype=torch.long), cache, probe_layer=3)
    assert cache.length == 0
    tensors = {name: Dense(tensor) for name, tensor in model.state_dict().items()}
    missing = {k: v for k, v in tensors.items() if "layers.1.mlp.up" not in k}
    with pytest.raises(ValueError, match=r"no tensor model.layers.1.mlp.up_proj.weight"):
        Runtime(model.config, missing)
    bent = {**tensors, "model.norm.weight": Dense(torch.ones(95))}
    with pytest.raises(ValueError, match=r"model.norm.weight must be \(96,\)"):
        Runtime(model.config, bent)
    with pytest.raises(ValueError, match="unknown weights"):
        Runtime(model.config, tensors, weights="int3")


def test_batch_items_are_independent():
    model = tiny("9/1/3+augq")
    runtime = Runtime.from_model(model, weights="fp32")
    ids = tokens(model, 3, 30)
    together, alone = runtime.new_cache(), runtime.new_cache()
    runtime.prefill(ids[:, :29], together)
    runtime.prefill(ids[1:2, :29], alone)
    a, _ = runtime.decode(ids[:, 29:], together, top_k=4)
    b, _ = runtime.decode(ids[1:2, 29:], alone, top_k=4)
    torch.testing.assert_close(a[1:2], b, atol=1e-5, rtol=1e-5)
