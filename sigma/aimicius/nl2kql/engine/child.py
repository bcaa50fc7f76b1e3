"""A process of its own for what a hostile query could hang or bloat: it answers JSON lines and can be killed.

Run as a script (`python child.py MODULE`) it serves `MODULE.answer`; in the page's process `Child` starts it, asks it
and replaces it. `sigma` imports its names when they are used, so the child never loads torch.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[4]
MEMORY = 3 << 30  # bytes of address space of a child, where the system can limit it
START_S = 60.0  # a cold start on a busy machine; a warm one takes under two seconds


class ChildError(RuntimeError):
    """The child gave no answer; the message says why."""


class Child:
    """One child process, started at the first question and again after it had to be killed. Thread-safe."""

    def __init__(self, module: str, **environment: str):
        """`environment`: variables that the child gets besides ours."""
        self._module = module
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The child's answer. Raises ChildError if there is none within `seconds`, or it dies; the next call restarts it."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._process is not None and self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            except OSError as error:
                self._stop()
                raise ChildError(f"the engine's process is gone: {error}") from error
            return self._read(seconds)

    def close(self) -> None:
        """End the process; a later question starts another."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        self._stop()
        self._lines = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, **self._environment},
        )
        atexit.register(self.close)
        threading.Thread(target=_pump, args=(self._process, self._lines), daemon=True).start()
        ready = self._read(START_S)
        if "error" in ready:
            self._stop()
            raise ChildError(ready["error"])

    def _read(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self._stop()
            raise ChildError(f"stopped after {seconds:g} s") from None
        if not line:
            self._stop()
            raise ChildError("the engine ended: the query needed more memory than it may have, or broke it")
        return json.loads(line)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        atexit.unregister(self.close)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()


def _pump(process: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    """Pipes have no portable timeout; a queue has. The empty line says that the child is gone."""
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout:
            lines.put(line)
    lines.put("")


def serve(module: str) -> None:
    """The child's side: `answer(request) -> reply` of the module, one JSON line each, until stdin ends."""
    # Whatever a library prints must not land between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path[0] = str(ROOT)  # not this folder, whose module names would hide others'
    try:
        engine = importlib.import_module(module)
        engine.open_engine()
        first: dict[str, Any] = {"ready": True}
    except Exception as error:
        first = {"error": f"{type(error).__name__}: {error}"}
    out.write(json.dumps(first) + "\n")
    out.flush()
    _limit_memory(getattr(engine, "MEMORY", MEMORY) if "ready" in first else MEMORY)
    for line in sys.stdin:
        try:
            reply = engine.answer(json.loads(line))
        except MemoryError:
            reply = {"error": "more memory was needed than the engine may use"}
        except RecursionError:
            reply = {"error": "the query is nested too deeply for the engine"}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:2_000]}
        out.write(json.dumps(reply, default=str) + "\n")
        out.flush()
    # Engines in other languages hang or crash when the interpreter takes them down in its own order.
    os._exit(0)


def _limit_memory(size: int) -> None:
    """Address space beyond what is mapped now; after the engine is open, since engines reserve a lot at the start."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + size, mapped + size))


if __name__ == "__main__":
    serve(sys.argv[1])
