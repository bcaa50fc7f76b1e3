"""Streams that reach the browser as they are written, also through a proxy that collects answers by default (nginx)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Unbuffered:
    """Middleware: every event stream, Gradio's and ours, asks the proxies on its way to pass each piece on at once.

    nginx keeps a response back until some kilobytes are together, unless the response says this; then a page behind it
    needs no setting of the proxy to stream.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/event-stream"):
                    headers["X-Accel-Buffering"] = "no"
            await send(message)

        await self.app(scope, receive, marked if scope["type"] == "http" else send)
