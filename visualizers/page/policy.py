"""What the page's server tells a browser to load and run, whatever stands in the page.

Every text of a visitor or a model is escaped where it is drawn; this is the second lock. Gradio's own page begins with scripts
in the page itself and builds functions from text, so both must be allowed; scripts, styles, pictures and connections from
another host are not, nor plug-ins, a form that is sent elsewhere, or a <base> that turns the page's addresses. Framing is
allowed: Spaces frame the page, and there is nothing to click away, since it knows no account.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SOURCES = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "frame-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
_LOADED = ("default-src", "script-src", "style-src", "img-src", "font-src", "connect-src", "base-uri")


def content_policy(root: str = "") -> str:
    """The policy. root: where a proxy serves the page (GRADIO_ROOT_PATH); a whole address there may be another origin's."""
    parts = urlsplit(root)
    own = f" {parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""
    return "; ".join(f"{name} {sources}{own if name in _LOADED else ''}" for name, sources in _SOURCES.items())


def headers() -> list[tuple[bytes, bytes]]:
    """Names and values as a server sends them."""
    policy = content_policy(os.environ.get("GRADIO_ROOT_PATH", ""))
    found = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    return [(name.encode(), value.encode("latin-1", "ignore")) for name, value in found.items()]


class Guard:
    """Adds the headers to every answer as it begins, so that a stream stays one; what a route says itself stays."""

    def __init__(self, app: ASGIApp):
        self.app, self.added = app, headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def begun(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower() for name, _ in message["headers"]}
                more = [(name, value) for name, value in self.added if name not in said]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self.app(scope, receive, begun if scope["type"] == "http" else send)


MIDDLEWARE = [Middleware(Guard)]
