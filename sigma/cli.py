"""What the commands share: options that choose the models, a table, JSON, and errors as one line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence

from sigma.checkpoints.base import CheckpointError
from sigma.events import PromptError


def model_options(parser: argparse.ArgumentParser, tuned: str = "off") -> None:
    """--checkpoint, --base, --tuned (its default is `tuned`), --device, --weights, --json."""
    parser.add_argument(
        "--checkpoint",
        help="Sigma checkpoint: folder, Hub id, or preset:sigma-1.5b (random weights) (default: the embedded one)",
    )
    parser.add_argument("--base", help="GQA model: folder, GGUF file or Hub id (default: fetched once, 93 MB)")
    parser.add_argument(
        "--tuned",
        default=tuned,
        metavar="auto|off|FILE",
        help="tuned minima of the base: the checkpoint's own, none, or a file's (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--weights", default="auto", choices=("auto", "int4", "bf16", "fp32"))
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")


def parser_for(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the module's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def argument_text(value: str, name: str) -> str:
    """An argument's text. Raises PromptError for bytes that are not UTF-8, which Python hands over as lone surrogates."""
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise PromptError(f"{name} holds bytes that are not UTF-8 text.")
    return value


def standard_input() -> str:
    """All of standard input. Raises PromptError if it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PromptError(
            f"Standard input is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02X}."
        ) from error


def say(text: str, fraction: float = 0.0) -> None:
    """Progress on stderr, so that stdout stays the result's."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text} {fraction:.0%}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Plain aligned columns; floats with three significant digits."""

    def show(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)

    cells = [[str(h) for h in header], *([show(v) for v in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)


def run(main: Callable[[], dict | None], as_json: bool) -> None:
    """Call `main`; print its result as JSON if asked; turn expected errors into one line and exit status 2."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):  # a terminal without a character shows its escape; nothing is lost
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        result = main()
        if as_json and result is not None:
            print(json.dumps(result))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has enough: no error, and nothing more to say when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (CheckpointError, PromptError, ValueError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
