"""What selective V costs and reads: the loss with it at every position, the rows fetched, the mass they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from sigma.measure.quality import mean_nll


@torch.no_grad()
def selective_cost(
    sigma,
    windows: Tensor,
    top_ks: list[int],
    full_nll: float,
    progress=None,
    *,
    missing_masses: Sequence[str] | None = None,
    thresholds: Sequence[float] | None = None,
) -> list[dict]:
    """NLL with selective V at every position, per k, threshold and use of the missing mass.

    missing_masses: of `kernels.selective.missing_mass`; None is the model's own alone, as for the thresholds. The
    model's configuration is as before in the end.
    """
    config, rows = sigma.config, []
    own = config.selective_v_top_k, config.selective_v_missing_mass, config.selective_v_threshold
    words = (config.selective_v_missing_mass,) if missing_masses is None else missing_masses
    limits = (config.selective_v_threshold,) if thresholds is None else thresholds
    choices = [(k, threshold, word) for k in top_ks for threshold in limits for word in words]
    sigma.set_attn_implementation("diffqkv_selective_everywhere")
    try:
        for n, (k, threshold, word) in enumerate(choices):
            config.selective_v_top_k = k
            config.selective_v_missing_mass, config.selective_v_threshold = word, threshold
            loss = mean_nll(sigma, windows)
            cost = (loss / full_nll - 1) * 100
            rows.append({"k": k, "threshold": threshold, "missing_mass": word, "nll": loss, "cost_percent": cost})
            if progress is not None:
                progress("selective V", (n + 1) / len(choices))
    finally:
        config.selective_v_top_k, config.selective_v_missing_mass, config.selective_v_threshold = own
        sigma.set_attn_implementation("diffqkv")
    return rows


def captured_mass(model, windows: Tensor, top_ks: list[int], progress=None) -> list[list[float]]:
    """Share of the attention that the `k` best earlier tokens and the current one hold, per k and layer.

    Mean over query heads and over the positions that have more than k earlier tokens (elsewhere it is 1). windows
    [n, t]; a k of t - 1 or more gives 1 everywhere.
    """
    layers, t = len(model.model.layers), windows.shape[1]
    top_ks = [min(k, t - 1) for k in top_ks]
    totals = torch.zeros(len(top_ks), layers, dtype=torch.float64)

    def note(layer: int, weights: Tensor) -> None:
        current, earlier = _split(weights)
        kept = earlier.topk(max(top_ks), dim=-1).values.cumsum(-1)
        for n, k in enumerate(top_ks):
            mass = (kept[..., k - 1 : k] + current)[:, k + 1 :]
            totals[n, layer] += float(mass.mean()) if mass.numel() else 1.0

    _read(model, windows, note, "captured mass", progress)
    return (totals / len(windows)).tolist()


def rows_read(model, windows: Tensor, choices: Sequence[tuple[int, float]], progress=None) -> list[dict]:
    """V rows that a query fetches under each (k, threshold), the current one included, by the weights of full attention.

    `rows`: mean over layers, query heads and positions; `rows_percent`: of those that a query sees.
    """
    t = windows.shape[1]
    totals = [0.0] * len(choices)

    def note(_layer: int, weights: Tensor) -> None:
        _, earlier = _split(weights)
        seen = torch.arange(t, device=weights.device)
        for n, (k, threshold) in enumerate(choices):
            heavy = (earlier >= threshold).sum(-1) if threshold else torch.full_like(seen, t)
            totals[n] += float((torch.minimum(heavy, seen.clamp(max=k)) + 1).double().mean())

    _read(model, windows, note, "rows read", progress)
    layers = len(model.model.layers) * len(windows)
    every = (t + 1) / 2
    return [{"rows": total / layers, "rows_percent": total / layers / every * 100} for total in totals]


def _split(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The current token's own weights [n_q, t, 1], and the matrix [n_q, t, t] with 0 in their place."""
    current = weights.diagonal(dim1=1, dim2=2).unsqueeze(-1)
    return current, weights - torch.diag_embed(current.squeeze(-1))


@torch.no_grad()
def _read(model, windows: Tensor, note: Callable[[int, Tensor], None], name: str, progress) -> None:
    """Show `note` every layer's weights [n_q, t, t] of every window."""
    with _watched(model, note):
        for n, ids in enumerate(windows):
            model.model(ids[None].to(model.device), use_cache=False)
            if progress is not None:
                progress(name, (n + 1) / len(windows))


@contextmanager
def _watched(model, note: Callable[[int, Tensor], None]) -> Iterator[None]:
    def hook(layer: int):
        return lambda _module, _inputs, outputs: note(layer, outputs[1][0])

    hooks = [layer.self_attn.register_forward_hook(hook(i)) for i, layer in enumerate(model.model.layers)]
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation("diffqkv")
        for one in hooks:
            one.remove()
