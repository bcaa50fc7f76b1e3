"""Answers written for the explorer: a link's question on both sides, or a run's question again with another k."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any

from sigma.events import SIDES, ChatRequest, Event, PromptError, StepEvent
from sigma.observe.numbers import logged, new_number, numbered
from visualizers.explore.measures import first_difference
from visualizers.explore.runs import Page
from visualizers.shared.column_settings import with_columns
from visualizers.shared.columns import COLUMNS
from visualizers.shared.options import clean_prompt, make_request, make_sampling

log = logging.getLogger(__name__)

JOBS = 64
MAX_TOKENS = 512
"""Longest answer written for the explorer; a link that asks for more is answered with this many."""

FAILED = "writing the answer failed; the server's log has the details under {number}"


@dataclass
class Job:
    """One answer being written for one page; `result` or `problem` when it has ended."""

    page: Page
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    number: str = field(default_factory=new_number)
    words: str = ""
    result: dict[str, Any] | None = None
    problem: str | None = None


class Writer:
    """Runs jobs one after the other, the newest page's included; a page that closes ends its own."""

    def __init__(self):
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="explore-writer")

    def answer(
        self,
        page: Page,
        job_id: Any,
        start: Callable[[Job], dict[str, Any]],
        admit: Callable[[str], None] = lambda number: None,
    ) -> dict[str, Any]:
        """Start `start(job)` at the first call, then say how far it is: {"pending", "job", "words"}, or its result.

        admit: told the number of an answer before it begins; it may refuse it with a PromptError.
        """
        with self._lock:
            job = self._jobs.get(job_id) if isinstance(job_id, str) else None
            if job is None:
                if sum(one.page is page and one.result is None and one.problem is None for one in self._jobs.values()):
                    raise PromptError("Another answer is still being written for this page. Wait for it.")
                job = Job(page)
                admit(job.number)
                self._jobs[job.id] = job
                while len(self._jobs) > JOBS:
                    self._jobs.popitem(last=False)
                self._pool.submit(copy_context().run, _run, job, start)  # on behalf of who asks
            elif job.page is not page:
                raise PromptError("This answer was asked for by another page.")
        if job.problem is not None:
            raise PromptError(job.problem)
        if job.result is not None:
            return job.result
        return {"pending": 0, "job": job.id, "words": job.words}


def _run(job: Job, start: Callable[[Job], dict[str, Any]]) -> None:
    with numbered(job.number):
        try:
            job.result = start(job)
        except PromptError as error:
            job.problem = str(error)
        except Exception:
            job.problem = FAILED.format(number=logged(log, "an answer for the explorer failed"))


def follow(events: Generator[Event, None, None], job: Job) -> dict[str, list[int]]:
    """Drive the engine to its end, or until the page is closed; the tokens of each side."""
    ids: dict[str, list[int]] = {}
    texts: dict[str, str] = {}
    try:
        for event in events:
            if job.page.gone.is_set():
                raise PromptError("The page was closed.")
            if isinstance(event, StepEvent) and event.token_id >= 0:
                ids.setdefault(event.side, []).append(event.token_id)
                texts[event.side] = texts.get(event.side, "") + event.text
                job.words = texts.get("sigma", next(iter(texts.values())))[-400:]
    finally:
        events.close()
    return ids


def again_with(request: ChatRequest, name: str, k: int) -> ChatRequest:
    """What Sigma was asked under a name of the request, with selective V."""
    column = request.column(name)
    sampling = replace(column.sampling, max_new_tokens=min(column.sampling.max_new_tokens, MAX_TOKENS))
    how = {
        "selective_missing_mass": column.selective_missing_mass,
        "selective_threshold": column.selective_threshold,
    }
    return ChatRequest({"sigma": request.messages[name]}, sampling, k, None, tuned=column.tuned, **how)


def compare(before: list[int], after: list[int]) -> int | None:
    """The first step that differs; None if the shorter is how the longer begins and only a limit ended it."""
    return first_difference(before[: len(after)], after[: len(before)])


def request_of(question: Any, context: int, layers: int, has_tuned: bool = True) -> ChatRequest:
    """A link's question as a request to both sides, or to the columns that it names; PromptError where it cannot be asked.

    context, layers, has_tuned: what the models are, and whether they have a tuned base.
    """
    if not isinstance(question, dict):
        raise PromptError("The link holds no question.")

    given = {name: value for name, value in question.items() if value not in ("", "None", "null")}
    prompt = clean_prompt(given.get("prompt"))
    system = clean_prompt(given.get("system"), "system prompt")
    tokens = _from_address(given.get("tokens"))
    if isinstance(tokens, (int, float)):
        tokens = min(tokens, MAX_TOKENS)
    options = (_from_address(given.get(name)) for name in ("temperature", "top_p", "top_k", "penalty"))
    sampling = make_sampling(*options, tokens, _from_address(given.get("seed")))
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": prompt})
    both = {side: list(messages) for side in SIDES}
    how = {"missing_mass": given.get("missing"), "threshold": given.get("threshold")}
    request = make_request(both, sampling, given.get("selective"), None, context, layers, **how)
    request = replace(request, tuned=given.get("tuned") in (True, "true", "1"))
    named = any(name == column or name.startswith(f"{column}_") for name in given for column in COLUMNS)
    return with_columns(request, given, context, has_tuned) if named else request


def _from_address(value: Any) -> Any:
    """A number that an address carries as text; anything else as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
