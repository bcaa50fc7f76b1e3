"""What becomes of the softmax mass on V rows that selective V does not fetch (arXiv 2501.13629, App. B.2, leaves it open).

"drop": the kept weights stay as they are, and the mass is lost (FlexGen, arXiv 2303.06865). "renormalize": the kept
weights are scaled to sum to 1. "mean": the mass is given to the mean of the rows that were not fetched, which costs
one running sum per V head instead of the rows (after the mean value of SparQ attention, arXiv 2312.04985, which takes
the mean of all rows).

Nothing is imported here: the page reads the names without loading torch.
"""

MISSING_MASS = ("drop", "renormalize", "mean")
DEFAULT_MISSING_MASS = "renormalize"


def check_missing_mass(name: str, value: object) -> None:
    """ValueError, with the option's name and the words there are, for anything else."""
    if value not in MISSING_MASS:
        raise ValueError(f"{name} must be one of {', '.join(MISSING_MASS)}, got {value!r}")


def check_threshold(name: str, value: float) -> None:
    """ValueError, with the option's name, for what is no weight that some row may reach and some may not."""
    if isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a weight from 0 to less than 1, got {value!r}")
