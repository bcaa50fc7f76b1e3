"""What the page looks like, and what its head carries: theme, scripts and the recorded run."""

from __future__ import annotations

import os
import re
from typing import Any

import gradio as gr

from visualizers.page import assets
from visualizers.shared.compact_json import compact_json

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Liberation Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
# Messages are drawn as text (`assets/chat/messages.js`); this is a second lock: whatever a model writes, no picture or sound comes from another host.
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="img-src \'self\' data: blob:; '
    "media-src 'self' data: blob:; font-src 'self' data:\">"
)
SPACE = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
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


def head(recorded: dict[str, Any] | None) -> str:
    """The scripts, and the recorded run inlined: the first picture then waits for no second answer."""
    parts = [POLICY, assets.scripts()]
    # On Spaces the page stands in a frame; a link to share names the page around it (`assets/shared/address.js`).
    if SPACE.fullmatch(space := os.environ.get("SPACE_ID", "")):
        parts.append(f'<meta name="sigma-space" content="{space}">')
    if recorded is not None:
        parts.append(f'<script type="application/json" id="sigma-recording">{compact_json(recorded)}</script>')
    return "\n".join(parts)
