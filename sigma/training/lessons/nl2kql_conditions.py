"""Conditions on a table's rows: a predicate of KQL, and words for it that stand after a noun ("xids *on node x*")."""

from __future__ import annotations

import random
from typing import Any

from sigma.aimicius.nl2kql.schema import Table
from sigma.training.lessons.nl2kql_style import keep
from sigma.training.lessons.nl2kql_values import pool
from sigma.training.lessons.nl2kql_words import FLAGS, SAID, Column, column

UNITS = {
    " C": (" C", "C", " degrees", " °C", " deg", " celsius", ""),
    "%": ("%", "%", " percent", " pct", " %"),
    " GB": (" GB", "GB", " gigs", " gigabytes", " GB"),
    " W": (" W", "W", " watts", " watt"),
    " minutes": (" minutes", " min", " mins", " minutes"),
    " seconds": (" seconds", " s", "s", " sec"),
    " hours": (" hours", " h", "h", " hrs"),
    " kW": (" kW", "kW", " kilowatts", " kw"),
    " dBm": (" dBm", " dbm", "dBm"),
    " GB/s": (" GB/s", "GB/s", " gb/s", " GBps"),
    " ports": (" ports",),
    " GPUs": (" GPUs", " gpus", " cards"),
    "": ("",),
}
# Columns where people mean a place or an owner; a question may begin with such a condition.
PLACES = ("Node", "Device", "Rack", "JobName", "User", "Queue", "Site", "Region", "Store")
SINGLE = "with {name} {v}|where {name} is {v}|whose {name} is {v}|{name} {v}|{name} = {v}|with {v} as {name}"
OVER = "with {name} above {v}|where {name} is over {v}|{name} > {v}|with {name} greater than {v}|whose {name} exceeds {v}|with {name} over {v}|{name} more than {v}"
UNDER = "with {name} below {v}|where {name} is under {v}|{name} < {v}|with {name} less than {v}|whose {name} is lower than {v}|with {name} under {v}"
LEAST = "with {name} of at least {v}|{name} >= {v}|with {name} {v} or more|where {name} is at least {v}"
MOST = "with {name} of at most {v}|{name} <= {v}|with {name} {v} or less|where {name} is at most {v}"
BETWEEN = "with {name} between {a} and {v}|where {name} is between {a} and {v}|{name} from {a} to {v}|with {name} in the range {a} to {v}"


# Beyond a rack or a site: all nodes of a region, and the devices of a role at a site.
WIDER = {
    "Node": "on nodes starting with {0}|on {0} nodes|on hosts whose name starts with {0}|on machines in {0}|on the {0} hosts",
    "PeerNode": "towards {0} nodes|with peers starting with {0}|to hosts in {0}",
    "Device": "on {1} devices in {0}|on {0} {1} switches|on {1} devices under the cluster prefixed with {0}|for the {1}s of {0}|from devices starting with {0} and ending with {1}|at site {0} on {1} devices",
}  # fmt: skip


def literal(value: Any) -> str:
    """A value as KQL."""
    return f'"{value}"' if isinstance(value, str) else str(value)


def pick(rng: random.Random, says: str) -> str:
    """One of the sayings that a text holds."""
    return rng.choice(says.split("|"))


def condition(rng: random.Random, table: Table, name: str) -> tuple[str, str]:
    """(predicate, words) on a column of a table."""
    words = column(table.name, name)
    makers = {"group": _group, "measure": _measure, "flag": _flag, "text": _text, "id": _id, "time": _date}
    return makers[words.kind](rng, name, words)


def unit(rng: random.Random, words: Column, value: Any) -> str:
    """A number with its unit as people write it."""
    return keep(f"{value}") + rng.choice(UNITS[words.unit])


