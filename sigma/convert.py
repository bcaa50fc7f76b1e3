"""Any Llama-type GQA checkpoint -> Sigma: fewer K heads by complex PCA, an augmented query with an exact start.

    python -m sigma.convert SOURCE DEST --key-heads 1 --augmented-query 864 --text FILE [--push-to-hub OWNER/NAME]
    python -m sigma.convert SOURCE DEST --healed RUN --text FILE

The folder loads by `AutoModelForCausalLM.from_pretrained` after `from sigma import SigmaForCausalLM`. How key heads
become fewer is in sigma/conversion/fold.py. Healing (`sigma.training.heal --base SOURCE`) makes its own conversion;
`--healed` writes where it ended.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sigma.cli import parser_for, run, say, table


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("source", help="GQA checkpoint: folder, GGUF file or Hub id; 'default' is the default base")
    parser.add_argument("dest", type=Path, help="folder to write: config, weights, tokenizer, model card")
    parser.add_argument("--key-heads", type=int, help="key heads of the result; a divisor of the source's")
    parser.add_argument("--augmented-query", type=int, help="width of the augmented query (default: a plain query)")
    parser.add_argument(
        "--keep-layers",
        type=int,
        nargs="+",
        default=[],
        metavar="N",
        help="layers that keep the source's queries and keys",
    )
    parser.add_argument(
        "--text", type=Path, nargs="+", required=True, help="calibration and test text (a tenth is held out)"
    )
    parser.add_argument("--context", type=int, default=1024, help="tokens per window: the longest context served")
    parser.add_argument("--windows", type=int, default=64, help="calibration windows")
    parser.add_argument("--healed", type=Path, metavar="RUN", help="write the end of this sigma.training.heal run")
    parser.add_argument(
        "--push-to-hub", metavar="OWNER/NAME", help="upload the folder too (log in with `hf auth login`)"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def show(result: dict, dest: Path) -> None:
    """The figures as a table."""
    before, after = (result[f"kv_bytes_per_token_{when}"] for when in ("before", "after"))
    rows = [["source", result["gqa_nll"], None, None, before]]
    for label in ("converted", "healed"):
        if label in result:
            rows.append([label, *(result[label][key] for key in ("nll", "kl", "top1_agreement")), after])
    print(table(rows, ["model", "NLL", "KL", "top-1 agreement", "KV bytes per token"]))
    print(
        f"{dest}, {result['seconds']:.0f} s" + ("" if "healing" in result else "; next: python -m sigma.training.heal")
    )


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict:
        from sigma.conversion.run import Order, converted_folder

        order = Order(
            source=None if args.source == "default" else args.source,
            name=args.source,
            dest=args.dest,
            text=tuple(args.text),
            key_heads=args.key_heads,
            augmented_query=args.augmented_query,
            kept=tuple(args.keep_layers),
            context=args.context,
            windows=args.windows,
            healed=args.healed,
            repository=args.push_to_hub,
        )
        result = converted_folder(order, say)
        if not args.json:
            show(result, args.dest)
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
