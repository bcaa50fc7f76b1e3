"""Case files: written by the tasks' generators into the cache, and held to the hashes that this folder fixes.

The files are not in the repository; their hashes are (`hashes.json`), so every machine evaluates on the same cases.

Beside them are the held-out cases, which no generator made: 40 questions a task, written by hand, one by one. They
are in the repository, in two folders of the same difficulty: `heldout`, and `heldout-final`, which is looked at only at
the end. Neither is trained on or tuned to, and what is scored on them is reported apart. `heldout.sha256` fixes them
(`sha256sum -c heldout.sha256` in this folder).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from sigma.aimicius.contract import SPLITS, Case, CaseError, Task
from sigma.checkpoints.base import cache_folder, sha256_of

HASHES = Path(__file__).with_name("hashes.json")
HELD_OUT = ("heldout", "heldout-final")
HELD_OUT_HASHES = Path(__file__).with_name("heldout.sha256")
Progress = Callable[[str, int], None]


def default_folder() -> Path:
    """Where the files are kept unless another folder is asked for."""
    return cache_folder() / "aimicius"


def fixed_hashes() -> dict[str, dict[str, dict[str, Any]]]:
    """{task: {split: {"sha256", "cases", "bytes"}}} as fixed in the repository; {} for what is not fixed yet."""
    return json.loads(HASHES.read_text("utf-8")) if HASHES.is_file() else {}


def path_of(folder: Path, task: str, split: str) -> Path:
    """FOLDER/TASK/SPLIT.jsonl"""
    return folder / task / f"{split}.jsonl"


def describe(path: Path) -> dict[str, Any]:
    """What `hashes.json` says of a file."""
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "cases": data.count(b"\n"), "bytes": len(data)}


def build(
    task: Task,
    split: str,
    folder: Path,
    progress: Progress | None = None,
    fixed: dict[str, Any] | None = None,
    reuse: bool = False,
) -> dict[str, Any]:
    """Write one file and return its description.

    `fixed` is the description that it must have; None takes any. With `reuse` a file that already has it stays. Every line is read back by the task, so what is
    written can be read. Raises CaseError if a line cannot, if an id occurs twice, or if the file is another one.
    """
    path = path_of(folder, task.name, split)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            # Looked at under the lock: another process may have written it while this one waited.
            if reuse and fixed is not None and path.is_file() and describe(path) == fixed:
                return fixed
            return _build(task, split, path, progress or (lambda *_: None), fixed)
    except OSError as error:
        raise CaseError(f"{path} cannot be written: {error}") from error


def _build(task: Task, split: str, path: Path, progress: Progress, fixed: dict[str, Any] | None) -> dict[str, Any]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{split}-", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for number, case in enumerate(checked(task, split), 1):
                file.write(case.to_json() + "\n")
                progress(f"{task.title} {split}", number)
        made = describe(part)
        if fixed is not None and made != fixed:
            raise CaseError(
                f"{task.title} {split}: the generator wrote {made['cases']:,} cases with sha256 {made['sha256'][:12]}, the repository "
                f"fixes {fixed['cases']:,} with {fixed['sha256'][:12]}. If the generator was changed on purpose, run "
                "python -m sigma.aimicius.data --update-hashes"
            )
        part.chmod(0o644)  # mkstemp's 0600 would hide a shared cache from others
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return made


def checked(task: Task, split: str):
    """The split's cases, each of them read back from its own line. Raises CaseError."""
    seen: set[str] = set()
    for case in task.generate(split):
        where = f"{task.name} {split}, case {case.id!r}"
        if case.id in seen:
            raise CaseError(f"{where}: the id is used twice")
        seen.add(case.id)
        row = json.loads(case.to_json())
        again: Case = task.case(row, where)
        if (again.id, again.fields, again.truth) != (case.id, case.fields, case.truth):
            raise CaseError(f"{where}: what is read back is not what was written")
        yield case
    if not seen:
        raise CaseError(f"{task.name} {split}: the generator made no case")


def ensure(task: Task, split: str, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """The file of a split, built first if it is absent or not the one that the repository fixes.

    A split whose hash is not fixed is built anew every time: nobody could tell an old file from a current one.
    Raises CaseError.
    """
    if split not in SPLITS:
        raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
    folder = folder or default_folder()
    path, fixed = path_of(folder, task.name, split), fixed_hashes().get(task.name, {}).get(split)
    build(task, split, folder, progress, fixed, reuse=True)
    return path


def held_out(task: Task, name: str) -> Path:
    """The file of a task's cases written by hand; `name` is one of HELD_OUT.

    Raises CaseError if it is absent or not the one that the repository fixes: nobody edits it unnoticed.
    """
    path = HELD_OUT_HASHES.parent / name / f"{task.name}.jsonl"
    fixed = held_out_hashes().get(f"{name}/{path.name}")
    if fixed is None or not path.is_file():
        raise CaseError(f"there are no {name} cases of {task.title}")
    if (found := sha256_of(path)) != fixed:
        raise CaseError(
            f"{path.name} of {name} has sha256 {found[:12]}, the repository fixes {fixed[:12]}: held-out cases are not edited"
        )
    return path


def held_out_hashes() -> dict[str, str]:
    """{FOLDER/TASK.jsonl: sha256} as fixed in the repository, in the format of sha256sum."""
    lines = HELD_OUT_HASHES.read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
