"""What a question asks of the rows it has narrowed down: the end of the query, and the ways to say it.

In a wording, {rows} is the noun with its conditions and its time ("Xid errors on node x in the past day"); {group},
{groups}, {metric}, {cols} and {bin} come from the table; {n}, {times}, {pct} are values. The last wording of each shape is
kept for test questions, the one before it for dev questions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """`kql` after the filters; `needs`: what of a table it uses, out of "group", "metric", "shows", "time"."""

    name: str
    kql: str
    needs: tuple[str, ...]
    says: tuple[str, ...]
    weight: int = 2


SHAPES = (
    Shape(
        "list", "project {columns}", ("shows",),
        ("show {cols} of the {rows}", "{rows}: {cols}", "list the {rows} with {cols}", "I need {cols} for all {rows}",
         "give me {cols} of every one of the {rows}", "for the {rows}, print {cols}", "which {rows} are there? {cols} please",
         "what are {cols} of the {rows}?"),
        4,
    ),
    Shape(
        "distinct", "distinct {g}", ("group",),
        ("which {groups} have {rows}?", "{groups} with {rows}", "list the {groups} that have {rows}", "check which {groups} show {rows}",
         "name all {groups} with {rows}, each once", "what {groups} turn up among the {rows}?", "find the {groups} behind the {rows}",
         "tell me every {group} that has {rows}"),
        4,
    ),
    Shape(
        "count", "count", (),
        ("how many {rows} are there?", "number of {rows}", "count the {rows}", "what is the count of {rows}?",
         "give me the total of {rows}", "total number of {rows} please", "I want to know how many {rows} we have"),
        3,
    ),
    Shape(
        "count_by", "summarize count() by {g}", ("group",),
        ("count the {rows} per {group}", "{rows} by {group}, counts", "how many {rows} does each {group} have?",
         "number of {rows} for every {group}", "break the {rows} down by {group}", "how are the {rows} spread over {groups}?",
         "per {group}, how many {rows} are there?"),
        4,
    ),
    Shape(
        "top_count", "summarize Count = count() by {g} | top {n} by Count", ("group",),
        ("top {n} {groups} by number of {rows}", "which {n} {groups} have the most {rows}?", "the {n} {groups} with the most {rows}",
         "list the {n} worst {groups} by count of {rows}", "rank {groups} by how many {rows} they have and keep {n}",
         "who leads in {rows}? Give the {n} {groups} with the highest count", "show me {n} {groups}, those with the largest number of {rows}"),
        4,
    ),
    Shape(
        "average", "summarize avg({m}) by {g}", ("metric", "group"),
        ("average {metric} per {group} over the {rows}", "mean {metric} by {group}, {rows}", "what is the average {metric} of each {group} in the {rows}?",
         "give the mean {metric} for every {group} among {rows}", "from the {rows}, compute the average {metric} by {group}",
         "averaged per {group}, what is the {metric} of the {rows}?", "tell me the mean {metric} of the {rows}, one line per {group}"),
        3,
    ),
    Shape(
        "maximum", "summarize max({m}) by {g}", ("metric", "group"),
        ("highest {metric} per {group} over the {rows}", "max {metric} by {group}, {rows}", "what is the maximum {metric} of each {group} in the {rows}?",
         "give the peak {metric} for every {group} among {rows}", "how high did the {metric} get per {group} in the {rows}?",
         "from the {rows}, the largest {metric} of every {group}", "for each {group}, what was the peak {metric} in the {rows}?"),
    ),
    Shape(
        "top_metric", "top {n} by {m}", ("metric",),
        ("the {n} {rows} with the highest {metric}", "top {n} by {metric}: {rows}", "show the {n} {rows} that have the largest {metric}",
         "which {n} of the {rows} have the most {metric}?", "sort the {rows} by {metric}, biggest first, and keep {n}",
         "I only want {n} of the {rows}, those with the greatest {metric}", "of the {rows}, return the {n} with the highest {metric}"),
        3,
    ),
    Shape(
        "lowest", "top {n} by {m} asc", ("metric",),
        ("the {n} {rows} with the lowest {metric}", "bottom {n} by {metric}: {rows}", "show the {n} {rows} that have the smallest {metric}",
         "which {n} of the {rows} have the least {metric}?", "of the {rows}, return the {n} with the lowest {metric}"),
    ),
    Shape(
        "timeline", "summarize count() by bin({t}, {bin})", ("time",),
        ("number of {rows} per {bins}", "{rows} counted per {bins}", "how did the count of {rows} develop, per {bins}?",
         "plot data please: {rows} in steps of {bins}", "count the {rows} in {bins} bins", "how many {rows} are there every {bins}?"),
        3,
    ),
    Shape(
        "trend", "summarize avg({m}) by bin({t}, {bin}), {g}", ("metric", "time", "group"),
        ("average {metric} per {bins} and {group} of the {rows}", "mean {metric} by {bins} and {group}, {rows}",
         "how does the average {metric} of each {group} change per {bins} in the {rows}?",
         "for every {group} and {bins}, the mean {metric} of the {rows}", "trend of the average {metric} per {group} in {bins} bins over the {rows}"),
    ),
    Shape(
        "latest", "summarize arg_max({t}, *) by {g}", ("time", "group"),
        ("the latest of the {rows} for each {group}", "newest entry per {group}, {rows}", "what is the last of the {rows} of every {group}?",
         "most recent record per {group} from the {rows}", "one line per {group}: its newest among the {rows}"),
        3,
    ),
    Shape(
        "newest", "top {n} by {t}", ("time",),
        ("the {n} most recent {rows}", "last {n} {rows}", "show the newest {n} {rows}", "what were the latest {n} {rows}?",
         "give me the {n} {rows} that came in last"),
        3,
    ),
    Shape(
        "different", "summarize dcount({g})", ("group",),
        ("how many different {groups} have {rows}?", "distinct {groups} with {rows}, number", "count the different {groups} in the {rows}",
         "over how many {groups} are the {rows} spread?", "what is the number of unique {groups} among the {rows}?"),
    ),
    Shape(
        "percentile", "summarize percentile({m}, {pct}) by {g}", ("metric", "group"),
        ("{pct}th percentile of {metric} per {group} over the {rows}", "p{pct} {metric} by {group}, {rows}",
         "what is the p{pct} of the {metric} of each {group} in the {rows}?", "give the {pct}th percentile {metric} for every {group} among {rows}",
         "per {group}, which {metric} do {pct} percent of the {rows} stay under?"),
    ),
    Shape(
        "at_least", "summarize Count = count() by {g} | where Count > {times}", ("group",),
        ("{groups} with more than {times} {rows}", "which {groups} have over {times} {rows}?", "list {groups} that have {times}+ (strictly more) {rows}",
         "find the {groups} whose {rows} number more than {times}", "are there {groups} with more than {times} {rows}? Which?"),
        3,
    ),
    Shape(
        "some", "take {n}", (),
        ("{n} examples of {rows}", "any {n} {rows}", "show me a sample of {n} {rows}", "I would like to see {n} of the {rows}",
         "just {n} {rows}, no matter which"),
    ),
    Shape(
        "sorted", "sort by {m} desc | project {columns}", ("metric", "shows"),
        ("{cols} of the {rows}, sorted by {metric}, highest first", "{rows} by descending {metric}: {cols}",
         "list {cols} of the {rows} from the highest {metric} down", "order the {rows} by falling {metric} and show {cols}",
         "give {cols} of the {rows}, biggest {metric} on top"),
    ),
)  # fmt: skip

# Around a question: nothing of it changes the query. Partitioned like values: the last ones are test's and dev's.
OPENERS = (
    "", "please ", "can you ", "hi, ", "quick one: ", "for the weekly report, ", "I'm on call: ", "hey, ", "as a check, ",
    "before I escalate, ", "for my dashboard, ", "a customer complained, so ", "we suspect a problem; ", "during triage: ",
    "my manager asks: ", "ops question: ", "to confirm a hunch, ", "in short: ", "could someone say: ", "for the postmortem, ",
)  # fmt: skip
CLOSERS = ("", "", "", "", ".", " please", ", thanks", " asap", "!", " - thank you", " (KQL)", ", if you can")
# An indirect question tells a story first; the query is still in the last sentence.
STORIES = (
    "Training got slow since this morning.", "The night shift left no notes.", "Somebody mentioned trouble with this cluster.",
    "I have a bad feeling about the fleet.", "We plan maintenance.", "The vendor wants numbers.", "An alert fired twice.",
    "Capacity planning again.", "The last deployment may have broken something.", "Users report odd hangs.",
    "We want to replace parts before they fail.", "Finance asks why usage moved.",
)  # fmt: skip
SPANS = ("in the past {span}", "over the last {span}", "in the last {span}", "during the past {span}", "since {span} ago", "from the last {span}", "within the last {span}", "in previous {span}")  # fmt: skip
