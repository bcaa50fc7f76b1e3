"""Small C++ kernels, compiled once on the machine they run on and called through ctypes.

`load` is generic: it takes any plain-C-ABI source and returns the opened library, compiled with the system compiler
for this very CPU into a per-user cache. `library` is this package's own one (decode and selective). Without a
compiler, or with `SIGMA_NATIVE=0`, callers use torch instead; `status` says which, in words.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from .checks import needs_grad
from .structs import difference

_HERE = Path(__file__).parent
_SOURCES = tuple(
    _HERE / name
    for name in ("decode/cpu.cpp", "decode/weights.cpp", "prefill/cpu.cpp", "selective/cpu.cpp", "squares/cpu.cpp")
)
WEIGHTS_ROW_PAD = 32  # kRowPad in decode/weights.cpp
SQUARES_BIN_PAD = 32  # kBinPad in squares/cpu.cpp
# -ffast-math is left out on purpose: it would flush denormals for the whole process and break NaN and infinity.
_COMPILE = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-fno-math-errno", "-ffp-contract=fast", "-w")
_TIMEOUT_S = 300

_Strides = ctypes.c_int64 * 3  # batch, head, row


class Args(ctypes.Structure):
    """`struct Args` of scores.h, which says what the fields mean."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("q", "k", "v", "out", "lse", "lengths")),
        *((name, ctypes.c_int64) for name in ("b", "n_q", "n_k", "n_v", "t", "rows", "d_k", "d_v")),
        *((name, _Strides) for name in ("q_stride", "k_stride", "v_stride")),
        ("threads", ctypes.c_int64),
        ("scale", ctypes.c_double),
        ("top_k", ctypes.c_int64),
        ("missing_mass", ctypes.c_int64),
        ("threshold", ctypes.c_double),
        ("v_sum", ctypes.c_void_p),
        ("captured", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
    ]


_lock = threading.Lock()
_library: ctypes.CDLL | None = None
_reason: str | None = None  # why there is no library; None while untried or loaded


class NativeUnavailable(RuntimeError):
    """There is no native code on this machine; the message says why in a few words."""


def checked(outcome: int) -> None:
    """What a C function returns (`told` in memory.h), as its `restype`: MemoryError where its memory ran out."""
    if outcome:
        raise MemoryError("no memory for the buffers of a kernel")


def load(
    name: str,
    sources: Sequence[Path],
    *,
    flags: Sequence[str] = (),
    structures: Sequence[type[ctypes.Structure]] = (),
) -> ctypes.CDLL:
    """Compile `sources` (C++17, OpenMP, plain C ABI) if this machine has not done so yet, and open the library.

    The sources may include any header of this package as "kernels/NAME.h". The library shares the OpenMP runtime
    that torch has loaded, so both use one set of threads: pass `torch.get_num_threads()` to `num_threads`.
    NativeUnavailable when `SIGMA_NATIVE=0`, without a compiler, when the build fails, or when one of the `structures`
    is another one to the library (`kernels.structs`).
    """
    if os.environ.get("SIGMA_NATIVE") == "0":
        raise NativeUnavailable("SIGMA_NATIVE=0")
    compiler, version = _compiler()
    openmp = _loaded_openmp()
    digest = hashlib.sha256()
    for part in (version, openmp or "", _cpu(), *_COMPILE, *flags):
        digest.update(part.encode() + b"\0")
    headers = {header for folder in (_HERE, *(s.parent for s in sources)) for header in folder.glob("*.h")}
    for path in (*sources, *sorted(headers)):
        digest.update(path.read_bytes() + b"\0")
    target = _cache() / digest.hexdigest()[:20] / f"{name}.so"
    try:
        if not _whole(target):
            _build(compiler, sources, flags, openmp, target)
        opened = ctypes.CDLL(str(target))
    except OSError as error:
        raise NativeUnavailable(f"cannot use {target.parent}: {error}") from error
    for structure in structures:
        problem = difference(opened, structure)
        if problem:
            raise NativeUnavailable(problem)
    return opened


def library() -> ctypes.CDLL | None:
    """The attention kernels, built on the first call (about four seconds, then milliseconds), or None."""
    global _library, _reason
    if _library is None and _reason is None:
        with _lock:
            if _library is None and _reason is None:
                try:
                    opened = load("attention", _SOURCES, structures=[Args])
                    opened.sigma_simd.restype = ctypes.c_char_p
                    for operation in ("decode", "weights", "prefill", "selective"):
                        for dtype in ("bf16", "fp32"):
                            function = getattr(opened, f"sigma_{operation}_{dtype}")
                            function.argtypes, function.restype = [ctypes.POINTER(Args)], checked
                    for operation, numbers in (("decode_many", 1), ("selective_many", 1), ("squares", 3)):
                        for dtype in ("bf16", "fp32"):
                            function = getattr(opened, f"sigma_{operation}_{dtype}")
                            function.argtypes = [ctypes.POINTER(Args), *[ctypes.c_int64] * numbers]
                            function.restype = checked
                    _library = opened
                except NativeUnavailable as error:
                    _reason = str(error)
    return _library


