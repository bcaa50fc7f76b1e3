"""The real `app.py` with an engine that needs no processor: `python -m tests.bench.fake_app --delay 0.02 --words 40 --port N`."""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import deque

import app
from tests.fake_engine import FakeEngine


class LoadEngine(FakeEngine):
    """The fake engine without the record that its tests look at, which would grow with every answer."""

    def __init__(self, delay: float, words: int):
        super().__init__(delay=delay, words=words)
        for name in ("completed", "released", "requests", "sessions"):
            setattr(self, name, deque(maxlen=64))

    def _id(self, piece: str) -> int:
        return zlib.crc32(piece.encode()) % 50_000

    def piece(self, side: str, token_id: int) -> str:
        """A token's number: there is no vocabulary."""
        return f"<{token_id}>"

    def text(self, side: str, ids) -> str:
        """The tokens' numbers."""
        return "".join(self.piece(side, i) for i in ids)

    def _stream(self, request, session, pieces):
        yield from super()._stream(request, session, pieces)
        self._forget()

    def _forget(self) -> None:
        while len(self._past) > 64:
            self._past.pop(next(iter(self._past)), None)
        done = set(self.opened) & set(self.closed)
        self.opened = [number for number in self.opened if number not in done]
        self.closed = [number for number in self.closed if number not in done]


def main(argv: list[str] | None = None) -> int:
    """As `app.main`, with two options more."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--words", type=int, default=40)
    own, rest = parser.parse_known_args(argv)
    app._engine = lambda *_: LoadEngine(own.delay, own.words)
    return app.main(rest)


if __name__ == "__main__":
    sys.exit(main())
