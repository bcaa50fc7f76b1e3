"""Score a side, or given answers, on the test set of a task.

    python -m sigma.aimicius.evaluate --task nl2kql --side sigma --limit 20 --resume run.jsonl
    python -m sigma.aimicius.evaluate --task all --answers truth --json
    python -m sigma.aimicius.evaluate --task all --data heldout
    python -m sigma.aimicius.evaluate --task cmdgen --data mine.jsonl --answers answers.jsonl

Without --data the cases are our generated ones (see sigma.aimicius.data), built when they are absent. `--data heldout`
takes the 40 questions a task that were written by hand, one by one, `--data heldout-final` a second such set for the end
only, `--data examples` the page's examples; all are reported apart from the generated ones. `--limit N` takes N cases by a fixed chance, each group of the
file (such as NVIDIA and AMD) in its share. With --resume every answer is kept as soon as it is given, and a run that was
interrupted goes on where it was.
"""

from __future__ import annotations

import json
import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.answers import Answer, AnswerLog, read_answers
from sigma.aimicius.asking import stream, talks
from sigma.aimicius.contract import SPLITS, Case, Task, Verdict, read_cases, verdict_of
from sigma.aimicius.data import HELD_OUT, ensure, held_out
from sigma.aimicius.scoring import Report, combined
from sigma.aimicius.worked import MOST, asked
from sigma.cli import model_options, parser_for, run, table
from sigma.events import SIDES, ChatRequest, Engine, Event, PromptError, Sampling, StepEvent

REFUSED = "refused"
EXAMPLES = "examples"
NAMED = (*HELD_OUT, EXAMPLES)
ABOUT = dict.fromkeys(SPLITS, "percent on our AIMicius-style data") | {
    "heldout": "percent on questions written by hand, never trained on",
    "heldout-final": "percent on questions written by hand, kept for the end",
    EXAMPLES: "percent on the page's own examples",
}


def sample(task: Task, cases: list[Case], limit: int | None) -> list[Case]:
    """`limit` of the cases, the same on every machine: drawn by chance within each group, each in its share of the file.

    Shares are rounded by largest remainder. The cases keep the file's order.
    """
    if limit is None or limit >= len(cases):
        return cases
    groups: dict[tuple[str, str], list[int]] = {}
    for place, case in enumerate(cases):
        groups.setdefault((task.group(case), str(case.fields.get("kind", ""))), []).append(place)
    shares = {name: limit * len(places) / len(cases) for name, places in groups.items()}
    counts = {name: int(share) for name, share in shares.items()}
    first = sorted(groups, key=lambda name: (counts[name] - shares[name], name))
    for name in first[: limit - sum(counts.values())]:
        counts[name] += 1
    rng = random.Random(f"{task.name} {len(cases)}")
    chosen = [place for name in sorted(groups) for place in rng.sample(groups[name], len(groups[name]))[: counts[name]]]
    return [cases[place] for place in sorted(chosen)]


def load_cases(
    task: Task, data: str | None, split: str, limit: int | None, progress: Callable[[str, int], None] | None = None
) -> list[Case]:
    """The cases to evaluate on: a file's, those of a name in NAMED, or without `data` our split's. Raises CaseError."""
    if data == EXAMPLES:
        return sample(task, task.examples(), limit)
    if data is None:
        path = ensure(task, split, progress=progress)
    else:
        path = held_out(task, data) if data in HELD_OUT else Path(data)
    return sample(task, read_cases(task, path), limit)


