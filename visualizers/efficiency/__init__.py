"""The Efficiency tab: the paper's experiment on this machine, many answers at once, and stored results beside them."""
