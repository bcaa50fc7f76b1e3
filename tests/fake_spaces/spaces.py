"""An emulated ZeroGPU: what its package `spaces` does, without a GPU. With this folder on PYTHONPATH it is the package.

As there, a decorated generator runs in a fork; what it is given and what it yields goes through pickle; this process is told
that it has a GPU and must not touch it; in the thread that imports this, torch's functions pass through others first; a fork
that dies, and a quota that is used up, are errors of Gradio's. In the folder
that FAKE_SPACES names: calls.jsonl is what was lent to whom and how it ended; `refuse` (JSON: title, message) lends
nothing; `die` ends the next fork after as many items.
"""

import inspect
import io
import json
import os
import pickle
import queue
import sys
import threading
from functools import wraps
from multiprocessing import get_context
from pathlib import Path

if {"torch", "gradio"} & set(sys.modules):
    raise RuntimeError("spaces must be imported before torch and gradio")

import gradio as gr
import torch
from gradio.context import LocalContext
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

FOLDER = Path(os.environ["FAKE_SPACES"])
FORK = get_context("fork")
REAL = {name: getattr(torch.cuda, name) for name in ("is_available", "_lazy_init")}


def _forbidden(*_):
    raise RuntimeError("CUDA is initialised in the process that lends no GPU")


torch.cuda.is_available = lambda: True
torch.cuda._lazy_init = _forbidden


class _Intercepted(TorchFunctionMode):
    """Rebuilds what a function gives, as there: a shape becomes a plain tuple."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        return tree_map_only(torch.Tensor, lambda tensor: tensor, function(*arguments, **(options or {})))


_Intercepted().__enter__()


class _Plain(pickle.Pickler):
    """Refuses tensors: those of a GPU would not outlive the fork."""

    def reducer_override(self, value):
        if isinstance(value, torch.Tensor):
            raise pickle.PicklingError("a tensor leaves the fork")
        return NotImplemented


def _pickled(value) -> bytes:
    file = io.BytesIO()
    _Plain(file).dump(value)
    return file.getvalue()


def _taken(name: str) -> str:
    """What a file of the folder says; it says it once."""
    path = FOLDER / name
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return text


def GPU(task, duration):
    """The function, run in a fork for each call."""
    if not inspect.isgeneratorfunction(task):
        raise NotImplementedError("only generators are emulated")

    @wraps(task)
    def call(*arguments):
        request = LocalContext.request.get(None)
        told = {"seconds": duration(*arguments), "token": request and request.headers.get("x-ip-token"), "items": 0}
        if refusal := _taken("refuse"):
            _note({**told, "end": "refused"})
            refusal = json.loads(refusal)
            raise gr.Error(refusal["message"], title=refusal["title"], print_exception=False)
        results, stop = FORK.SimpleQueue(), FORK.Event()
        work = task, _pickled(arguments), results, stop, int(_taken("die") or -1)
        process = FORK.Process(target=_forked, args=work, daemon=True)
        process.start()
        # Alone in waiting for the process: of two threads that do, one is told that it has no such child.
        watch = threading.Thread(target=lambda: (process.join(), results.put(None)), daemon=True)
        watch.start()
        items: queue.Queue = queue.Queue()  # the fork is not held up by who reads its items
        reader = threading.Thread(target=lambda: [items.put(item) for item in iter(results.get, None)] and None)
        reader.start()
        end = "closed"
        try:
            while True:
                item = _next(items, reader)
                if item is None:
                    end = "died"
                    raise gr.Error("GPU task aborted", title="ZeroGPU worker error", print_exception=False)
                kind, value = pickle.loads(item)
                if kind == "end":
                    end = "done"
                    return
                if kind == "error":
                    end = "failed"
                    raise gr.Error(value, title="ZeroGPU worker error", print_exception=False)
                told["items"] += 1
                yield value
        finally:
            stop.set()
            watch.join(20)
            _note({**told, "end": end, "alive": watch.is_alive()})

    return call


def _next(items, reader) -> bytes | None:
    while True:
        try:
            return items.get(timeout=0.1)
        except queue.Empty:
            if not reader.is_alive() and items.empty():
                return None


def _forked(task, arguments, results, stop, die) -> None:
    for name, value in REAL.items():
        setattr(torch.cuda, name, value)

    def work():
        left = die
        try:
            for value in (items := task(*pickle.loads(arguments))):
                if stop.is_set():
                    items.close()
                    break
                if left == 0:
                    os._exit(1)
                left -= 1
                results.put(_pickled(("item", value)))
        except Exception as error:
            results.put(_pickled(("error", type(error).__name__)))
        results.put(_pickled(("end", None)))

    thread = threading.Thread(target=work)  # as there: the thread that was forked has more to do
    thread.start()
    thread.join()


def _note(told: dict) -> None:
    with open(FOLDER / "calls.jsonl", "a") as file:
        file.write(json.dumps(told) + "\n")
