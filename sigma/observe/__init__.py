"""What an operator sees: numbered requests, log lines with fields, counts, and whether all is well. No torch, no page."""
