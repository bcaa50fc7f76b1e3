"""Random input against what reads a visitor's or a model's text, and random histories against what keeps state.

`targets` names what is fuzzed; `python -m tests.fuzz` runs campaigns of any length; the suite runs a few hundred cases of
each (`test_targets.py`) and every case that ever failed (`corpus/`, `test_corpus.py`).
"""
