"""nvcc: silent where it would be, ptxas information, versions, lists and the dry run; files are only said to be written."""

from __future__ import annotations

import random
import re

from sigma.aimicius.cmdgen.grammar.meaning import Meaning
from sigma.aimicius.cmdgen.simulator.state import Execution, Node
from sigma.aimicius.cmdgen.tools.nvcc import ARCHITECTURES, ENDINGS, PHASES

INPUTS = (".cu", ".cuh", ".c", ".cc", ".cxx", ".cpp", ".i", ".ptx", ".cubin", ".fatbin", ".o", ".obj", ".a", ".so")


def run(meaning: Meaning, node: Node) -> Execution:
    """Compile: every source that is named is taken to exist; what was asked for is the result."""
    options = meaning.options
    if options.get("help"):
        return Execution("nvcc -- the usage text is NVIDIA's and is not reprinted here\n", query=True)
    if options.get("version"):
        lines = ("nvcc: NVIDIA (R) Cuda compiler driver", "Cuda compilation tools, release 13.0, V13.0.88")
        return Execution("\n".join(lines) + "\n", query=True)
    if options.get("list-gpu-arch") or options.get("list-gpu-code"):
        start = "compute_" if options.get("list-gpu-arch") else "sm_"
        return Execution("".join(f"{start}{name}\n" for name in ARCHITECTURES if name.isdigit()), query=True)
    done = {"run": {"meaning": meaning.facts()}}
    unknown = [name for name in meaning.operands if not name.endswith(INPUTS)]
    if unknown:
        return Execution(f"nvcc fatal   : Don't know what to do with '{unknown[0]}'\n", 1, changes=done)
    if options.get("dryrun"):
        return Execution(_dry(meaning), changes=done)
    output = ""
    if options.get("generate-line-info") and options.get("device-debug"):
        output += "nvcc warning : '--device-debug (-G)' overrides '--generate-line-info (-lineinfo)'\n"
    if "-v" in options.get("ptxas-options", []):
        output += "".join(
            _ptxas(name, arch, options) for name in meaning.operands if name.endswith(".cu") for arch in _real(meaning)
        )
    return Execution(output, changes=done, files=dict.fromkeys(_written(meaning), "(compiled)\n"))


def _real(meaning: Meaning) -> list[str]:
    """Real architectures that code is made for."""
    found = re.findall(r"code=(sm_\w+)", " ".join(meaning.get("generate-code", [])))
    return sorted(set(found)) or ["sm_75"]


def _ptxas(source: str, arch: str, options: dict) -> str:
    """What ptxas -v says of a source's kernel: figures are drawn from the name, within the limit that is set."""
    draw = random.Random(f"{source}{arch}{options.get('maxrregcount')}{options.get('use_fast_math')}")
    kernel = re.sub(r"\W", "_", source.rsplit("/", 1)[-1].removesuffix(".cu"))
    wanted = draw.randrange(18, 96, 2)
    limit = options.get("maxrregcount") or 255
    spill = max(0, wanted - limit) * 4
    lines = (
        "ptxas info    : 0 bytes gmem",
        f"ptxas info    : Compiling entry function '_Z{len(kernel)}{kernel}PKfPfi' for '{arch}'",
        f"ptxas info    : Function properties for _Z{len(kernel)}{kernel}PKfPfi",
        f"    {spill} bytes stack frame, {spill} bytes spill stores, {spill} bytes spill loads",
        f"ptxas info    : Used {min(wanted, limit)} registers, used 1 barriers",
    )
    return "\n".join(lines) + "\n"


def _written(meaning: Meaning) -> list[str]:
    """Files that the phase leaves behind."""
    phase = next((name for name in PHASES if meaning.options.get(name)), None)
    if path := meaning.get("output-file"):
        return [path]
    if phase is None:
        return ["a.out"]
    if phase == "lib":
        return ["a.a"]
    ending = ENDINGS.get(phase)
    folder = meaning.get("output-directory")
    names = [re.sub(r"\.\w+$", ending, name.rsplit("/", 1)[-1]) for name in meaning.operands] if ending else []
    return [f"{folder}/{name}" if folder else name for name in names]


def _dry(meaning: Meaning) -> str:
    lines = [
        "#$ _NVVM_BRANCH_=nvvm",
        "#$ _TARGET_SIZE_=",
        "#$ NVVMIR_LIBRARY_DIR=/usr/local/cuda/bin/../nvvm/libdevice",
    ]
    flags = " ".join(f"-D{name}" for name in meaning.get("define-macro", []))
    for name in meaning.operands:
        stem = re.sub(r"\.\w+$", "", name.rsplit("/", 1)[-1])
        for arch in _real(meaning):
            lines.append(
                f'#$ cicc {flags} -arch {arch.replace("sm_", "compute_")} "/tmp/{stem}.cpp1.ii" -o "/tmp/{stem}.ptx"'
            )
            lines.append(f'#$ ptxas -arch={arch} -m64 "/tmp/{stem}.ptx" -o "/tmp/{stem}.{arch}.cubin"')
    return "\n".join([*lines, f'#$ g++ -o "{(_written(meaning) or ["-"])[0]}"']) + "\n"
