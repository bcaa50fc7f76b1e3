"""Maps of attention, for pictures: the largest softmax weight of every square of queries and keys."""
