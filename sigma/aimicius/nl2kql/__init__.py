"""NL2KQL: questions about a GPU fleet become Kusto queries.

schema      clusters, databases, tables, columns: what a query may name
pools       values of the rows and the questions, each split with its own part
fleet       the rows, computed
answer      the one query in an answer
parse       the default parser (ANTLR, from Microsoft's grammar), diagnostics, tokens
tree        the parser's tree without its chains
columns     which columns there are along a pipe
references  what a query refers to
strict      Microsoft's own parser, where it was fetched
microsoft   ... inside its child process
engine      running a query
duck        ... on DuckDB, inside its child process
child       a process that can be killed
prompt      the text that is sent
wording     how people speak of each table
shapes      what they ask of it
generate    train, dev and test cases
judge       the verdict
task        all of it behind the contract
"""

from sigma.aimicius.nl2kql.task import Nl2kql

TASK = Nl2kql()
