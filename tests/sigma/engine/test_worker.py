"""The device's worker where the system has no thread for it."""

import threading
import time

import pytest

from sigma.engine.worker import Worker


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def test_where_no_thread_can_be_started_nobody_waits_and_the_next_one_tries_again(monkeypatch):
    ended = []
    worker = Worker("of the test", lambda: None, lambda: ended.append("lost"), lambda: ended.append("stranded"))
    done = threading.Event()
    worker.submit(done.set)
    assert done.wait(60)
    start = threading.Thread.start

    def refuse(self):
        if self.name == "of the test":
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    def leave():
        raise SystemExit

    worker.submit(leave)
    until(lambda: ended == ["lost", "stranded"])
    with pytest.raises(RuntimeError, match="new thread"):
        worker.submit(done.clear)
    monkeypatch.undo()
    done.clear()
    worker.submit(done.set)
    assert done.wait(60)
    worker.close()
    with pytest.raises(RuntimeError, match="closed"):
        worker.submit(done.set)
