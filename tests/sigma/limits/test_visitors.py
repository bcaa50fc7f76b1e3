"""What one visitor may ask: told apart by address, counted by the minute and the hour, and forgiven as time passes."""

import pytest

from sigma.events import ChatRequest, OverLimit, Sampling
from sigma.limits.current import using
from sigma.limits.visitors import MOST_VISITORS, Visitors, visitor_of
from sigma.observe.meter import Meter
from sigma.observe.numbers import numbered
from tests.fake_engine import FakeEngine


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1%eth0", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
        (None, None),
        ("testclient", "testclient"),
    ],
)
def test_a_visitor_is_an_address(host, who):
    assert visitor_of(host) == who


def test_requests_are_counted_by_the_minute_for_each_visitor(clock):
    visitors = Visitors(clock)
    with using(requests_per_minute=3):
        for _ in range(3):
            visitors.admit("203.0.113.7", None)
        with pytest.raises(OverLimit, match=r"3 requests a minute.* Try again in 20 seconds\.") as refused:
            visitors.admit("203.0.113.7", None)
        assert refused.value.limit == "requests_per_minute"
        visitors.admit("203.0.113.8", None)  # somebody else
        for _ in range(10):
            visitors.admit("127.0.0.1", None)  # whoever sits in front of it
        clock.now += 19
        with pytest.raises(OverLimit, match="in 1 second"):
            visitors.admit("203.0.113.7", None)
        clock.now += 1
        visitors.admit("203.0.113.7", None)
        clock.now += 3600  # what is left over does not add up beyond the minute
        for _ in range(3):
            visitors.admit("203.0.113.7", None)
        with pytest.raises(OverLimit):
            visitors.admit("203.0.113.7", None)


def test_nothing_is_counted_where_there_is_no_limit(clock):
    visitors = Visitors(clock)
    with using(requests_per_minute=0, tokens_per_hour=0):
        for i in range(500):
            visitors.admit("203.0.113.7", f"req_{i}")
            visitors.charge(f"req_{i}", 10**9)


def test_tokens_are_counted_by_the_hour(clock):
    visitors = Visitors(clock)
    with using(tokens_per_hour=3600):
        visitors.admit("203.0.113.7", "req_a")
        visitors.charge("req_a", 3000)
        visitors.admit("203.0.113.7", "req_b")
        visitors.charge("req_b", 1200)
        visitors.charge("req_unknown", 10**9)
        visitors.charge(None, 10**9)
        with pytest.raises(OverLimit, match=r"3,600 tokens an hour.* Try again in 13 minutes\.") as refused:
            visitors.admit("203.0.113.7", "req_c")
        assert refused.value.limit == "tokens_per_hour"
        visitors.admit("203.0.113.8", "req_d")
        clock.now += 13 * 60
        visitors.admit("203.0.113.7", "req_c")


def test_the_meter_charges_whoever_a_request_came_from(clock):
    meter = Meter(clock)
    engine = meter.watched(FakeEngine(words=9))
    request = ChatRequest({"sigma": [{"role": "user", "content": "hello there"}]}, Sampling(max_new_tokens=6))
    with using(tokens_per_hour=5), numbered("req_1"):
        meter.visitors.admit("203.0.113.7", "req_1")
        list(engine.stream(request))
        with pytest.raises(OverLimit, match="tokens an hour"):
            meter.visitors.admit("203.0.113.7", "req_2")


def test_what_is_remembered_is_bounded(clock):
    visitors = Visitors(clock)
    for i in range(MOST_VISITORS + 50):
        visitors.admit(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", f"req_{i}")
    assert len(visitors._spent) == MOST_VISITORS
