"""Numbers as text: three significant digits, binary units, thousands separated; and the same in words to be spoken."""

from __future__ import annotations

import math

UNITS = (("B", "byte"), ("KiB", "kibibyte"), ("MiB", "mebibyte"), ("GiB", "gibibyte"), ("TiB", "tebibyte"))
UNITS += (("PiB", "pebibyte"), ("EiB", "exbibyte"))


def digits(value: float) -> str:
    """Three significant digits of a number from 0 on, without an exponent: 2.03, 41.6, 416, 41,600."""
    if value == 0:
        return "0"
    places = 2 - math.floor(math.log10(value))
    # Half goes up, as in the browser: Python's own rounding would make 8.12 of 8.125.
    rounded = math.floor(value * 10.0**places + 0.5) / 10.0**places
    places = 2 - math.floor(math.log10(rounded))  # 9.996 became 10.0
    return f"{rounded:,.{max(0, places)}f}"


def _scaled(count: int) -> tuple[str, int]:
    step = 0
    # 1,013 KiB would be four digits: from 1,000 on the next unit is used.
    while step < len(UNITS) - 1 and count / 1024**step >= 999.5:
        step += 1
    return (f"{count:,}" if step == 0 else digits(count / 1024**step)), step


def binary(count: int) -> str:
    """Bytes for the eye: "2.03 GiB"."""
    number, step = _scaled(count)
    return f"{number} {UNITS[step][0]}"


def spoken(count: int) -> str:
    """Bytes for the ear: "2.03 gibibytes"."""
    number, step = _scaled(count)
    return f"{number} {UNITS[step][1]}{'' if count == 1 else 's'}"


def change(new: int, old: int) -> str:
    """The difference in percent of the old value, with a real minus sign: "−37.5 %"."""
    if old == 0 or new == old:
        return "0 %" if new == old else "–"
    percent = 100 * (new - old) / old
    return f"{'−' if percent < 0 else '+'}{digits(abs(percent))} %"


def plural(count: int, noun: str) -> str:
    """ "1 sequence", "1,024 sequences"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
