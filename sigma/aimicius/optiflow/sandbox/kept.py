"""The sandbox's compiled code as a file: loading it means running it, so it must be this user's, and as it was compiled."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sigma.checkpoints.base import sha256_of


class SandboxError(RuntimeError):
    """The sandbox cannot be used on this machine; the message says why."""


def private_folder(folder: Path) -> None:
    """Make the folder, or check that nobody else can write into it. Raises SandboxError if somebody can."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name != "posix":
        return
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
        raise SandboxError(f"{folder} does not belong to this user; compiled code is not loaded from there.")
    if info.st_mode & 0o022:
        folder.chmod(0o700)
        for path in folder.iterdir():  # written while others could
            if path.suffix == ".cwasm":
                path.unlink()


def trusted(cached: Path) -> bool:
    """Whether the compiled code is there, ours, and writable by nobody else."""
    try:
        info = cached.lstat()
        parent = cached.parent.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(info.st_mode) or info.st_size < 1 << 20:
        return False
    if os.name != "posix":
        return True
    return all(i.st_uid == os.getuid() and not i.st_mode & 0o022 for i in (info, parent))


def _digest_file(cached: Path) -> Path:
    return cached.with_suffix(".sha256")


def whole(cached: Path) -> bool:
    """Whether the compiled code is as it was compiled."""
    try:
        return _digest_file(cached).read_text() == sha256_of(cached)
    except (OSError, ValueError):
        return False


def note_digest(cached: Path) -> None:
    """Remember what was compiled, for `whole`."""
    _digest_file(cached).write_text(sha256_of(cached))
