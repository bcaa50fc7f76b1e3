"""Errors in the form that clients of OpenAI's API know."""

from __future__ import annotations

from sigma.events import OverLimit

CODES = {"max_waiting": "too_many_waiting"}
"""What clients know some limits by; others by their name in `sigma.limits`."""


class Refused(Exception):
    """A request that gets an error of OpenAI's form."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", param=None, code=None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def over_limit(error: OverLimit) -> Refused:
    """A limit's error: 429 where it helps to try again later; what took too long would again."""
    if error.limit == "answer_seconds":
        return Refused(503, str(error), "server_error", code="time_limit")
    return Refused(429, str(error), "rate_limit_error", code=CODES.get(error.limit, error.limit))
