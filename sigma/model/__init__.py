"""The architecture: its numbers, its attention, its cache, and the transformers model made of them."""
