"""Decode speed of both sides against stock transformers on the same weights, alternately, as ratios.

    python -m sigma.bench [--context 64] [--tokens 32] [--repeats 3] [--json]

Stock is `LlamaForCausalLM.generate` in bf16 on the dequantized base; llama.cpp runs too when `llama_cpp` is
installed. Each repeat times every contender once, in turn, and the median counts. Decode only: the prompt of
`--context` tokens is prefilled outside the clock.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from sigma.cli import model_options, parser_for, run, say, table


def stock_model(side):
    """`LlamaForCausalLM` in bf16 with the GQA side's weights, dequantized."""
    from transformers import LlamaConfig, LlamaForCausalLM

    c = side.config
    if c.num_key_heads != c.num_value_heads:
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


def stock_decode(model, prompt: torch.Tensor, tokens: int) -> Callable[[], float]:
    """A function that times `tokens` greedy tokens of `generate` [tokens per second], prefill subtracted."""
    from transformers import DynamicCache

    @torch.no_grad()
    def once() -> float:
        cache = DynamicCache(config=model.config)
        model(prompt[:, :-1], past_key_values=cache)
        begun = time.perf_counter()
        model.generate(
            prompt, past_key_values=cache, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=0
        )
        return tokens / (time.perf_counter() - begun)

    return once


def our_decode(
    runtime, prompt: torch.Tensor, tokens: int, top_k: int | None = None, probe_layer: int | None = None
) -> Callable[[], float]:
    """The same for one of our sides; the prompt is prefilled once and the cache cropped back."""
    cache = runtime.new_cache()
    for part in prompt[:, :-1].split(256, dim=1):
        runtime.prefill(part, cache)
    base = cache.length

    def once() -> float:
        cache.crop(base)
        ids = prompt[:, -1:].to(runtime.device)
        begun = time.perf_counter()
        for _ in range(tokens):
            logits, _ = runtime.decode(ids, cache, top_k=top_k, probe_layer=probe_layer)
            ids = logits.argmax(-1, keepdim=True)
        ids.cpu()
        return tokens / (time.perf_counter() - begun)

    return once


def llama_cpp_decode(path: Path | None, prompt: torch.Tensor, tokens: int) -> Callable[[], float] | None:
    """The same for llama.cpp on the same GGUF file, or None where it is not installed."""
    try:
        from llama_cpp import Llama
    except ImportError:
        return None
    if path is None or path.suffix != ".gguf":
        return None
    threads = torch.get_num_threads()
    model = Llama(
        str(path), n_ctx=prompt.shape[1] + tokens + 8, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    ids = prompt[0].tolist()

    def once() -> float:
        model.reset()
        model.eval(ids)
        begun = time.perf_counter()
        for _ in range(tokens):
            model.eval([int(model.sample(temp=0.0))])
        return tokens / (time.perf_counter() - begun)

    return once


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--context", type=int, default=64, help="tokens in the cache before the clock starts")
    parser.add_argument("--tokens", type=int, default=32, help="tokens decoded per repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--top-k-v", type=int, help="also time the Sigma side with selective V")
    parser.add_argument("--no-stock", action="store_true", help="our two sides only (the ratios to stock become null)")
    model_options(parser)
    args = parser.parse_args(argv)

    def work() -> dict:
        from sigma.checkpoints import load_pair
        from sigma.runtime import Runtime

        if args.context < 2 or args.tokens < 1 or args.repeats < 1:
            raise ValueError("--context must be at least 2, --tokens and --repeats at least 1")
        pair = load_pair(args.checkpoint, args.base, say)
        limit = pair.gqa.config.max_position_embeddings
        if args.context + args.tokens > limit:
            raise ValueError(f"context {args.context} + {args.tokens} tokens exceed the model's {limit}")
        device = "cuda" if args.device != "cpu" and torch.cuda.is_available() else "cpu"
        gqa = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=args.weights)
        sigma = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=args.weights, share=gqa)
        prompt = torch.randint(
            20, pair.gqa.config.vocab_size, (1, args.context), generator=torch.Generator().manual_seed(0)
        ).to(device)
        contenders: dict[str, Callable[[], float] | None] = {
            "stock": None if args.no_stock else stock_decode(stock_model(pair.gqa).to(device), prompt, args.tokens),
            "gqa": our_decode(gqa, prompt, args.tokens),
            "sigma": our_decode(sigma, prompt, args.tokens),
            "sigma_selective": our_decode(sigma, prompt, args.tokens, args.top_k_v) if args.top_k_v else None,
            "sigma_probed": our_decode(sigma, prompt, args.tokens, probe_layer=0),
            "llama_cpp": llama_cpp_decode(Path(pair.gqa.manifest.get("path", "")), prompt.cpu(), args.tokens),
        }
        speeds: dict[str, list[float]] = {name: [] for name, once in contenders.items() if once is not None}
        for repeat in range(args.repeats + 1):  # the first round warms up
            for name in speeds:
                speed = contenders[name]()
                if repeat:
                    speeds[name].append(speed)
            say("timing", repeat / args.repeats)
        median = {name: statistics.median(values) for name, values in speeds.items()}
        stock = median.get("stock")

        def ratio(name: str, to: float | None) -> float | None:
            return median[name] / to if to and name in median else None

        result = {
            "stock_tok_s": stock,
            "gqa_tok_s": median["gqa"],
            "sigma_tok_s": median["sigma"],
            "gqa_ratio": ratio("gqa", stock),
            "sigma_ratio": ratio("sigma", stock),
            "llama_cpp_ratio": ratio("gqa", median.get("llama_cpp")),
            "llama_cpp_tok_s": median.get("llama_cpp"),
            "sigma_selective_tok_s": median.get("sigma_selective"),
            "probe_cost_percent": (median["sigma"] / median["sigma_probed"] - 1) * 100,
            "context": args.context,
            "dtype": gqa.weights,
            "device": str(device),
            "threads": torch.get_num_threads(),
            "kernels": gqa.kernels,
        }
        if not args.json:
            print(
                table(
                    [[name, speed, ratio(name, stock)] for name, speed in median.items()],
                    ["contender", "tok/s", "x stock"],
                )
            )
            print(
                f"context {args.context}, {result['dtype']} weights (stock bf16), {device}, {result['threads']} threads, {gqa.kernels}"
            )
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
