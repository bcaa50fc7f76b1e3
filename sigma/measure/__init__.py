"""What the commands that measure compute: quality, texts, and the peers that speed is compared with."""
