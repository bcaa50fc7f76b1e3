"""Compile every kernel form ahead of time, without a GPU, and read what the compiler made of it.

`python -m kernels.inspect --jobs 4` goes through the targets and prints, per form, registers, shared memory, spills and
the width of the loads, and last a summary per target; the exit status is 1 when a form spills or needs more shared (or
tensor) memory than its target has, because Triton itself notices either only at launch. A form takes about a second of
one core; Triton's cache (TRITON_CACHE_DIR) makes an interrupted or repeated run quick.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from .configurations import Configuration
from .splits import SHARED_KIB, shared_bytes

MODULES = {
    "decode": "decode.triton",
    "selective": "selective.triton",
    "append": "append.triton",
    "prefill": "prefill.triton",
    "swiglu": "swiglu.triton",
}


_TENSOR_COLUMNS = 512  # of tensor memory per multiprocessor (sm_100); Triton checks it at launch


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one form on one target.

    registers: per thread. shared: bytes per thread block. spills: registers' worth of memory traffic, instructions on
    NVIDIA, registers on AMD. load_bytes: the widest read from memory that one thread issues. error: why it did not
    compile, else None.
    """

    kernel: str
    config: str
    target: str
    registers: int
    shared: int
    shared_limit: int
    spills: int
    load_bytes: int
    error: str | None = None

    @property
    def is_good(self) -> bool:
        return self.error is None and self.spills == 0 and self.shared <= self.shared_limit


def configurations(target: str, modules: list[str] | None = None) -> Iterator[Configuration]:
    """All forms of the chosen modules (default: all) for a target; on AMD each with tensors over 2 GiB too."""
    for name, module in MODULES.items():
        if modules and name not in modules:
            continue
        for one in import_module(f".{module}", __package__).configurations(target):
            yield one
            if target.startswith("gfx"):
                yield replace(one, name=f"{one.name} large", is_small=False)


def inspect(configuration: Configuration, target: str) -> Row:
    """Compile one form for one target; a compiler's refusal becomes the row's `error`."""
    name = configuration.kernel, configuration.name, target
    limit = shared_bytes(target)
    try:
        with _quiet():
            compiled = _compile(configuration, target)
    except Exception as error:
        return Row(*name, 0, 0, limit, 0, 0, f"{type(error).__name__}: {str(error).strip().splitlines()[-1][:200]}")
    shared = compiled.metadata.shared
    columns = getattr(compiled.metadata, "tmem_size", None) or 0
    error = f"{columns} of {_TENSOR_COLUMNS} columns of tensor memory" if columns > _TENSOR_COLUMNS else None
    if target.startswith("gfx"):
        text = compiled.asm["amdgcn"]
        spills = _number(text, r"\.vgpr_spill_count:\s*(\d+)")  # scalar registers spill to vector ones, not to memory
        return Row(*name, _number(text, r"\.vgpr_count:\s*(\d+)"), shared, limit, spills, _amd_load(text), error)
    registers, spills = _resources(compiled.asm["cubin"])
    return Row(*name, registers, shared, limit, spills, _ptx_load(compiled.asm["ptx"]), error)


def _compile(configuration: Configuration, target: str):
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature, constants, attributes = {}, dict(configuration.constants), {}
    for position, parameter in enumerate(configuration.function.params):
        kind = configuration.types.get(parameter.name, "i32")
        if parameter.name in constants or kind is None:
            signature[parameter.name] = "constexpr"
            constants.setdefault(parameter.name, None)
            continue
        signature[parameter.name] = kind
        if kind != "fp32" and not parameter.do_not_specialize:
            attributes[(position,)] = [["tt.divisibility", 16]]
            if kind.startswith("*") and target.startswith("gfx") and configuration.is_small:
                attributes[(position,)].append(["tt.pointer_range", 32])
    source = ASTSource(fn=configuration.function, signature=signature, constexprs=constants, attrs=attributes)
    machine = GPUTarget("hip", target, 64) if target.startswith("gfx") else GPUTarget("cuda", int(target[3:]), 32)
    options = {"num_warps": configuration.num_warps, "num_stages": configuration.num_stages}
    return triton.compile(source, target=machine, options=options)


