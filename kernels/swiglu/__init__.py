"""silu(gate) * up, for a gated MLP and the augmented query."""
