"""Prefill attention: many queries at once, causal, with memory bounded by a block of queries."""
