"""Quality of both sides on a text: next-token loss, KL, agreement, and what selective V costs.

    python -m sigma.evaluate --text FILE... [--context 1024] [--windows 8] [--selective 16 32 64] [--mass 2]
                             [--missing-mass drop renormalize mean] [--threshold 0 0.001] [--runtime 256]

Both models run dequantized, by the readable reference. Selective V is applied at every position, or its cost would not
show: for every k, and every threshold under which one of those k rows is left out too, the loss with each use of the
weight of the rows that are not read, beside the rows that are (counted on the weights of full attention). `--runtime N` also decodes N tokens step by step with the packed weights and compares with the reference.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kernels.selective.missing_mass import MISSING_MASS
from sigma.cli import model_options, parser_for, run, say, table


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument(
        "--text",
        type=Path,
        nargs="+",
        required=True,
        help="plain text, or JSON lines from sigma.training.corpus (held-out rows)",
    )
    parser.add_argument("--context", type=int, default=1024, help="tokens per window")
    parser.add_argument("--windows", type=int, default=8, help="at most this many windows")
    parser.add_argument("--selective", type=int, nargs="*", default=[100, 256], help="values of k")
    parser.add_argument(
        "--missing-mass",
        nargs="+",
        choices=MISSING_MASS,
        default=MISSING_MASS,
        help="what becomes of the weight of rows that are not read (default: all three, side by side)",
    )
    parser.add_argument(
        "--threshold", type=float, nargs="+", default=[0.0], help="rows that weigh less are not read (default: 0)"
    )
    parser.add_argument(
        "--mass", type=int, default=0, metavar="N", help="also the captured mass per layer, over N windows"
    )
    parser.add_argument("--runtime", type=int, default=0, metavar="N", help="also check the packed runtime on N tokens")
    model_options(parser)
    return parser.parse_args(argv)


def measure(args: argparse.Namespace) -> dict:
    """What `--json` prints. Raises ValueError for numbers and texts that give nothing to measure."""
    from kernels.device import chosen_device
    from sigma.checkpoints.load import load_pair
    from sigma.measure.quality import compare, runtime_check
    from sigma.measure.selective import captured_mass, rows_read, selective_cost
    from sigma.training.corpus import pack, read

    if min((*args.selective, 1)) < 1 or min(args.mass, args.runtime) < 0:
        raise ValueError("--selective takes numbers from 1 on, --mass and --runtime numbers from 0 on")
    if not all(0 <= threshold < 1 for threshold in args.threshold):
        raise ValueError(f"--threshold takes weights from 0 to less than 1, got {args.threshold}")
    if args.context < 2 or args.windows < 1:
        raise ValueError(
            f"--context must be at least 2 and --windows at least 1, got {args.context} and {args.windows}"
        )
    texts = [text for path in args.text for text in read(path, "held-out")]
    pair = load_pair(args.checkpoint, args.base, say, args.tuned)
    for side in (pair.gqa, pair.sigma):
        side.config.check_context(max(args.context, args.runtime))
    windows = pack(texts, pair.gqa.tokenizer, args.context, args.windows)
    device = chosen_device(args.device)
    gqa, sigma = pair.gqa.dense().to(device), pair.sigma.dense().to(device)
    result = compare(gqa, sigma, windows, say)
    result["tokens"] = windows.numel()
    words, thresholds = args.missing_mass, args.threshold
    ks = sorted(set(args.selective))
    result["selective"] = selective_cost(
        sigma, windows, ks, result["sigma_nll"], say, missing_masses=words, thresholds=thresholds
    )
    choices = [(k, threshold) for k in ks for threshold in thresholds]
    counted = dict(zip(choices, rows_read(sigma, windows, choices, say))) if choices else {}
    for row in result["selective"]:
        row |= counted[row["k"], row["threshold"]]
    if args.mass and ks:
        masses = dict(zip(ks, captured_mass(sigma, windows[: args.mass], ks, say)))
        for row in result["selective"]:
            row["mass_by_layer"] = masses[row["k"]]
    if args.runtime:
        from sigma.runtime import Runtime

        ids = windows.flatten()[: args.runtime]
        base = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=args.weights)
        other = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=args.weights, share=base)
        result["runtime"] = {"gqa": runtime_check(base, gqa, ids), "sigma": runtime_check(other, sigma, ids)}
    return result


def show(result: dict, args: argparse.Namespace) -> None:
    """The figures as tables."""
    sides = [["GQA", result["gqa_nll"], None], ["Sigma", result["sigma_nll"], result["gap_percent"]]]
    print(table(sides, ["side", "NLL", "gap %"]))
    print(f"KL {result['kl']:.4f}, top-1 agreement {result['top1_agreement']:.1%}, {result['tokens']:,} tokens\n")
    print(table([list(b.values()) for b in result["buckets"]], ["positions", "GQA", "Sigma", "gap %"]), "\n")
    costs = {}
    for r in result["selective"]:
        costs.setdefault((r["k"], r["threshold"], r["rows"], r["rows_percent"]), []).append(r["cost_percent"])
    titles = [f"{word}, loss %" for word in args.missing_mass]
    print(
        table([[*key, *rest] for key, rest in costs.items()], ["selective k", "threshold", "rows", "rows %", *titles])
    )
    if args.mass:
        masses = {r["k"]: r["mass_by_layer"] for r in result["selective"]}
        print("\ncaptured mass")
        print(table([[i, *row] for i, row in enumerate(zip(*masses.values()))], ["layer", *masses]))
    for side, check in result.get("runtime", {}).items():
        print(
            f"packed runtime, {side}: NLL {check['nll_percent']:+.2f} %, "
            f"top-1 agreement {check['top1_agreement']:.1%} over {check['tokens']} tokens"
        )


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict:
        result = measure(args)
        if not args.json:
            show(result, args)
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
