"""CMDGen (paper section 4.1): from a question to one command, judged by grammars, a simulated node and similarity.

`tools/` holds a table per tool, `grammar/` the parser over them, `simulator/` the node, `judge` the scores, `cases` and
`generator/` the data. Nothing here runs a command.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.task import TASK

__all__ = ["TASK"]
