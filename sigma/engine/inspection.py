"""What attention did with a text, computed again from its token ids: one prefill that keeps every layer's queries.

A finished turn is stored as token ids, a few KB; when someone looks at it, this reads the text once more and answers
from the queries, keys and values. All V rows are read: after a turn with selective V the later rows differ slightly
from those of the turn itself. NumPy out; the tensors stay here, on the CPU, until `free`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import attention_squares
from kernels.selective.missing_mass import check_missing_mass
from sigma.events import Cancelled, DamagedStep, NextTokens, PromptError
from sigma.runtime.trace import Trace

CHUNK = 256
QUERY_BYTES = 192 << 20
"""Most bytes of queries kept; of a longer text the newest queries are kept, and all keys and values."""
TOP = 5
_HEAD_ROWS = 64  # next-token distributions computed together: 64 rows over 49,152 tokens are 13 MB


class KeptTensors:
    """One side's queries, keys and values of one text: `sigma.events.HeldInspection` on tensors."""

    def __init__(self, config, queries: list[Tensor], cache, next_tokens: dict[int, NextTokens]):
        self.layers = config.num_hidden_layers
        self.query_heads, self.value_heads = config.num_attention_heads, config.num_value_heads
        self.scale = config.scale
        self.missing_mass, self.threshold = config.selective_v_missing_mass, config.selective_v_threshold
        self._queries = queries  # per layer [n_q, kept, d_k]
        self._keys = [layer.keys[0].cpu() for layer in cache.layers]
        self._values = [layer.values[0].cpu() for layer in cache.layers]
        self._next = next_tokens
        self.tokens = self._keys[0].shape[1]
        self.first_query = self.tokens - queries[0].shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(x.nbytes for x in (*self._queries, *self._keys, *self._values))

    def free(self) -> None:
        """Drop the tensors; the answers that were given stay valid."""
        self._queries, self._keys, self._values = [], [], []

    def weights(self, layer: int, start: int, stop: int) -> np.ndarray:
        """See `sigma.events.Inspection.weights`."""
        return self.attend(layer, start, stop)[0]

    @torch.inference_mode()
    def attend(self, layer: int, start: int, stop: int, head: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """See `sigma.events.Inspection.attend`."""
        self._check(layer, start, stop)
        first, rows = self.first_query, stop - start
        q, k = self._queries[layer], self._keys[layer]
        if head is not None:
            own = head * len(k) // self.query_heads  # Eq. 3
            q, k = q[head : head + 1], k[own : own + 1]
        q, k = q[:, start - first : stop - first].float(), k[:, :stop].float()
        heads = len(q)
        q = q.reshape(len(k), -1, q.shape[-1])  # the heads that share a key head follow each other (Eq. 3)
        scores = torch.matmul(q, k.transpose(1, 2)).mul_(self.scale).view(heads, rows, stop)
        if rows > 1:
            scores[..., start:].masked_fill_(torch.ones(rows, rows, dtype=torch.bool).triu(1), float("-inf"))
        weights = scores.softmax(-1) if self.tokens > 1 else torch.ones_like(scores)
        # The largest score is ln(largest weight) + log-sum-exp, and that weight is at least 1 / T: no second exp pass.
        sums = scores.amax(-1) - weights.amax(-1).log()
        return weights.numpy(), sums.numpy()

    @torch.inference_mode()
    def squares(
        self, layer: int, queries: tuple[int, int], keys: tuple[int, int], width: int, head: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `sigma.events.Inspection.squares`."""
        (start, stop), (k0, k1) = queries, keys
        self._check(layer, start, stop)
        if not 0 <= k0 < k1 <= self.tokens or width < 1:
            raise ValueError(f"keys {k0} to {k1 - 1} in squares of {width} are not there: 0 to {self.tokens - 1} are")
        first, q, k = self.first_query, self._queries[layer], self._keys[layer]
        if head is not None:
            own = head * len(k) // self.query_heads  # Eq. 3
            q, k = q[head : head + 1], k[own : own + 1]
        if self.tokens == 1:  # whose query was not kept
            return np.ones((len(q), 1, 1), np.float32), np.full((len(q), 1), np.nan, np.float32)
        # The kernel takes queries that are the newest of its keys; of keys behind them none is seen.
        seen = min(k1, stop)
        q, k = q[None, :, start - first : stop - first], k[None, :, :stop]
        largest, sums = attention_squares(q, k, (min(k0, seen - 1), seen), width, scale=self.scale)
        if k0 >= seen:
            largest = largest.new_zeros(*largest.shape[:3], 0)
        missing = -(-(k1 - k0) // width) - largest.shape[3]
        return F.pad(largest[0], (0, missing)).numpy(), sums[0].numpy()

    @torch.inference_mode()
    def output_errors(self, layer: int, query: int, ks: Sequence[int], missing_mass: str | None = None) -> np.ndarray:
        """See `sigma.events.Inspection.output_errors`."""
        if any(k < 1 for k in ks):
            raise ValueError(f"selective V reads at least 1 row, got k = {min(ks)}")
        missing_mass = self.missing_mass if missing_mass is None else missing_mass
        check_missing_mass("missing_mass", missing_mass)
        weights = torch.from_numpy(self.weights(layer, query, query + 1)[:, 0])  # [n_q, T]
        values = self._values[layer][:, : query + 1].float()
        values = values.repeat_interleave(self.query_heads // self.value_heads, 0)  # [n_q, T, d_v]
        out = torch.einsum("ht,htd->hd", weights, values)
        if query == 0:
            return np.zeros((self.query_heads, len(ks)), np.float32)
        ranked = weights[:, :-1].sort(dim=1, descending=True, stable=True)
        order, best = ranked.indices[:, : max(ks)], ranked.values[:, : max(ks)]
        picked = values.gather(1, order[..., None].expand(-1, -1, values.shape[-1]))
        own = weights[:, -1]
        # What the first 0, 1, 2 .. best rows hold: mass, weighted rows, plain rows.
        mass, partial, plain = (
            F.pad(x.cumsum(1), (0, 0, 1, 0)) for x in (best[..., None], picked * best[..., None], picked)
        )
        earlier = values[:, :-1].sum(1)
        heavy = (best >= self.threshold).sum(1)  # of the best rows, those that are not too light to fetch
        heads = torch.arange(len(weights))
        errors = []
        for k in ks:
            rows = heavy.clamp(max=min(k, query))
            held = mass[heads, rows, 0] + own
            kept = partial[heads, rows] + own[:, None] * values[:, -1]
            if missing_mass == "renormalize":
                kept = kept / held[:, None]
            elif missing_mass == "mean":
                share = (1 - held).clamp(min=0) / (query - rows).clamp(min=1) * (rows < query)
                kept = kept + share[:, None] * (earlier - plain[heads, rows])
            errors.append((kept - out).norm(dim=1) / out.norm(dim=1).clamp_min(1e-12))
        return torch.stack(errors, 1).numpy()

    def next_tokens(self, position: int) -> NextTokens | None:
        """What the model expected after `position`; None for positions before the end of the prompt."""
        return self._next.get(position)

    def _check(self, layer: int, start: int, stop: int) -> None:
        if not 0 <= layer < self.layers:
            raise ValueError(f"layer {layer} does not exist: layers are 0 to {self.layers - 1}")
        if not self.first_query <= start < stop <= self.tokens:
            raise ValueError(
                f"queries {start} to {stop - 1} are not there: {self.first_query} to {self.tokens - 1} were kept"
            )
        if not self._queries:
            raise ValueError("this inspection was freed")


def recompute(
    runtime,
    ids: Sequence[int],
    prompt_length: int,
    run: Callable[[Callable[[], None]], None] = lambda work: work(),
    cancelled: threading.Event | None = None,
    progress: Callable[[float], None] | None = None,
) -> KeptTensors:
    """Read `ids` once with a `sigma.runtime.Runtime` and keep what `KeptTensors` needs.

    prompt_length: from its last token on, next-token distributions are kept. run: what executes each chunk (the
    engine's device thread). Raises Cancelled between two chunks once `cancelled` is set, PromptError for no ids, ids
    outside the vocabulary, or more than the context holds, and DamagedStep for values that are not finite. Memory: the queries, bounded by QUERY_BYTES, one KV
    cache, and one chunk's work.
    """
    config = runtime.config
    ids = list(ids)
    if not ids:
        raise PromptError("There is nothing to look at: the run has no tokens.")
    if len(ids) > config.max_position_embeddings:
        raise PromptError(f"{len(ids):,} tokens are more than the context of {config.max_position_embeddings:,}.")
    if min(ids) < 0 or max(ids) >= config.vocab_size:
        raise PromptError(f"A token id lies outside the vocabulary of {config.vocab_size:,}.")
    kept = _rows_kept(config, len(ids), runtime.dtype.itemsize)
    cache = runtime.new_cache()
    queries: list[list[Tensor]] = [[] for _ in range(config.num_hidden_layers)]
    next_tokens: dict[int, NextTokens] = {}

    def chunk(start: int, stop: int) -> None:
        trace = Trace(queries=[])
        with torch.inference_mode():
            hidden = runtime.path.run(torch.tensor([ids[start:stop]], device=runtime.device), cache, trace, None)
            if not bool(hidden.sum(dtype=torch.float32).isfinite()):  # a NaN or an infinity reaches the sum
                raise DamagedStep(
                    "This text cannot be looked at: the model computes values that are not numbers for it."
                )
            skip = max(0, len(ids) - kept - start)
            for layer, q in enumerate(trace.queries):
                if skip < stop - start:
                    queries[layer].append(q[0, :, skip:].cpu())
            _expect(runtime, hidden, ids, start, max(start, prompt_length - 1), stop, next_tokens)

    try:
        for start, stop in _chunks(len(ids)):
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            run(lambda start=start, stop=stop: chunk(start, stop))
            if progress is not None:
                progress(stop / len(ids))
        if len(ids) == 1:  # a single token's softmax is 1 whatever its query is, and a step keeps no queries
            unknown = torch.full((config.num_attention_heads, 1, config.key_head_dim), float("nan"))
            queries = [[unknown] for _ in queries]
        return KeptTensors(config, [torch.cat(parts, 1) for parts in queries], cache, next_tokens)
    finally:
        cache.free()


def _chunks(tokens: int) -> list[tuple[int, int]]:
    """Bounds of the chunks, none of a single token unless that is all there is: a step of one keeps no queries."""
    starts = list(range(0, tokens, CHUNK))
    if len(starts) > 1 and tokens - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], tokens]))


def _rows_kept(config, tokens: int, itemsize: int) -> int:
    per_row = config.num_hidden_layers * config.num_attention_heads * config.key_head_dim * itemsize
    return min(tokens, max(1, QUERY_BYTES // per_row))


def _expect(runtime, hidden: Tensor, ids: list[int], start: int, first: int, stop: int, found: dict) -> None:
    """Next-token distributions of the positions first .. stop - 1, of hidden states that begin at `start`."""
    for begin in range(first, stop, _HEAD_ROWS):
        end = min(begin + _HEAD_ROWS, stop)
        logs = runtime.path.head(hidden[:, begin - start : end - start])[0].float().log_softmax(-1).cpu()
        best = logs.topk(min(TOP, logs.shape[1]), dim=1)
        bits = -(logs.exp() * logs).sum(1) / np.log(2)
        for row, position in enumerate(range(begin, end)):
            after = ids[position + 1] if position + 1 < len(ids) else None
            found[position] = NextTokens(
                tuple(best.indices[row].tolist()),
                best.values[row].exp().numpy(),
                float("nan") if after is None else float(logs[row, after].exp()),
                float(bits[row]),
            )
