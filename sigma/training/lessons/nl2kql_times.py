"""When: the ways to say a stretch of time, and the predicate that they mean. Rows end at `NOW`, so dates are of that June."""

from __future__ import annotations

import random
from datetime import timedelta

from sigma.aimicius.nl2kql.engine.rows import DAYS, NOW
from sigma.aimicius.nl2kql.pools import POOLS
from sigma.training.lessons.nl2kql_values import pool

UNITS = {
    "m": ("minute", "minutes", "min", "mins"),
    "h": ("hour", "hours", "hr", "hrs"),
    "d": ("day", "days", "day", "days"),
}
NUMBERS = {
    1: "one", 2: "two", 5: "five", 6: "six", 7: "seven", 9: "nine", 10: "ten", 12: "twelve", 15: "fifteen", 20: "twenty",
}  # fmt: skip
AGO = (
    "in the last {}", "over the last {}", "in the past {}", "over the past {}", "during the last {}", "for the last {}",
    "for the past {}", "within the last {}", "from the last {}", "last {}", "past {}", "the last {}",
)  # fmt: skip
# A saying that is a stretch of its own: the predicate's right side, and the words.
FIXED = (
    ("> ago(7d)", ("in the past week", "over the last week", "last week or so", "this past week", "in the last 7 days", "past week", "during the last seven days", "since a week ago")),
    ("> ago(14d)", ("in the last two weeks", "over the past 2 weeks", "in the past fortnight", "last 2 weeks", "these two weeks")),
    ("> ago(1d)", ("in the past day", "over the last day", "since yesterday", "in the last day", "past day", "since this time yesterday")),
    ("> ago(1h)", ("in the last hour", "in the past hour", "over the last hour", "this last hour", "past hour", "last hr")),
    ("> ago(30m)", ("in the last half hour", "over the past half hour", "in the past half an hour", "last 30 min")),
    ("> ago(90m)", ("in the last hour and a half", "over the past hour and a half", "last 1.5 hours")),
    ("> ago(1m)", ("in the last minute", "within the past minute")),
    ("> startofday(now())", ("today", "so far today", "since midnight", "today so far", "since 0:00 today")),
    ("between (startofday(ago(1d)) .. startofday(now()))", ("yesterday", "all of yesterday", "yesterday only", "during yesterday")),
    ("> startofweek(now())", ("this week", "so far this week", "since the start of the week")),
    ("> startofmonth(now())", ("this month", "so far this month", "since the first of the month")),
)  # fmt: skip
KEPT = frozenset(POOLS["span"]) - frozenset(pool("span"))  # the task's own, for dev and test
MONTHS = ("June {d}", "{d} June", "the {o} of June", "June {o}", "2025-06-{d:02d}", "the {o}", "Jun {d}")


def when(rng: random.Random) -> tuple[str, str]:
    """(right side of a predicate on the time column, its words): "> ago(2h)", "in the last 2 hours"."""
    draw = rng.random()
    if draw < 0.58:
        return ago(rng)
    if draw < 0.84:
        right, says = rng.choices(FIXED, (6, 3, 6, 5, 3, 1, 1, 5, 5, 2, 2))[0]
        return right, rng.choice(says)
    if draw < 0.9:
        return between_ago(rng)
    return dates(rng)


def ago(rng: random.Random) -> tuple[str, str]:
    """ "> ago(6h)" and a way to say it."""
    span = rng.choice(pool("span"))
    said = rng.choice(AGO).format(words(rng, span))
    if rng.random() < 0.12:
        said = rng.choice(("since {} ago", "from {} ago until now", "not older than {}", "newer than {}")).format(
            words(rng, span)
        )
    return f"> ago({span})", said


def words(rng: random.Random, span: str) -> str:
    """`2h` as "2 hours", "2h", "two hours", "2 hrs"."""
    count, unit = int(span[:-1]), span[-1]
    one, many, short, shorts = UNITS[unit]
    draw = rng.random()
    if draw < 0.4:
        return span
    if draw < 0.75:
        return f"{count} {one if count == 1 else many}"
    if draw < 0.88 and count in NUMBERS:
        return f"{NUMBERS[count]} {one if count == 1 else many}"
    return f"{count} {short if count == 1 else shorts}"


