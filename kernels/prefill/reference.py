"""Prefill attention in plain fp32, one query head at a time: the truth for the blocked implementations.

Written apart from the decode reference, on purpose: the two must agree, and a test holds them together.
"""

import torch


def prefill_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *,
    scale: float | None = None,
    lengths: torch.Tensor | None = None,
    return_lse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Causal attention of the last t positions; shapes and results as `kernels.decode.reference.decode_attention`."""
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    n_v, d_v = v.shape[1], v.shape[3]
    scale = d_k**-0.5 if scale is None else scale
    out = q.new_empty(b, n_q, t, d_v)
    lse = torch.empty(b, n_q, t, device=q.device)
    for s in range(b):
        length = rows if lengths is None else int(lengths[s])
        seen = torch.ones(t, length, dtype=torch.bool, device=q.device).tril(length - t)
        for i in range(n_q):
            key, value = k[s, i * n_k // n_q, :length].float(), v[s, i * n_v // n_q, :length].float()
            scores = (q[s, i].float() @ key.T * scale).masked_fill(~seen, float("-inf"))
            out[s, i] = (scores.softmax(-1) @ value).to(q.dtype)
            lse[s, i] = scores.logsumexp(-1)
    return (out, lse) if return_lse else out
