"""Infrawise: what has been measured? Requests become DCWs (design, criterion, workload), DCWs choose published results.

names      designs, criteria, workloads; which spellings mean the same
dcw        the DCW and how it is read from an answer
indexes    the choice of results and how it is read from an answer
records    the published figures (figures.json), and which of them fit a DCW
phrases    how people ask
generate   train, dev and test cases
judge      the verdict
task       all of it behind the contract
"""

from sigma.aimicius.infrawise.task import Infrawise

TASK = Infrawise()
