"""The backward pass of decode and prefill attention in fp32 with torch alone, by blocks of queries.

Written by hand, because autograd cannot look into an op (`kernels.ops`). It serves where the Triton kernels do not.
"""

import torch

from ..decode.reference import masked_scores

_SCORES = 8 << 20  # fp32 scores held at once


def attention_backward(dout, dlse, q, k, v, scale, lengths):
    """dq, dk and dv in the inputs' dtype; dq is laid out as prefill's out. dlse may be None."""
    b, n_q, t, d_k = q.shape
    n_k, rows = k.shape[1:3]
    n_v, d_v = v.shape[1], v.shape[3]
    scale = d_k**-0.5 if scale is None else scale
    length = torch.full((b,), rows, device=q.device) if lengths is None else lengths.to(q.device)
    # Memory past the lengths may hold NaN, and 0 * NaN is NaN.
    unused = (torch.arange(rows, device=q.device) >= length[:, None])[:, None, :, None]
    keys, values = k.float().masked_fill(unused, 0.0), v.float().masked_fill(unused, 0.0)
    dq = q.new_empty((b, t, n_q, d_k)).transpose(1, 2)
    dk, dv = torch.zeros_like(keys), torch.zeros_like(values)
    block = max(1, _SCORES // (b * n_q * rows))
    for start in range(0, t, block):
        now = slice(start, min(start + block, t))
        query, grad = q[:, :, now].float(), dout[:, :, now].float()
        weights = masked_scores(query, keys, scale, length - (t - now.stop)).softmax(-1)
        by_value = (b, n_v, -1, rows)
        dweights = (grad.reshape(b, n_v, -1, d_v) @ values.mT).view_as(weights)
        dv += weights.view(by_value).mT @ grad.reshape(b, n_v, -1, d_v)
        shift = (dweights * weights).sum(-1, keepdim=True)
        if dlse is not None:
            shift -= dlse[:, :, now, None]
        dscores = (weights * (dweights - shift) * scale).view(b, n_k, -1, rows)
        dq[:, :, now] = (dscores @ keys).view_as(query).to(q.dtype)
        dk += dscores.mT @ query.reshape(b, n_k, -1, d_k)
    return dq, dk.to(k.dtype), dv.to(v.dtype)
