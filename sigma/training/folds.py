"""Which fold to convert with: loss right after conversion, before any healing, at several context lengths.

    python -m sigma.training.folds --corpus corpus.jsonl [--context 256 1024 4096] [--json]

The calibration text is training text, the losses are of held-out text. The query stays plain: the augmented one starts
as the same function.
"""

from __future__ import annotations

from pathlib import Path

from sigma.cli import parser_for, run, say, table
from sigma.conversion.convert import convert
from sigma.conversion.fold import PROGRESSIVE_FOLD
from sigma.training.corpus import pack, read

FOLDS = {  # (number of frequencies, neighbours that share directions), from the fast end to the slow one
    "none": ((32, 1),),
    "gentle": ((16, 1), (8, 2), (8, 4)),
    "progressive": PROGRESSIVE_FOLD,
    "wide": ((8, 1), (8, 4), (16, 16)),
}


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--base", help="GQA source; the default base otherwise")
    parser.add_argument("--corpus", type=Path, required=True, help="JSON lines from sigma.training.corpus")
    parser.add_argument("--context", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--tokens", type=int, default=16_384, help="held-out tokens per context length")
    parser.add_argument("--calibration", type=int, default=128, help="windows of 1,024 tokens")
    parser.add_argument("--key-heads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        from sigma.checkpoints.load import load_dense
        from sigma.measure.quality import compare

        if min(args.context) < 2 or args.tokens < max(args.context):
            raise ValueError(f"--tokens {args.tokens} must hold a window of each --context {args.context}")
        teacher, tokenizer = load_dense(args.base)
        teacher.config.check_context(max(args.context))
        calibration = pack((t[:20_000] for t in read(args.corpus, "train")), tokenizer, 1024, args.calibration)
        held = read(args.corpus, "held-out")
        windows = {n: pack(held, tokenizer, n, args.tokens // n) for n in args.context}
        rows = []
        for name, fold in FOLDS.items():
            student = convert(teacher, calibration, args.key_heads, fold=fold)
            for n, ids in windows.items():
                found = compare(teacher, student, ids, say)
                rows.append({"fold": name, "context": n} | {k: found[k] for k in ("gqa_nll", "sigma_nll", "kl")})
            if not args.json:
                header = ["fold", "context", "GQA NLL", "converted NLL", "KL"]
                print(table([list(r.values()) for r in rows[-len(windows) :]], header), flush=True)
        return {"rows": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
