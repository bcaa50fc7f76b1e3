"""What the browser gets from `assets/`: style sheets, modules and where they are served, all listed from the files.

`assets/FEATURE/` holds a feature's scripts, style sheets and HTML together; `assets/main.js` is where the scripts begin.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ASSETS = Path(__file__).resolve().parents[2] / "assets"
MAIN = "main.js"
STATIC = "static"
"""The folder of what only the page without a server has (`visualizers.static`)."""

# Kept for a year without being asked for again: other content has another address.
KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
# Gradio may mount a component before the modules are here: calls are kept, and made by `assets/main.js` when it runs.
STUB = "<script>window.sigma = { waiting: [], mount(...call) { this.waiting.push(call); } };</script>"


def _files(ending: str) -> list[Path]:
    """The features' files with this ending, sorted by folder and name."""
    return [path for path in sorted(ASSETS.glob(f"*/*.{ending}")) if path.parent.name != STATIC]


def style_sheet() -> str:
    """All our CSS as one string, sorted by folder and name: what a sheet overrules comes before it."""
    return "\n".join(path.read_text("utf-8") for path in _files("css"))


@cache
def modules() -> dict[str, bytes]:
    """Every module by its path below `assets/`: all that the page's server hands out from there."""
    paths = [ASSETS / MAIN, *_files("js")]
    return {path.relative_to(ASSETS).as_posix(): path.read_bytes() for path in paths}


@cache
def address() -> str:
    """The folder of the modules on the server, named by their content."""
    digest = hashlib.sha256()
    for name, code in modules().items():
        digest.update(f"{name} {len(code)}\n".encode() + code)
    return f"sigma-{digest.hexdigest()[:16]}"


def scripts() -> str:
    """The elements of the page's head that load the modules.

    Their addresses are relative, so that the page also works below a path of another server; they are named ahead, so that
    the browser fetches all of them at once.
    """
    links = [f'<link rel="modulepreload" href="./{address()}/{name}">' for name in modules()]
    return "\n".join([STUB, *links, f'<script type="module" src="./{address()}/{MAIN}"></script>'])


def routes() -> list[Route]:
    """What the page's server adds to Gradio's own routes: the modules, and nothing else of the folder."""

    def module(request: Request) -> Response:
        code = modules().get(request.path_params["name"])
        if code is None:
            return Response("Not found", 404, media_type="text/plain")
        return Response(code, media_type="text/javascript", headers=KEPT)

    return [Route(f"/{address()}/{{name:path}}", module)]
