"""What one visitor may ask: so many requests a minute, so many tokens an hour.

A visitor is an address: all that one can tell apart without asking who they are. Of IPv6 the first 64 bits count, which
belong to one customer. The machine's own address has no limit: it is whoever sits in front of it, or a proxy that does
not say for whom it asks. A budget is a leaky one: it fills at its rate, so nobody waits for the end of a minute.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from threading import Lock

from sigma.events import OverLimit
from sigma.limits.current import limits

MOST_VISITORS = 10_000
"""Visitors that are remembered; those not seen for longest are forgotten."""

MOST_NUMBERS = 10_000
"""Requests whose visitor is remembered, for the tokens that they will use."""


@dataclass(slots=True)
class _Spent:
    """What is spent of a budget, at some moment."""

    amount: float = 0.0
    when: float = 0.0

    def now(self, rate: float, now: float) -> float:
        """What is still spent now; `rate` comes back each second."""
        self.amount = max(0.0, self.amount - rate * (now - self.when))
        self.when = now
        return self.amount


def visitor_of(host: str | None) -> str | None:
    """Whom an address belongs to; None for nobody whose requests are counted."""
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or None  # a name: of a socket, or of a test's client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


class Visitors:
    """Who has asked how much; safe between threads. The numbers are those of `sigma.observe.numbers`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = Lock()
        self._spent: OrderedDict[str, tuple[_Spent, _Spent]] = OrderedDict()  # requests, tokens
        self._numbers: OrderedDict[str, str] = OrderedDict()

    def admit(self, host: str | None, number: str | None) -> None:
        """Count a request from an address; `number` is its own. OverLimit, with how long to wait, beyond a limit."""
        who = visitor_of(host)
        if who is None:
            return
        per_minute, per_hour = limits().requests_per_minute, limits().tokens_per_hour
        with self._lock:
            now = self._clock()
            requests, tokens = self._of(who, now)
            used = tokens.now(per_hour / 3600, now)
            if per_hour and used >= per_hour:
                minutes = max(1, ceil((used - per_hour * 0.95) / (per_hour / 60)))
                raise OverLimit(
                    f"This server reads and writes {per_hour:,} tokens an hour for one visitor, and yours are used up. "
                    f"Try again in {minutes} minute{'s' * (minutes > 1)}.",
                    "tokens_per_hour",
                    60 * minutes,
                )
            asked = requests.now(per_minute / 60, now)
            if per_minute and asked > per_minute - 1:
                wait = ceil((asked - per_minute + 1) / (per_minute / 60))
                raise OverLimit(
                    f"This server takes {per_minute:,} requests a minute from one visitor. "
                    f"Try again in {wait} second{'s' * (wait > 1)}.",
                    "requests_per_minute",
                    wait,
                )
            requests.amount += 1
            if number is not None:
                self._numbers[number] = who
                while len(self._numbers) > MOST_NUMBERS:
                    self._numbers.popitem(last=False)

    def charge(self, number: str | None, tokens: int) -> None:
        """Tokens were read or written for a request; of one that nobody admitted nothing is kept."""
        per_hour = limits().tokens_per_hour
        with self._lock:
            who = self._numbers.get(number or "")
            if who is not None and per_hour:
                now = self._clock()
                spent = self._of(who, now)[1]
                spent.now(per_hour / 3600, now)
                spent.amount += tokens

    def _of(self, who: str, now: float) -> tuple[_Spent, _Spent]:
        found = self._spent.pop(who, None) or (_Spent(when=now), _Spent(when=now))
        self._spent[who] = found
        while len(self._spent) > MOST_VISITORS:
            self._spent.popitem(last=False)
        return found
