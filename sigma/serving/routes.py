"""Routes that clients of OpenAI's API know: /v1/models, /v1/chat/completions and /v1/completions.

They answer from the same engine as the page, in a line of their own, and end an answer whose client has hung up at its
next token. `routes(loader, line)` are plain Starlette routes: the page's server has them, any ASGI application can.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sigma.engine.fields import FieldError
from sigma.events import SIDES, Engine, OverLimit, PromptError, SideInfo
from sigma.limits.current import limits
from sigma.limits.visitors import Visitors
from sigma.observe.numbers import assign, current, new_number
from sigma.serving.answers import Answer
from sigma.serving.asked import AskedChat, AskedText
from sigma.serving.entrance import too_large
from sigma.serving.refused import Refused, over_limit

MOST_THREADS = 64
WAIT_SECONDS = 0.25
READ_SECONDS = 30.0  # that a client may lag behind its answer
HUNG_UP = 499  # nobody reads it; proxies log it so

log = logging.getLogger(__name__)


class Place(Protocol):
    """Somebody's place in a line."""

    def wait(self, seconds: float) -> bool:
        """Wait for the turn; whether it has come."""

    def leave(self) -> None:
        """Make room; leaving twice does nothing."""


class Line(Protocol):
    """Where requests wait for each other; OverLimit from `join` when too many do."""

    def join(self) -> Place: ...


class Loaded(Protocol):
    """What loads the engine: `engine` is None until it is there, `status.text` says how far that is."""

    engine: Engine | None
    status: Any

    def retry(self) -> None:
        """Load once more where that has failed; called whenever somebody asks in vain."""


def routes(loader: Loaded, line: Line, prefix: str = "/v1", visitors: Visitors | None = None) -> list[Route]:
    """The routes over an engine that may still be loading; `line` is where their requests wait for each other.

    visitors: who may ask how much; None counts nobody's requests.
    """
    started, threads = int(time.time()), _Threads()

    def models(request: Request) -> dict[str, Any]:
        engine = _engine(loader)
        return {"object": "list", "data": [_model(engine.info(side), started) for side in SIDES]}

    def model(request: Request) -> dict[str, Any]:
        return _model(_engine(loader).info(_known(request.path_params["name"])), started)

    def unknown(request: Request) -> None:
        raise Refused(404, f"There is no {request.method} {request.url.path} here.", code="unknown_url")

    def answers(kind: type[AskedChat | AskedText]):
        async def answer(request: Request) -> Response:
            asked = kind.read(await _body(request))
            _known(asked.model)
            if visitors is not None:
                visitors.admit(request.client.host if request.client else None, current())
            return await _answered(request, _engine(loader), line, threads, asked)

        return answer

    return [
        Route(f"{prefix}/models", _refusing(models), methods=["GET"]),
        Route(f"{prefix}/models/{{name}}", _refusing(model), methods=["GET"]),
        Route(f"{prefix}/chat/completions", _refusing(answers(AskedChat)), methods=["POST"]),
        Route(f"{prefix}/completions", _refusing(answers(AskedText)), methods=["POST"]),
        Route(f"{prefix}/{{path:path}}", _refusing(unknown), methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
    ]


def _model(info: SideInfo, started: int) -> dict[str, Any]:
    """A model as clients list it; from "name" on this project's own."""
    return {
        "id": info.side,
        "object": "model",
        "created": started,
        "owned_by": "sigma-demo",
        "name": info.name,
        "context_length": info.context_length,
        "kv_cache_bytes_per_token": info.kv_bytes_per_token,
        "tuned": info.tuned or None,
    }


def _refusing(handler: Callable) -> Callable:
    """The handler with every error in OpenAI's form; what it returns may be plain JSON."""

    async def answer(request: Request) -> Response:
        assign(number := new_number())  # also of what streams the answer later: it is the same task
        try:
            made = handler(request)
            made = await made if hasattr(made, "__await__") else made
            response = made if isinstance(made, Response) else JSONResponse(made)
        except Refused as refused:
            response = JSONResponse(refused.body, refused.status)
        except OverLimit as over:
            refused = over_limit(over)
            response = JSONResponse(refused.body, refused.status)
            if refused.status == 429:
                response.headers["retry-after"] = str(over.seconds)
            else:  # clients would send it again by themselves
                response.headers["x-should-retry"] = "false"
        except FieldError as error:
            response = JSONResponse(Refused(400, str(error), param=error.field).body, 400)
        except PromptError as error:
            response = JSONResponse(Refused(400, str(error)).body, 400)
        except Exception:
            log.exception("a request failed")
            words = f"The answer failed; the server's log has the details under {number}."
            response = JSONResponse(Refused(500, words, "server_error").body, 500)
        response.headers["x-request-id"] = number
        return response

    return answer


def _engine(loader: Loaded) -> Engine:
    if loader.engine is None:
        words = loader.status.text  # of the last attempt, where it failed: the next begins now
        loader.retry()
        raise Refused(503, f"No model is loaded yet: {words}", "server_error", code="loading")
    return loader.engine


def _known(name: str) -> str:
    if name not in SIDES:
        raise Refused(404, f"There is no model {name[:60]!r}; there are {' and '.join(SIDES)}.", code="model_not_found")
    return name


async def _body(request: Request) -> dict[str, Any]:
    """The body as an object. Refused for anything else, and for one that is too large, before it is read whole."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > (most := limits().v1_body_size):
            raise Refused(413, too_large(most), code="body_too_large")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.")
    return body


async def _answered(
    request: Request, engine: Engine, line: Line, threads: _Threads, asked: AskedChat | AskedText
) -> Response:
    """Wait for a place, then answer: in one piece, or as server-sent events."""
    place = line.join()
    work = _Work(place, threads)
    try:
        while not await threads.run(place.wait, WAIT_SECONDS):
            if await request.is_disconnected():
                await work.end()
                return Response(status_code=HUNG_UP)
        await work.begin(engine, asked)
        if asked.stream:
            return _Events(_lines(work), work)
        async for _ in work.chunks(request.is_disconnected):
            pass
        await work.end()
        return JSONResponse(work.answer.whole()) if work.answer.over else Response(status_code=HUNG_UP)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await work.end()
        raise


class _Threads:
    """Threads of these routes alone: whoever waits here takes none from the page. Made where the server's loop runs."""

    def __init__(self):
        self._limit: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable, *arguments: Any) -> Any:
        """What the function returns, from a thread; a cancellation waits until it has ended."""
        self._limit = self._limit or anyio.CapacityLimiter(MOST_THREADS)
        return await run_sync(function, *arguments, limiter=self._limit)


