"""Speed of both sides against stock transformers and llama.cpp on the same weights, alternately, as ratios.

    python -m sigma.bench [--context 64] [--tokens 32] [--repeats 3] [--prefill] [--json]

Stock is `LlamaForCausalLM.generate` in bf16 on the dequantized base; llama.cpp runs too when `llama_cpp` or
`xllamacpp` is installed. Each repeat times every contender once, in turn, and the median counts. The prompt of
`--context` tokens is read outside the clock of the decoded tokens; `--prefill` times it too.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch

from kernels.device import chosen_device
from sigma.cli import model_options, parser_for, run, say, table
from sigma.measure.peers import Contender, Speed, llama_cpp, stock, stock_model

PREFILL_CHUNK = 256  # as the engine reads prompts


def ours(
    runtime,
    prompt: torch.Tensor,
    tokens: int,
    top_k: int | None = None,
    probe_layer: int | None = None,
    prefill: bool = False,
) -> Contender:
    """One of our sides; the prompt [1, t] is read once and the cache cropped back, or each time with `prefill`."""
    cache = runtime.new_cache()

    def read() -> float:
        cache.keep_first(0)
        begun = time.perf_counter()
        for part in prompt[:, :-1].split(PREFILL_CHUNK, dim=1):
            logits = runtime.prefill(part, cache)
        logits.cpu()
        return (prompt.shape[1] - 1) / (time.perf_counter() - begun)

    read()
    base = cache.length

    def once() -> Speed:
        speed = read() if prefill else None
        cache.keep_first(base)
        ids = prompt[:, -1:].to(runtime.device)
        begun = time.perf_counter()
        for _ in range(tokens):
            logits, _ = runtime.decode(ids, cache, top_k=top_k, probe_layer=probe_layer)
            ids = logits.argmax(-1, keepdim=True)
        ids.cpu()
        return Speed(speed, tokens / (time.perf_counter() - begun))

    return once


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--context", type=int, default=64, help="tokens in the cache before the clock starts")
    parser.add_argument("--tokens", type=int, default=32, help="tokens decoded per repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--top-k-v", type=int, help="also time the Sigma side with selective V")
    parser.add_argument("--prefill", action="store_true", help="time the reading of the prompt too")
    parser.add_argument("--no-stock", action="store_true", help="our two sides only (the ratios to stock become null)")
    model_options(parser)
    args = parser.parse_args(argv)

    def work() -> dict:
        from sigma.checkpoints.load import load_pair
        from sigma.runtime import Runtime

        if args.context < 2 or args.tokens < 1 or args.repeats < 1:
            raise ValueError("--context must be at least 2, --tokens and --repeats at least 1")
        pair = load_pair(args.checkpoint, args.base, say)
        limit = pair.gqa.config.max_position_embeddings
        if args.context + args.tokens > limit:
            raise ValueError(f"context {args.context} + {args.tokens} tokens exceed the model's {limit}")
        device = chosen_device(args.device)
        gqa = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=args.weights)
        sigma = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=args.weights, share=gqa)
        prompt = torch.randint(
            20, pair.gqa.config.vocab_size, (1, args.context), generator=torch.Generator().manual_seed(0)
        ).to(device)
        rest = (prompt, args.tokens)
        contenders: dict[str, Contender | None] = {
            "stock": None if args.no_stock else stock(stock_model(pair.gqa).to(device), *rest),
            "gqa": ours(gqa, *rest, prefill=args.prefill),
            "sigma": ours(sigma, *rest, prefill=args.prefill),
            "sigma_selective": ours(sigma, *rest, args.top_k_v) if args.top_k_v else None,
            "sigma_probed": ours(sigma, *rest, probe_layer=0),
            "llama_cpp": llama_cpp(Path(pair.gqa.manifest.get("path", "")), prompt.cpu(), args.tokens),
        }
        speeds: dict[str, list[Speed]] = {name: [] for name, once in contenders.items() if once is not None}
        for repeat in range(args.repeats + 1):  # the first round warms up
            for name in speeds:
                speed = contenders[name]()
                if repeat:
                    speeds[name].append(speed)
            say("timing", repeat / args.repeats)
        median = {name: statistics.median(speed.decode for speed in each) for name, each in speeds.items()}
        read = {
            name: statistics.median(speed.prefill for speed in each)
            for name, each in speeds.items()
            if args.prefill and each[0].prefill is not None
        }
        first = median.get("stock")

        def ratio(name: str, to: float | None, of: dict[str, float] = median) -> float | None:
            return of[name] / to if to and name in of else None

        result = {
            "stock_tok_s": first,
            "gqa_tok_s": median["gqa"],
            "sigma_tok_s": median["sigma"],
            "gqa_ratio": ratio("gqa", first),
            "sigma_ratio": ratio("sigma", first),
            "llama_cpp_ratio": ratio("gqa", median.get("llama_cpp")),
            "llama_cpp_tok_s": median.get("llama_cpp"),
            "sigma_selective_tok_s": median.get("sigma_selective"),
            "probe_cost_percent": (median["sigma"] / median["sigma_probed"] - 1) * 100,
            "prefill_tok_s": read,
            "prefill_llama_cpp_ratio": ratio("gqa", read.get("llama_cpp"), read),
            "context": args.context,
            "dtype": gqa.weights,
            "device": str(device),
            "threads": torch.get_num_threads(),
            "kernels": gqa.kernels,
        }
        if not args.json:
            print(
                table(
                    [[name, speed, ratio(name, first), read.get(name)] for name, speed in median.items()],
                    ["contender", "tok/s", "x stock", "prefill tok/s"],
                )
            )
            print(f"context {args.context}, {result['dtype']} weights (stock bf16), {device}, {gqa.kernels},")
            print(f"{result['threads']} threads")
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
