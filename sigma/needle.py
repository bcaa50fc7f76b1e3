"""Needle retrieval: can each side still find one fact in a long context?

    python -m sigma.needle --text FILE... [--context 1024 2048 4096 8000] [--depths 5] [--json]

A sentence with a six-digit code is put into held-out text at several depths, and the question follows at the end. A
retrieval counts when every digit of the code is the model's first choice, which is what greedy decoding would write.
Dequantized weights, by the readable reference.
"""

from __future__ import annotations

from pathlib import Path

from sigma.cli import model_options, parser_for, run, say, table


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--text", type=Path, nargs="+", required=True, help="text around the fact (held-out rows)")
    parser.add_argument("--context", type=int, nargs="+", default=[1024, 2048, 4096, 8000], help="lengths in tokens")
    parser.add_argument("--depths", type=int, default=5, help="needles per length, from the beginning to the end")
    model_options(parser)
    args = parser.parse_args(argv)

    def work() -> dict:
        import torch

        from kernels.device import chosen_device
        from sigma.checkpoints.load import load_pair
        from sigma.measure.retrieval import retrieval
        from sigma.training.corpus import read

        if args.depths < 1:
            raise ValueError(f"--depths must be at least 1, got {args.depths}")
        texts = [text for path in args.text for text in read(path, "held-out")]
        pair = load_pair(args.checkpoint, args.base, say, args.tuned)
        limit = pair.gqa.config.max_position_embeddings
        for side in (pair.gqa, pair.sigma):
            side.config.check_context(max(args.context))
        tokenizer = pair.gqa.tokenizer
        filler = torch.tensor(tokenizer("\n\n".join(texts)[: 40 * limit], add_special_tokens=False).input_ids)
        device = chosen_device(args.device)
        models = {"gqa": pair.gqa.dense().to(device), "sigma": pair.sigma.dense().to(device)}
        rows = retrieval(models, filler, tokenizer, args.context, args.depths, say)
        if not args.json:
            print(table([list(row.values()) for row in rows], ["context", "needles", "GQA found", "Sigma found"]))
        return {"rows": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
