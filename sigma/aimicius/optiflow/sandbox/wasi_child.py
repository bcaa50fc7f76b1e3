"""The sandbox's child: runs one program inside CPython for WASI, writes one JSON line about its end, and is gone.

    python -I wasi_child.py compile WASM CACHED      compile once, store the machine code
    python -I wasi_child.py run CACHED JOB LIMITS    run JOB/program.py; output in JOB/stdout and JOB/stderr

The guest gets no directory, no environment and no network: its standard library lies inside the module's own memory and
is new in every run. This file imports nothing of ours, so that `-I` (no paths from outside) can start it by its path.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

# The guest: values and program come in as an argument and on stdin; the program sees only its own variables.
BOOT = (
    "import sys\n"
    "values = eval(sys.argv[1], {'inf': float('inf')})\n"
    "text = sys.stdin.read()\n"
    "sys.argv[:] = ['plan.py']\n"
    "exec(compile(text, 'plan.py', 'exec'), {'__name__': '__main__', **values})\n"
)


def configuration(wasmtime):
    """The same for compiling and running, or wasmtime refuses the cached code."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.max_wasm_stack = 2 << 20
    return config


def compile_module(wasm: str, cached: str) -> dict:
    """Compile and store under a name of its own first, so that nobody reads half a file."""
    import wasmtime

    engine = wasmtime.Engine(configuration(wasmtime))
    code = wasmtime.Module.from_file(engine, wasm).serialize()
    part = Path(f"{cached}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(code)
    os.replace(part, cached)
    return {"end": "compiled"}


def report(ended: dict) -> None:
    """One line for the parent, then out at once: nothing of the guest or of wasmtime gets to run again."""
    os.write(1, (json.dumps(ended) + "\n").encode())
    os._exit(0)


def close_down(limits: dict) -> None:
    """Ask the system for limits too: they hold even if wasmtime should fail."""
    try:
        import resource
    except ImportError:  # Windows: wasmtime's own limits and the parent's clock remain
        return
    for name, value in (
        ("RLIMIT_FSIZE", limits["output"]),
        ("RLIMIT_CPU", int(limits["cpu"]) + 5),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 64),
    ):
        resource.setrlimit(getattr(resource, name), (value, value))


def watch(engine, limits: dict) -> None:
    """Stop the guest by its processor time (fair on a busy machine) or, if it only waits, by the clock."""
    begun, begun_cpu = time.monotonic(), time.process_time()
    while True:
        time.sleep(0.05)
        waited, used = time.monotonic() - begun, time.process_time() - begun_cpu
        if used > limits["cpu"] or waited > limits["wall"]:
            engine.increment_epoch()
            # A guest that sleeps is inside the host and sees no epoch.
            time.sleep(0.3)
            report({"end": "time", "cpu": used, "wall": waited})


def run(cached: str, job: str, limits: dict) -> dict:
    """Run one program; the answer says how it ended."""
    import wasmtime

    engine = wasmtime.Engine(configuration(wasmtime))
    module = wasmtime.Module.deserialize_file(engine, cached)
    folder = Path(job)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["python", "-I", "-S", "-B", "-c", BOOT, (folder / "values").read_text(encoding="utf-8")]
    wasi.stdin_file = str(folder / "program.py")
    wasi.stdout_file = str(folder / "stdout")
    wasi.stderr_file = str(folder / "stderr")
    close_down(limits)
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=limits["memory"], instances=1, memories=1, tables=4, table_elements=100_000)
    store.set_epoch_deadline(1)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    threading.Thread(target=watch, args=(engine, limits), daemon=True).start()
    begun = time.process_time()
    try:
        instance = linker.instantiate(store, module)
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as trap:
        return {"end": "exit", "code": trap.code, "cpu": time.process_time() - begun}
    except wasmtime.Trap as trap:
        if trap.trap_code == wasmtime.TrapCode.INTERRUPT:
            return {"end": "time", "cpu": time.process_time() - begun}
        deep = trap.trap_code == wasmtime.TrapCode.STACK_OVERFLOW
        return {"end": "stack" if deep else "trap", "reason": str(trap).strip().splitlines()[-1][:200]}
    return {"end": "exit", "code": 0, "cpu": time.process_time() - begun}


def main() -> None:
    """See the module's text."""
    try:
        if sys.argv[1] == "compile":
            ended = compile_module(sys.argv[2], sys.argv[3])
        else:
            ended = run(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
    except Exception as error:
        ended = {"end": "broken", "reason": f"{type(error).__name__}: {error}"[:500]}
    report(ended)


if __name__ == "__main__":
    main()
