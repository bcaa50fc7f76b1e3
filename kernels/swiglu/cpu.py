"""silu(gate) * up on a CPU: torch's two operations in the inputs' own type, which makes no fp32 copy of either half."""

import torch
import torch.nn.functional as F


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """As `kernels.swiglu.reference.silu_mul`; in 16 bits the gate is rounded before it is multiplied."""
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up
