"""Decode attention: a few new queries (t = 1..16) against a long cache."""
