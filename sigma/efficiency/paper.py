"""What the paper states of efficiency (arXiv 2501.13629 v2, section 3 and App. G; one H100 80G). Nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass

SOURCE = "arXiv 2501.13629 v2"


@dataclass(frozen=True, slots=True)
class KernelTime:
    """A row of Table 15: execution time [ns] of the split and the combine kernel, 10 output tokens, Sigma-1.5B and STD."""

    prefix: int
    std_split: float
    std_combine: float
    std_total: float
    sigma_split: float
    sigma_combine: float
    sigma_total: float
    saved_percent: float


TABLE_15 = (
    KernelTime(2048, 2.53e6, 1.88e6, 4.41e6, 2.50e6, 1.85e6, 4.34e6, 1.39),
    KernelTime(4096, 4.68e6, 1.91e6, 6.59e6, 3.49e6, 1.91e6, 5.40e6, 18.02),
    KernelTime(16_384, 1.52e7, 1.94e6, 1.72e7, 1.12e7, 1.94e6, 1.31e7, 23.35),
    KernelTime(32_768, 2.75e7, 1.99e6, 2.95e7, 2.00e7, 2.01e6, 2.21e7, 25.31),
)

STATED = (
    ("Limit of the saving in the KV cache against 16 K heads: (32 - 20) / 32", "37.5 %", "Eq. 2"),
    ("Best saving in all, 64k output tokens (CUDA events)", "33.36 %", "section 3"),
    ("Best saving in KV load and store, 64k output tokens", "36.57 %", "section 3"),
    ("Best saving in attention, 64k output tokens", "15.4 %", "section 3"),
    ("Sigma is slower at short contexts; with 2k output tokens it is ahead from a prefix above", "16k", "section 3"),
)
"""What is stated, the figure, and where."""


def saved(prefix: int) -> float | None:
    """Table 15's saving of the attention kernels at a prefix, in percent; None where the table has no such row."""
    return next((row.saved_percent for row in TABLE_15 if row.prefix == prefix), None)


def as_json() -> dict:
    """Everything, for a program."""
    return {
        "source": SOURCE,
        "device": "H100 80G",
        "table_15_ns": [asdict(row) for row in TABLE_15],
        "stated": [{"what": what, "figure": figure, "where": where} for what, figure, where in STATED],
    }
