"""A recorded run: one turn, thinned to a size that a page can carry, played by `assets/chat/replay.js`."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sigma.events import SIDES, ChatRequest, Engine, Event, SideInfo
from visualizers.shared.columns import made_by
from visualizers.shared.compact_json import compact_json
from visualizers.shared.turn_view import TurnView

FRAME_SECONDS = 0.22
MAX_BYTES = 300_000
MAX_SECONDS = 30.0


def play(
    engine: Engine, request: ChatRequest, clock: Callable[[], float] = time.monotonic
) -> tuple[TurnView, list[tuple[float, dict[str, Any]]]]:
    """Run a turn and take a picture of it every FRAME_SECONDS, and one at the end."""
    started = clock()
    view = TurnView(started, tuple(request.messages))
    view.made = made_by(request)
    frames: list[tuple[float, dict[str, Any]]] = []
    for event, now in _timed(engine.stream(request), clock):
        view.feed(event, now)
        if not frames or now - started - frames[-1][0] >= FRAME_SECONDS:
            frames.append((now - started, view.picture()))
    frames.append((clock() - started, view.picture()))
    return view, frames


def _timed(events: Iterable[Event], clock: Callable[[], float]) -> Iterable[tuple[Event, float]]:
    for event in events:
        yield event, clock()


def thin_frame(at: float, picture: dict[str, Any]) -> dict[str, Any]:
    """What a frame must keep: figures, characters shown and attention; the rest follows from the end."""
    sides = {
        side: {key: part[key] for key in ("figures", "chars", "attention")} for side, part in picture["sides"].items()
    }
    return {"t": round(at * 1000), "summary": picture["summary"], "sides": sides}


def build(
    engine: Engine, request: ChatRequest, made: str, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """The recording as a dictionary; `made` says what made it ("Sigma 135M on 2 CPU cores")."""
    infos = {side: engine.info(side) for side in SIDES if side in request.messages}
    view, pictures = play(engine, request, clock)
    # A run slower than MAX_SECONDS is played faster; figures stay as measured.
    speed = max(1.0, pictures[-1][0] / MAX_SECONDS)
    end = pictures[-1][1]["sides"]
    recording = {
        "version": 1,
        "made": made,
        "speed": round(speed, 2),
        "prompt": request.messages[next(iter(infos))][-1]["content"],
        "selective_k": request.selective_k,
        "info": {side: dataclasses.asdict(info) for side, info in infos.items()},
        "end": {
            side: {"text": view.sides[side].text, "curve": part["curve"], "pieces": part["pieces"]}
            for side, part in end.items()
        },
        "frames": [thin_frame(at / speed, picture) for at, picture in pictures],
    }
    while len(compact_json(recording)) > MAX_BYTES and len(recording["frames"]) > 4:
        frames = recording["frames"]
        recording["frames"] = [frame for i, frame in enumerate(frames) if i % 2 == 0 or i == len(frames) - 1]
    return recording


def read(path: Path) -> dict[str, Any] | None:
    """A recording from a file; None if there is none. ValueError if it is not one."""
    if not path.is_file():
        return None
    recording = json.loads(path.read_text("utf-8"))
    if not isinstance(recording, dict) or recording.get("version") != 1 or not recording.get("frames"):
        raise ValueError(f"{path} is not a recorded run of version 1")
    return recording


def recorded_info(recording: dict[str, Any] | None) -> dict[str, SideInfo]:
    """The sides' descriptions at the time of recording."""
    return {side: SideInfo(**info) for side, info in (recording or {}).get("info", {}).items()}
