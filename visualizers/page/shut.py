"""What Gradio's server offers and this page has no use for: answered as if it were not there.

Files and links to the outside: uploads would fill a disk and name a folder of the machine, `file=` hands files out and
fetches addresses for whoever asks, a deep link writes a visitor's page to the disk for everybody who has its address.
And what Gradio prints when a call fails: a traceback with the machine's paths, and often the value that was wrong, which is
a visitor's. Here it becomes a log line as all others, with neither.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import gradio.queueing
import gradio.routes
from gradio.route_utils import API_PREFIX
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sigma.observe.logs import places

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]

SHUT = (
    "/upload",
    "/upload_progress",
    "/file={rest:path}",
    "/file/{rest:path}",
    "/proxy={rest:path}",
    "/stream/{rest:path}",
    "/deep_link",
    "/custom_component/{rest:path}",
    "/process_recording",
    "/vibe-edit",
    "/undo-vibe-edit",
    "/vibe-code",
    "/vibe-starter-queries",
    "/runs",
    "/run-history/{rest:path}",
)
"""Below Gradio's prefix, each with and without a slash at its end."""

SHUT_TOP = ("/login", "/logout", "/monitoring", "/monitoring/{rest:path}", "/dev/{rest:path}")

log = logging.getLogger(__name__)


def shut_routes() -> list[Route]:
    """Routes that stand before Gradio's own and say that there is nothing."""
    paths = [*(API_PREFIX + path for path in SHUT), *SHUT_TOP]
    paths += [f"{path}/" for path in paths if not path.endswith(":path}")]
    return [Route(path, _nothing, methods=METHODS) for path in paths]


async def _nothing(request: Request) -> Response:
    return JSONResponse({"error": "There is nothing here.", "detail": "Not Found"}, 404)


class _Told:
    """The module `traceback` to Gradio, which prints what failed: here it is logged."""

    def __init__(self, module: Any):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def print_exc(self, *_: Any, **__: Any) -> None:
        """Log the kind of the error that is being handled and where it came from; its words may be a visitor's."""
        error = sys.exc_info()[1]
        if error is None:
            return
        log.warning("a call failed", extra={"error": type(error).__name__, "where": " < ".join(places(error))})


def tell_failures() -> None:
    """Let Gradio's tracebacks come as log lines. A second call does nothing."""
    for module in (gradio.queueing, gradio.routes):
        found = getattr(module, "traceback", None)
        if found is not None and not isinstance(found, _Told):
            module.traceback = _Told(found)