def ask(
    engine: Engine,
    side: str,
    task: Task,
    case: Case,
    examples: int | None = None,
    max_new_tokens: int | None = None,
    held: bool = False,
    tuned: bool = True,
    tries: int | None = None,
) -> Iterator[Event | Answer]:
    """One greedy answer to a case: the engine's events, then the Answer. A prompt that the model cannot take is refused, not an error.

    `examples` before the question, `max_new_tokens` and `tries`: None for the task's own numbers. `held`: to the task's form, where it
    has one. `tuned`: by the tuned base, if the engine has one. Raises CaseError for examples that cannot be read.
    """
    sampling = Sampling(max_new_tokens=max_new_tokens or task.answer_tokens)
    request = ChatRequest({}, sampling, tuned=tuned and bool(engine.info(side).tuned))
    sides = talks(task, {side: case}, {side: asked(task, case, examples)}, tries)
    text, finish = [], None
    try:
        # Closed with the caller: an answer that is given up frees its cache at once.
        with closing(stream(engine, sides, request, held)) as events:
            for event in events:
                if isinstance(event, StepEvent):
                    text.append(event.text)
                    finish = event.finish_reason
                yield event
    except PromptError:
        yield Answer("", REFUSED)
        return
    yield Answer("".join(text), finish)


def evaluate(
    task: Task,
    side: str,
    cases: list[Case],
    answer: Callable[[Case], Answer],
    seen: Callable[[Case, Answer, Verdict], None] | None = None,
    data: str = "test",
) -> Report:
    """Judge one answer to each case; `seen` is told of every verdict, `data` names the cases in the report."""
    report = Report(task, side, data)
    for case in cases:
        given = answer(case)
        verdict = verdict_of(task, case, given.text)
        report.add(case, verdict, given.finish)
        if seen is not None:
            seen(case, given, verdict)
    return report


class _Answers:
    """Where the command's answers come from: the truths, a file, or a model that is loaded when the first is needed."""

    def __init__(self, args):
        self.args, self.engine = args, None
        self.side = args.side or {None: "sigma", "truth": "truth"}.get(args.answers, "file")

    def source(self, task: Task, cases: list[Case]) -> Callable[[Case], Answer]:
        if self.args.answers == "truth":
            return lambda case: Answer(case.truth)
        if self.args.answers is not None:
            found = read_answers(self.args.answers, task, cases, self.args.side)
            return lambda case: found[case.id]
        budget = self.args.max_new_tokens or task.answer_tokens
        log = None
        if self.args.resume is not None:
            model = f"{self.args.checkpoint or 'default'} / {self.args.base or 'default'}"
            settings = {"side": self.side, "model": model, "max_new_tokens": budget, "tuned": self.args.tuned}
            if self.args.constrained:
                settings["constrained"] = True
            if task.tries > 1:
                settings["tries"] = self.args.tries or task.tries
            log = AnswerLog(self.args.resume, task, settings, self.args.examples)

        def answer(case: Case) -> Answer:
            given = log.get(case) if log is not None else None
            if given is None:
                how = {"held": self.args.constrained, "tries": self.args.tries}
                asking = ask(self._engine(), self.side, task, case, self.args.examples, budget, **how)
                given = deque(asking, maxlen=1).pop()
                if log is not None:
                    log.put(case, given)
            return given

        return answer

    def _engine(self):
        if self.engine is None:
            from sigma.cli import say
            from sigma.engine.engine import load_engine

            self.engine = load_engine(
                self.args.checkpoint, self.args.base, self.args.device, self.args.weights, say, self.args.tuned
            )
        return self.engine

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()


def print_report(report: Report) -> None:
    """Our figures as a table, by group where the task has groups."""
    result = report.to_dict()
    groups = result.get("groups", {})
    header = ["metric", f"all (n={result['n']})", *(f"{name} (n={group['n']})" for name, group in groups.items())]
    primary = {metric.name for metric in report.task.metrics if metric.primary}
    rows = [
        [name.upper() if name in primary else name, value, *(group["metrics"][name] for group in groups.values())]
        for name, value in result["metrics"].items()
    ]
    print(f"\n{report.task.title}, {report.side}, {report.data}: {ABOUT.get(report.data, 'percent')}")
    print(table(rows, header))
    if report.task.note:
        print(report.task.note)
    if result.get("unanswered"):
        print(f"{result['unanswered']} prompts were too long for the model's context and count as empty answers")


