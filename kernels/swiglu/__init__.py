"""silu(gate) * up in one launch, for a gated MLP."""
