"""Reads the source files for `test_house`: what each imports, where it stands, how long it is. Nothing is run."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("kernels", "sigma", "visualizers", "app.py")
FLOORS = (  # the longest matching start decides; a file imports from its own floor and those below
    ("kernels", 0),
    ("sigma", 1),
    ("sigma.aimicius", 2),
    ("sigma.training.lessons", 2),  # they are made from the tasks
    ("sigma.training.worked", 2),
    ("sigma.training.rows", 2),
    ("sigma.training.tune", 2),
    ("sigma.training.tune_recipe", 2),
    ("sigma.serving", 3),
    ("visualizers", 3),
    ("app", 4),
)
SKIPPED = {"__pycache__", "node_modules", "build"}


@dataclass(frozen=True, slots=True)
class Import:
    """`name` as the file says it, complete: `from a import b` is a.b. `typing`: under TYPE_CHECKING only."""

    name: str
    line: int
    typing: bool


def python_files(root: Path, rooms: tuple[str, ...] = ROOMS) -> dict[str, Path]:
    """Path by module name; a package is named as its folder."""
    found = {}
    for room in rooms:
        paths = [root / room] if room.endswith(".py") else sorted((root / room).rglob("*.py"))
        for path in paths:
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def parsed(text: str) -> ast.Module:
    """The syntax tree of a file's text; the checks share it."""
    return ast.parse(text)


@functools.cache
def imports_of(path: Path, module: str) -> list[Import]:
    """Every import of a file, in functions and branches too; relative ones written out."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = []

    def visit(node: ast.AST, typing: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                start = ".".join([*above, start] if start else above)
            found.extend(Import(f"{start}.{alias.name}", node.lineno, typing) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, True)
            for child in node.orelse:
                visit(child, typing)
            return
        for child in ast.iter_child_nodes(node):
            visit(child, typing)

    visit(parsed(path.read_text(encoding="utf-8")), False)
    return found


def module_named(name: str, modules: dict[str, Path]) -> str | None:
    """The file that an imported name lives in: the longest start that is one of our modules."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def floor_of(module: str) -> int:
    """The floor a module stands on."""
    return max((start.count("."), floor) for start, floor in FLOORS if f"{module}.".startswith(f"{start}."))[1]


def upward_imports(modules: dict[str, Path]) -> list[str]:
    """Imports of a higher floor, as "module:line imports name"."""
    wrong = []
    for module, path in modules.items():
        for one in imports_of(path, module):
            target = module_named(one.name, modules)
            if target is not None and floor_of(target) > floor_of(module):
                wrong.append(f"{module}:{one.line} imports {one.name}")
    return wrong


def imported_files(module: str, path: Path, modules: dict[str, Path]) -> set[str]:
    """Our modules that importing this one runs: those it names, and the packages around them that are not its own."""
    found = set()
    for one in imports_of(path, module):
        target = None if one.typing else module_named(one.name, modules)
        if target is None or target == module:
            continue
        parts = target.split(".")
        around = {".".join(parts[:n]) for n in range(1, len(parts))}
        found |= {target} | {package for package in around & set(modules) if not f"{module}.".startswith(f"{package}.")}
    return found


def circle(modules: dict[str, Path]) -> list[str] | None:
    """Modules that import each other in a ring, first and last the same; None if there is no ring."""
    wanted = {module: sorted(imported_files(module, path, modules)) for module, path in modules.items()}
    done: set[str] = set()

    def follow(module: str, way: list[str]) -> list[str] | None:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return None
        for target in wanted[module]:
            if ring := follow(target, [*way, module]):
                return ring
        done.add(module)
        return None

    return next((ring for module in wanted if (ring := follow(module, []))), None)


def importers(modules: dict[str, Path], packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(module, package) of every file that imports one of these packages of others."""
    for module, path in modules.items():
        for one in imports_of(path, module):
            if (package := one.name.partition(".")[0]) in packages:
                yield module, package


def source_files(root: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Our own files of these kinds, those of the tests included."""
    for top in ("app.py", "kernels", "sigma", "visualizers", "assets", "tests"):
        for path in [root / top] if top.endswith(".py") else sorted((root / top).rglob("*")):
            if path.suffix in suffixes and not SKIPPED & set(path.relative_to(root).parts[:-1]):
                yield path


def is_too_long(path: Path, most: int = 300, ever: int = 500) -> bool:
    """More than `most` lines without a reason ("over 300 lines" in the docstring or the first comment), or over `ever`."""
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines <= most:
        return False
    if path.suffix == ".py":
        head = ast.get_docstring(parsed(text)) or ""
    else:
        head = text.split("*/")[0] if text.lstrip().startswith("/*") else _first_comment_lines(text)
    return lines > ever or f"over {most} lines" not in " ".join(head.split())


def _first_comment_lines(text: str) -> str:
    lines = []
    for line in text.lstrip().splitlines():
        if not line.startswith("//"):
            break
        lines.append(line.lstrip("/ "))
    return " ".join(lines)


def long_functions(path: Path, most: int = 60) -> list[str]:
    """Functions of more than `most` lines, from `def` to the last, for which the file's docstring gives no reason.

    A reason names the function: "`name` has over 60 lines: ...". A GPU kernel, for one, has an argument a line.
    """
    tree = parsed(path.read_text(encoding="utf-8"))
    reasons = " ".join((ast.get_docstring(tree) or "").split())
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno + 1 > most
        and f"`{node.name}` has over {most} lines" not in reasons
    ]
