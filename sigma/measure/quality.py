"""Quality of both sides: next-token loss, KL, agreement, and the packed runtime beside the reference."""

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
