"""Making Sigma checkpoints: text, healing, records. Resumable, on a CPU or one GPU."""
