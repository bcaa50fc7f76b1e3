"""From a GQA checkpoint to a Sigma one: fewer key heads, an augmented query with an exact start, the card."""
