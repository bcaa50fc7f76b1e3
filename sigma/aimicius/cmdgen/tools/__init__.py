"""The tools that a command may name: which grammar reads it, depending on whose GPUs the node has."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.parser import Grammar
from sigma.aimicius.cmdgen.tools import amd_smi, collectives, mpirun, nvcc, nvidia_smi, rocm_smi, srun, superbench

VENDORS = ("NVIDIA", "AMD")
NVIDIA = {"nvidia-smi": nvidia_smi.GRAMMAR, "nvcc": nvcc.GRAMMAR, "sb": superbench.GRAMMAR, **collectives.GRAMMARS}
AMD = {
    "rocm-smi": rocm_smi.GRAMMAR,
    "amd-smi": amd_smi.GRAMMAR,
    "sb": superbench.GRAMMAR,
    **collectives.RCCL_GRAMMARS,
}
TOOLS: dict[str, dict[str, Grammar]] = {"NVIDIA": NVIDIA, "AMD": AMD}
LAUNCHERS = (*mpirun.NAMES, srun.GRAMMAR.tool)
KNOWN = frozenset((*NVIDIA, *AMD, *LAUNCHERS))  # programs that mark a line of an answer as a command
