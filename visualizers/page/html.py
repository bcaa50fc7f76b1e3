"""HTML that stands in files: `assets/FEATURE/NAME.html`, with `$name` where something is filled in."""

from __future__ import annotations

from functools import cache
from html import escape
from string import Template

from visualizers.page.assets import ASSETS


class Html(str):
    """Text that is HTML already: filled in as it is. Everything else is escaped."""


@cache
def _template(name: str) -> Template:
    return Template((ASSETS / f"{name}.html").read_text("utf-8").strip())


def fragment(name: str, /, **values: object) -> Html:
    """`assets/NAME.html` with the values filled in. KeyError when one is missing."""
    shown = {key: value if isinstance(value, Html) else escape(str(value)) for key, value in values.items()}
    return Html(_template(name).substitute(shown))
