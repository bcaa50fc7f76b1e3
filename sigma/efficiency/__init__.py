"""The paper's efficiency experiment (arXiv 2501.13629, section 3) on this machine: one layer of STD and of Sigma, timed in turn.

    python -m sigma.efficiency [--preset 10b] [--prefixes 2k 8k 32k] [--output 10] [--json]

`settings` is what may be asked, `results` what comes out and what is computed from it, `paper` what the paper states;
none of them needs torch. `layer` and `measure` do the timing, `estimate` says before it what it will take.
"""
