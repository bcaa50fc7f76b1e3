"""NL2KQL: questions about a GPU fleet become Kusto queries.

schema      clusters, databases, tables, columns: what a query may name
pools       values of the rows and the questions, each split with its own part
generator/  how people speak of each table, and what they ask of it
cases       train, dev and test cases
prompt      the text that is sent
answer      the one query in an answer
language/   the default parser (ANTLR, from Microsoft's grammar), and what a query refers to
strict      Microsoft's own parser, where it was fetched
engine/     running a query on generated rows, in a process that can be killed
judge       the verdict
task        all of it behind the contract
"""

from sigma.aimicius.nl2kql.task import Nl2kql

TASK = Nl2kql()
