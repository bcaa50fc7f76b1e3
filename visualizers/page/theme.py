"""What the page looks like and what the browser runs: theme, style sheet, scripts and the recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from visualizers.chat import recording

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SCRIPTS = (
    "shared/payload",
    "shared/canvas",
    "chat/curve_draw",
    "chat/curve_formula",
    "chat/curve_table",
    "chat/curve_figure",
    "shared/attention",
    "chat/figures",
    "chat/attention_view",
    "chat/replay",
    "chat/mount",
    "explore/state",
    "explore/payloads",
    "explore/measures",
    "explore/store",
    "explore/geometry",
    "explore/maps",
    "explore/charts",
    "explore/strip",
    "explore/words",
    "explore/export",
    "explore/live",
    "explore/interact",
    "explore/view",
    "explore/controls",
    "explore/actions",
    "explore/mount",
    "memory/chart",
    "memory/view",
    "memory/mount",
    "tour/picture",
    "tour/tour",
    "tasks/mount",
)
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Liberation Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
# A second lock beside `visualizers.shared.markdown`: whatever a model writes, no picture or sound comes from another host.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="img-src \'self\' data: blob:; '
    "media-src 'self' data: blob:; font-src 'self' data:\">"
)
GREYS = gr.themes.Color(
    "#fbfbfa",
    "#f4f4f2",
    "#e6e6e3",
    "#d3d3cf",
    "#a2a29c",
    "#73736d",
    "#565651",
    "#3d3d39",
    "#262624",
    "#191918",
    "#111110",
    name="sigma-grey",
)
BLUES = gr.themes.Color(
    "#eff7fc",
    "#dceef8",
    "#b5dbf0",
    "#7fc1e4",
    "#3f9fd2",
    "#0072B2",
    "#00639b",
    "#005382",
    "#00446b",
    "#003655",
    "#002a43",
    name="sigma-blue",
)


def theme() -> gr.themes.Base:
    """A calm theme with one accent and only fonts that the visitor's system has."""
    return gr.themes.Base(
        primary_hue=BLUES,
        secondary_hue=BLUES,
        neutral_hue=GREYS,
        font=SANS,
        font_mono=MONO,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
    ).set(
        body_background_fill="#fbfbfa",
        body_background_fill_dark="#151514",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1d1d1b",
        block_border_color="#e3e3df",
        block_border_color_dark="#33332f",
        block_shadow="none",
        block_shadow_dark="none",
        block_border_width="1px",
        button_primary_background_fill="#0072B2",
        button_primary_background_fill_hover="#00639b",
        button_primary_background_fill_dark="#0072B2",
        button_primary_text_color="#ffffff",
        body_text_color_subdued="#62625c",
        body_text_color_subdued_dark="#a9a9a2",
    )


def style_sheet() -> str:
    """All our CSS as one string."""
    return "\n".join(path.read_text("utf-8") for path in sorted(ASSETS.glob("*/*.css")))


def task_scripts() -> list[str]:
    """Scripts of single tasks, `tasks/NAME.js`: each draws the parts of that task's verdicts."""
    return ["tasks/optiflow"]


def head(recorded: dict[str, Any] | None) -> str:
    """The scripts and the recorded run, inlined: the page then needs no second request and no other host."""
    code = "\n".join((ASSETS / f"{name}.js").read_text("utf-8") for name in (*SCRIPTS, *task_scripts()))
    parts = [POLICY, f"<script>\n{code}\n</script>"]
    if recorded is not None:
        # A "</script>" inside the JSON would end the element; "<\/" means the same in JSON.
        data = recording.dumps(recorded).replace("</", "<\\/").replace("<!--", "<\\u0021--")
        parts.append(f'<script type="application/json" id="sigma-recording">{data}</script>')
    return "\n".join(parts)
