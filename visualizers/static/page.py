"""The files of the page: index.html with all it shows first, its script, the recorded attention, README and licence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sigma.events import SIDES
from visualizers.chat import recording as chat
from visualizers.chat.column import column_heads
from visualizers.memory.layout import body as memory_body
from visualizers.page import words
from visualizers.page.assets import ASSETS, STATIC, style_sheet
from visualizers.page.html import Html, fragment
from visualizers.shared.compact_json import compact_json
from visualizers.static import card, memory, recording
from visualizers.static.bundle import bundle
from visualizers.static.markdown import sections, to_html
from visualizers.static.measurements import measurements
from visualizers.tour.script import script as tour_script

ENTRY = f"{STATIC}/main.js"
TABS = {
    "runs": "Recorded runs",
    "explore": "Explore",
    "memory": "Memory",
    "efficiency": "Efficiency",
    "about": "About",
}
SCRIPT, EXPLORATION = "sigma.js", "explore.js"
STATED = (
    "This page has no server and no model. What you see was recorded from the real model, or is computed here in your "
    "browser; nothing is sent anywhere."
)


def build(runs: Sequence[Path] = (), space: str | None = None, assets: Path = ASSETS) -> dict[str, bytes]:
    """Every file of the page by its name. `runs`: recorded runs besides those of the project; `space`: the live page's;
    `assets`: where recordings, measurements and modules are read.

    FileNotFoundError for what is missing, ValueError for what is not what it should be.
    """
    recorded = [*sorted((assets / "examples").glob("recorded*.json")), *runs]
    if not recorded:
        raise FileNotFoundError(
            f"{assets / 'examples' / 'recorded.json'} is missing: `python -m visualizers.record` records a run"
        )
    told = [_recording(path) for path in recorded]
    explored = recording.exploration(assets / "examples" / "explore.json")
    first = recording.first_view(assets / "examples" / "explore.json")
    project = assets.parent
    made = [one["made"] for one in told] + [explored["about"]["settings"]["made"]]
    files = {
        "index.html": _index(told, first, made, space, assets),
        SCRIPT: bundle(_modules(assets), ENTRY),
        EXPLORATION: f"window.sigma.receive({compact_json(explored)});\n",
        "README.md": card.readme(project / "README.md", space, made),
        "LICENSE": (project / "LICENSE").read_text("utf-8"),
        "NOTICE": (project / "NOTICE").read_text("utf-8"),
    }
    return {name: text.encode("utf-8") for name, text in files.items()}


def _recording(path: Path) -> dict[str, Any]:
    found = chat.read(path)
    if found is None:
        raise FileNotFoundError(f"{path} is missing")
    if set(found["info"]) != set(SIDES):
        raise ValueError(f"{path} holds only {', '.join(found['info'])}; the page shows both sides")
    return found


def _modules(assets: Path) -> dict[str, str]:
    return {path.relative_to(assets).as_posix(): path.read_text("utf-8") for path in sorted(assets.glob("*/*.js"))}


def _index(
    told: list[dict[str, Any]], first: list[dict[str, Any]], made: list[str], space: str | None, assets: Path
) -> str:
    infos = chat.recorded_info(told[0])
    return fragment(
        f"{STATIC}/page",
        title=f"{words.TITLE}, recorded",
        description=f"{words.SENTENCE} Recorded runs of Sigma's DiffQKV attention beside GQA.",
        style=Html((assets / STATIC / "page.css").read_text("utf-8") + style_sheet()),
        scripts=_scripts(told, first),
        sentence=words.SENTENCE,
        stated=Html(to_html(f"{STATED}{_live(space)} {words.LIMITS}").removeprefix("<p>").removesuffix("</p>")),
        tour=fragment("tour/tour", tour=json.dumps(tour_script(live=False), separators=(",", ":"), ensure_ascii=False)),
        chip=_chip(made, space),
        tabs=Html("".join(_tab(name, shown) for name, shown in TABS.items())),
        columns=Html("".join(_column(column, head) for column, head in column_heads({}, infos).items())),
        pictures=fragment("chat/pictures"),
        explore=fragment("explore/explore"),
        memory=memory_body(),
        efficiency=measurements(assets / "benchmarks"),
        about=_about(made),
    )


def _tab(name: str, shown: str) -> Html:
    return fragment(f"{STATIC}/tab", id=name, name=shown, selected="true" if name == next(iter(TABS)) else "false")


def _column(column: str, head: Html) -> Html:
    messages = fragment("chat/messages", name=f"{column.capitalize()} column")
    return fragment(f"{STATIC}/column", column=column, head=head, messages=messages)


def _live(space: str | None) -> str:
    """A sentence with the live page's addresses, in Markdown."""
    if space is None:
        return ""
    address = card.live_address(space)
    return f" The demo runs live at [{space}]({address}), and [can be duplicated]({address}?duplicate=true)."


def _chip(made: list[str], space: str | None) -> Html:
    recorded = "\n".join(f"- {one}" for one in dict.fromkeys(made))
    details = to_html(f"{STATED}\n\nRecorded from\n\n{recorded}\n\n{_live(space).strip()}")
    return fragment("shared/chip", phase="recorded", label="recorded, no model here", details=details)


def _scripts(told: list[dict[str, Any]], first: list[dict[str, Any]]) -> Html:
    """The page's script, and data as elements; the first recording where the chat's pictures and the tour look for it."""
    first_run, *more = told
    static = {
        "runs": [_run(first_run), *({**_run(one), "recording": one} for one in more)],
        "rules": memory.rules(),
        "infos": first_run["info"],
    }
    parts = {"sigma-recording": first_run, "sigma-first-view": first, "sigma-static": static}
    data = [
        f'<script type="application/json" id="{name}">{compact_json(value)}</script>' for name, value in parts.items()
    ]
    return Html("\n".join([*data, f'<script defer src="{SCRIPT}"></script>']))


def _run(one: dict[str, Any]) -> dict[str, Any]:
    """What the list of runs shows of one: its question, how V was read, what made it, and its columns' headers."""
    k = one["selective_k"]
    infos = chat.recorded_info(one)
    return {
        "title": f"{one['prompt'][:80]} ({'all V rows read' if k is None else f'selective V, k = {k}'})",
        "made": one["made"],
        "heads": column_heads({}, infos),
    }


def _about(made: list[str]) -> Html:
    parts = sections(words.ABOUT)
    recorded = "\n".join(f"- {one}" for one in dict.fromkeys(made))
    text = f"""
## What this page is

{STATED} Recorded runs and Explore show what the two models of the demo did with one question each. They were recorded from

{recorded}

with every figure measured at that time: the attention of every layer and head is kept in 64 steps. The tour and the Memory
tab are computed from the formulas of the paper, Efficiency shows stored measurements.
"""
    wanted = [name for name in parts if name != "When an answer repeats"]
    return to_html("\n\n".join([text, *(parts[name] for name in wanted)]))
