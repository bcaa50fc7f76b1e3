"""Multiple-choice accuracy of both sides on a local file, scored as lm-evaluation-harness does.

    python -m sigma.choices FILE.jsonl... [--limit 200] [--json]

Each line is one question in the published form of HellaSwag ({"ctx", "endings", "label"}), ARC ({"question",
"choices": {"text", "label"}, "answerKey"}), PIQA ({"goal", "sol1", "sol2", "label"}), or plainly {"question",
"choices": [..], "answer": index}. `acc` takes the choice with the highest log-likelihood, `acc_norm` the highest per
byte. Dequantized weights, by the readable reference.
"""

from __future__ import annotations

from pathlib import Path

from sigma.cli import model_options, parser_for, run, say, table
from sigma.events import SOURCE_FIRST


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="JSON lines")
    parser.add_argument("--limit", type=int, help="at most this many questions of each file")
    model_options(parser)
    args = parser.parse_args(argv)

    def work() -> dict:
        from kernels.device import chosen_device
        from sigma.checkpoints.load import load_pair
        from sigma.measure.questions import accuracy, check_lengths, read_questions

        if args.limit is not None and args.limit < 1:
            raise ValueError(f"--limit must be at least 1, got {args.limit}")
        files = {path.stem: read_questions(path, args.limit) for path in args.files}
        pair = load_pair(args.checkpoint, args.base, say, args.tuned)
        context = min(pair.gqa.config.max_position_embeddings, pair.sigma.config.max_position_embeddings)
        for questions in files.values():
            check_lengths(questions, pair.gqa.tokenizer, context)
        device = chosen_device(args.device)
        rows = []
        for name, questions in files.items():
            sides = {
                side: accuracy(getattr(pair, side).dense().to(device), pair.gqa.tokenizer, questions, say)
                for side in SOURCE_FIRST
            }
            same = sum(a == b for a, b in zip(sides["gqa"].pop("choices"), sides["sigma"].pop("choices")))
            rows.append({"file": name, **sides, "same_choice": same / len(questions)})
        if not args.json:
            header = ["file", "questions", "GQA acc", "Sigma acc", "GQA norm", "Sigma norm", "same choice"]
            shown = [
                [
                    row["file"],
                    row["gqa"]["n"],
                    *(row[side][key] for key in ("acc", "acc_norm") for side in SOURCE_FIRST),
                    row["same_choice"],
                ]
                for row in rows
            ]
            print(table(shown, header))
        return {"rows": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