def _work(args) -> dict:
    answers, reports = _Answers(args), []
    kept = args.verdicts.open("w", encoding="utf-8") if args.verdicts else None
    try:
        for name in NAMES if args.task == "all" else (args.task,):
            task = load_task(name)
            with tqdm(unit="case", desc=f"{name} data", disable=None, leave=False) as bar:
                cases = load_cases(task, args.data, args.split, args.limit, lambda _, n, bar=bar: bar.update(n - bar.n))
            source = answers.source(task, cases)
            # In a log file a line every half minute is enough.
            with tqdm(
                total=len(cases), unit="case", desc=name, mininterval=0.2 if sys.stderr.isatty() else 30, leave=False
            ) as bar:

                def seen(case, given, verdict, bar=bar, task=task):
                    bar.update()
                    if kept is not None:
                        row = {
                            "task": task.name,
                            "side": answers.side,
                            "data": str(args.data or args.split),
                            "group": task.group(case),
                            "constrained": args.constrained and task.grammar(case) is not None,
                            "examples": task.worked if args.examples is None else args.examples,
                            "tries": (args.tries or task.tries) if task.tries > 1 else 1,
                            "id": case.id,
                            "finish": given.finish,
                            "answer": given.text,
                            "truth": case.truth,
                        }
                        kept.write(json.dumps({**row, **verdict.to_dict()}, ensure_ascii=False, default=str) + "\n")

                reports.append(evaluate(task, answers.side, cases, source, seen, args.data or args.split))
            if not args.json:
                print_report(reports[-1])
    finally:
        answers.close()
        if kept is not None:
            kept.close()
    return combined(reports, answers.side) if args.task == "all" else reports[0].to_dict()


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--task", required=True, choices=(*NAMES, "all"))
    parser.add_argument(
        "--side", choices=SIDES, help="model to ask (default: sigma); with a file of answers, whose to take"
    )
    parser.add_argument(
        "--data",
        metavar="FILE|heldout|heldout-final|examples",
        help="cases of your own, JSON lines; or the word heldout: 40 questions a task written by hand; or heldout-final: "
        "a second such set, for the end only; or examples: those of the page (default: our generated cases)",
    )
    parser.add_argument("--split", default="test", choices=SPLITS, help="which of our files (default: test)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="judge N cases, a fixed sample with every group in its share"
    )
    parser.add_argument(
        "--answers", metavar="truth|FILE", help="judge these and load no model: JSON lines of id and answer"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep the model's answers there, and go on from there"
    )
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="longest answer (default: the task's own)")
    parser.add_argument(
        "--constrained", action="store_true", help="hold answers to the task's grammar, where it has one"
    )
    parser.add_argument(
        "--examples",
        type=int,
        metavar="N",
        help="worked examples before the question, those nearest to it; 0 for the question alone (default: the task's own)",
    )
    parser.add_argument(
        "--tries",
        type=int,
        metavar="N",
        help="at most so many tries of an answer whose faults show without a truth (default: the task's own)",
    )
    parser.add_argument("--verdicts", type=Path, metavar="FILE", help="write every verdict there, JSON lines")
    model_options(parser, tuned="auto")
    args = parser.parse_args(argv)
    for name in ("limit", "max_new_tokens", "tries"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    if args.examples is not None and not 0 <= args.examples <= MOST:
        parser.error(f"--examples must be 0 to {MOST}, not {args.examples}")
    if args.data is not None and args.task == "all" and args.data not in NAMED:
        parser.error("--data needs one --task: a file holds the cases of one task")
    if args.answers is not None and args.resume is not None:
        parser.error("--resume keeps a model's answers; with --answers there is no model")
    run(lambda: _work(args), args.json)


if __name__ == "__main__":
    main()
