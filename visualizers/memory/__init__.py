"""KV memory on paper: the cache formula for any shape, what a device can hold, and the figures drawn from it."""
