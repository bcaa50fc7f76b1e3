"""What the commands that measure compute: quality, retrieval, questions, speed beside its peers, and reading JSON lines."""
