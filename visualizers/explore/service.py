"""What a browser may ask of a run, answered piece by piece: nothing older is sent until someone looks at it.

A question is a dictionary, an answer is one; the page's private endpoint carries both as text. Attention of a live run
is computed again from its token ids when it is first looked at, in the background; until then the answer is
{"pending": how far, 0 to 1}. The memory of all visitors' recomputed runs is bounded, the longest unused goes first.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sigma.events import SIDES, Engine, HeldInspection, Inspection, PromptError, SideInfo
from sigma.limits.current import limits
from sigma.observe.numbers import logged
from visualizers.explore import answers, writing
from visualizers.explore.recorded import RecordedSide
from visualizers.explore.runs import RECORDED, ExploredRun, Page, Pages, Text, from_past, from_recording
from visualizers.explore.view import Gone, view_of, whole
from visualizers.shared.loader import EngineLoader

log = logging.getLogger(__name__)

FAILED = "Looking at this run failed; the server's log has the details under {number}."


class _Job:
    """One text read by one side: under way, done or failed."""

    def __init__(self, page: Page):
        self.page, self.part = page, 0.0
        self.found: HeldInspection | None = None
        self.problem: str | None = None

    def progress(self, part: float) -> None:
        self.part = part


class Explorer:
    """All visitors' questions. `loader`: None where only the recorded exploration, `recording`, is asked about."""

    def __init__(self, loader: EngineLoader | None, recording: dict[str, Any] | None = None):
        self.loader, self.pages = loader, Pages()
        self.recorded = from_recording(recording) if recording else None
        self._recording = recording
        self._recorded_sides: dict[str, RecordedSide] = {}
        self._jobs: OrderedDict[tuple[str, str, str], _Job] = OrderedDict()
        self._lock = threading.Lock()
        self.writer = writing.Writer()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inspector")

    def ask(self, question: Any, host: str | None = None) -> dict[str, Any]:
        """Answer one question of `host`; {"error": message} for what cannot be answered. Never raises."""

        def admit(number: str) -> None:
            if self.loader is not None:
                self.loader.meter.visitors.admit(host, number)

        try:
            if not isinstance(question, dict):
                raise PromptError("A question to the explorer is an object.")
            page = self.pages.get(question.get("page"))
            if question.get("op") == "run":
                return self.writer.answer(
                    page, question.get("job"), lambda job: self._ask_both(page, question, job), admit
                )
            run = self._run(page, question.get("run"))
            text = str(question.get("text") or next(iter(run.texts)))
            if question.get("op") == "open":
                return answers.describe(run, text, self._infos(run))
            if question.get("op") == "view":
                return self._view(page, run, text, question)
            if question.get("op") == "rerun":
                k = whole(question, "k", 1, 1 << 20)
                return self.writer.answer(page, question.get("job"), lambda job: self._again(run, k, job), admit)
            raise PromptError("The explorer can open, view, run and rerun, nothing else.")
        except PromptError as error:
            return {"error": str(error)}
        except (ValueError, TypeError, KeyError) as error:  # nonsense in a question: its fields are checked by use
            log.info("an explorer question could not be answered: %s", error)
            return {"error": str(error) if isinstance(error, ValueError) else "The question makes no sense."}
        except Gone:
            return {"error": "The page was closed."}
        except Exception:
            return {"error": FAILED.format(number=logged(log, "the explorer failed"))}

    def open_page(self, session: str | None) -> Page:
        """The page of a browser session; what was read for pages that it pushes out is freed."""
        page = self.pages.open(session)
        self._free_left()
        return page

    def _free_left(self) -> None:
        """Free what was read for pages that are gone."""
        with self._lock:
            left = [self._jobs.pop(key) for key, job in list(self._jobs.items()) if job.page.gone.is_set()]
        for job in left:
            _free(job)

    def add_run(self, session: str, chat_session: str | None) -> ExploredRun | None:
        """Take over the newest ended run of a chat; None if the engine knows none."""
        engine = self.loader.engine
        past = engine.past_run(chat_session) if engine is not None and chat_session else None
        if past is None:
            return None
        run = from_past(past, engine.piece)
        self.open_page(session).add(run)
        return run

    def close(self, session: str | None) -> None:
        """The visitor left: end what is being read for them and free what was."""
        if self.pages.close(session) is not None:
            self._free_left()

    def _run(self, page: Page, name: Any) -> ExploredRun:
        if name == RECORDED:
            if self.recorded is None:
                raise PromptError("There is no recorded run; ask something in the Chat tab first.")
            return self.recorded
        run = page.runs.get(name) if isinstance(name, str) else None
        if run is None:
            raise PromptError("This run is not known here. Runs are kept while the page is open; ask again in Chat.")
        return run

    def _engine(self) -> Engine:
        """The engine, waited for; PromptError if there will be none."""
        self.loader.wait()
        if self.loader.engine is None:
            raise PromptError(f"No model is loaded: {self.loader.status.text}")
        return self.loader.engine

    def _ask_both(self, page: Page, question: dict[str, Any], job: writing.Job) -> dict[str, Any]:
        """A link's question, answered by both sides: {"run": id}."""
        engine = self._engine()
        info = engine.info("sigma")
        request = writing.request_of(question.get("question"), info.context_length, info.layers, bool(info.tuned))
        writing.follow(engine.stream(request, "explore " + job.id), job)
        past = engine.past_run("explore " + job.id)
        engine.release("explore " + job.id)
        run = from_past(past, engine.piece)
        page.add(run)
        return {"run": run.id}

    def _again(self, run: ExploredRun, k: int, job: writing.Job) -> dict[str, Any]:
        """Sigma's answer with selective V: its words, and the first step that differs from the run's own answer."""
        writer = run.written_by("sigma")
        if writer is None:
            raise PromptError("In this run Sigma did not answer.")
        engine = self._engine()
        request = writing.again_with(run.request, run.names[writer], min(k, engine.info("sigma").context_length))
        written = writing.follow(engine.stream(request, None), job).get("sigma", [])
        text = run.texts[writer]
        parting = writing.compare(list(text.ids[text.prompt_length :]), written)
        return {"k": k, "words": engine.text("sigma", written)[:600], "parting": parting}

    def _infos(self, run: ExploredRun) -> dict[str, SideInfo]:
        if run.recorded:
            return {side: SideInfo(**self._recording["sides"][side]["info"]) for side in SIDES}
        return {side: self.loader.engine.info(side) for side in SIDES}

    def _view(self, page: Page, run: ExploredRun, writer: str, question: dict[str, Any]) -> dict[str, Any]:
        text = run.text(writer)
        found = {side: self._side(page, run, writer, text, side) for side in SIDES}
        waiting = [side.part for side in found.values() if isinstance(side, _Job)]
        if waiting:
            done = sum(1.0 for side in found.values() if not isinstance(side, _Job))
            return {"pending": round((done + sum(waiting)) / len(found), 3)}
        return answers.parts_of(view_of(found, text, question, self._piece(run), page.gone.is_set))

    def _piece(self, run: ExploredRun):
        if run.recorded:
            return lambda i: self._recording["pieces"].get(str(i), "?")
        return lambda i: self.loader.engine.piece("sigma", i)

    def _side(self, page: Page, run: ExploredRun, writer: str, text: Text, side: str) -> Inspection | _Job:
        """What a side's attention did with a text, or the job that is finding it out."""
        if run.recorded and writer == "sigma":
            if side not in self._recorded_sides:
                data = self._recording["sides"][side]
                self._recorded_sides[side] = RecordedSide(data, len(text.ids), text.prompt_length)
            return self._recorded_sides[side]
        if self.loader.engine is None:
            raise PromptError("The model is still loading; until then the recorded run shows Sigma's text only.")
        key = (page.token, run.id + writer, side)
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = _Job(page)
                self._reader.submit(self._read, job, side, text, run.column(writer).tuned)
            self._jobs.move_to_end(key)
        if job.problem is not None:
            with self._lock:
                self._jobs.pop(key, None)  # asked again, it is tried again
            raise PromptError(job.problem)
        return job if job.found is None else job.found

    def _read(self, job: _Job, side: str, text: Text, tuned: bool) -> None:
        try:
            how = job.page.gone, job.progress, tuned
            found = self.loader.engine.inspect(side, text.ids, text.prompt_length, *how)
            if job.page.gone.is_set():
                found.free()
                return
            job.found = found
            self._make_room()
        except PromptError as error:
            job.problem = str(error)
        except Exception as error:
            if job.page.gone.is_set():
                return
            failed = FAILED.format(number=logged(log, "a run could not be read again"))
            job.problem = str(error) if isinstance(error, MemoryError) else failed

    def _make_room(self) -> None:
        with self._lock:
            done = [(key, job) for key, job in self._jobs.items() if job.found is not None]
            held = sum(job.found.nbytes for _, job in done)
            for key, job in done[:-2]:  # the two newest are one view: both sides of a text
                if held <= limits().explore_memory:
                    break
                held -= job.found.nbytes
                del self._jobs[key]
                _free(job)


def _free(job: _Job) -> None:
    if job.found is not None:
        job.found.free()
