"""The strict parser: Microsoft's own, present once `python -m sigma.aimicius.nl2kql.strict` has fetched it.

It needs a JavaScript engine for Python (`pip install mini-racer`, or `quickjs-ng`) and one npm package, 2 MB, that is
verified against the hash below and unpacked into the cache; nothing of it is in this repository.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock

from sigma.aimicius.nl2kql.engine.child import Child, ChildError
from sigma.aimicius.nl2kql.language.parse import MAX_DIAGNOSTICS, Diagnostic
from sigma.aimicius.nl2kql.language.references import References
from sigma.aimicius.nl2kql.schema import Schema, normal_cluster
from sigma.checkpoints.base import cache_folder

PACKAGE = "@kusto/language-service-next"
VERSION = "12.4.1"
SHA256 = "ddb2a34d7d8c7e00c6d27d4ab263dccb3957855697771c2117e8a1da8de76fba"
FILES = ("bridge.min.js", "Kusto.Language.Bridge.min.js")
NAME = f"Microsoft's Kusto parser ({PACKAGE} {VERSION})"
JUDGE_S = 5.0


class StrictError(RuntimeError):
    """The strict parser cannot be had; the message says what to do."""


def folder() -> Path:
    """Where the unpacked files are, or would be."""
    return cache_folder() / "kusto" / VERSION


def present() -> bool:
    """Whether the files and a JavaScript engine are there, and SIGMA_NL2KQL_PARSER does not ask for the default."""
    if os.environ.get("SIGMA_NL2KQL_PARSER", "").lower() == "default":
        return False
    return all((folder() / name).is_file() for name in FILES) and _has_engine()


def fetch(tarball: Path | None = None) -> Path:
    """The files' folder; asks npm for the package, or takes a given tarball. Raises StrictError."""
    target = folder()
    if all((target / name).is_file() for name in FILES):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / "lock"), tempfile.TemporaryDirectory(dir=target.parent, prefix="part-") as part:
            packed = tarball or _npm_pack(Path(part))
            found = hashlib.sha256(packed.read_bytes()).hexdigest()
            if found != SHA256:
                raise StrictError(f"{packed.name} has sha256 {found}, expected {SHA256}; nothing was kept")
            unpacked = Path(part) / "files"
            unpacked.mkdir()
            with tarfile.open(packed) as archive:
                for name in FILES:
                    member = archive.extractfile(f"package/{name}")
                    assert member is not None
                    (unpacked / name).write_bytes(member.read())
            if target.exists():
                shutil.rmtree(target)
            unpacked.rename(target)
    except (OSError, tarfile.TarError, KeyError) as error:
        raise StrictError(f"the package cannot be stored in {target}: {error}") from error
    return target


def judge(query: str, schema: Schema) -> tuple[list[Diagnostic], References]:
    """Syntax diagnostics, and the references with the diagnostics against the schema. Raises ChildError, StrictError."""
    key, tables = _rows(schema)
    reply = _child().ask({"query": query, "key": key, "tables": tables}, JUDGE_S)
    if "error" in reply:
        raise StrictError(reply["error"])
    found = References(
        {normal_cluster(name) for name in reply["found"]["clusters"]},
        *(set(reply["found"][part]) for part in ("databases", "tables", "columns")),
    )
    found.diagnostics = [_diagnostic(each, "schema") for each in reply["schema"][:MAX_DIAGNOSTICS]]
    return [_diagnostic(each, "syntax") for each in reply["syntax"][:MAX_DIAGNOSTICS]], found


def close() -> None:
    """End the parser's process, if there is one."""
    if _child.cache_info().currsize:
        _child().close()


def _diagnostic(raw: list[Any], kind: str) -> Diagnostic:
    start, length, message, code, _ = raw
    return Diagnostic(max(0, start), max(1, length), f"{message} ({code})", kind)


@lru_cache(maxsize=4)
def _rows(schema: Schema) -> tuple[str, list[list[str]]]:
    """A key of the schema's content, and its tables as the child takes them."""
    rows = []
    for table in schema.tables:
        columns = ", ".join(f"['{name}']:{kind}" for name, kind in table.columns.items())
        rows.append([table.cluster, table.database, table.name, f"({columns})"])
    return hashlib.sha256(repr(rows).encode()).hexdigest(), rows


@lru_cache(maxsize=1)
def _child() -> Child:
    return Child("sigma.aimicius.nl2kql.language.microsoft", SIGMA_KUSTO_PARSER=str(folder()))


def _has_engine() -> bool:
    return find_spec("py_mini_racer") is not None or find_spec("quickjs") is not None


def _npm_pack(part: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise StrictError(
            f"npm is not installed. Get the package elsewhere (npm pack {PACKAGE}@{VERSION}) and give its file: --tarball FILE"
        )
    done = subprocess.run(
        [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent"],
        cwd=part, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    packed = sorted(part.glob("*.tgz"))
    if done.returncode != 0 or not packed:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["npm failed"]
        raise StrictError(f"npm could not fetch {PACKAGE}@{VERSION}: {lines[-1]}")
    return packed[0]


def main(arguments: list[str] | None = None) -> int:
    """Fetch, verify, and try the parser once."""
    parser = argparse.ArgumentParser(prog="python -m sigma.aimicius.nl2kql.strict", description=__doc__.splitlines()[0])
    parser.add_argument("--tarball", type=Path, help=f"a copy of {PACKAGE}@{VERSION} instead of asking npm")
    options = parser.parse_args(arguments)
    try:
        where = fetch(options.tarball)
        print(f"{NAME}: in {where}")
        if not _has_engine():
            print("There is no JavaScript engine for Python yet: pip install mini-racer")
            return 1
        from sigma.aimicius.nl2kql.schema import fleet

        syntax, found = judge("GpuMetrics | where TempC > 80 | summarize count() by Node", fleet())
        print(f"Tried: {'accepted' if not syntax else syntax[0].message}; columns {', '.join(sorted(found.columns))}")
        return 0
    except (StrictError, ChildError, subprocess.TimeoutExpired) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        close()


if __name__ == "__main__":
    sys.exit(main())
