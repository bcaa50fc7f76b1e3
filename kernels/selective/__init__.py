"""Selective V fetching: score every cached row, load only the V rows of the top-k scores per query head."""
