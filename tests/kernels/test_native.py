"""Building native code: once, safely beside another process, and a clear word when it cannot be done."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import kernels
from kernels import native
from kernels.decode import reference
from tests.kernels.inputs import make_qkv

ROOT = Path(__file__).parents[2]
SOURCE = '#include "kernels/simd.h"\nextern "C" int answer() { return 6 * 7; }\n'

needs_compiler = pytest.mark.skipif("no C++ compiler" in native.status(), reason="no C++ compiler")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A cache of its own, and the outcome of earlier attempts forgotten before and after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    native.reset()
    yield tmp_path
    native.reset()


@needs_compiler
def test_any_source_is_built_once(fresh, monkeypatch):
    source = fresh / "answer.cpp"
    source.write_text(SOURCE)
    assert native.load("answer", [source]).answer() == 42
    built = sorted(path.name for path in fresh.glob("cache/sigma-demo/native/*/*"))
    assert built == ["answer.sha256", "answer.so"]  # and nothing of the build is left beside them
    monkeypatch.setattr(native, "_build", None)  # a second build would fail
    assert native.load("answer", [source]).answer() == 42


@needs_compiler
def test_changed_source_is_built_again(fresh):
    source = fresh / "answer.cpp"
    source.write_text(SOURCE)
    assert native.load("answer", [source]).answer() == 42
    source.write_text(SOURCE.replace("6 * 7", "6 * 8"))
    assert native.load("answer", [source]).answer() == 48
    assert native.load("answer", [source], flags=["-DOTHER"]).answer() == 48
    assert len(list(fresh.glob("cache/sigma-demo/native/*"))) == 3


@needs_compiler
def test_two_processes_at_once(fresh):
    source = fresh / "answer.cpp"
    source.write_text(SOURCE)
    code = f"import pathlib, kernels.native as n; print(n.load('a', [pathlib.Path({str(source)!r})]).answer())"

    def build(_):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(build, range(2)))
    assert [answer.stdout.strip() for answer in answers] == ["42", "42"], answers


@needs_compiler
def test_failed_build_says_why(fresh):
    source = fresh / "broken.cpp"
    source.write_text("int broken( { }\n")
    with pytest.raises(native.NativeUnavailable, match="error"):
        native.load("broken", [source])
    assert not list(fresh.glob("cache/sigma-demo/native/*/*"))


@needs_compiler
def test_unwritable_cache_says_why(fresh, monkeypatch):
    source = fresh / "answer.cpp"
    source.write_text(SOURCE)
    (fresh / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "file"))
    with pytest.raises(native.NativeUnavailable, match="cannot use"):
        native.load("answer", [source])


@pytest.mark.parametrize("why", ["SIGMA_NATIVE=0", "no C++ compiler"])
def test_torch_serves_without_native_code(fresh, monkeypatch, why):
    if why == "SIGMA_NATIVE=0":
        monkeypatch.setenv("SIGMA_NATIVE", "0")
    else:
        monkeypatch.setenv("PATH", str(fresh))
        monkeypatch.delenv("CXX", raising=False)
    assert native.status() == f"torch ({why})"
    q, k, v = make_qkv((9, 1, 3), 2, 300)
    torch.testing.assert_close(
        kernels.decode_attention(q, k, v), reference.decode_attention(q, k, v), atol=1e-5, rtol=0
    )
    truth = reference.decode_attention(q, k, v)
    torch.testing.assert_close(kernels.selective_decode_attention(q, k, v, 299).out, truth, atol=1e-5, rtol=0)


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory map")
def test_one_openmp_runtime():
    """A second OpenMP runtime would bring a second set of spinning threads that fights torch's.

    In a process of its own: scikit-learn, which another test's text encoder loads, brings one too.
    """
    code = "from kernels import native; native.library(); print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    paths = {line.split()[-1] for line in maps.splitlines() if "omp" in line}
    assert len({path for path in paths if Path(path).name.startswith(("libgomp", "libomp", "libiomp"))}) == 1


@needs_compiler
@pytest.mark.parametrize("target", ["-march=x86-64-v3", "-march=x86-64"])
def test_narrow_vectors(fresh, target, monkeypatch):
    """The paths of CPUs without AVX-512, compiled for them and run here."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("not an x86 CPU with AVX2")
    monkeypatch.setattr(native, "_COMPILE", tuple(f for f in native._COMPILE if f != "-march=native") + (target,))
    assert native.status() == ("native avx2" if target.endswith("v3") else "native generic")
    for dtype, atol in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)):
        for heads, t, rows, d_k, d_v in (((9, 1, 3), 1, 500, 64, 64), ((40, 8, 20), 3, 77, 20, 48)):
            q, k, v = make_qkv(heads, t, rows, d_k=d_k, d_v=d_v, dtype=dtype)
            truth = reference.decode_attention(q.float(), k.float(), v.float())
            torch.testing.assert_close(kernels.decode_attention(q, k, v).float(), truth, atol=atol, rtol=0)
            q, k, v = make_qkv(heads, t + 30, rows, d_k=d_k, d_v=d_v, dtype=dtype)
            truth = reference.decode_attention(q.float(), k.float(), v.float())
            torch.testing.assert_close(kernels.prefill_attention(q, k, v).float(), truth, atol=atol, rtol=0)
            q = q[:, :, -t:]
            got = kernels.selective_decode_attention(q.float(), k.float(), v.float(), 30)
            monkeypatch.setenv("SIGMA_KERNELS", "reference")
            expected = kernels.selective_decode_attention(q.float(), k.float(), v.float(), 30)
            monkeypatch.delenv("SIGMA_KERNELS")
            torch.testing.assert_close(got.out, expected.out, atol=1e-5, rtol=0)
            torch.testing.assert_close(got.captured, expected.captured, atol=1e-5, rtol=0)
