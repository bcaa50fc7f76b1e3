"""Calls of the endpoints by named fields (`/call/v2/NAME`) that Gradio cannot match to any: a sentence instead of HTTP 500."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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


REFUSALS = {TypeError: refuse, KeyError: refuse}