def _group(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    kinds, weights = ["equal", "in", "not"], [6.0, 1.3, 0.6]
    if words.starts:
        kinds.append("starts")
        weights.append(3)
    if words.ends:
        kinds.append("ends")
        weights.append(2.2)
    if name in WIDER and rng.random() < 0.14:
        return _wider(rng, name)
    kind = rng.choices(kinds, weights)[0]
    if kind == "starts":
        value = rng.choice(pool(words.starts))
        return f'{name} startswith "{value}"', pick(rng, words.starts_said).format(v=keep(value))
    if kind == "ends":
        value = rng.choice(pool(words.ends))
        return f'{name} endswith "{value}"', pick(rng, words.ends_said).format(v=keep(value))
    says = words.equal if words.equal and rng.random() < 0.7 else SINGLE
    saying = pick(rng, says)
    label = pick(rng, words.names)
    if kind == "in":
        values = rng.sample(pool(words.pool), min(len(pool(words.pool)), rng.choice((2, 2, 2, 3))))
        listed = (
            ", ".join(keep(value) for value in values[:-1]) + rng.choice((" or ", " or ", " and ")) + keep(values[-1])
        )
        return f"{name} in ({', '.join(map(literal, values))})", saying.format(v=listed, name=label)
    value = rng.choice(pool(words.pool))
    if kind == "not":
        said = rng.choice(
            ("not {s}", "except {n} {v}", "excluding {n} {v}", "where {n} is not {v}", "with {n} other than {v}")
        )
        return f"{name} != {literal(value)}", said.format(
            s=saying.format(v=keep(value), name=label), n=label, v=keep(value)
        )
    return f"{name} == {literal(value)}", saying.format(v=_said(rng, value), name=label)


def _wider(rng: random.Random, name: str) -> tuple[str, str]:
    """Names that start with a region, or with a site and end with a role; the latter are two stages."""
    if name == "Device":
        site, role = rng.choice(pool("site")), rng.choice(pool("role"))
        predicate = f'Device startswith "{site}" | where Device endswith "{role}"'
        return predicate, pick(rng, WIDER[name]).format(keep(site), keep(role))
    region = rng.choice(pool("region"))
    return f'{name} startswith "{region}"', pick(rng, WIDER[name]).format(keep(region))


def _said(rng: random.Random, value: Any) -> str:
    """A value as typed, or in plain words where people have some for it."""
    if isinstance(value, str) and value in SAID and rng.random() < 0.45:
        return pick(rng, SAID[value])
    return keep(value)


def _measure(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    value = rng.choice(pool(words.pool))
    operator = rng.choices((">", "<", ">=", "<=", "between"), (6, 5, 0.9, 0.6, 1.4))[0]
    label = pick(rng, words.names)
    said = unit(rng, words, value)
    if operator == "between":
        low = rng.choice(pool(words.pool))
        low, value = sorted((low, value))
        if low == value:
            operator = ">"
        else:
            text = pick(rng, BETWEEN).format(name=label, a=keep(low), v=unit(rng, words, value))
            return f"{name} between ({low} .. {value})", text
    own, general = {">": (words.equal, OVER), "<": (words.under, UNDER), ">=": ("", LEAST), "<=": ("", MOST)}[operator]
    saying = pick(rng, own if own and rng.random() < 0.62 else general)
    return f"{name} {operator} {value}", saying.format(name=label, v=said)


def _flag(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    predicate = rng.choice([each for each in FLAGS if each.startswith(name)])
    return predicate, pick(rng, FLAGS[predicate])


def _text(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    value = rng.choice(pool(words.pool))
    draw = rng.random()
    if draw < 0.72:
        return f'{name} has "{value}"', pick(rng, words.equal).format(v=keep(value))
    if draw < 0.88:
        return f'{name} contains "{value}"', f"whose {pick(rng, words.names)} contains {keep(value)}"
    return f'{name} !has "{value}"', rng.choice(
        ("not mentioning {}", "without the word {}", "that do not mention {}")
    ).format(keep(value))


def _id(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    value = rng.choice(pool(words.pool))
    return f"{name} == {value}", pick(rng, words.equal).format(v=keep(value))


def _date(rng: random.Random, name: str, words: Column) -> tuple[str, str]:
    """Only dates of service are asked for by year; other times have their own words."""
    year = rng.choice(pool("year"))
    if rng.random() < 0.5:
        return f"{name} > datetime({year}-01-01)", f"in service since {keep(year)}"
    return f"{name} < datetime({year}-01-01)", f"in service before {keep(year)}"
