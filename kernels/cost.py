"""The least a decode step must move and compute, per layer: what a kernel is measured against.

Pure arithmetic over head counts and lengths. Bytes count every K and V element that the definition needs exactly once
(the selective variant: every requested V row once), plus the queries and the output. Operations count a multiply and
an add as two and leave out the softmax. `kernels.prediction` makes times of them, `kernels.bench` measures against them.
"""

from dataclasses import dataclass

TOP_K = (100, 512, 2048)  # selections that are predicted and timed


@dataclass(frozen=True, slots=True)
class Heads:
    """Head counts and dims of one attention layer; GQA is n_k = n_v, half K dim is d_k = d_v / 2."""

    n_q: int
    n_k: int
    n_v: int
    d_k: int
    d_v: int

    def cache_bytes_per_token(self, itemsize: int = 2) -> int:
        """Bytes that one token adds to the cache of one layer (arXiv 2501.13629, Eq. 1)."""
        return (self.n_k * self.d_k + self.n_v * self.d_v) * itemsize


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes by origin and floating-point operations of one call."""

    k_bytes: int
    v_bytes: int
    score_bytes: int
    query_bytes: int
    operations: int

    @property
    def total_bytes(self) -> int:
        return self.k_bytes + self.v_bytes + self.score_bytes + self.query_bytes

    def seconds(self, bytes_per_second: float, operations_per_second: float = float("inf")) -> float:
        """Lower bound on the time, given what the machine was measured to do."""
        return max(self.total_bytes / bytes_per_second, self.operations / operations_per_second)


def decode_cost(heads: Heads, rows: int, *, b: int = 1, t: int = 1, itemsize: int = 2) -> Cost:
    """Full attention of the last t positions over `rows` cached rows; ValueError unless 1 <= t <= rows."""
    visible = _visible(rows, t)
    return Cost(
        k_bytes=b * rows * heads.n_k * heads.d_k * itemsize,
        v_bytes=b * rows * heads.n_v * heads.d_v * itemsize,
        score_bytes=0,
        query_bytes=_query_bytes(heads, b, t, itemsize),
        operations=2 * b * heads.n_q * visible * (heads.d_k + heads.d_v),
    )


def selective_cost(
    heads: Heads, rows: int, top_k: int, *, b: int = 1, t: int = 1, itemsize: int = 2, score_passes: int = 0
) -> Cost:
    """Selective V fetching: all of K, and n_q * (min(top_k, rows - 1) + 1) requested rows of V per position.

    `score_passes` counts how often the fp32 scores cross memory (0 when they stay on chip; 2 for one write and one
    read). ValueError unless 1 <= t <= rows and top_k >= 1.
    """
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}")
    visible = _visible(rows, t)
    requested = sum(min(top_k, rows - t + j) + 1 for j in range(t))
    return Cost(
        k_bytes=b * rows * heads.n_k * heads.d_k * itemsize,
        v_bytes=b * heads.n_q * requested * heads.d_v * itemsize,
        score_bytes=b * heads.n_q * t * rows * 4 * score_passes,
        query_bytes=_query_bytes(heads, b, t, itemsize),
        operations=2 * b * heads.n_q * (visible * heads.d_k + requested * heads.d_v),
    )


def paper_variants(head_dim: int = 64) -> dict[str, Heads]:
    """The paper's head counts (Table 14): the STD baseline, Sigma, and Sigma with half K dim."""
    return {
        "gqa": Heads(32, 16, 16, head_dim, head_dim),
        "diffqkv": Heads(32, 4, 16, head_dim, head_dim),
        "diffqkv-halfk": Heads(32, 4, 16, head_dim // 2, head_dim),
    }


def _visible(rows: int, t: int) -> int:
    """Query-row pairs per head: query j sees rows - t + j + 1 rows."""
    if not 1 <= t <= rows:
        raise ValueError(f"{t} queries over {rows} rows")
    return t * rows - t * (t - 1) // 2


def _query_bytes(heads: Heads, b: int, t: int, itemsize: int) -> int:
    return b * t * heads.n_q * (heads.d_k + heads.d_v) * itemsize
