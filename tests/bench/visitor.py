"""One visitor of the page as a browser is one, over HTTP alone: opens it, asks in Chat, hears the stream, and leaves."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from gradio_client.utils import apply_diff

MARK = re.compile(r"mark[0-9a-f]{12}")
PROBLEM = re.compile(r'class="problem">([^<]*)<')
SEQUENCE = re.compile(r'"seq":(\d+)')
COLUMNS = ("left", "right")


@dataclass
class Page:
    """What every visitor's browser knows of the page: its own description."""

    send: int
    inputs: list[Any]
    places: dict[str, int]
    outputs: dict[str, int]
    opening: list[tuple[int, list[Any]]]

    @classmethod
    def read(cls, config: dict[str, Any]) -> Page:
        """From the page's /config."""
        parts = {part["id"]: part for part in config["components"]}
        name = lambda number: parts[number]["props"].get("elem_id") or str(number)  # noqa: E731
        first = lambda number: None if parts[number]["type"] == "state" else parts[number]["props"].get("value")  # noqa: E731
        send = next(one for one in config["dependencies"] if one["api_name"] == "send")
        opening = [
            (one["id"], [first(number) for number in one["inputs"]])
            for one in config["dependencies"]
            if any(event == "load" for _, event in one["targets"]) and one["backend_fn"]
        ]
        return cls(
            send["id"],
            [first(number) for number in send["inputs"]],
            {name(number): i for i, number in enumerate(send["inputs"])},
            {name(number): i for i, number in enumerate(send["outputs"])},
            opening,
        )

    def data(self, prompt: str, tokens: int) -> list[Any]:
        """What the Send button hands over."""
        given = list(self.inputs)
        given[self.places["prompt"]] = prompt
        given[self.places["max-tokens"]] = tokens
        return given


@dataclass
class Answered:
    """How a visit went. Seconds; `gaps`: between updates with new text; `rate`: tokens a second of both answers together.

    outcome: "finished"; "left", by its own will; "refused", with `message`; "failed", with what was wrong.
    """

    outcome: str = "failed"
    message: str = ""
    first: float | None = None
    gaps: list[float] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    updates: int = 0
    others: set[str] = field(default_factory=set)


class Visitor:
    """`stay`: updates with text after which it closes its tab in mid-answer; None hears the end."""

    def __init__(self, http: httpx.AsyncClient, page: Page, stay: int | None = None):
        self.http, self.page, self.stay = http, page, stay
        self.session = uuid.uuid4().hex[:11]
        self.mark = f"mark{uuid.uuid4().hex[:12]}"
        self.answered = Answered()
        self._state: list[Any] | None = None
        self._shown: dict[str, str] = {}
        self._watched = [page.outputs[name] for name in (*(f"chat-{column}" for column in COLUMNS), "live", "notice")]
        self._texts = dict.fromkeys(COLUMNS, "")
        self._seq = 0
        self._asked = self._newest = 0.0

    async def visit(self, prompt: str, tokens: int) -> Answered:
        """Open the page, ask, hear the answer, close the page. Never raises for what the server does."""
        heart = asyncio.create_task(self._heartbeat())
        try:
            (await self.http.get("/")).raise_for_status()
            for number, data in self.page.opening:
                body = {"data": data, "fn_index": number, "session_hash": self.session}
                (await self.http.post("/gradio_api/run/predict", json=body)).raise_for_status()
            await self._ask(f"{self.mark} {prompt}", tokens)
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            self._fail(f"{type(error).__name__}: {str(error)[:120]}")
        finally:
            heart.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await heart
        return self.answered

    async def _heartbeat(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with self.http.stream("GET", f"/gradio_api/heartbeat/{self.session}") as stream:
                async for _ in stream.aiter_lines():
                    pass

    async def _ask(self, prompt: str, tokens: int) -> None:
        self._asked = self._newest = time.perf_counter()
        body = {"data": self.page.data(prompt, tokens), "fn_index": self.page.send, "session_hash": self.session}
        joined = await self.http.post("/gradio_api/queue/join", json={**body, "event_data": None})
        if joined.status_code != 200:
            self.answered.outcome, self.answered.message = "refused", joined.json().get("error", joined.text[:200])
            return
        event = joined.json()["event_id"]
        async for message in self._messages():
            if message.get("event_id") == event and self._hear(message):
                break
        self.answered.seconds = time.perf_counter() - self._asked
        if self.answered.outcome == "failed" and not self.answered.message:
            self.answered.message = "the stream ended without an end"

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        params = {"session_hash": self.session}
        async with self.http.stream("GET", "/gradio_api/queue/data", params=params) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                self.answered.others |= set(MARK.findall(line)) - {self.mark}
                yield json.loads(line[5:])

    def _hear(self, message: dict[str, Any]) -> bool:
        """Take in a message of the answer's event; whether it was the last, or one has heard enough."""
        if message["msg"] not in ("process_generating", "process_completed"):
            return message["msg"] in ("unexpected_error", "close_stream")
        output = message["output"]
        if "error" in output:
            return self._fail(f"the event failed: {output['error']}")
        data = output["data"]
        if self._state is None or message["msg"] == "process_completed":
            self._state = data if self._state is None or data else self._state
        else:
            for place in self._watched:
                self._state[place] = apply_diff(self._state[place], data[place])
        self._look()
        if message["msg"] == "process_completed":
            self._end(message["success"])
            return True
        if self.stay is not None and self.answered.updates >= self.stay:
            self.answered.outcome = "left"
            return True
        return False

    def _part(self, name: str) -> str:
        """What a part of the page shows; an update that leaves it alone is no string."""
        value = self._state[self.page.outputs[name]] if self._state else None
        if isinstance(value, dict):
            value = value.get("value")
        if isinstance(value, str):
            self._shown[name] = value
        return self._shown.get(name, "")

    def _look(self) -> None:
        """What is new on the page: text only ever grows, and pictures come in their order."""
        now, new = time.perf_counter(), False
        for column in COLUMNS:
            lines = [line[1:] for line in self._part(f"chat-{column}").split("\n") if line.startswith("a")]
            text = lines[-1] if lines else ""
            if not text.startswith(self._texts[column]):
                self._fail(f"text was taken back: {self._texts[column][-40:]!r}, then {text[-40:]!r}")
            new |= len(text) > len(self._texts[column])
            self._texts[column] = text
        if found := SEQUENCE.search(self._part("live")):
            seq = int(found[1])
            if seq < self._seq:
                self._fail(f"picture {seq} came after {self._seq}")
            self._seq = seq
        if new:
            self.answered.updates += 1
            if self.answered.first is None:
                self.answered.first = now - self._asked
            else:
                self.answered.gaps.append(now - self._newest)
            self._newest = now

    def _end(self, success: bool) -> None:
        if self.answered.message:
            return
        problem = PROBLEM.search(self._part("notice"))
        if problem:
            words = html.unescape(problem[1])
            self.answered.outcome = "refused" if not any(self._texts.values()) else "failed"
            self.answered.message = words
            return
        sides = json.loads(self._part("live"))["sides"]
        ends = {side: found["figures"]["finish"] for side, found in sides.items()}
        if not success or set(ends) != set(COLUMNS) or not all(ends.values()) or not all(self._texts.values()):
            self._fail(f"it ended without a finish reason: {ends}")
            return
        self.answered.tokens = sum(found["figures"]["step"] + 1 for found in sides.values())
        self.answered.outcome = "finished"

    def _fail(self, words: str) -> bool:
        self.answered.outcome, self.answered.message = "failed", self.answered.message or words
        return True
