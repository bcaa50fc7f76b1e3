"""EleutherAI's lm-evaluation-harness on both sides of the page, where its data can be reached.

    pip install "lm_eval[hf]"
    python -m sigma.harness --tasks arc_easy hellaswag piqa [--limit 200] [--include FOLDER_OF_YAML] [--json]

Both models run dequantized, through the harness's own transformers back end. Without a Hub, `sigma.choices` scores
local files the same way.
"""

from __future__ import annotations

from pathlib import Path

from sigma.cli import model_options, parser_for, run, say, table
from sigma.events import SOURCE_FIRST


def scores(model, tokenizer, tasks: list[str], limit: int | None, include: Path | None, batch: int) -> dict:
    """{task: {metric: value}} of one model. Raises ValueError if the harness or a task's data is missing."""
    try:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise ValueError(f'this command needs the harness: pip install "lm_eval[hf]" ({error})') from error
    manager = TaskManager(include_path=None if include is None else str(include))
    unknown = sorted(set(tasks) - set(manager.all_tasks))
    if unknown:
        raise ValueError(f"the harness knows no task {', '.join(unknown)}")
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch, device=str(model.device))
    try:
        result = simple_evaluate(wrapped, tasks=tasks, limit=limit, task_manager=manager, bootstrap_iters=0)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"the harness could not run {', '.join(tasks)}: {first}") from error
    return {
        task: {name.removesuffix(",none"): value for name, value in row.items() if isinstance(value, float)}
        for task, row in result["results"].items()
    }


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--tasks", nargs="+", required=True, help="task names of the harness")
    parser.add_argument("--include", type=Path, help="folder of task files (YAML) of your own")
    parser.add_argument("--limit", type=int, help="at most this many questions of each task")
    parser.add_argument("--batch", type=int, default=8)
    model_options(parser)
    args = parser.parse_args(argv)

    def work() -> dict:
        from kernels.device import chosen_device
        from sigma.checkpoints.load import load_pair

        if args.limit is not None and args.limit < 1:
            raise ValueError(f"--limit must be at least 1, got {args.limit}")
        pair = load_pair(args.checkpoint, args.base, say, args.tuned)
        device = chosen_device(args.device)
        found = {
            side: scores(
                getattr(pair, side).dense().to(device),
                pair.gqa.tokenizer,
                args.tasks,
                args.limit,
                args.include,
                args.batch,
            )
            for side in SOURCE_FIRST
        }
        if not args.json:
            rows = [[t, m, *(found[s][t].get(m) for s in SOURCE_FIRST)] for t, row in found["gqa"].items() for m in row]
            print(table(rows, ["task", "metric", "GQA", "Sigma"]))
        return found

    run(work, args.json)


if __name__ == "__main__":
    main()
