"""Runs that can be explored: their tokens, and who asked for which. No Gradio, no torch."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sigma.events import SIDES, ChatRequest, Column, PastRun, PromptError, Sampling
from sigma.limits.current import limits
from visualizers.explore.measures import first_difference
from visualizers.shared.column_settings import linked_columns
from visualizers.shared.columns import made_by, system_of

RECORDED = "recorded"
RUNS_PER_PAGE = 8


@dataclass(frozen=True, slots=True)
class Text:
    """The tokens that both sides read: the prompt, then what one of them wrote."""

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    prompt_length: int

    @property
    def steps(self) -> int:
        """Generated tokens."""
        return len(self.ids) - self.prompt_length


@dataclass(frozen=True, slots=True)
class ExploredRun:
    """A finished turn, by an id that cannot be guessed.

    `texts` by their writers: by the side that wrote them, or by the column where one side wrote two.
    """

    id: str
    texts: dict[str, Text]
    settings: dict[str, Any]
    request: ChatRequest
    recorded: bool = False

    def text(self, writer: str) -> Text:
        """PromptError, for the visitor, if that side wrote nothing in this run."""
        if writer not in self.texts:
            raise PromptError(f"In this run there is no text of {writer[:20]!r}; there is {', '.join(self.texts)}.")
        return self.texts[writer]

    @property
    def names(self) -> dict[str, str]:
        """By writer, the name that the request has for it."""
        return {writer: name for name, writer in writers_of(self.request).items() if writer in self.texts}

    @property
    def labels(self) -> dict[str, str]:
        """By writer, what the page calls it: "Sigma", "Sigma (k = 16)"."""
        made = made_by(self.request)
        return {writer: made[name]["label"] for writer, name in self.names.items()}

    def column(self, writer: str) -> Column:
        """Who wrote a text, and with which settings."""
        return self.request.column(self.names[writer])

    def written_by(self, model: str) -> str | None:
        """The first writer that is this side; None if it wrote nothing."""
        return next((writer for writer in self.texts if self.column(writer).model == model), None)

    def parting(self) -> int | None:
        """The first step in which the two answers differ; None if they are the same or there is only one."""
        if len(self.texts) < 2:
            return None
        answers = [list(text.ids[text.prompt_length :]) for text in self.texts.values()]
        return first_difference(*answers)


def from_past(past: PastRun, piece: Callable[[str, int], str]) -> ExploredRun:
    """A run of the engine; `piece(side, id)` gives a token's text. PromptError if no side has read anything."""
    writers = writers_of(past.request)
    model = {name: past.request.column(name).model for name in writers}
    texts = {
        writers[name]: Text(run.ids, tuple(piece(model[name], i) for i in run.ids), run.prompt_length)
        for name, run in past.sides.items()
        if run.ids
    }
    if not texts:
        raise PromptError("The run is empty: there is nothing to explore yet.")
    return ExploredRun(uuid.uuid4().hex, texts, settings_of(past.request), past.request)


def writers_of(request: ChatRequest) -> dict[str, str]:
    """Who writes under each name of a request: the side, or the name itself where one side is asked twice."""
    models = {name: request.column(name).model for name in request.messages}
    return models if len(set(models.values())) == len(models) else {name: name for name in models}


def settings_of(request: ChatRequest) -> dict[str, Any]:
    """What a link needs to ask the same again; `turns` counts the questions of the chat."""
    messages = next(iter(request.messages.values()))
    systems = {system_of(chat) for chat in request.messages.values()}
    asked = [m["content"] for m in messages if m["role"] == "user"]
    sampling = request.sampling
    return {
        "prompt": asked[-1] if asked else "",
        "system": systems.pop() if len(systems) == 1 else "",  # else a column's own
        "turns": len(asked),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "penalty": sampling.repetition_penalty,
        "seed": sampling.seed,
        "tokens": sampling.max_new_tokens,
        "selective": request.selective_k,
        "missing": request.selective_missing_mass,
        "threshold": request.selective_threshold,
        "tuned": request.tuned,
        **linked_columns(request),
    }


def from_recording(data: dict[str, Any]) -> ExploredRun:
    """The recorded run; both answers' tokens are there, attention only for Sigma's text."""
    pieces = data["pieces"]
    texts = {
        side: Text(tuple(t["ids"]), tuple(pieces[str(i)] for i in t["ids"]), t["prompt"])
        for side, t in data["texts"].items()
    }
    messages = {side: [{"role": "user", "content": data["prompt"]}] for side in SIDES}
    request = ChatRequest(messages, Sampling(max_new_tokens=max(text.steps for text in texts.values())))
    settings = {**settings_of(request), "made": data["made"]}
    return ExploredRun(RECORDED, texts, settings, request, recorded=True)


@dataclass
class Page:
    """One open page: its runs, newest last, and whether the visitor has left."""

    token: str
    runs: OrderedDict[str, ExploredRun] = field(default_factory=OrderedDict)
    gone: threading.Event = field(default_factory=threading.Event)

    def add(self, run: ExploredRun) -> None:
        """Keep a run; the oldest goes when there are too many."""
        self.runs[run.id] = run
        while len(self.runs) > RUNS_PER_PAGE:
            self.runs.popitem(last=False)


class Pages:
    """Open pages by the token that their browser was given; bounded, the longest unused is closed first."""

    def __init__(self):
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, Page] = OrderedDict()
        self._tokens: dict[str, str] = {}  # session hash -> token

    def open(self, session: str | None) -> Page:
        """The page of a browser session, made at its first call; whoever names no session gets one of their own each time."""
        with self._lock:
            token = self._tokens.get(session) if session else None
            if token is None:
                token = uuid.uuid4().hex
                self._pages[token] = Page(token)
                if session:
                    self._tokens[session] = token
            self._pages.move_to_end(token)
            page, closed = self._pages[token], []
            while len(self._pages) > limits().pages:
                closed.append(self._pages.popitem(last=False)[1])
            live = self._pages
            self._tokens = {key: value for key, value in self._tokens.items() if value in live}
        for old in closed:
            old.gone.set()
        return page

    def get(self, token: Any) -> Page:
        """By token; PromptError for one that is not, or no longer, known."""
        with self._lock:
            page = self._pages.get(token) if isinstance(token, str) else None
            if page is None:
                raise PromptError("This page has been open for long and was forgotten: reload it.")
            self._pages.move_to_end(token)
            return page

    def close(self, session: str | None) -> Page | None:
        """The visitor left; the page that was closed, if there was one."""
        with self._lock:
            token = self._tokens.pop(session or "", None)
            page = self._pages.pop(token, None) if token else None
        if page is not None:
            page.gone.set()
        return page
