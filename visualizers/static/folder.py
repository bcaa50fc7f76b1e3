"""Where the page is written: a new or empty folder, or with `force` one that was written here before."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

MARK = "sigma-static.json"
"""Names what was written, so that nothing else is ever replaced."""

MAKER = "visualizers.static"
LARGEST = 3_000_000
"""Bytes of a whole folder."""


def check(folder: Path, force: bool) -> list[str]:
    """Names of our own earlier files in a folder that may be written to.

    FileExistsError with what stands in the way: a file of that name, a folder with something in it.
    """
    if not os.path.lexists(folder):
        return []
    if not folder.is_dir():
        raise FileExistsError(f"{folder} is a file, not a folder")
    if not any(folder.iterdir()):
        return []
    earlier = _earlier(folder)
    if earlier is None:
        raise FileExistsError(f"{folder} is not empty, and this command did not write it: name another folder")
    if not force:
        raise FileExistsError(f"{folder} was written before; --force writes it again")
    return earlier


def _earlier(folder: Path) -> list[str] | None:
    """What the mark of an earlier export names; None where there is no such mark."""
    try:
        mark = json.loads((folder / MARK).read_text("utf-8"))
        names = list(mark["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if mark.get("made_by") != MAKER or not all(isinstance(name, str) and _inside(name) for name in names):
        return None
    return [*names, MARK]


def _inside(name: str) -> bool:
    """Whether a name is a plain file's in the folder itself."""
    return PurePosixPath(name).name == name and name not in ("", ".", "..") and "\\" not in name


def write(folder: Path, files: Mapping[str, bytes], force: bool) -> int:
    """Write the files and the mark that names them; returns the bytes of all.

    FileExistsError as `check`, ValueError if the files are more than LARGEST bytes, OSError if it cannot be written.
    """
    earlier = check(folder, force)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    mark = json.dumps({"made_by": MAKER, "files": hashes}, indent=1) + "\n"
    every = {**files, MARK: mark.encode()}
    size = sum(map(len, every.values()))
    if size > LARGEST:
        raise ValueError(f"the page would be {size:,} bytes, more than {LARGEST:,}: leave a recording out")
    folder.mkdir(parents=True, exist_ok=True)
    # The mark goes first: a folder that was half written is known as ours, and can be written again.
    (folder / MARK).write_bytes(every[MARK])
    for name in set(earlier) - set(every):
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return size
