"""Infrawise: what has been measured? Requests become DCWs (design, criterion, workload), DCWs choose published results.

names      designs, criteria, workloads; which spellings mean the same
dcw        the DCW
records    the published figures (figures.json), and which of them fit a DCW
phrases    how people ask
cases      train, dev and test cases
prompt     the text that is sent
answer     the DCW in an answer
choice     the results that an answer chooses
judge      the verdict
task       all of it behind the contract
"""

from sigma.aimicius.infrawise.task import Infrawise

TASK = Infrawise()
