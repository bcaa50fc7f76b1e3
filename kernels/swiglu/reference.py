"""silu(gate) * up in plain fp32, rounded once: the truth for the other implementations."""

import torch
import torch.nn.functional as F


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """gate_up `[.., 2 * width]`, the gate first -> `[.., width]` in its dtype."""
    gate, up = gate_up.float().chunk(2, -1)
    return (F.silu(gate) * up).to(gate_up.dtype)