def between_ago(rng: random.Random) -> tuple[str, str]:
    """A window that ended some time ago, or all that is older than it."""
    unit = rng.choice("hd")
    near, far = sorted(rng.sample([count for count in range(1, 13) if f"{count}{unit}" not in KEPT], 2))
    name = UNITS[unit][1]
    if rng.random() < 0.3:
        return f"< ago({far}{unit})", rng.choice(
            ("more than {} ago", "older than {}", "from before the last {}")
        ).format(f"{far} {name}")
    said = rng.choice(
        ("between {far} and {near} {name} ago", "from {far} to {near} {name} ago", "{near} to {far} {name} ago")
    )
    return f"between (ago({far}{unit}) .. ago({near}{unit}))", said.format(far=far, near=near, name=name)


def dates(rng: random.Random) -> tuple[str, str]:
    """A day, a few days or some hours of a day, of the two weeks that have rows."""
    day = (NOW - timedelta(days=rng.randint(1, DAYS - 1))).day
    kind = rng.choice(("day", "day", "days", "hours", "hours", "after", "before"))
    if kind == "day":
        return f"between ({date(day)} .. {date(day + 1)})", f"on {day_words(rng, day)}"
    if kind == "days":
        last = min(day + rng.randint(1, 4), NOW.day)
        said = rng.choice(("between {} and {}", "from {} to {}", "from {} until {}")).format(*_two_days(rng, day, last))
        return f"between ({date(day)} .. {date(last)})", said
    if kind == "after":
        return f"> {date(day)}", f"{rng.choice(('since', 'after', 'from', 'starting'))} {day_words(rng, day)}" + (
            " on" if rng.random() < 0.2 else ""
        )
    if kind == "before":
        return f"< {date(day)}", f"{rng.choice(('before', 'until', 'up to'))} {day_words(rng, day)}"
    start = rng.randint(0, 20)
    end = start + rng.randint(1, 3)
    said = rng.choice(("between {} and {} on {}", "from {} to {} on {}", "on {2} between {0} and {1}"))
    right = f"between (datetime(2025-06-{day:02d} {start:02d}:00) .. datetime(2025-06-{day:02d} {end:02d}:00))"
    return right, said.format(*_two_hours(rng, start, end), day_words(rng, day))


def date(day: int) -> str:
    """A day of the rows' month as KQL."""
    return f"datetime(2025-06-{day:02d})"


def day_words(rng: random.Random, day: int) -> str:
    """ "June 3", "the 3rd", "2025-06-03" ..."""
    return rng.choice(MONTHS).format(d=day, o=ordinal(day))


def ordinal(number: int) -> str:
    """3 -> 3rd."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _two_days(rng: random.Random, first: int, last: int) -> tuple[str, str]:
    form = rng.choice(MONTHS)
    return form.format(d=first, o=ordinal(first)), form.format(d=last, o=ordinal(last))


def _two_hours(rng: random.Random, start: int, end: int) -> tuple[str, str]:
    if rng.random() < 0.4:
        return f"{start}:00", f"{end}:00"
    sides = [("am" if hour < 12 else "pm", hour % 12 or 12) for hour in (start, end)]
    (one, first), (two, last) = sides
    if one == two and rng.random() < 0.6:
        return str(first), f"{last} {two}"
    gap = rng.choice(("", " "))
    return f"{first}{gap}{one}", f"{last}{gap}{two}"


BINS = {
    "1h": ("hour", "hourly", "every hour", "1h"),
    "1d": ("day", "daily", "every day", "1d"),
    "1m": ("minute", "every minute", "1m"),
}


def bin_words(rng: random.Random, width: str) -> str:
    """How an answer is cut in steps: "per hour", "in 15m bins", "every 5 minutes"."""
    count, unit = int(width[:-1]), width[-1]
    name = f"{count} {UNITS[unit][1]}" if count > 1 else UNITS[unit][0]
    tight = rng.choice((f"{count}{unit}", f"{count}-{UNITS[unit][0]}", f"{count} {UNITS[unit][0]}"))
    forms = [
        "per {name}",
        "by {name}",
        "every {name}",
        "in {tight} bins",
        "in {tight} buckets",
        "in steps of {name}",
        "for each {name}",
        "binned by {tight}",
    ]
    if count == 1:
        forms += ["{adverb}", "{adverb}", "on a {adverb} basis"] if unit in "hd" else []
        forms.remove("in steps of {name}")
    adverb = {"h": "hourly", "d": "daily"}.get(unit, "")
    return rng.choice(forms).format(name=name, tight=tight, adverb=adverb)
