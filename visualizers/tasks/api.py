"""The named endpoint that judges an answer: `Client(url).predict("nl2kql", {...}, "SyslogData | take 5", api_name="/judge")`."""

from __future__ import annotations

import json
import logging
from typing import Any

import gradio as gr

from sigma.aimicius.contract import CaseError
from sigma.engine.fields import Fields
from sigma.events import PromptError
from sigma.limits.visitors import Visitors
from sigma.observe.numbers import logged
from visualizers.shared.caller import host_of
from visualizers.tasks.fields import MAX_CHARACTERS
from visualizers.tasks.judging import Judges
from visualizers.tasks.limits import check_answer
from visualizers.tasks.loader import TaskLoader

log = logging.getLogger(__name__)


class JudgeCall(Fields):
    """What a program may send."""

    task: str
    case: dict
    answer: str


def make_judge(task_loader: TaskLoader, judges: Judges, visitors: Visitors):
    """The endpoint's function, bound to the tasks, their judges, and who may ask how much."""

    def judge(request: gr.Request, task: str, case: dict[str, Any], answer: str) -> dict[str, Any]:
        """
        Judge one answer to one case of an AIMicius-style task; no model is asked.

        Parameters:
            task: "cmdgen", "infrawise", "optiflow" or "nl2kql"
            case: a line of a case file as an object: the task's fields and "truth" (left out, scores that need it are null)
            answer: the answer, as a model would write it
        Returns:
            {"task", "scores": {metric: {"value": 0 to 1 or null, "reason"}}, "parts": [{"name", "state", "text", "view"}]}
        """
        try:
            visitors.admit(host_of(request), None)
            return _judge(task_loader, judges, task, case, answer)
        except (PromptError, CaseError) as error:
            raise gr.Error(str(error)[:500], print_exception=False) from None
        except Exception:
            words = f"Judging failed; the server's log has the details under {logged(log, 'a judge call failed')}."
            raise gr.Error(words, print_exception=False) from None

    return judge


def _judge(task_loader: TaskLoader, judges: Judges, name: Any, case: Any, answer: Any) -> dict[str, Any]:
    call = JudgeCall.read({"task": name, "case": case, "answer": answer})
    task, case, answer = task_loader.task(call.task), call.case, call.answer
    check_answer(answer)
    if (size := len(json.dumps(case))) > MAX_CHARACTERS:
        raise PromptError(f"The case has {size:,} characters; at most {MAX_CHARACTERS:,} are read.")
    judged = judges.judge(task, task.case({"id": "case", "truth": "", **case}, "case"), answer)
    if judged.verdict is None:
        raise PromptError(judged.problem)
    # Through JSON once: what a task put into a view must not be able to break the reply.
    verdict = json.loads(json.dumps(judged.verdict.to_dict(), default=str), parse_constant=lambda _: None)
    return {"task": task.name, **verdict}