def _resources(cubin: bytes) -> tuple[int, int]:
    """Registers per thread and instructions that move a register to or from the stack."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        usage = _cuobjdump("--dump-resource-usage", file.name)
        spills = 0
        if _number(usage, r"STACK:(\d+)") or _number(usage, r"LOCAL:(\d+)"):
            spills = len(re.findall(r"\b(?:LDL|STL)\b", _cuobjdump("--dump-sass", file.name)))
    return _number(usage, r"REG:(\d+)"), spills


def _cuobjdump(option: str, path: str) -> str:
    return subprocess.run([_tool(), option, path], capture_output=True, text=True, check=True, timeout=120).stdout


@lru_cache(maxsize=1)
def _tool() -> str:
    import triton

    return str(Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump")


def _number(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def _ptx_load(ptx: str) -> int:
    """Widest global load in bytes: asynchronous copies to shared memory, else loads to registers."""
    copies = [int(size, 0) for size in re.findall(r"cp\.async\.c[ag]\.shared\.global [^;]*?, (0x\w+|\d+)[,;]", ptx)]
    loads = re.findall(r"ld\.global(?:\.[\w:]+)*?(?:\.v(\d))?\.[bfus](\d+)", ptx)
    return max([*copies, *(int(count or 1) * int(bits) // 8 for count, bits in loads)], default=0)


def _amd_load(text: str) -> int:
    words = re.findall(r"(?:global|buffer)_load_dword(?:x(\d))?\b", text)
    halves = [2] * bool(re.search(r"(?:global|buffer)_load_(?:u|s)?short", text))
    return max([*halves, *(4 * int(width or 1) for width in words)], default=0)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """LLVM and ptxas write their warnings to the process's own error stream; the row says what matters."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as sink:
            os.dup2(sink.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_work: list[tuple[Configuration, str]] = []


def _inspect_all(work: list[tuple[Configuration, str]], jobs: int) -> Iterator[Row]:
    """The rows in the order of `work`; with several jobs a forked process inherits the list, as no kernel pickles."""
    if jobs <= 1:
        yield from (inspect(*one) for one in work)
        return
    _work[:] = work
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_inspect_number, range(len(work)))


def _inspect_number(number: int) -> Row:
    return inspect(*_work[number])


def summary(rows: list[Row]) -> list[str]:
    """One line per target: how many forms, the most registers and shared memory of one, and the widths of the loads."""
    lines = []
    for target in dict.fromkeys(row.target for row in rows):
        here = [row for row in rows if row.target == target]
        registers, shared = max(here, key=lambda row: row.registers), max(here, key=lambda row: row.shared)
        loads = Counter(row.load_bytes for row in here)
        lines.append(
            f"{target}: {len(here)} forms; registers at most {registers.registers} ({registers.kernel} "
            f"{registers.config}); shared at most {shared.shared / 1024:.0f} of {shared.shared_limit // 1024} KiB "
            f"({shared.kernel} {shared.config}); loads "
            + ", ".join(f"{size} B in {count}" for size, count in sorted(loads.items(), reverse=True))
        )
    return lines


_HEADER = f"{'kernel':<10} {'config':<44} {'target':<8} {'regs':>4} {'shared KiB':>14} {'spills':>6} {'load B':>6}"


def _line(row: Row) -> str:
    shared = f"{row.shared / 1024:.0f} of {row.shared_limit // 1024}"
    mark = "" if row.is_good else f"  <- {row.error or 'does not fit'}"
    return (
        f"{row.kernel:<10} {row.config:<44} {row.target:<8} {row.registers:>4} {shared:>14} {row.spills:>6} "
        f"{row.load_bytes:>6}{mark}"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.inspect", description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", nargs="+", choices=list(SHARED_KIB), default=list(SHARED_KIB), help="default: all")
    parser.add_argument("--kernel", nargs="+", choices=list(MODULES), help="default: all")
    parser.add_argument("--config", default="", help="only forms whose name matches this regular expression")
    parser.add_argument("--jobs", type=int, default=1, help="processes that compile at the same time (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object {rows: [...]} instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        import triton
    except ImportError:
        parser.error("the Python package triton is not installed")
    if triton.knobs.runtime.interpret:
        parser.error("TRITON_INTERPRET is set: the interpreter compiles nothing")
    work = [
        (one, target)
        for target in chosen.target
        for one in configurations(target, chosen.kernel)
        if re.search(chosen.config, f"{one.kernel} {one.name}")
    ]
    begun = time.perf_counter()
    rows = []
    if not chosen.json:
        print(_HEADER)
    for row in _inspect_all(work, chosen.jobs):
        rows.append(row)
        if not chosen.json:
            print(_line(row), flush=True)  # a full run takes an hour of processor time
    bad = [row for row in rows if not row.is_good]
    if chosen.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "seconds": time.perf_counter() - begun}))
    else:
        print(*summary(rows), sep="\n")
        took = f"{len(rows)} forms in {time.perf_counter() - begun:.0f} s"
        print(f"{took}; {len(bad)} that spill, overflow or do not compile")
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
