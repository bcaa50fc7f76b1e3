"""The folder's README.md: the front matter of a static Space, and what the folder is."""

from __future__ import annotations

import re
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
HUB = "https://huggingface.co/spaces"
KEPT = ("title", "emoji", "colorFrom", "colorTo", "license", "models", "tags")
"""What the static Space has in common with the live one."""

SHORT = "Sigma's DiffQKV attention beside GQA, recorded"
LONGEST = 60
"""Characters of a short description that the Hub takes."""


def check_space(name: str) -> str:
    """The name of a Space, OWNER/NAME. ValueError if it is none."""
    if not NAME.fullmatch(name) or ".." in name or "--" in name:
        raise ValueError(f"--space takes OWNER/NAME, the name of a Space on the Hub, not {name[:100]!r}")
    return name


def live_address(space: str) -> str:
    """Where a Space is on the Hub."""
    return f"{HUB}/{space}"


def front_matter(readme: Path, space: str | None) -> str:
    """The Space's configuration, from that of the live one in the project's README.

    FileNotFoundError without the README, ValueError if it has no front matter or lacks a field that we need.
    """
    blocks = _fields(readme.read_text("utf-8"), readme)
    missing = [name for name in KEPT if name not in blocks]
    if missing:
        raise ValueError(f"the front matter of {readme} has no {', '.join(missing)}")
    lines = [line for name in KEPT for line in blocks[name]]
    lines += ["sdk: static", "app_file: index.html", "pinned: false", f"short_description: {SHORT}"]
    if space:
        lines.append(f"thumbnail: {live_address(space)}/resolve/main/assets/examples/page.png")
    return "\n".join(["---", *lines, "---", ""])


def _fields(text: str, path: Path) -> dict[str, list[str]]:
    """Lines of the front matter by field, a list's items with its name."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.S)
    if match is None:
        raise ValueError(f"{path} has no front matter")
    blocks: dict[str, list[str]] = {}
    own: list[str] = []
    for line in match[1].splitlines():
        if named := re.match(r"(\w+):", line):
            own = blocks.setdefault(named[1], [])
        own.append(line)
    return blocks


def readme(project: Path, space: str | None, made: list[str]) -> str:
    """The whole README.md. `made`: what each recording says of how it was made."""
    where = f" It runs live at [{space}]({live_address(space)})." if space else ""
    recorded = "\n".join(f"- {one}" for one in dict.fromkeys(made))
    return f"""{front_matter(project, space)}
# Sigma's demo without a server

Recorded runs, the attention explorer, the guided tour, the KV-cache calculator and the measurements of the demo of Sigma
([arXiv 2501.13629](https://arxiv.org/abs/2501.13629)), as a folder that any web host serves and that opens from a file.
Nothing is sent to any host, and there is no model here: what is shown was recorded from

{recorded}

Open `index.html`, or push the folder to a static Space: `hf upload OWNER/NAME . --repo-type space`.{where}

Apache-2.0, see LICENSE and NOTICE. Written by `python -m visualizers.static`.

```bibtex
@article{{lin2025sigma,
  title   = {{Sigma: Differential Rescaling of Query, Key and Value for Efficient Language Models}},
  author  = {{Lin, Zhenghao and Tang, Zihao and Liu, Xiao and Gong, Yeyun and Cheng, Yi and others}},
  journal = {{arXiv preprint arXiv:2501.13629}},
  year    = {{2025}},
  url     = {{https://arxiv.org/abs/2501.13629}}
}}
```
"""
