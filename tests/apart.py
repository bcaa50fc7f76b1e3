"""Calls in a thread of their own: the browser tests of the same process keep an event loop running in the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Found = TypeVar("Found")


def in_thread(call: Callable[..., Found], *given: Any) -> Found:
    """What the call gives, or raises, made in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *given).result()


def awaited(call: Coroutine[Any, Any, Found]) -> Found:
    """What awaiting it gives, on an event loop of its own."""
    return in_thread(asyncio.run, call)
