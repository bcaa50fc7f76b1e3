"""Quality of both sides: next-token loss, KL, agreement, what selective V costs, and the packed runtime beside the reference."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

BUCKETS = (0, 256, 512, 1024, 2048, 4096, 8192)  # positions between which losses are also told


@torch.no_grad()
def compare(gqa, sigma, windows: Tensor, progress=None) -> dict:
    """NLL of both [nats per token], KL(gqa || sigma), top-1 agreement, and NLL by position bucket, over windows [n, t]."""
    t = windows.shape[1]
    totals = torch.zeros(2, t - 1, dtype=torch.float64)
    kl = agree = 0.0
    for i, ids in enumerate(windows):
        logs = [log_probs(model, ids) for model in (gqa, sigma)]
        for side, log in enumerate(logs):
            totals[side] += F.nll_loss(log[:-1], ids[1:], reduction="none").double()
        kl += float((logs[0].exp() * (logs[0] - logs[1])).sum(-1).mean())
        agree += float((logs[0].argmax(-1) == logs[1].argmax(-1)).float().mean())
        if progress is not None:
            progress("evaluating", (i + 1) / len(windows))
    totals /= len(windows)
    g, s = (float(x.mean()) for x in totals)
    buckets = []
    for start, stop in itertools.pairwise(BUCKETS):
        part = totals[:, start : min(stop, t - 1)]
        if part.shape[1]:
            a, b = (float(x.mean()) for x in part)
            buckets.append(
                {
                    "positions": f"{start}-{start + part.shape[1]}",
                    "gqa_nll": a,
                    "sigma_nll": b,
                    "gap_percent": (b / a - 1) * 100,
                }
            )
    return {
        "gqa_nll": g,
        "sigma_nll": s,
        "gap_percent": (s / g - 1) * 100,
        "kl": kl / len(windows),
        "top1_agreement": agree / len(windows),
        "buckets": buckets,
    }


@torch.no_grad()
def log_probs(model, ids: Tensor) -> Tensor:
    """Log-probabilities fp32 [t, vocabulary]; matrix products in bf16, as served."""
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        hidden = model.model(ids[None].to(model.device), use_cache=False).last_hidden_state[0]
        return model.lm_head(hidden).float().log_softmax(-1).cpu()


def mean_nll(model, windows: Tensor) -> float:
    """Loss per token [nats] over windows [n, t]."""
    return sum(float(F.nll_loss(log_probs(model, ids)[:-1], ids[1:])) for ids in windows) / len(windows)


@torch.no_grad()
def selective_cost(sigma, windows: Tensor, top_ks: list[int], full_nll: float, progress=None) -> list[dict]:
    """NLL with selective V at every position, per k."""
    rows = []
    sigma.set_attn_implementation("diffqkv_selective_everywhere")
    try:
        for n, k in enumerate(top_ks):
            sigma.config.selective_v_top_k = k
            loss = mean_nll(sigma, windows)
            rows.append({"k": k, "nll": loss, "cost_percent": (loss / full_nll - 1) * 100})
            if progress is not None:
                progress("selective V", (n + 1) / len(top_ks))
    finally:
        sigma.config.selective_v_top_k = None
        sigma.set_attn_implementation("diffqkv")
    return rows


@torch.no_grad()
def captured_mass(model, windows: Tensor, top_ks: list[int], progress=None) -> list[list[float]]:
    """Share of the attention that the `k` best earlier tokens and the current one hold, per k and layer.

    Mean over query heads and over the positions that have more than k earlier tokens (elsewhere it is 1). windows
    [n, t]; a k of t - 1 or more gives 1 everywhere.
    """
    layers, t = model.model.layers, windows.shape[1]
    top_ks = [min(k, t - 1) for k in top_ks]
    totals = torch.zeros(len(top_ks), len(layers), dtype=torch.float64)

    def note(index: int):
        def hook(_module, _inputs, outputs):
            weights = outputs[1][0]  # [n_q, t, t]
            current = weights.diagonal(dim1=1, dim2=2).unsqueeze(-1)
            earlier = weights - torch.diag_embed(current.squeeze(-1))
            kept = earlier.topk(max(top_ks), dim=-1).values.cumsum(-1)
            for n, k in enumerate(top_ks):
                mass = (kept[..., k - 1 : k] + current)[:, k + 1 :]
                totals[n, index] += float(mass.mean()) if mass.numel() else 1.0

        return hook

    hooks = [layer.self_attn.register_forward_hook(note(i)) for i, layer in enumerate(layers)]
    model.set_attn_implementation("eager")
    try:
        for n, ids in enumerate(windows):
            model.model(ids[None].to(model.device), use_cache=False)
            if progress is not None:
                progress("captured mass", (n + 1) / len(windows))
    finally:
        model.set_attn_implementation("diffqkv")
        for hook in hooks:
            hook.remove()
    return (totals / len(windows)).tolist()


def runtime_check(runtime, model, ids: Tensor) -> dict:
    """Stepwise decoding with the packed weights against the dequantized model on the same tokens ids [t]."""
    want = log_probs(model, ids)
    cache = runtime.new_cache()
    logits = [runtime.prefill(ids[None, :1], cache)]
    logits += [runtime.decode(ids[None, i : i + 1], cache)[0] for i in range(1, len(ids) - 1)]
    got = torch.cat(logits).float().cpu().log_softmax(-1)
    cache.free()
    nll, reference = (float(F.nll_loss(log[: len(ids) - 1], ids[1:])) for log in (got, want))
    return {
        "nll": nll,
        "reference_nll": reference,
        "nll_percent": (nll / reference - 1) * 100,
        "top1_agreement": float((got.argmax(-1) == want[: len(got)].argmax(-1)).float().mean()),
        "tokens": len(got),
    }
