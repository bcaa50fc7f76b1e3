"""Log lines with fields, one a line: `configure` gives them to everything that logs by the standard library.

Of a visitor's text nothing is logged unless SIGMA_LOG_TEXT=1: neither by the lines of answers nor by the messages of
errors, where what was asked is cut out. Paths are those in this project or in a package, never the machine's.
"""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from sigma.observe.meter import Meter
from sigma.observe.numbers import current
from sigma.observe.private import without_texts

ROOT = Path(__file__).parents[2]
FORMS, LEVELS = ("text", "json"), ("debug", "info", "warning", "error")
KEYS = ["timestamp", "level", "request", "logger", "event"]  # first in a line, in this order
MOST_CHARACTERS = 500  # of an error's message
QUIET = ("httpx", "httpcore", "mcp", "sentence_transformers")  # they report every request of theirs

Fields = MutableMapping[str, Any]


def configure(
    meter: Meter | None = None, environment: Mapping[str, str] = os.environ, stream: TextIO | None = None
) -> None:
    """Log to `stream` (stderr) as the environment says; `meter` counts the errors. A second call replaces the first.

    SIGMA_LOG: "text" (key=value, the default) or "json". SIGMA_LOG_LEVEL: debug, info, warning or error.
    SIGMA_LOG_TEXT=1: with what visitors ask. ValueError, with the words there are, for anything else.
    """
    form, level = _word(environment, "SIGMA_LOG", FORMS), _word(environment, "SIGMA_LOG_LEVEL", LEVELS, "info")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    if meter is not None:
        meter.with_text = environment.get("SIGMA_LOG_TEXT", "") not in ("", "0")
        root.addHandler(_Errors(meter))
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def adopt_server() -> None:
    """Let the web server's lines come as all others do; it sets its own handlers whenever it starts.

    What an error says that reaches the server itself is left out: often it is a visitor's value that was wrong.
    """
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).addFilter(_without_words)


def formatter(form: str) -> logging.Formatter:
    """The formatter of `form`, "text" or "json"."""
    render = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=KEYS, drop_missing=True, bool_as_flag=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),  # before the others: `extra` may not replace what they add
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_request,
            tell_exception,
            without_places,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )


def add_request(logger: Any, name: str, fields: Fields) -> Fields:
    """The number of the request that a line belongs to; "" where there is none."""
    fields["request"] = fields.get("request") or current() or ""
    return fields


def tell_exception(logger: Any, name: str, fields: Fields) -> Fields:
    """An exception as two fields: what it says, and where it came from, innermost first."""
    found = fields.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found
    if not isinstance(error, BaseException):
        return fields
    fields["error"] = " from ".join(_said(one) for one in _chain(error))
    fields["where"] = " < ".join(places(error))
    return fields


def without_places(logger: Any, name: str, fields: Fields) -> Fields:
    """What a line says, without the folders of the machine that others' messages name."""
    fields["event"] = _without_folders(str(fields.get("event", "")))
    return fields


def _without_folders(text: str) -> str:
    folders = {str(ROOT), *sysconfig.get_paths().values(), sys.prefix}
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(f"{folder}/", "")
    return text.replace(str(Path.home()), "~")


def _said(error: BaseException) -> str:
    text = _without_folders(without_texts(error))
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]} (and {len(text) - MOST_CHARACTERS} more characters)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def places(error: BaseException) -> Iterator[str]:
    """Where an error came from, innermost first, without a path of the machine."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        yield f"{_short(frame.filename)}:{frame.lineno} {frame.name}"


def _short(name: str) -> str:
    """A source file's path within this project or its package; elsewhere its name alone."""
    path = Path(name)
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return path.relative_to(ROOT).as_posix()
    parts = path.parts
    return "/".join(parts[parts.index("site-packages") + 1 :]) if "site-packages" in parts else path.name


def _without_words(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        record.error, record.where = type(error).__name__, " < ".join(places(error))
        record.exc_info = record.exc_text = None
    return True


class _Errors(logging.Handler):
    """Counts what is logged as an error, by logger."""

    def __init__(self, meter: Meter):
        super().__init__(logging.ERROR)
        self._meter = meter

    def emit(self, record: logging.LogRecord) -> None:
        self._meter.count_error(record.name)


def _word(environment: Mapping[str, str], name: str, words: tuple[str, ...], default: str | None = None) -> str:
    word = environment.get(name) or default or words[0]
    if word not in words:
        raise ValueError(f"{name}={word!r}: expected one of {', '.join(words)}")
    return word
