"""Ahead-of-time compilation: a few forms for two makers' chips, and what the report says when one does not fit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

from kernels import inspect
from kernels.configurations import DIMS, Configuration, different
from kernels.inspect import Row
from kernels.prefill import triton_plan
from kernels.splits import SHARED_KIB, padded

ROOT = Path(__file__).parents[2]


def run(*arguments, code="from kernels.inspect import main; import sys; sys.exit(main(sys.argv[1:]))", **environment):
    """In a process of its own: the tests' own Triton is an interpreter, which compiles nothing."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    kept |= {"PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=kept, cwd=ROOT)


@pytest.mark.parametrize("target", ["sm_90", "gfx942"])
def test_representative_forms_compile(target):
    """The default model's and the paper's decode step in bf16, and the choice of selective V."""
    wanted = r"^(decode bf16 d64/64 slots4 m16 \S+|combine bf16 d64|choose bf16 d64|append bf16 d64/64 tables bf16)$"
    answer = run("--target", target, "--kernel", "decode", "selective", "append", "--json", "--config", wanted)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = json.loads(answer.stdout)["rows"]
    assert [row["kernel"] for row in rows] == ["decode", "combine", "choose", "append"]
    for row in rows:
        assert {"kernel", "config", "target", "registers", "shared", "spills"} <= set(row)
        assert row["target"] == target
        assert row["spills"] == 0
        assert 0 < row["registers"] <= 512
        assert row["shared"] <= row["shared_limit"] == SHARED_KIB[target] * 1024
    decode = rows[0]
    assert decode["load_bytes"] == 16
    # Two tiles in flight; far less means that the loads were not pipelined, as happens without the alignment.
    assert decode["shared"] > 32 * 1024


def test_overflow_and_refusal_are_reported():
    """A tile that no sm_86 has room for, and a kernel called with a type that it cannot take."""
    code = """
import dataclasses, sys
from kernels import inspect
def all_(target, modules=None):
    one = next(c for c in original(target) if c.name.startswith("bf16 d64/64 slots4 m16"))
    yield dataclasses.replace(one, constants=one.constants | {"BLOCK_N": 128})
    yield dataclasses.replace(one, name="refused", types=one.types | {"k": "*fp16"})
original, inspect.configurations = inspect.configurations, all_
sys.exit(inspect.main(sys.argv[1:]))
"""
    answer = run("--target", "sm_86", code=code)
    assert answer.returncode == 1
    lines = answer.stdout.splitlines()
    assert "does not fit" in lines[1]
    assert "refused" in lines[2]
    assert "Error" in lines[2]
    assert lines[-2].startswith("sm_86: 2 forms; registers at most ")
    assert lines[-1].startswith("2 forms in ")
    assert lines[-1].endswith("; 2 that spill, overflow or do not compile")


def test_processes_keep_the_order():
    """Two processes give the rows in the order of the list; on AMD every form is also there for tensors over 2 GiB."""
    wanted = "^append bf16 d(32/32|64/64|96/96) tables bf16"
    answer = run("--target", "gfx942", "--config", wanted, "--json", "--jobs", "2")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    names = [row["config"] for row in json.loads(answer.stdout)["rows"]]
    forms = [f"bf16 d{d}/{d} tables bf16" for d in (32, 64, 96)]
    assert names == [name for form in forms for name in (form, f"{form} large")]


def test_nothing_matches():
    assert run("--target", "sm_90", "--config", "no such form").returncode == 1


def test_interpreter_is_refused():
    answer = run("--target", "sm_90", TRITON_INTERPRET="1")
    assert answer.returncode == 2
    assert "TRITON_INTERPRET" in answer.stderr


def test_every_listed_kernel_is_there():
    kernels = {configuration.kernel for configuration in inspect.configurations("sm_90")}
    assert {"decode", "combine", "scores", "choose", "append", "prefill", "silu_mul"} <= kernels
    assert {c.kernel for c in inspect.configurations("sm_90", ["append"])} == {"append"}
    for target in ("sm_80", "gfx942"):
        names = [(c.kernel, c.name) for c in inspect.configurations(target)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("target", list(SHARED_KIB))
def test_every_exception_of_the_prefill_plan_is_needed(target):
    """Each entry that names this target changes the blocks of some listed head dims; the others' blocks stay."""
    listed = {
        (kernel, itemsize, padded(d_k), padded(d_v), blocks.m, blocks.n, blocks.num_warps, blocks.num_stages)
        for itemsize in (2, 4)
        for d_k, d_v in DIMS
        if max(d_k, d_v) <= triton_plan.MAX_DIMS[itemsize]
        for kernel, blocks in (
            *(("forward", triton_plan.forward_blocks(d_k, d_v, itemsize, t, target)) for t in (128, 64, 32, 16)),
            *zip(("query_grad", "row_grad"), triton_plan.backward_blocks(d_k, d_v, itemsize, target)),
        )
    }
    for (kernel, itemsize, d_k, d_v, _), instead in triton_plan._EXCEPTIONS.items():
        blocks = instead.get(target) or instead.get("any")
        if blocks:
            warps = blocks.num_warps // (2 if target.startswith("gfx") else 1)
            assert (kernel, itemsize, d_k, d_v, blocks.m, blocks.n, warps, blocks.num_stages) in listed


def test_summary():
    row = Row("k", "a", "sm_90", 90, 1024, 232448, 0, 16)
    other = Row("k", "b", "sm_90", 120, 512, 232448, 0, 8)
    text = "registers at most 120 (k b); shared at most 1 of 227 KiB (k a); loads 16 B in 1, 8 B in 1"
    assert inspect.summary([row, other]) == [f"sm_90: 2 forms; {text}"]


def test_forms_are_listed_once():
    one = Configuration("k", "a", len, {"x": "*bf16"}, {"N": 1}, 4, 3)
    other = Configuration("k", "b", len, {"x": "*bf16"}, {"N": 2}, 4, 3)
    assert list(different(iter([one, other, one]))) == [one, other]


@pytest.mark.parametrize(
    "change, good",
    [({}, True), ({"spills": 1}, False), ({"shared": 99}, False), ({"error": "no"}, False)],
    ids=str,
)
def test_what_counts_as_good(change, good):
    row = dict(kernel="k", config="c", target="sm_90", registers=9, shared=10, shared_limit=98, spills=0, load_bytes=16)
    assert Row(**(row | change)).is_good is good


def test_widths_are_read_from_assembly():
    ptx = "cp.async.cg.shared.global [ %r1 + 0 ], [ %rd1 + 0 ], 0x10, %r2;\nld.global.v2.b32 { %r3, %r4 }, [ %rd2 ];"
    assert inspect._ptx_load(ptx) == 16
    assert inspect._ptx_load("ld.global.L1::evict_last.v2.b32 { %r3, %r4 }, [ %rd2 ];") == 8
    assert inspect._ptx_load("ld.global.b16 %rs1, [ %rd2 ];") == 2
    assert inspect._amd_load("global_load_dwordx4 v[0:3], v[4:5], off\nbuffer_load_dword v1") == 16
