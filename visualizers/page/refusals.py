"""What Gradio refuses without a sentence gets one: fields and endpoints that there are not (`/call/v2/NAME`), a full queue."""

from __future__ import annotations

import re

from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

FULL = "Too many are waiting for an answer; try again in a minute."
NAMED = re.compile(r"/call/v2/([^/]*)/?$")
FIELD = re.compile(r"Parameter `(.*?)` is not a valid key-word argument", re.S)
MISSING = re.compile(r"No value provided for required argument: (\w{1,100})$")


async def refuse(request: Request, error: Exception) -> Response:
    """The answer to a field or an endpoint that there is not; any other error stays one."""
    called = NAMED.search(request.url.path)
    if called is None:
        raise error
    if isinstance(error, KeyError) and error.args == ("/" + called[1],):
        return JSONResponse({"error": f"There is no endpoint {called[1][:100]!r}."}, 404)
    if unknown := FIELD.match(str(error)):
        return JSONResponse({"error": f"There is no field {unknown[1][:100]!r}."}, 422)
    if missing := MISSING.match(str(error)):
        return JSONResponse({"error": f"The field {missing[1]!r} is missing."}, 422)
    raise error


async def tell(request: Request, error: HTTPException) -> Response:
    """The server's own errors as they are, but for a full queue's, which says what to do. Clients know it by its 503."""
    if error.status_code == 503 and str(error.detail).startswith("Queue is full"):
        return JSONResponse({"detail": FULL, "error": FULL}, 503, {"retry-after": "60"})
    return await http_exception_handler(request, error)


REFUSALS = {TypeError: refuse, KeyError: refuse, HTTPException: tell}
