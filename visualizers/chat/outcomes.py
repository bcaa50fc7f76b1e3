"""What the default models made of Chat's task examples, as recorded: the signs at the examples' ends.

    python -m visualizers.chat.outcomes

asks every example that has a "case" (assets/examples/chat.json) as the page does, greedily, judges the answers and writes
assets/examples/chat_outcomes.json. To be run again with every new checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from sigma.aimicius import load_task
from sigma.aimicius.contract import Task, verdict_of
from sigma.aimicius.record import outcome
from sigma.events import SIDES, Engine, PromptError
from visualizers.chat import recording
from visualizers.chat.examples import OUTCOMES, known_questions, read_examples
from visualizers.chat.settings import TurnSettings, with_example
from visualizers.shared.columns import COLUMNS
from visualizers.shared.loader import running_on
from visualizers.shared.signs import signs


def judged(task: Task, row: Mapping[str, Any], answer: str) -> dict[str, str]:
    """An answer, what came of it, and in the judge's words why."""
    verdict = verdict_of(task, task.case(dict(row), "an example"), answer)
    primary = [metric.name for metric in task.metrics if metric.primary]
    scored = {name: verdict.scores[name].reason for name in primary}
    return {"answer": answer, "outcome": outcome(verdict.to_dict(), primary), **scored}


def ask(engine: Engine, example: Mapping[str, Any]) -> dict[str, str]:
    """Both models' answers to an example, as the page asks them, by side. PromptError where it cannot be asked."""
    settings = with_example(TurnSettings(), example)
    messages = {c: [*told, {"role": "user", "content": example["prompt"]}] for c, told in settings.opening().items()}
    request = settings.request(messages, {side: engine.info(side) for side in SIDES})
    view, _ = recording.play(engine, request)
    return {side: view.sides[column].text for side, column in zip(SIDES, COLUMNS, strict=True)}


def main(argv: list[str] | None = None) -> int:
    """Write the file anew; 2 where it cannot be done."""
    argparse.ArgumentParser(
        prog="python -m visualizers.chat.outcomes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)

    from sigma.engine.engine import load_engine

    try:
        engine = load_engine()
        rows = []
        examples = {example["prompt"]: example for example in read_examples()}
        for known in known_questions():
            answers, task = ask(engine, examples[known.question]), load_task(known.task)
            found = {side: judged(task, known.row, answers[side]) for side in SIDES}
            rows.append({"prompt": known.question, **found})
            print(f"{known.row['id']}: {signs({side: found[side]['outcome'] for side in SIDES})}", file=sys.stderr)
        info = engine.info("sigma")
    except (PromptError, OSError, ValueError) as error:
        print(f"not recorded: {error}", file=sys.stderr)
        return 2
    made = f"{info.tuned} on {running_on(info)}"
    OUTCOMES.write_text(json.dumps({"made": made, "examples": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
