"""Rows that begin alike, in one pass: what they share is computed once, and every row's rest attends to it.

A task's prompts share their rules, its tables or its records: 81 tokens of a CMDGen lesson become 50, 257 of an NL2KQL
lesson 148, and losses and gradients stay those of whole rows. A pass is one line of tokens [1, n], group behind group,
each its shared beginning and then its branches; only attention knows which is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from sigma.model.attention import sdpa
from sigma.model.modeling import SigmaForCausalLM

BRANCHES = "diffqkv_branches"  # the name that transformers chooses this attention by
LEAST_SHARED = 16  # tokens: less is not worth a group
MOST_ROWS = 8  # of a group: more would make a step of near relatives


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids, and where the learned part begins: an answer, or for a chat everything behind its system prompt.

    `gaps`: stretches [begin, end) behind that which are not learned: later questions.
    """

    kind: str
    ids: tuple[int, ...]
    start: int
    gaps: tuple[tuple[int, int], ...] = ()

    def learned(self) -> list[int]:
        """The places of the learned tokens."""
        left_out = {place for gap in self.gaps for place in range(*gap)}
        return [place for place in range(self.start, len(self.ids)) if place not in left_out]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows whose first `shared` tokens are the same, none of them learned or needed to predict a learned one."""

    rows: tuple[Row, ...]
    shared: int

    @property
    def size(self) -> int:
        """Tokens that are computed."""
        return self.shared + sum(len(row.ids) - self.shared for row in self.rows)


@dataclass(frozen=True, slots=True)
class Line:
    """A pass: ids and positions [1, n], `predicting` [m] the places whose next token counts, `wanted` [m] that token.

    `layout`: for each group its shared tokens and the tokens of each branch behind them, in the order of the line.
    """

    ids: Tensor
    positions: Tensor
    predicting: Tensor
    wanted: Tensor
    layout: tuple[tuple[int, tuple[int, ...]], ...]

    def to(self, device: torch.device) -> Line:
        moved = (x.to(device) for x in (self.ids, self.positions, self.predicting, self.wanted))
        return Line(*moved, self.layout)


def grouped(rows: Sequence[Row], most_tokens: int) -> list[Group]:
    """All rows once: neighbours in the order of their tokens, as long as another row saves more than it shortens.

    A group computes at most `most_tokens`, unless it is one row.
    """
    groups: list[Group] = []
    held: list[Row] = []
    shared = size = 0  # of `held`: size counts every row whole
    for row in sorted(rows, key=lambda row: row.ids):
        # A row's own part holds at least the token that predicts its first learned one.
        both = min(_common(held[0].ids, row.ids), shared, row.start - 1) if held else 0
        count = len(held)
        computed = size + len(row.ids) - count * both
        joins = both >= LEAST_SHARED and count * both >= (count - 1) * shared
        if joins and count < MOST_ROWS and computed <= most_tokens:
            held.append(row)
            shared, size = both, size + len(row.ids)
            continue
        if held:
            groups.append(Group(tuple(held), shared if count > 1 else 0))
        held, shared, size = [row], row.start - 1, len(row.ids)
    if held:
        groups.append(Group(tuple(held), shared if len(held) > 1 else 0))
    return groups


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    for place, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return place
    return min(len(one), len(other))


def laid(groups: Sequence[Group]) -> Line:
    """The groups of one pass as a line."""
    ids, positions, predicting, wanted, layout = [], [], [], [], []
    for group in groups:
        shared = group.shared
        ids += group.rows[0].ids[:shared]
        positions += range(shared)
        for row in group.rows:
            begin = len(ids) - shared  # where the row's token 0 would stand
            places = row.learned()
            predicting += [begin + place - 1 for place in places]
            wanted += [row.ids[place] for place in places]
            ids += row.ids[shared:]
            positions += range(shared, len(row.ids))
        layout.append((shared, tuple(len(row.ids) - shared for row in group.rows)))
    line = [torch.tensor(x) for x in (ids, positions, predicting, wanted)]
    return Line(line[0][None], line[1][None], line[2], line[3], tuple(layout))


_layout: ContextVar[tuple[tuple[int, tuple[int, ...]], ...]] = ContextVar("layout")


@contextmanager
def _standing(line: Line) -> Iterator[None]:
    token = _layout.set(line.layout)
    try:
        yield
    finally:
        _layout.reset(token)


def hidden_states(model: SigmaForCausalLM, line: Line) -> Tensor:
    """The states [m, hidden] at the places whose next token counts; the model's attention must be `BRANCHES`."""
    with _standing(line):
        hidden = model.model(input_ids=line.ids, position_ids=line.positions, use_cache=False).last_hidden_state
    return hidden[0, line.predicting]


def branched_attention(module, query, key, value, attention_mask, scaling, **kwargs):
    """q [1, n_q, n, d], k [1, n_k, n, d], v [1, n_v, n, d_v] of a line -> out [1, n, n_q, d_v]."""
    lengths = [length for shared, branches in _layout.get() for length in (shared, *branches)]
    if sum(lengths) != query.shape[2]:
        raise ValueError(f"the line has {query.shape[2]} tokens, its layout {sum(lengths)}")
    parts = [list(x.split(lengths, dim=2)) for x in (query, key, value)]
    out, place = [], 0
    for shared, branches in _layout.get():
        (q0, q), (k0, k), (v0, v) = ((part[place], part[place + 1 : place + 1 + len(branches)]) for part in parts)
        if shared:
            out.append(sdpa(q0, k0, v0, None, scaling))
        out += _of_branches(q, (k0, k), (v0, v), scaling)
        place += 1 + len(branches)
    return torch.cat(out, dim=2).transpose(1, 2), None


def _of_branches(query, keys, values, scaling) -> list[Tensor]:
    """Attention of each branch [1, n_q, s_i, d_v]: to the shared rows and to its own up to the query's."""
    lengths = [x.shape[2] for x in query]
    t, b = max(lengths), len(lengths)
    q = _stacked(query, t)
    (k0, k), (v0, v) = keys, values
    shared = k0.shape[2]
    k, v = (torch.cat((first.expand(b, -1, -1, -1), _stacked(rest, t)), dim=2) for first, rest in ((k0, k), (v0, v)))
    seen = torch.ones(t, shared + t, dtype=torch.bool, device=q.device).tril(shared) if shared else None
    whole = sdpa(q, k, v, seen, scaling)
    return [one[None, :, :length] for one, length in zip(whole.unbind(0), lengths)]


def _stacked(branches: Sequence[Tensor], t: int) -> Tensor:
    """[1, n, s_i, d] each -> [b, n, t, d], zeros behind: a causal query never sees them."""
    return torch.cat([F.pad(x, (0, 0, 0, t - x.shape[2])) for x in branches])


def _no_mask(*args, **kwargs) -> None:
    """The layout says what is seen."""


AttentionInterface.register(BRANCHES, branched_attention)
AttentionMaskInterface.register(BRANCHES, _no_mask)
