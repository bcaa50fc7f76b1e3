"""Chat text as Markdown that can neither become HTML nor fetch anything.

A prompt or an answer may contain `<img src="https://...">` or `![](https://...)`: shown as Markdown, either would make
every visitor's browser call another host. A zero-width space after the opening keeps the look and breaks the meaning.
"""

from __future__ import annotations

import re

ZERO_WIDTH = "\u200b"
TAG = re.compile(r"<(?=[A-Za-z/!?])")
# Only fences at the very start of a line are trusted to be code: an indented one may end with its list item.
FENCE = re.compile(r"^(?:(`{3,})[^`]*|(~{3,}).*)$")


def safe_markdown(text: str) -> str:
    """The text with HTML and images defused; fenced code stays exactly as it is, so that it can be copied and run."""
    fence, lines = "", []
    for line in text.split("\n"):
        if fence:
            lines.append(line)
            if set(line.rstrip()) == {fence[0]} and len(line.rstrip()) >= len(fence):
                fence = ""
            continue
        opened = FENCE.match(line)
        if opened:
            fence = opened.group(1) or opened.group(2)
            # The info string is shown nowhere, but it is text outside the code.
            lines.append(TAG.sub("<" + ZERO_WIDTH, line))
        else:
            lines.append(TAG.sub("<" + ZERO_WIDTH, line).replace("![", "!" + ZERO_WIDTH + "["))
    return "\n".join(lines)
