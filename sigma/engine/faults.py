"""What may go wrong with a machine in the middle of an answer, told to whoever asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from sigma.events import OverLimit

NO_MEMORY = (
    "This server has no memory left for this answer, so it ends here. Try again in a minute, shorten the prompt, or ask "
    "for fewer new tokens."
)

log = logging.getLogger(__name__)

_WORDS = ("can't allocate memory", "Cannot allocate memory", "out of memory", "bad_alloc")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: Python's, torch's on a GPU, or that of torch's CPU allocator, a RuntimeError."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


@contextmanager
def memory_may_run_out(spare: Callable[[], None]) -> Iterator[None]:
    """Where memory runs out, `spare` frees what can be spared, and whoever asked is told: OverLimit."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        log.error("no memory for an answer: %s", error or type(error).__name__)
        spare()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        raise OverLimit(NO_MEMORY, "kv_memory") from error
