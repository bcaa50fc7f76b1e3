"""The KV cache: K and V with their own head counts and widths, preallocated, exact to the byte.

One object serves both worlds. The lean runtime uses `append`, `keys`, `values`; transformers uses `update` through
the layer class below. Buffers are [batch, heads, capacity, dim] and grow in chunks, so a decode step never copies
the cache (`torch.cat` would copy it at every step).
"""

from __future__ import annotations

import torch
from transformers.cache_utils import Cache, CacheLayerMixin
from transformers.modeling_outputs import BaseModelOutputWithPast

from sigma.events import CacheBytes
from sigma.model.configuration import SigmaConfig

CHUNK = 256

# transformers 5.24 renamed `past_key_values` to `cache`, in what `generate` passes and reads; both are served
CACHE_NAME = "cache" if "cache" in BaseModelOutputWithPast.__dataclass_fields__ else "past_key_values"


def given_cache(cache: Cache | None, past_key_values: Cache | None) -> Cache | None:
    """The cache, by whichever of its two names a caller passes it; ValueError for both at once."""
    if cache is not None and past_key_values is not None:
        raise ValueError("`cache` and `past_key_values` are two names of one argument: give one of them")
    return past_key_values if cache is None else cache


def grown(capacity: int, length: int, chunk: int) -> int:
    """Capacity of a buffer once `length` rows are in it: it grows by an eighth or a chunk, whichever is more."""
    if length <= capacity:
        return capacity
    return -(-max(length, capacity + max(chunk, capacity // 8)) // chunk) * chunk


class DiffKVLayer(CacheLayerMixin):
    """One layer's K [b, n_k, T, d_k] and V [b, n_v, T, d_v] in buffers that grow by at least `chunk` rows."""

    is_compileable = False
    is_croppable = True
    is_sliding = False

    def __init__(self, chunk: int = CHUNK):
        super().__init__()
        self.chunk = chunk
        self.length = 0
        self.summed = 0  # rows that `DiffKVCache.value_sums` has added up
        self.k_buffer: torch.Tensor | None = None
        self.v_buffer: torch.Tensor | None = None

    @property
    def capacity(self) -> int:
        return 0 if self.k_buffer is None else self.k_buffer.shape[2]

    # Views of the rows held, made when they are asked for: a step appends to every layer and looks at none.
    @property
    def keys(self) -> torch.Tensor | None:
        return None if self.k_buffer is None else self.k_buffer[:, :, : self.length]

    @property
    def values(self) -> torch.Tensor | None:
        return None if self.v_buffer is None else self.v_buffer[:, :, : self.length]

    @keys.setter
    def keys(self, value: None) -> None:
        assert value is None  # transformers' constructor

    @values.setter
    def values(self, value: None) -> None:
        assert value is None

    def held_bytes(self, buffer: torch.Tensor, rows: int | None = None) -> int:
        """Bytes of the rows held in one of the two buffers, or of the first `rows` of them."""
        rows = self.length if rows is None else rows
        return buffer.nbytes // self.capacity * rows if rows else 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make empty buffers of the given states' shapes, type and device."""
        (b, n_k, _, d_k), (_, n_v, _, d_v) = key_states.shape, value_states.shape
        self.dtype, self.device = key_states.dtype, key_states.device
        self.k_buffer = key_states.new_empty(b, n_k, 0, d_k)
        self.v_buffer = value_states.new_empty(b, n_v, 0, d_v)
        self.is_initialized = True

    def reserve(self, length: int) -> None:
        """Room for `length` rows; grows by an eighth or a chunk, whichever is more, to keep copying rare."""
        if length <= self.capacity:
            return
        capacity = grown(self.capacity, length, self.chunk)
        for name in ("k_buffer", "v_buffer"):
            old = getattr(self, name)
            new = old.new_empty(old.shape[0], old.shape[1], capacity, old.shape[3])
            new[:, :, : self.length] = old[:, :, : self.length]
            setattr(self, name, new)

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Append K [b, n_k, t, d_k] and V [b, n_v, t, d_v]; returns views of all rows."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        t = key_states.shape[2]
        if value_states.shape[2] != t:
            raise ValueError(f"as many new K rows as V rows are needed, got {t} and {value_states.shape[2]}")
        self.reserve(self.length + t)
        self.k_buffer[:, :, self.length : self.length + t] = key_states
        self.v_buffer[:, :, self.length : self.length + t] = value_states
        self.length += t
        return self.keys, self.values

    def get_mask_sizes(self, query_length) -> tuple[int, int]:
        """(rows after the next update, offset), for transformers' mask functions."""
        query_length = query_length if isinstance(query_length, int) else query_length.shape[0]
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1

    def crop(self, tokens_to_remove: int) -> None:
        """Drop that many of the newest rows, a number of 0 or less as in transformers. Memory stays reserved.

        ValueError for a positive number: it once meant the rows to keep, which is `keep_first`.
        """
        if tokens_to_remove > 0:
            raise ValueError(f"crop takes minus the rows to drop, not {tokens_to_remove}; keep_first keeps a number")
        self.keep_first(max(0, self.length + tokens_to_remove))

    def keep_first(self, rows: int) -> None:
        """Keep the first `rows` rows, all where there are fewer. Memory stays reserved."""
        self.length = min(self.length, rows)
        if self.length < self.summed:
            self.summed = 0  # taken back row by row, the sum would drift: it is formed anew when it is asked for

    def reset(self) -> None:
        """Free the buffers."""
        self.length = self.summed = 0
        self.k_buffer = self.v_buffer = None
        self.is_initialized = False

    def _map_batch(self, select) -> None:
        if self.is_initialized:
            self.k_buffer, self.v_buffer = select(self.k_buffer), select(self.v_buffer)
            self.summed = 0

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        self._map_batch(lambda x: x.index_select(0, beam_idx.to(x.device)))

    def batch_repeat_interleave(self, repeats: int) -> None:
        self._map_batch(lambda x: x.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        self._map_batch(lambda x: x[indices, ...])

    def offload(self) -> None:
        self._map_batch(lambda x: x.to("cpu", non_blocking=True))

    def prefetch(self) -> None:
        self._map_batch(lambda x: x.to(self.device, non_blocking=True))


class DiffKVCache(Cache):
    """A cache of `DiffKVLayer`s with byte accounting; pass it to transformers as `cache`."""

    def __init__(self, config: SigmaConfig, chunk: int = CHUNK):
        super().__init__(layers=[DiffKVLayer(chunk) for _ in range(config.num_hidden_layers)])
        self.config = config
        self.sums: torch.Tensor | None = None  # see `value_sums`
        self.last_k_read = self.last_v_read = self.last_v_distinct = 0

    @property
    def length(self) -> int:
        """Cached tokens."""
        return self.layers[0].length if self.layers else 0

    def reserve(self, batch: int, rows: int, dtype: torch.dtype, device: torch.device) -> None:
        """Room for `rows` more tokens of each of `batch` sequences, for code that writes them itself; see `advance`."""
        config = self.config
        for layer, key_heads in zip(self.layers, config.key_heads):
            if not layer.is_initialized:
                layer.lazy_initialization(
                    torch.empty(batch, key_heads, 0, config.key_head_dim, dtype=dtype, device=device),
                    torch.empty(batch, config.num_value_heads, 0, config.head_dim, dtype=dtype, device=device),
                )
            layer.reserve(layer.length + rows)
        k = self.layers[0].k_buffer
        assert k.dtype == dtype and k.shape[0] == batch and k.is_contiguous()

    def keep_first(self, rows: int) -> None:
        """Keep the first `rows` cached tokens (0 empties it, with its memory kept)."""
        for layer in self.layers:
            layer.keep_first(rows)

    def as_filled(self, rows: int, step: int) -> DiffKVCache:
        """The first `rows` tokens in buffers of the size that filling an empty cache in steps would have made.

        This very cache where it has that size, else a copy, and this one is freed: kernels cut their work by the size.
        """
        capacity = 0
        for stop in range(step, rows + step, step):
            capacity = grown(capacity, min(stop, rows), self.layers[0].chunk)
        self.keep_first(rows)
        if rows and capacity == self.layers[0].capacity:
            return self
        copy = self.copied(rows, step)
        self.free()
        return copy

    def copied(self, rows: int, step: int) -> DiffKVCache:
        """A copy of the first `rows` tokens, at most those cached, with buffers as filling it in steps makes them."""
        copy = DiffKVCache(self.config, self.layers[0].chunk)
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            for mine, theirs in zip(self.layers, copy.layers):
                theirs.update(mine.keys[:, :, start:stop], mine.values[:, :, start:stop])
        return copy

    def advance(self, rows: int) -> None:
        """Count `rows` reserved tokens as cached."""
        for layer in self.layers:
            layer.length += rows

    def value_sums(self) -> torch.Tensor:
        """The sum of the cached V rows per layer, sequence and V head: fp64 [layers, b, n_v, d_v], the cache's own.

        For selective V that gives its missing mass to the mean of the rows it does not fetch; until that asks there is
        none. In fp64 a sum of bf16 rows is exact (`kernels.selective.sums`), so a conversation that goes on and one that
        is read anew have the same. It follows the cache: rows that came since are added, and after a crop the sum is
        formed from what is left. Whoever adds rows to it himself tells `summed_all`.
        """
        b, n_v, _, d_v = self.layers[0].values.shape
        shape = len(self.layers), b, n_v, d_v
        if self.sums is None or self.sums.shape != shape or self.sums.device != self.layers[0].values.device:
            self.sums = torch.zeros(shape, dtype=torch.float64, device=self.layers[0].values.device)
            self.summed_all(0)
        for layer, total in zip(self.layers, self.sums):
            if 0 < layer.length == layer.summed:
                continue
            if layer.summed == 0:
                total.zero_()
            total += layer.values[:, :, layer.summed :].sum(2, dtype=torch.float64)
            layer.summed = layer.length
        return self.sums

    def summed_all(self, rows: int) -> None:
        """Note that the sums hold the first `rows` rows of every layer."""
        for layer in self.layers:
            layer.summed = rows

    def note_read(self, k_read: int, v_read: int, v_distinct: int) -> None:
        """Record what the step that just ran requested, in bytes over all layers."""
        self.last_k_read, self.last_v_read, self.last_v_distinct = k_read, v_read, v_distinct

    def bytes(self, rows: int | None = None) -> CacheBytes:
        """Bytes from the tensors' own sizes; the reads are those of the last step. rows: as if no more were cached."""
        live = [layer for layer in self.layers if layer.is_initialized]
        return CacheBytes(
            tokens=self.length if rows is None else rows,
            k_resident=sum(layer.held_bytes(layer.k_buffer, rows) for layer in live),
            v_resident=sum(layer.held_bytes(layer.v_buffer, rows) for layer in live),
            k_read=self.last_k_read,
            v_read=self.last_v_read,
            v_distinct=self.last_v_distinct,
            allocated=sum(layer.k_buffer.nbytes + layer.v_buffer.nbytes for layer in live)
            + (0 if self.sums is None else self.sums.nbytes),
        )

    def free(self) -> None:
        """Drop every buffer at once."""
        for layer in self.layers:
            layer.reset()
        self.sums = None
        self.note_read(0, 0, 0)