def status() -> str:
    """Which CPU path serves: "native avx512_bf16", or "torch (no C++ compiler)" and the like. Builds if needed."""
    opened = library()
    return f"torch ({_reason})" if opened is None else f"native {opened.sigma_simd().decode()}"


def reset() -> None:
    """Forget the outcome of the last attempt, so that the environment is read again."""
    global _library, _reason
    with _lock:
        _library, _reason = None, None


def accepts(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> bool:
    """Whether the native kernels take these tensors: bf16 or fp32, no gradient wanted, last dims contiguous."""
    if q.dtype not in (torch.bfloat16, torch.float32) or k.stride(3) != 1 or v.stride(3) != 1:
        return False
    return not needs_grad(q, k, v)


def function(operation: str, dtype: torch.dtype):
    """The C function of an operation for bf16 or fp32 caches, or None without native code.

    "decode", "weights", "prefill" and "selective" take the arguments of one call; "decode_many" and "selective_many" an
    array of them and its length, and compute for each call the bits that it has alone; "squares" takes the width of a
    square and the first and last key of the window, too.
    """
    opened = _library or library()
    return opened and getattr(opened, f"sigma_{operation}_{'bf16' if dtype == torch.bfloat16 else 'fp32'}")


def arguments(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor | None,
    lengths: torch.Tensor | None,
    scale: float | None,
    **selective: int | float | None,
) -> Args:
    """The arguments of a call; the tensors must outlive it, and q's last dimension must be contiguous.

    `selective`: the fields top_k, missing_mass (its place in MISSING_MASS), threshold, v_sum, captured and positions
    (addresses).
    """
    b, n_q, t, d_k = q.shape
    _, n_k, rows, _ = k.shape
    _, n_v, _, d_v = v.shape
    return Args(
        q=q.data_ptr(),
        k=k.data_ptr(),
        v=v.data_ptr(),
        out=out.data_ptr(),
        lse=None if lse is None else lse.data_ptr(),
        lengths=None if lengths is None else lengths.data_ptr(),
        b=b,
        n_q=n_q,
        n_k=n_k,
        n_v=n_v,
        t=t,
        rows=rows,
        d_k=d_k,
        d_v=d_v,
        q_stride=q.stride()[:3],
        k_stride=k.stride()[:3],
        v_stride=v.stride()[:3],
        threads=torch.get_num_threads(),
        scale=d_k**-0.5 if scale is None else scale,
        **selective,
    )


def _compiler() -> tuple[str, str]:
    for candidate in (os.environ.get("CXX"), "g++", "clang++"):
        path = shutil.which(candidate) if candidate else None
        if path:
            answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S)
            if answer.returncode == 0:
                return path, answer.stdout
    raise NativeUnavailable("no C++ compiler")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sigma-demo" / "native"


def _cpu() -> str:
    """What -march=native would see: code built for another CPU must not be found in a shared home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def _loaded_openmp() -> str | None:
    """Path of the OpenMP runtime that torch brought into this process, when Linux can tell."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        path = line.split()[-1]
        if Path(path).name.startswith(("libgomp", "libiomp5", "libomp")):
            return path
    return None


def _build(compiler: str, sources: Sequence[Path], flags: Sequence[str], openmp: str | None, target: Path) -> None:
    """Compile beside the target and rename: a second process sees nothing or a whole library, never half of one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        objects = []
        for i, source in enumerate(sources):
            objects.append(f"{folder}/{i}.o")
            _run([compiler, *_COMPILE, *flags, f"-I{_HERE.parent}", "-c", str(source), "-o", objects[-1]])
        # Linking torch's own runtime by path keeps one set of threads even where a wheel renamed its libgomp.
        _run([compiler, "-shared", *objects, *([openmp] if openmp else ["-fopenmp"]), "-o", str(made)])
        digest = _digest_file(made)
        digest.write_text(hashlib.sha256(made.read_bytes()).hexdigest())
        made.replace(target)
        digest.replace(_digest_file(target))


def _whole(target: Path) -> bool:
    """Whether the library is there as it was built: one that a full disk cut off, or a bad one damaged, is no code to run."""
    try:
        return _digest_file(target).read_text() == hashlib.sha256(target.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False


def _digest_file(target: Path) -> Path:
    return target.with_suffix(".sha256")


def _run(command: list[str]) -> None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise NativeUnavailable(f"the C++ compiler took over {_TIMEOUT_S} s") from error
    if answer.returncode:
        first = next((line for line in answer.stderr.splitlines() if "error" in line), f"exit {answer.returncode}")
        raise NativeUnavailable(f"the C++ build failed: {first.strip()}")
