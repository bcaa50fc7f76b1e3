"""Speed of both sides against stock transformers and llama.cpp on the same weights, alternately, as ratios.

    python -m sigma.bench [--context 64] [--tokens 32] [--repeats 3] [--prefill] [--json]
    python -m sigma.bench --batch 1 2 4 8 16 --context 2048
    python -m sigma.bench --lookup [--tokens 160] [--top-k-v 64]
    python -m sigma.bench --beside 4000 [--batch 8]

Stock is `LlamaForCausalLM.generate` in bf16 on the dequantized base; llama.cpp runs too when `llama_cpp` or
`xllamacpp` is installed. Each repeat times every contender once, in turn, and the median counts. The prompt of
`--context` tokens is read outside the clock of the decoded tokens; `--prefill` times it too. `--batch` times our two sides
with so many answers stepping together instead, each over `--context` tokens of its own. `--lookup` times whole answers of our
two sides with and without prompt lookup (`sigma.measure.lookup`): of texts to repeat, of KQL follow-ups and of plain chat.
`--beside` tells how long `--batch` chats (8) wait between two tokens, alone and while a prompt of so many tokens is read.
"""

from __future__ import annotations

import argparse

from sigma.cli import model_options, parser_for, run, say, table


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--context", type=int, default=64, help="tokens in the cache before the clock starts")
    parser.add_argument("--tokens", type=int, help="tokens decoded per repeat (default 32; with --lookup 160)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--top-k-v", type=int, help="also time the Sigma side with selective V")
    parser.add_argument("--prefill", action="store_true", help="time the reading of the prompt too")
    parser.add_argument("--no-stock", action="store_true", help="our two sides only (the ratios to stock become null)")
    parser.add_argument(
        "--batch", type=int, nargs="+", metavar="N", help="answers that step together, instead of peers"
    )
    parser.add_argument(
        "--lookup", action="store_true", help="answers with and without prompt lookup, instead of peers"
    )
    parser.add_argument(
        "--beside", type=int, metavar="TOKENS", help="gaps of chats beside a prompt of that length, instead of peers"
    )
    model_options(parser)
    return parser.parse_args(argv)


def with_beside(args: argparse.Namespace, sides: dict, common: dict) -> dict:
    """Chats alone and beside a long prompt; `sides` as for `with_lookup`."""
    from sigma.engine.engine import Model, SigmaEngine
    from sigma.measure.beside import Gaps, beside

    engine = SigmaEngine({name: Model(*side) for name, side in sides.items()})
    try:
        rows = beside(engine, tuple(sides), (args.batch or [8])[0], args.beside, say)
    finally:
        engine.close()
    if not args.json:
        print(table([row.cells() for row in rows], Gaps.HEADER))
        print(f"{common['dtype']} weights, {common['device']}, {common['kernels']}, {common['threads']} threads")
    return {"beside": [row.figures() for row in rows]} | {k: v for k, v in common.items() if k != "context"}


def with_lookup(args: argparse.Namespace, sides: dict, common: dict) -> dict:
    """Answers with and without prompt lookup; `sides`: a side and its runtime, by name."""
    from sigma.engine.engine import Model, SigmaEngine
    from sigma.measure.lookup import Gain, gains

    engine = SigmaEngine({name: Model(*side) for name, side in sides.items()})
    try:
        progress = lambda part: say("timing", part)  # noqa: E731
        rows = gains(engine, tuple(sides), args.tokens, args.repeats, args.top_k_v, progress)
    finally:
        engine.close()
    if not args.json:
        print(table([row.cells() for row in rows], Gain.HEADER))
        print(f"{common['dtype']} weights, {common['device']}, {common['kernels']}, {common['threads']} threads")
    common = {name: value for name, value in common.items() if name != "context"}
    return {"lookup": [row.figures() for row in rows], "tokens": args.tokens} | common


def checked(args: argparse.Namespace) -> None:
    """ValueError for numbers that cannot be timed and options that exclude each other; fills in `--tokens`."""
    if args.tokens is None:
        args.tokens = 160 if args.lookup else 32
    if args.context < 2 or args.tokens < 1 or args.repeats < 1:
        raise ValueError("--context must be at least 2, --tokens and --repeats at least 1")
    if args.top_k_v is not None and args.top_k_v < 1:
        raise ValueError(f"--top-k-v must be at least 1, got {args.top_k_v}")
    if args.batch is not None and min(args.batch) < 1:
        raise ValueError(f"--batch must be at least 1, got {min(args.batch)}")
    if args.lookup and (args.batch is not None or args.prefill):
        raise ValueError("--lookup times whole answers: it goes with neither --batch nor --prefill")
    if args.beside is not None and (args.lookup or args.prefill or len(args.batch or [1]) > 1):
        raise ValueError("--beside takes one number of --batch, and neither --lookup nor --prefill")


def with_batches(args: argparse.Namespace, sides: dict, common: dict) -> dict:
    """So many answers stepping together; `sides` as for `with_lookup`."""
    from sigma.measure.together import Together, time_together

    numbers = args.context, args.tokens, sorted(set(args.batch)), args.top_k_v, args.repeats
    timed = time_together(sides, *numbers, lambda part: say("timing", part))
    if not args.json:
        print(table([row.cells() for row in timed], Together.HEADER))
        where = ", ".join(str(common[name]) for name in ("device", "kernels"))
        print(f"context {args.context}, {common['dtype']} weights, {where}, {common['threads']} threads")
    return {"batch": [row.figures() for row in timed]} | common


def with_peers(args: argparse.Namespace, sides: dict, common: dict) -> dict:
    """Our two sides beside other libraries on the same weights."""
    from sigma.measure.speed import contenders, medians

    (base, gqa), (_, sigma) = sides["gqa"], sides["sigma"]
    everyone = contenders(base, gqa, sigma, args.context, args.tokens, args.top_k_v, args.prefill, not args.no_stock)
    median = medians(everyone, args.repeats, args.prefill, lambda part: say("timing", part))
    if not args.json:
        rows = [[name, speed, median.ratio(name), median.read.get(name)] for name, speed in median.decode.items()]
        print(table(rows, ["contender", "tok/s", "x stock", "prefill tok/s"]))
        where = ", ".join(str(common[name]) for name in ("device", "kernels"))
        print(f"context {args.context}, {common['dtype']} weights (stock bf16), {where},")
        print(f"{common['threads']} threads")
    return median.figures() | common


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict:
        import torch

        from kernels.device import chosen_device
        from sigma.checkpoints.load import load_pair
        from sigma.checkpoints.preset import Place
        from sigma.runtime import Runtime

        checked(args)
        device = chosen_device(args.device)
        pair = load_pair(args.checkpoint, args.base, say, args.tuned, Place(device, args.weights))
        for side in (pair.gqa, pair.sigma):
            side.config.check_context(args.beside or args.context + args.tokens)
        gqa = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=args.weights)
        sigma = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=args.weights, share=gqa)
        common = {"context": args.context, "dtype": gqa.weights, "device": str(device)}
        common |= {"threads": torch.get_num_threads(), "kernels": gqa.kernels}
        sides = {"gqa": (pair.gqa, gqa), "sigma": (pair.sigma, sigma)}
        if args.lookup:
            return with_lookup(args, sides, common)
        if args.beside is not None:
            return with_beside(args, sides, common)
        return (with_peers if args.batch is None else with_batches)(args, sides, common)

    run(work, args.json)


if __name__ == "__main__":
    main()
