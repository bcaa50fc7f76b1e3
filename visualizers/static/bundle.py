"""Modules of `assets/` as one classic script: a browser loads no module from a file path.

Every module becomes a function that runs once and returns its exports, those that it imports before it. The modules use
few forms of `import` and `export`; any other is an error here, not a script that fails in the browser.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";[ \t]*$', re.M)
EXPORT = re.compile(r"^export (?=(?:async )?function\*? |const |class )", re.M)
NAME = re.compile(r"^export (?:async )?(?:function\*?|const|class) (\w+)", re.M)
LEFT = re.compile(r"^\s*(?:import\b|export\b)|\bimport\s*\(|\bimport\.meta\b", re.M)


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """The script that runs `entry` and all that it imports; `modules` is code by path.

    ValueError for a module that is not there, a name that is not exported, a ring of imports, or code in another form.
    """
    order: list[str] = []
    _visit(modules, entry, (), order)
    parts = [_wrapped(name, modules) for name in order]
    return "\n".join(['(() => {\n"use strict";\nconst modules = {};', *parts, "})();\n"])


def _targets(name: str, code: str) -> list[tuple[str, str]]:
    """(names as written, path of the module) of every import."""
    folder = posixpath.dirname(name)
    return [(names, posixpath.normpath(posixpath.join(folder, path))) for names, path in IMPORT.findall(code)]


def _visit(modules: Mapping[str, str], name: str, way: tuple[str, ...], order: list[str]) -> None:
    """Append a module and all that it imports to `order`, each after what it imports."""
    if name in way:
        raise ValueError("modules import each other in a ring: " + " -> ".join([*way[way.index(name) :], name]))
    if name in order:
        return
    if name not in modules:
        raise ValueError(f"{way[-1] if way else 'the page'} imports {name}, which is not there")
    for _, target in _targets(name, modules[name]):
        _visit(modules, target, (*way, name), order)
    order.append(name)


def _wrapped(name: str, modules: Mapping[str, str]) -> str:
    code = modules[name]
    lines = []
    for names, target in _targets(name, code):
        exported, wanted = set(NAME.findall(modules[target])), []
        for one in filter(None, (part.strip() for part in names.split(","))):
            original, *local = re.split(r"\s+as\s+", one)
            if original not in exported:
                raise ValueError(f"{name} imports {original} from {target}, which does not export it")
            wanted.append(f"{original}: {local[0]}" if local else original)
        lines.append(f'const {{ {", ".join(wanted)} }} = modules["{target}"];')
    body = EXPORT.sub("", IMPORT.sub("", code))
    if found := LEFT.search(_without_comments(body)):
        line = body[found.start() :].lstrip().split("\n")[0]
        raise ValueError(f"{name}: an import or export in a form that is not bundled: {line[:80]!r}")
    exports = ", ".join(dict.fromkeys(NAME.findall(code)))
    return "\n".join(
        [f'modules["{name}"] = (() => {{', *lines, body.strip(), f"return {{ {exports} }};" if exports else "", "})();"]
    )


def _without_comments(code: str) -> str:
    """The code with line comments blanked, as long as before: words in them are no statements."""
    return re.sub(r"^(\s*)(//.*)$", lambda match: match[1] + " " * len(match[2]), code, flags=re.M)
