"""Swap the attention of a stock Llama for these kernels, by the name in `attn_implementation` alone.

    pip install ./kernels transformers
    python kernels/examples/llama.py

A tiny random Llama, so that nothing is fetched; with a real one, pass the same name to `from_pretrained`. The `# %%`
lines divide the file into cells for editors that know them.
"""

# %% What transformers calls by name: the attention of one layer, and the mask that it wants
from functools import partial

import torch
from diffqkv import MAX_DECODE_QUERIES, decode_attention, prefill_attention, selective_decode_attention
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

captured = []  # the softmax mass on the V rows that were read, a number per layer and step of selective V


def attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, top_k=None, **others):
    """query [b, n_q, t, d], key and value [b, n_kv, T, d], the t newest of T positions -> ([b, t, n_q, d], None).

    top_k: read only the V rows with the best k scores in decoding. ValueError for dropout, which the kernels lack.
    """
    if dropout:
        raise ValueError(f"attention dropout {dropout}: these kernels have none")
    if attention_mask is not None:  # padding in front of some sequences, or a window: torch's attention
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    t, rows = query.shape[2], key.shape[2]
    if t > MAX_DECODE_QUERIES:
        out = prefill_attention(query, key, value, scale=scaling)  # with gradients too
    elif top_k is None or t == rows:
        out = decode_attention(query, key, value, scale=scaling)
    else:
        result = selective_decode_attention(query, key, value, top_k, scale=scaling)
        captured.append(result.captured.mean().item())
        out = result.out
    return out.transpose(1, 2), None


def mask(
    batch_size,
    q_length,
    kv_length,
    q_offset=0,
    kv_offset=0,
    attention_mask=None,
    local_size=None,
    allow_is_causal_skip=True,
    **others,
):
    """None where the queries are the newest rows and see all before them, as the kernels assume; else a full mask."""
    newest = bool(q_offset + q_length == kv_offset + kv_length)
    padded = attention_mask is not None and not bool(attention_mask[:, kv_offset : kv_offset + kv_length].all())
    if allow_is_causal_skip and newest and not padded and local_size is None:
        return None
    # Without a mask torch's attention would align the first query to the first row.
    others |= {"attention_mask": attention_mask, "local_size": local_size, "allow_is_causal_skip": False}
    return sdpa_mask(batch_size, q_length, kv_length, q_offset, kv_offset, **others)


for name, function in (("diffqkv", attention), ("diffqkv_top_8", partial(attention, top_k=8))):
    AttentionInterface.register(name, function)
    AttentionMaskInterface.register(name, mask)

# %% A stock Llama: nine query heads over three heads of keys and values
torch.manual_seed(1)
shape = {"hidden_size": 144, "intermediate_size": 288, "num_hidden_layers": 2, "vocab_size": 512}
heads = {"num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 16}
model = LlamaForCausalLM(LlamaConfig(**shape, **heads, initializer_range=0.2)).eval()
prompt = torch.randint(3, 512, (1, 60))


def answer(name, ids, seen=None):
    """Logits of the prompt and 24 greedy tokens with the attention of that name."""
    model.set_attn_implementation(name)  # or LlamaForCausalLM.from_pretrained(FOLDER, attn_implementation=name)
    seen = torch.ones_like(ids) if seen is None else seen
    with torch.no_grad():
        logits = model(ids, attention_mask=seen).logits
    length = {"max_new_tokens": 24, "min_new_tokens": 24}
    made = model.generate(ids, attention_mask=seen, do_sample=False, pad_token_id=0, **length)
    return logits, made[:, ids.shape[1] :]


# %% The same answer from both
(truth, tokens), (logits, ours) = answer("sdpa", prompt), answer("diffqkv", prompt)
print(f"largest difference of a logit: {(truth - logits).abs().max():.1e} of {truth.abs().max():.1f}")
print(f"equal tokens: {(tokens == ours).sum()} of {tokens.numel()}")

# %% Two prompts of different lengths: the shorter one is padded in front
pair, seen = prompt.repeat(2, 1), torch.ones(2, 60, dtype=torch.long)
pair[1, :25], seen[1, :25] = 0, 0
print(f"equal tokens, padded: {(answer('sdpa', pair, seen)[1] == answer('diffqkv', pair, seen)[1]).sum()} of 48")

# %% Selective V: every step reads 8 rows of V per query head and the newest, instead of 60 and more
few = answer("diffqkv_top_8", prompt)[1]
mass = sum(captured) / len(captured)
print(f"top-8 V: mass captured {mass:.3f}, mean of {len(captured)} calls; equal tokens: {(tokens == few).sum()} of 24")
