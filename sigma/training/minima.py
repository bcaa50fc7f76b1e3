"""Learning the group minima of 4-bit matrices: one product with the changed matrix, and a gradient per group."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigma.checkpoints.tuned import GROUP, OWN_MATRICES, SIGMA, TUNED_MATRICES
from sigma.conversion.convert import kept_layers
from sigma.model.modeling import SigmaForCausalLM


class _Shifted(torch.autograd.Function):
    """y = x W^T, where W already holds the change; the change's own gradient is dy^T times x summed by group.

    So only x's group sums are kept for it, a thirty-second of x, and no product is done twice.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, change: Tensor) -> Tensor:
        sums = x.unflatten(-1, (change.shape[1], -1)).sum(-1)
        ctx.save_for_backward(weight, sums)
        return F.linear(x, weight)

    @staticmethod
    def backward(ctx, upstream: Tensor) -> tuple[Tensor | None, None, Tensor]:
        weight, sums = ctx.saved_tensors
        down = upstream @ weight if ctx.needs_input_grad[0] else None
        change = upstream.flatten(0, -2).T @ sums.flatten(0, -2)
        return down, None, change.float()


class ShiftedLinear(nn.Module):
    """A frozen matrix [rows, cols] and its learned change of minima [rows, groups], fp32.

    `change` may be shared by several modules whose matrices are the same. Call `merge` after each step of it.
    """

    def __init__(self, weight: Tensor, change: nn.Parameter):
        super().__init__()
        self.register_buffer("plain", weight.detach())
        self.change = change
        self.register_buffer("weight", weight.detach().clone())
        self.off = False  # on: compute as if nothing had been learned

    @torch.no_grad()
    def merge(self) -> None:
        """Bring the matrix that computes up to date with the change."""
        rows, cols = self.plain.shape
        whole = self.plain.view(rows, self.change.shape[1], -1) + self.change.to(self.plain.dtype)[..., None]
        self.weight.copy_(whole.view(rows, cols))

    def forward(self, x: Tensor) -> Tensor:
        if self.off:
            return F.linear(x, self.plain)
        return _Shifted.apply(x, self.weight, self.change)


def changeable(
    model: SigmaForCausalLM,
    changes: dict[str, nn.Parameter],
    matrices: tuple[str, ...] = TUNED_MATRICES,
    prefix: str = "",
    groups: dict[str, int] | None = None,
    skipped: Collection[int] = (),
) -> list[ShiftedLinear]:
    """Put `ShiftedLinear` in the place of every matrix of these names; all parameters that were left plain are frozen.

    `changes`, by `prefix` and matrix name, is filled where it has no entry yet: pass the same dict for the second side.
    `groups`: columns of a group by matrix name, else 32; `skipped`: layers to leave as they are. Matrices that cannot be cut into groups are left as they are.
    """
    model.requires_grad_(False)
    found = []
    for i, layer in enumerate(model.model.layers):
        if i in skipped:
            continue
        for part, parent in (("self_attn", layer.self_attn), ("mlp", layer.mlp)):
            for matrix in matrices:
                linear = getattr(parent, matrix, None)
                name = f"model.layers.{i}.{part}.{matrix}.weight"
                group = (groups or {}).get(name, GROUP)
                if linear is None or linear.weight.shape[1] % group:
                    continue
                rows, cols = linear.weight.shape
                if prefix + name not in changes:
                    zeros = torch.zeros(rows, cols // group, device=linear.weight.device)
                    changes[prefix + name] = nn.Parameter(zeros)
                shifted = ShiftedLinear(linear.weight, changes[prefix + name])
                setattr(parent, matrix, shifted)
                found.append(shifted)
    return found


class plainly:
    """While entered, the matrices compute without their change: the untuned base."""

    def __init__(self, shifted: list[ShiftedLinear]):
        self.shifted = shifted

    def __enter__(self) -> None:
        for one in self.shifted:
            one.off = True

    def __exit__(self, *_) -> None:
        for one in self.shifted:
            one.off = False


def learnable_minima(
    gqa: SigmaForCausalLM,
    sigma: SigmaForCausalLM,
    changes: dict[str, nn.Parameter],
    groups: dict[str, int] | None = None,
) -> list[ShiftedLinear]:
    """Make V, O and the MLP learnable as the same modules in both models, and each one's queries and keys for itself.

    Layers whose queries and keys Sigma keeps of its source have those as the same modules too. `changes` is filled by matrix
    name, Sigma's own with "sigma." before it; `groups`: columns of a group of Sigma's own matrices by name, else 32.
    """
    kept = kept_layers(sigma.config)
    shifted = changeable(gqa, changes) + changeable(sigma, changes, OWN_MATRICES, SIGMA, groups, kept)
    shifted += changeable(gqa, changes, OWN_MATRICES)
    for i, (mine, theirs) in enumerate(zip(sigma.model.layers, gqa.model.layers)):
        mine.mlp = theirs.mlp
        for matrix in ("v_proj", "o_proj", *(("q_proj", "k_proj") if i in kept else ())):
            setattr(mine.self_attn, matrix, getattr(theirs.self_attn, matrix))
    for change in changes.values():
        change.requires_grad_(True)
    return shifted
