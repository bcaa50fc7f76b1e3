"""Which work goes first on a small machine: the server's answers, before the model's steps."""

from __future__ import annotations

import os
import sys
import threading

ENGINE_NICENESS = 8  # of 19


def step_back() -> None:
    """Lower this thread's priority, and with it that of the threads it starts for its matrix products.

    They take every core they get; on a small machine the server, and a browser beside it, must still be quick.
    """
    if sys.platform == "linux":  # where priorities belong to threads
        thread = threading.get_native_id()
        if os.getpriority(os.PRIO_PROCESS, thread) < ENGINE_NICENESS:  # raising it back is not allowed to everybody
            os.setpriority(os.PRIO_PROCESS, thread, ENGINE_NICENESS)