class _Work:
    """An answer being made. The engine's generator is advanced in threads, never by two at once."""

    def __init__(self, place: Place, threads: _Threads):
        self._place, self._threads, self._events = place, threads, None
        self.answer: Answer

    async def begin(self, engine: Engine, asked: AskedChat | AskedText) -> None:
        """Check the request and start; PromptError if it cannot be answered, while it may still be an HTTP status.

        Whether there is memory for it the engine says with its first event.
        """
        self.answer = Answer(asked, engine)
        self._events = await self._threads.run(engine.stream, asked.request())
        for _ in self.answer.feed(await self._threads.run(next, self._events)):
            pass  # of the prompt there is nothing to show

    async def chunks(self, gone: Callable[[], Awaitable[bool]] | None = None) -> AsyncIterator[dict[str, Any]]:
        """The answer's chunks up to its end, or until the client is gone."""
        while not self.answer.over:
            event = await self._threads.run(next, self._events, None)
            if event is None or (gone is not None and await gone()):
                return
            for chunk in self.answer.feed(event):
                yield chunk

    async def end(self) -> None:
        """Free what the answer holds and leave the line; a second call does nothing."""
        events, self._events = self._events, None
        try:
            if events is not None:
                await self._threads.run(events.close)
        finally:
            self._place.leave()


async def _lines(work: _Work) -> AsyncIterator[str]:
    """Server-sent events: the chunks, and the end that clients wait for. An error on the way is one, too."""
    answer = work.answer
    for chunk in answer.opening():
        yield _line(chunk)
    try:
        async for chunk in work.chunks():
            yield _line(chunk)
    except OverLimit as error:
        yield _line(over_limit(error).body)
        return
    except PromptError as error:
        yield _line(Refused(500, str(error), "server_error").body)
        return
    except Exception:
        log.exception("an answer failed on the way")
        words = f"The answer failed; the server's log has the details under {current()}."
        yield _line(Refused(500, words, "server_error").body)
        return
    for chunk in answer.closing():
        yield _line(chunk)
    yield "data: [DONE]\n\n"


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"


class _Events(StreamingResponse):
    """A stream that frees what its answer holds however it ends, even where its client left before the first byte."""

    def __init__(self, lines: AsyncIterator[str], work: _Work):
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(lines, media_type="text/event-stream", headers=headers)
        self._work = work

    async def __call__(self, *connection: Any) -> None:
        try:
            # Whoever reads slowly, or not at all, holds a place no longer than an answer may take.
            with anyio.move_on_after(limits().answer_seconds + READ_SECONDS):
                await super().__call__(*connection)
        finally:
            with anyio.CancelScope(shield=True):
                await self._work.end()
