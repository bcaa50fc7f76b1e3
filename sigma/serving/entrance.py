"""What every request passes first: a body that is too large is refused before it is read, whatever route it is for.

A plain ASGI middleware. It counts what comes in, so a body without a length, or with a wrong one, is no way around it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from sigma.limits.current import limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

V1 = "/v1/"
DRAIN_SECONDS = 5.0
"""How long what is left of a refused body is still taken and thrown away: most clients hear nothing while they send."""


class Entrance:
    """An ASGI application behind its entrance; a body beyond the limit is answered with HTTP 413."""

    def __init__(self, app: Callable):
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = limits().body_size
        if scope.get("path", "").startswith(V1):
            most = min(most, limits().v1_body_size)
        await _Counted(self.app, receive, send, scope, most).serve()


class _Counted:
    """One request whose body is counted as it comes."""

    def __init__(self, app: Callable, receive: Receive, send: Send, scope: Message, most: int):
        self._app, self._receive, self._send, self._scope, self._most = app, receive, send, scope, most
        self._got = 0
        self._left = True  # whether there may be more of the body
        self._over = self._started = self._refused = False

    async def serve(self) -> None:
        if (_length(self._scope) or 0) > self._most:
            self._over = True
            await self._refuse()
            return
        try:
            await self._app(self._scope, self._read, self._write)
        except Exception:
            if not self._over or self._started:
                raise
        if self._over and not self._started:
            await self._refuse()

    async def _read(self) -> Message:
        if self._over:
            return {"type": "http.disconnect"}
        message = await self._take()
        if self._got > self._most:  # to the application it is as if the client had hung up
            self._over = True
            return {"type": "http.disconnect"}
        return message

    async def _take(self) -> Message:
        message = await self._receive()
        self._got += len(message.get("body", b""))
        self._left = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def _write(self, message: Message) -> None:
        if self._over and not self._started:  # whatever it makes of that
            await self._refuse()
            return
        if not self._refused:
            self._started = self._started or message["type"] == "http.response.start"
            await self._send(message)

    async def _refuse(self) -> None:
        if self._refused:
            return
        self._refused = True
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._left and self._got < 4 * self._most:
                await self._take()
        words = too_large(self._most)
        body: dict[str, Any] = {"error": words, "detail": words}
        if self._scope.get("path", "").startswith(V1):
            told = {"message": words, "type": "invalid_request_error", "param": None, "code": "body_too_large"}
            body = {"error": told}
        data = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await self._send(
            {"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]}
        )
        await self._send({"type": "http.response.body", "body": data})


def _length(scope: Message) -> int | None:
    """What the request's header says of its length; None where it says nothing that is a number."""
    for name, value in scope.get("headers", ()):
        if name.lower() == b"content-length" and value.isdigit():
            return int(value[:20])
    return None


def too_large(most: int) -> str:
    """What whoever sent too much is told."""
    return f"The body is larger than {most:,} bytes, the most that is read here. Send less at a time."
