"""The paper's efficiency experiment on this machine: one layer of STD and of Sigma, timed in turn.

    python -m sigma.efficiency [--preset 10b] [--prefixes 2k 8k 32k] [--output 10] [--batch 1] [--dtype bf16] [--json]

KV store and load, attention and the augmented query are timed apart; beside them stands what the paper states (arXiv
2501.13629, section 3, one H100). Nothing is downloaded: the weights are random, only their shapes count.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from sigma.cli import parser_for, run, say, table
from sigma.efficiency import paper
from sigma.efficiency.results import PARTS, SIDE_LABELS, TOTALS, Point, Result
from sigma.efficiency.settings import LABELS, SIZES, Settings

RESULTS = Path(__file__).parents[2] / "assets" / "benchmarks"
_OPTIONS = {
    "output": "--output",
    "batch": "--batch",
    "top_k": "--top-k-v",
    "seconds": "--seconds",
    "n_q": "--query-heads",
    "std_k": "--std-key-heads",
    "std_v": "--std-value-heads",
    "sigma_k": "--key-heads",
    "sigma_v": "--value-heads",
    "head_dim": "--head-dim",
    "key_dim": "--key-head-dim",
    "augmented": "--augmented-query",
    "layers": "--layers",
}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--preset", default="1.5b", help=f"the paper's layer shapes: {', '.join(SIZES)}")
    parser.add_argument("--prefixes", nargs="+", metavar="N", help="cached tokens, such as 2048 or 32k")
    parser.add_argument("--dtype", default="bf16", help="bf16, fp32, or fp16 on a GPU")
    for field, option in _OPTIONS.items():
        parser.add_argument(option, dest=field, metavar="N", help=LABELS[field])
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a line per length, side and part there, too")
    parser.add_argument("--save", action="store_true", help="write the result into assets/benchmarks/")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict:
        from kernels.device import chosen_device
        from sigma.efficiency.measure import Begun, Timed, measure

        names = _OPTIONS | {"prefixes": "--prefixes", "preset": "--preset", "dtype": "--dtype"}
        settings = Settings.asked({name: getattr(args, name) for name in names}, names)
        device = chosen_device(args.device)
        if args.device == "cuda" and device != "cuda":
            raise ValueError("no CUDA or ROCm device is available")
        going = measure(settings, device)
        while True:
            try:
                event = next(going)
            except StopIteration as end:
                result: Result = end.value
                break
            if isinstance(event, Begun):
                say(f"{settings.name}: about {event.estimate.seconds:.0f} s at least")
            elif isinstance(event, Timed):
                say(f"{event.tokens:,} tokens, round {event.rounds}", event.fraction)
        if args.csv:
            args.csv.write_text(result.csv(), encoding="utf-8")
        if args.save:
            print(f"saved {save(result).name}", file=sys.stderr)
        if not args.json:
            print(report(result))
        return result.to_dict()

    run(work, args.json)


def save(result: Result) -> Path:
    """Write `efficiency-<preset>-<device>.json` into the results folder, where the page finds it; the newest run is kept."""
    slug = re.sub(r"[^a-z0-9]+", "-", result.machine.device.lower()).strip("-")
    path = RESULTS / f"efficiency-{result.settings.preset.replace('.', '-')}-{slug}.json"
    path.write_text(json.dumps(result.to_dict(), indent=1) + "\n", encoding="utf-8")
    return path


def report(result: Result) -> str:
    """The result as aligned text: the measured parts, the ratios, and the outputs beside the paper's figures."""
    s, m = result.settings, result.machine
    lines = [
        f"{s.name}, one layer, {s.dtype}, {s.batch} at once, on {m.device} ({m.kernels} kernels)",
        "",
        "Milliseconds of a step by part (measured now; medians, quartiles in brackets):",
        table([_row(p, side) for p in result.points for side in p.parts], ["tokens", "side", *PARTS.values()]),
        "",
        "A step against STD's (measured now; below 1 is faster):",
        table(
            [
                [
                    p.tokens,
                    SIDE_LABELS[side],
                    *(_spread(p.ratios[side][name]) for name in ("attention", *TOTALS)),
                    p.rounds,
                ]
                for p in result.points
                for side in p.ratios
            ],
            ["tokens", "side", "attention", "cache in place", "cache copied", "rounds"],
        ),
        "",
        *(
            f"{SIDE_LABELS[side]} is faster {each[name].words}, cache {'in place' if name == 'in_place' else 'copied'}."
            for side, each in result.crossovers.items()
            for name in TOTALS
        ),
        "",
        f"Saved of STD's time by {s.output:,} output tokens, % (computed from the steps above):",
        table(
            [
                [
                    o.prefix,
                    SIDE_LABELS[side],
                    *(f"{o.saved[side][n]:.1f}" for n in ("attention", "copy", *TOTALS)),
                    paper.saved(o.prefix) if s.is_table_15 and side == "sigma" else None,
                ]
                for o in result.outputs
                for side in o.saved
            ],
            ["prefix", "side", "attention", "KV copied", "all, in place", "all, copied", "paper: kernels (Table 15)"],
        ),
        "",
        f"The paper ({paper.SOURCE}, one H100 80G):",
        *(f"- {what}: {figure} ({where})" for what, figure, where in paper.STATED),
        *(f"note: {note}" for note in result.notes),
        f"This run took {result.took:.1f} s.",
    ]
    return "\n".join(lines)


def _row(p: Point, side: str) -> list[object]:
    return [p.tokens, SIDE_LABELS[side], *(_spread(p.parts[side].get(part)) for part in PARTS)]


def _spread(value) -> str | None:
    return None if value is None else f"{value.median:.3g} ({value.low:.3g}-{value.high:.3g})"


if __name__ == "__main__":
    main()
