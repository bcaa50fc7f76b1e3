"""How the GPU's choice of selective V is cut into steps: the kernel's constants and what they cost, in pure arithmetic."""

from math import ceil

BLOCK_ROWS = 8  # rows per block maximum
TILE = 1024  # scores, maxima or rows that one step of the choice looks at
WAYS = 4  # parts into which a pass of the search cuts the range of scores; more hold their counts in too many registers
DIRECT = TILE  # up to here all scores are one step, and the search goes over them at once
GATHER_ELEMENTS = 8192  # V elements of one step of the gather

# Passes of a search, each giving two bits, as normally distributed scores take them (2 to 7, 3 to 7, 6 to 11): for a
# floor that at most an eighth too many reach, for the exact threshold of what reaches it, and of all scores at once.
FLOOR_PASSES, EXACT_PASSES, DIRECT_PASSES = 4, 6, 10
_LISTED = 1.4  # blocks, and rows, that reach the floor per wanted row: 1.05 to 1.65 with such scores


def capacity(top_k: int) -> int:
    """Rows that may reach the floor before the choice falls back to all scores.

    Where neighbours score alike, all rows of the blocks that reach the floor do: BLOCK_ROWS for each, and some more.
    """
    return max(2048, 10 * top_k)


def choice_steps(rows: int, top_k: int) -> int:
    """Steps of TILE values that one query's program takes one after another to choose `top_k` of `rows` rows.

    With more blocks than wanted rows: fold their maxima into groups, search a floor among these, list groups, blocks and
    rows that reach it, search the threshold among the rows, write them. Otherwise: limits, search and writing over all.
    """
    blocks = ceil(rows / BLOCK_ROWS)
    if rows <= DIRECT or blocks <= top_k:
        return (2 + DIRECT_PASSES) * ceil(rows / TILE)
    ratio = max(1, min(ceil(blocks / TILE), blocks // (2 * top_k)))
    groups = ceil(ceil(blocks / ratio) / TILE)
    listed = _LISTED * top_k
    children = ceil(listed * ratio / TILE) + ceil(listed * BLOCK_ROWS / TILE)
    folding = ceil(ratio / 8)  # four loads at a time, twice per step, as nothing is summed
    return groups * (folding + FLOOR_PASSES + 1) + children + ceil(listed / TILE) * (EXACT_PASSES + 1)


def gather_rows(width: int, itemsize: int) -> int:
    """Rows of V that one step of the gather reads, `width` columns each (padded to a power of two)."""
    return min(64 * itemsize, GATHER_ELEMENTS // width)  # 256 rows of 32 fp16 columns spill on sm_86 and sm_89


def gather_steps(top_k: int, width: int, itemsize: int = 2) -> int:
    """Steps that read the chosen rows of V, `width` columns each (padded to a power of two)."""
    return ceil((top_k + 1) / gather_rows(width, itemsize))
