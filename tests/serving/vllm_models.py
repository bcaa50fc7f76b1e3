"""What the tests of vLLM serve: tiny Sigmas of every kind, their prompts, and their tokens by our own model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from sigma import SigmaConfig, SigmaForCausalLM
from sigma.model.cache import DiffKVCache

NEW = 24
SIZES = (5, 40, 97, 1)  # tokens of the prompts: below, at and over a page of 32

_SHAPE = dict(
    vocab_size=384,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=3,
    max_position_embeddings=512,
    initializer_range=0.15,
    tie_word_embeddings=False,
)


def _shape(q: int, k: int, v: int, d: int, **changes) -> dict:
    heads = dict(num_attention_heads=q, num_key_heads=k, num_value_heads=v, head_dim=d)
    return {**_SHAPE, **heads, **changes}


SHAPES = {
    "9-1-3": _shape(9, 1, 3, 64, augmented_query_dim=96),
    "32-4-16": _shape(32, 4, 16, 32, augmented_query_dim=96),
    "8-2-4": _shape(8, 2, 4, 32, augmented_query_dim=96),
    "8-1-4": _shape(8, 1, 4, 32, augmented_query_dim=96, tie_word_embeddings=True),
    "layers-differ": _shape(9, [1, 3, 1], 3, 64, augmented_query_dim=[96, None, 96]),
    "plain-query": _shape(8, 2, 4, 32),
    "gqa": _shape(6, 2, 2, 32),
    "half-k": _shape(8, 2, 4, 64, key_head_dim=32, augmented_query_dim=96),
    "half-k-plain-bias": _shape(8, 2, 4, 64, key_head_dim=32, qkv_bias=True),
    "qk-norm-bias": _shape(8, 2, 4, 32, augmented_query_dim=96, qk_norm=True, qkv_bias=True),
    "selective": _shape(8, 2, 4, 32, augmented_query_dim=96, selective_v_top_k=3),
}
REFUSED = {
    "more-k-than-v": (_shape(8, 4, 2, 32), "num_key_heads 4 beside num_value_heads 2"),
    "narrow": (_shape(8, 2, 4, 16), "no kernel for key_head_dim 16"),
    "wide-k": (_shape(8, 2, 4, 32, key_head_dim=64), "head_dim 32 is no multiple of key_head_dim 64"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Tokens after a prompt, their log probabilities, and how far the second best was behind."""

    tokens: list[int]
    logprobs: list[float]
    gaps: list[float]


def random_prompts(vocabulary: int) -> list[list[int]]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randint(3, vocabulary, (size,), generator=draw).tolist() for size in SIZES]


def write_prompts(folder: Path, prompts: list[list[int]], new: int = NEW, context: int = 512) -> None:
    (folder / "prompts.json").write_text(json.dumps({"prompts": prompts, "new": new, "context": context}))


def write_tiny(folder: Path, shape: dict) -> Path:
    """A tiny model with random weights, all of them: norms and biases too."""
    torch.manual_seed(0)
    model = SigmaForCausalLM(SigmaConfig(**shape)).eval()
    for name, tensor in model.named_parameters():
        if tensor.dim() == 1:
            torch.nn.init.normal_(tensor, mean=1.0 if "norm" in name else 0.0, std=0.15)
    model.save_pretrained(folder)
    write_prompts(folder, random_prompts(shape["vocab_size"]))
    return folder


@torch.no_grad()
def our_answers(folder: Path, dtype: torch.dtype = torch.float32) -> list[Answer]:
    """Greedy answers to the folder's prompts by our own class and cache, with all V rows, whatever the configuration says."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
    model.config.selective_v_top_k = None
    asked = json.loads((folder / "prompts.json").read_text())
    return [greedy(model, prompt, asked["new"]) for prompt in asked["prompts"]]


def greedy(model: SigmaForCausalLM, prompt: list[int], new: int) -> Answer:
    cache, step = DiffKVCache(model.config), torch.tensor([prompt])
    tokens, logprobs, gaps = [], [], []
    for _ in range(new):
        logits = model(step, past_key_values=cache, logits_to_keep=1).logits[0, -1].float()
        best = logits.topk(2)
        tokens.append(int(best.indices[0]))
        logprobs.append(float(logits.log_softmax(-1)[tokens[-1]]))
        gaps.append(float(best.values[0] - best.values[1]))
        step = torch.tensor([[tokens[-1]]])
    return Answer(tokens, logprobs, gaps)
