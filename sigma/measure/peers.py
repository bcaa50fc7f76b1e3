"""The peers that `sigma.bench` times beside our two sides: stock transformers and llama.cpp, on the same weights.

Every contender is a function without arguments that runs once and returns its `Speed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch


class Speed(NamedTuple):
    """Tokens per second: of the prompt (None where it was not timed) and of the answer."""

    prefill: float | None
    decode: float


Contender = Callable[[], Speed]


def stock_model(side):
    """`LlamaForCausalLM` in bf16 with the GQA side's weights, dequantized."""
    from transformers import LlamaConfig, LlamaForCausalLM

    c = side.config
    if set(c.key_heads) != {c.num_value_heads}:
        raise ValueError("stock transformers needs as many key heads as value heads")
    config = LlamaConfig(
        vocab_size=c.vocab_size,
        hidden_size=c.hidden_size,
        intermediate_size=c.intermediate_size,
        num_hidden_layers=c.num_hidden_layers,
        num_attention_heads=c.num_attention_heads,
        num_key_value_heads=c.num_key_heads,
        head_dim=c.head_dim,
        max_position_embeddings=c.max_position_embeddings,
        rms_norm_eps=c.rms_norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta},
        tie_word_embeddings=c.tie_word_embeddings,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    state = {name: packed.dequantize().bfloat16() for name, packed in side.tensors.items()}
    state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
    model.load_state_dict(state, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(config)  # its buffer is not in the checkpoint
    model.tie_weights()
    return model.eval()


def stock(model, prompt: torch.Tensor, tokens: int) -> Contender:
    """transformers' `generate`, greedy; the prompt [1, t] is read by a forward pass before the clock of the answer."""
    from transformers import DynamicCache

    from sigma.model.cache import CACHE_NAME

    @torch.no_grad()
    def once() -> Speed:
        kept = {CACHE_NAME: DynamicCache(config=model.config)}
        begun = time.perf_counter()
        model(prompt[:, :-1], logits_to_keep=1, **kept)
        read = time.perf_counter()
        model.generate(prompt, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=0, **kept)
        return Speed((prompt.shape[1] - 1) / (read - begun), tokens / (time.perf_counter() - read))

    return once


def llama_cpp(path: Path, prompt: torch.Tensor, tokens: int) -> Contender | None:
    """llama.cpp on the same GGUF file through `llama_cpp` or `xllamacpp`; None where neither is installed."""
    if path.suffix != ".gguf":
        return None
    return _through_llama_cpp(path, prompt, tokens) or _through_xllamacpp(path, prompt, tokens)


def _through_llama_cpp(path: Path, prompt: torch.Tensor, tokens: int) -> Contender | None:
    try:
        from llama_cpp import Llama
    except ImportError:
        return None
    threads = torch.get_num_threads()
    model = Llama(
        str(path), n_ctx=prompt.shape[1] + tokens + 8, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    ids = prompt[0].tolist()

    def once() -> Speed:
        model.reset()
        begun = time.perf_counter()
        model.eval(ids)
        read = time.perf_counter()
        for _ in range(tokens):
            model.eval([int(model.sample(temp=0.0))])
        return Speed(len(ids) / (read - begun), tokens / (time.perf_counter() - read))

    return once


def _through_xllamacpp(path: Path, prompt: torch.Tensor, tokens: int) -> Contender | None:
    try:
        import xllamacpp
    except ImportError:
        return None
    threads = torch.get_num_threads()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = prompt.shape[1] + tokens + 64
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    asked = {
        "prompt": prompt[0].tolist(),
        "n_predict": tokens,
        "temperature": 0.0,
        "cache_prompt": False,
        "ignore_eos": True,
    }

    def once() -> Speed:
        timings = server.handle_completions(asked)["timings"]  # llama.cpp's own clock, without the server around it
        return Speed(timings["prompt_per_second"], timings["predicted_per_second"])

    return once
