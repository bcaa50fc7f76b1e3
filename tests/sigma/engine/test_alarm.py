"""What is done a while later: once, at the newest time, not when called off, and by a thread that keeps nothing alive."""

import gc
import threading
import time

from sigma.engine.alarm import Alarm


class Bell:
    def __init__(self, seconds=0.05):
        self.rung, self.fails = [], 0
        self.heard = threading.Event()
        self.alarm = Alarm(seconds, self.ring, "of the test")

    def ring(self):
        self.rung.append(time.monotonic())
        self.heard.set()
        if self.fails:
            self.fails -= 1
            raise ValueError("a broken bell")


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "of the test"]


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def test_it_rings_once_after_the_newest_time():
    bell = Bell(0.3)
    begun = time.monotonic()
    bell.alarm.set()
    time.sleep(0.1)
    bell.alarm.set()
    assert bell.heard.wait(30) and bell.rung[0] >= begun + 0.39
    time.sleep(0.4)
    assert len(bell.rung) == 1
    bell.alarm.set()
    until(lambda: len(bell.rung) == 2)
    assert len(threads()) == 1
    bell.alarm.close()


def test_called_off_or_closed_it_does_not_ring():
    bell = Bell(0.1)
    bell.alarm.set()
    bell.alarm.clear()
    bell.alarm.set()
    bell.alarm.close()
    until(lambda: not threads())
    time.sleep(0.2)
    assert not bell.rung


def test_an_error_is_survived():
    bell = Bell()
    bell.fails = 1
    bell.alarm.set()
    until(lambda: len(bell.rung) == 1)
    bell.alarm.set()
    until(lambda: len(bell.rung) == 2)
    bell.alarm.close()


def test_the_thread_keeps_nothing_alive_and_ends_with_its_bell():
    bell = Bell()
    bell.alarm.set()
    assert bell.heard.wait(30)
    del bell
    gc.collect()
    until(lambda: not threads())
