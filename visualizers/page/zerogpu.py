"""ZeroGPU, where a Space has no GPU of its own: Hugging Face lends it one for each call, by the package `spaces`.

That package must be imported before torch touches CUDA and before Gradio, so this module imports neither until it is asked
to. Each visitor has a quota of seconds a day, which the package takes from the request that is being served.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, MutableMapping
from functools import wraps
from typing import Any

from sigma.events import GpuLost, OverLimit, PromptError
from sigma.serving.entrance import V1

PRESENT = ("1", "t", "true")

QUOTA = (
    "The GPU here is lent by the second, and no more is lent now: {said} An answer of fewer new tokens asks for less."
)
NONE_FREE = "No GPU was free: {said} Try again in a few minutes."
TOO_LONG = "The GPU is not lent for as long as this answer may take: {said} Ask for fewer new tokens."


def lender() -> Callable | None:
    """What lends a GPU (`sigma.engine.lent.Lend`) on ZeroGPU's hardware; None anywhere else.

    RuntimeError where the hardware is there and the package is not.
    """
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in PRESENT:
        return None
    try:
        import spaces
    except ImportError as error:
        raise RuntimeError(f"SPACES_ZERO_GPU is set, but the package spaces cannot be imported: {error}") from error

    def lend(task: Callable[..., Generator], seconds: Callable[..., int]) -> Callable[..., Generator]:
        granted = spaces.GPU(task, duration=seconds)

        @wraps(task)
        def call(*arguments: Any) -> Generator:
            from gradio.exceptions import Error

            try:
                yield from granted(*arguments)
            except Error as error:
                raise in_words(error) from None

        return call

    return lend


def in_words(error: Any) -> Exception:
    """What the package says to whoever clicked (a `gradio.Error`), as an error that the page and `/v1` know how to tell."""
    title, said = str(getattr(error, "title", "")), str(error.message).strip()
    said = said if said.endswith((".", "!")) else f"{said}."
    if "quota" in title or "credits" in title:
        return OverLimit(QUOTA.format(said=said), "gpu_quota", _seconds(said) or 3600)
    if "duration" in title:
        return PromptError(TOO_LONG.format(said=said))
    if "queue" in title or "client" in title:
        return OverLimit(NONE_FREE.format(said=said), "gpu", 180)
    # The task answers for its own errors, so whatever else ends it has taken the process away.
    return GpuLost()


def _seconds(said: str) -> int | None:
    """How long to wait, where a sentence says "in 1:02:03", with "2 days, " before it or not."""
    found = re.search(r"in (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)", said)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Borrowers:
    """An ASGI middleware: requests of /v1, which do not pass through Gradio, are made known to `spaces` as Gradio's are."""

    def __init__(self, app: Callable):
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Callable, send: Callable) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope.get("path", "").startswith(V1):
            from gradio.context import LocalContext
            from starlette.requests import Request

            LocalContext.request.set(Request(scope))
        await self.app(scope, receive, send)
