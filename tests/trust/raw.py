"""A visitor by raw HTTP: every event of the page, private ones too, as the server's own description lists them."""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
PRIVATE = ("ROOT-ONLY-SECRET-5150", "hf_aSecretToken51505150515051505150")
"""Set in the environment of a server under test: nothing of it may come out."""

LONG = ("efficiency", "measure", "together", "evaluate")
"""Events that measure this machine or judge the test set for seconds: they are given no text of a visitor."""


def machine_paths() -> list[str]:
    """Folders of this machine that nobody may be told."""
    found = {str(ROOT), str(Path.home()), sys.prefix, os.path.realpath(sys.prefix), str(Path(sys.executable).parent)}
    found |= {str(Path(module.__file__).parent) for module in (httpx, json)}
    return sorted(one for one in found if len(one) > 4)


def leaks(text: str) -> list[str]:
    """What of the machine or its secrets is in a text."""
    return [one for one in (*machine_paths(), *PRIVATE) if one in text]


class Raw:
    """One visitor without a browser. `mark` is in every text that it sends; `heard` is all that it was sent."""

    def __init__(self, url: str, session: str | None = None, timeout: float = 60):
        self.url, self.session = url, session or uuid.uuid4().hex[:11]
        self.mark = f"mark{uuid.uuid4().hex[:12]}"
        self.http = httpx.Client(base_url=url, timeout=timeout)
        self.heard: list[str] = []
        self._config: dict[str, Any] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The page's own description."""
        if self._config is None:
            self._config = self.get("/config").json()
        return self._config

    def get(self, path: str, **options: Any) -> httpx.Response:
        """A GET; what comes back is heard."""
        return self._kept(self.http.get(path, **options))

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """A POST of JSON; what comes back is heard."""
        return self._kept(self.http.post(path, json=body, **options))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        self.heard.append(f"{answer.request.method} {answer.request.url.path} {answer.status_code}\n{answer.text}")
        return answer

    def event(self, name: str) -> int:
        """The number of an event by the name of its function; the first of several."""
        return next(one["id"] for one in self.config["dependencies"] if one["api_name"] == name)

    def data_of(self, dependency: dict[str, Any], **given: Any) -> list[Any]:
        """A value for each input: this visitor's mark where there is a text, else what the page shows at first."""
        parts = {part["id"]: part for part in self.config["components"]}
        values = []
        for number in dependency["inputs"]:
            part = parts[number]
            props = part["props"]
            value = props.get("value")
            if part["type"] == "state":
                value = None
            elif part["type"] == "textbox":
                value = given.get(props.get("elem_id"), f"{self.mark} {value or ''}".strip())
            elif part["type"] == "html" and not isinstance(value, str):
                value = ""
            values.append(value)
        return values

    def join(self, number: int, data: list[Any], **more: Any) -> httpx.Response:
        """Put an event into the queue."""
        body = {"data": data, "fn_index": number, "session_hash": self.session, "event_data": None, **more}
        return self.post("/gradio_api/queue/join", body)

    def listen(self, session: str | None = None, seconds: float = 60, until: int = 1) -> list[dict[str, Any]]:
        """Messages of a session's stream, this visitor's by default, up to `until` completed events or its end."""
        found, done = [], 0
        params = {"session_hash": self.session if session is None else session}
        with self.http.stream("GET", "/gradio_api/queue/data", params=params, timeout=seconds) as stream:
            try:
                for line in stream.iter_lines():
                    self.heard.append(line)
                    if line.startswith("data:"):
                        found.append(json.loads(line[5:]))
                        done += found[-1].get("msg") in ("process_completed", "close_stream", "unexpected_error")
                    if done >= until:
                        break
            except httpx.ReadTimeout:
                pass
        return found

    def call(self, dependency: dict[str, Any], data: list[Any]) -> None:
        """Let an event happen and hear it to its end, by the queue or directly, as the page would."""
        if dependency["queue"] is False:
            body = {"data": data, "fn_index": dependency["id"], "session_hash": self.session}
            self.post("/gradio_api/run/predict", body)
        elif self.join(dependency["id"], data).status_code == 200:
            self.listen()

    def said(self) -> str:
        """All that this visitor was sent."""
        return "\n".join(self.heard)

    def close(self) -> None:
        """Hang up."""
        self.http.close()
