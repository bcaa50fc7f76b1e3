"""How requests for benchmark results are worded: {t} the target, {b} the baseline, {w} the workload, {c} the criterion's clause.

A clause is put where {c} stands, or as a sentence of its own before or behind. What says nothing about the DCW (greetings, reasons,
other figures) is there to be ignored: a meeting in ten minutes is no limit.
"""

from __future__ import annotations

import random

from sigma.aimicius.infrawise import names
from sigma.aimicius.infrawise.cases import typos

SINGLE = (
    "{w} on {t}{c}", "{t} {w}{c}", "{w} {t}{c}", "{t}, {w}{c}", "{t} - {w}{c}", "{w} @ {t}{c}", "{t}: {w}{c}", "{w} for {t}{c}",
    "{t} {w}{c}?", "{w} on {t}{c}?", "{w}? {t}{c}", "results {w} {t}{c}", "{w} numbers {t}{c}", "benchmarks {t} {w}{c}", "need {w} on {t}{c}",
    "How does {t} do on {w}{c}?", "How good is {t} at {w}{c}?", "What's {w} like on {t}{c}?", "What can {t} do in {w}{c}?",
    "What numbers do we have for {w} on {t}{c}?", "Do we have {w} for {t}{c}?", "Did anybody measure {w} on {t}{c}?",
    "Any results of {w} on {t}{c}?", "Can you find {w} measurements for {t}{c}?", "Could you look up {w} on {t}{c}?",
    "Please show {w} results of {t}{c}.", "Give me {w} on {t}{c}.", "Show {w} for {t}{c}.", "List the {w} results on {t}{c}.",
    "Tell me about {w} on {t}{c}.", "Pull up {w} for {t}{c}.", "Fetch what was measured for {w} on {t}{c}.", "Search for {w} on {t}{c}.",
    "I want to know how {t} handles {w}{c}.", "I'd like to see {w} on {t}{c}.", "I'm after {w} results from {t}{c}.",
    "I'm curious about {w} on {t}{c}.", "I am writing a report about {t} and need {w}{c}.", "We run {w} on {t}. How is it{c}?",
    "We use {t}. What is known about {w}{c}?", "We're getting {t} next month; our main job is {w}. What should we expect{c}?",
    "Suppose I run {w} on {t}{c}. What have others seen?", "If we put {w} on {t}, what do we get{c}?", "Is {t} any good for {w}{c}?",
    "Is {t} suitable for {w}{c}?", "Can {t} handle {w}{c}?", "My boss asks about {w} on {t}{c}.", "A colleague needs {w} for {t}{c}.",
    "For a slide: {w} on {t}{c}.", "Which results exist for {t} with {w}{c}?", "What does {t} reach in {w}{c}?",
    "What does {t} deliver for {w}{c}?", "Let's see {t} on {w}{c}.", "Look at {t} with {w}{c}.", "Check {w} on {t}{c}.",
    "Check how {t} copes with {w}{c}", "performance of {t} in {w}{c}", "measured {w} of {t}{c}", "{w} performance data, hardware {t}{c}",
    "hardware: {t}\nworkload: {w}{c}", "workload {w}, hardware {t}{c}", "GPU/VM = {t}, benchmark = {w}{c}",
    "Customers want {w} on {t}{c}; do we have figures?", "Before we buy {t}: how is {w}{c}?", "Thinking of {t} for {w}{c}. Data?",
    "Sizing a cluster of {t}. Needed: {w}{c}.", "Our {t} machines will do {w}{c}. What is realistic?", "Assess {t} for {w}{c}.",
    "Summarise {w} on {t}{c}.", "Run through the results of {w} on {t}{c}.", "I have {t} at hand. What about {w}{c}?",
    "What should {w} give on {t}{c}?", "Look for {t} results in {w}{c}", "there should be {w} numbers for {t}{c}, can you get them",
    "We have been asked for {w}. The hardware is {t}{c}. What can we say?", "The machine: {t}. The benchmark: {w}{c}. What came out?",
    "Somebody on the team needs numbers. It's {w}, on {t}{c}.", "I have to choose hardware and {t} is on the list. Show me {w}{c}.",
    "Our workload is {w}. The supplier offers {t}{c}. Are there measurements?", "{t} would be new for us. We do {w}{c}. Please find results.",
    "I read that {t} is great at {w}. Is that so{c}?", "Let me have {w} for {t}{c}", "Get me everything on {w} for {t}{c}.", "Collect {w} results where the hardware is {t}{c}.",
    "Find me {t} results in {w}{c}.", "Filter for {w} on {t}{c}.", "What is the {w} result of {t}{c}?", "What are the figures for {w} with {t}{c}?",
    "Which figures for {w} do you have from {t}{c}?", "Where does {t} stand in {w}{c}?", "How would you rate {t} for {w}{c}?", "How well suited is {t} to {w}{c}?",
    "What could I get out of {t} in {w}{c}?", "If I rent {t}, how is {w}{c}?", "Would {t} be ok for {w}{c}?", "Is {w} on {t} any good{c}?", "Interested in {w}, {t} only{c}",
    "{t} / {w}{c}", "{w} | {t}{c}", "[{t}] {w}{c}", "q: {w} on {t}{c}", "{w} test of {t}{c}, results?", "show {t} {w}{c}", "find {t} {w}{c}", "lookup: {t}, {w}{c}", "data on {w}, machine {t}{c}",
    "Results for {t}, please; the workload is {w}{c}.", "The question is how {t} behaves under {w}{c}.", "We'd use {t} for {w}{c}. Good idea?", "I'm benchmarking {t} with {w}; what did others get{c}?",
)  # fmt: skip
COMPARE = (
    "{t} vs {b} {w}{c}", "{t} vs. {b} on {w}{c}", "{t} versus {b}: {w}{c}", "{w} {t} vs {b}{c}", "{w}: {t} against {b}{c}", "{t} over {b}, {w}{c}",
    "{t} compared with {b}, {w}{c}", "{w}, {t} relative to {b}{c}", "{t} (baseline {b}) {w}{c}", "{w} on {t}, baseline {b}{c}",
    "speedup of {t} over {b} in {w}{c}", "speed-up {t}/{b} for {w}{c}", "gain of {t} over {b}, {w}{c}", "difference between {t} and {b} in {w}{c}",
    "How does {t} compare to {b} for {w}{c}?", "How does {t} stack up against {b} in {w}{c}?", "How much better is {t} than {b} at {w}{c}?",
    "How much quicker is {t} than {b} for {w}{c}?", "How much slower is {t} than {b} in {w}{c}?", "How far ahead of {b} is {t} in {w}{c}?",
    "Is {t} faster than {b} in {w}{c}?", "Is {t} ahead of {b} on {w}{c}?", "Is {t} worth it over {b} for {w}{c}?", "Is {t} slower than {b} at {w}{c}?",
    "Is it worth going from {b} to {t} for {w}{c}?", "Is it worth switching to {t} from {b} if we do {w}{c}?",
    "Should we upgrade from {b} to {t}? It's about {w}{c}.", "Should I take {t} rather than {b} for {w}{c}?", "Would {t} be better than {b} for {w}{c}?",
    "Does {t} outperform {b} in {w}{c}?", "Does {t} win over {b} when it comes to {w}{c}?", "Does moving from {b} to {t} pay off in {w}{c}?",
    "What changes in {w} when {b} is replaced by {t}{c}?", "What improvement does {t} bring over {b} in {w}{c}?", "What's the gap from {b} to {t} in {w}{c}?",
    "What would {t} give us over {b} in {w}{c}?", "Compare {t} to {b} for {w}{c}.", "Compare {w} on {t} with {w} on {b}{c}.",
    "Compare {w} between {t} and {b}{c}.", "Compare {t} and {b} in {w}{c}.", "Please compare {t} against {b}, workload {w}{c}.",
    "Contrast {t} with {b} in {w}{c}.", "Put {t} next to {b} for {w}{c}.", "Set {t} against {b} in {w}{c}.", "Rate {t} relative to {b} on {w}{c}.",
    "Show {t} and, for reference, {b} in {w}{c}.", "Show me {w} of {t} versus that of {b}{c}.", "Give me {t} against a {b} baseline in {w}{c}.",
    "I'd like {t} and {b} compared in {w}{c}.", "I want to know whether {t} beats {b} at {w}{c}.", "I wonder if {t} is an improvement over {b} in {w}{c}.",
    "I have {b}, a vendor offers {t}. What about {w}{c}?", "We run {w} on {b} now. What would {t} do{c}?", "We currently use {b}; is {t} better for {w}{c}?",
    "We own {b} and consider {t}. The job: {w}{c}.", "Our baseline is {b}. Evaluate {t} in {w}{c}.", "With {b} as baseline, how is {t} in {w}{c}?",
    "Baseline {b}, target {t}, workload {w}{c}", "target: {t}\nbaseline: {b}\nworkload: {w}{c}", "Against {b}, how does {t} look in {w}{c}?",
    "Compared to {b}, what does {t} achieve in {w}{c}?", "Next to {b}, is {t} any good at {w}{c}?", "From {b} to {t}: {w}{c}", "{b} -> {t}, {w}{c}",
    "migrating {b} to {t}, effect on {w}{c}?", "{t} instead of {b} for {w}{c}?", "{t} rather than {b}? {w}{c}", "{t} or {b} for {w}{c}?",
    "Which is better in {w}, {t} or {b}{c}?", "Who wins at {w}: {t} or {b}{c}?", "Relative performance of {t} to {b}: {w}{c}",
    "Today we are on {b}. Tomorrow it could be {t}. What does that mean for {w}{c}?", "We know {b} well. How different is {t} in {w}{c}?", "Our numbers are from {b}. What would they be on {t}? The job is {w}{c}.",
    "I can get {t} or stay on {b}. For {w}, what's better{c}?", "Management wants to replace {b} with {t}. Look at {w}{c}.", "A vendor claims {t} beats {b} in {w}. True{c}?", "They say {t} is far ahead of {b} at {w}{c}. Is it?",
    "Take {t} and compare it with {b} in {w}{c}.", "Look at {w}: is {t} ahead of {b}{c}?", "For {w}, compare {t} to {b}{c}.", "For {w}, is {t} preferable to {b}{c}?", "In {w}, how does {t} fare against {b}{c}?", "At {w}, is {t} stronger than {b}{c}?",
    "How does the {w} of {t} compare with that of {b}{c}?", "How big is the advantage of {t} over {b} in {w}{c}?", "By how much does {t} beat {b} in {w}{c}?", "By what factor is {t} faster than {b} in {w}{c}?", "What factor do we gain with {t} over {b} for {w}{c}?", "What do we lose in {w} if we take {t} instead of {b}{c}?",
    "Is there a benefit of {t} over {b} for {w}{c}?", "Is {t} a worthy successor of {b} for {w}{c}?", "Is there any point in leaving {b} for {t} with {w}{c}?", "Would you swap {b} for {t} for {w}{c}?", "Could {t} replace {b} for {w}{c}?", "upgrade {b} to {t}, {w}{c}", "switch from {b} to {t}: {w}{c}?",
    "{t} relative to {b} in {w}{c}", "{t} (vs {b}): {w}{c}", "{w}: {t} / baseline {b}{c}", "{w} | {t} | baseline {b}{c}", "{t} better than {b}? {w}{c}", "compare {t} {b} {w}{c}", "comparison {t} with {b}, {w}{c}", "{t} against {b} {w}{c}", "ratio of {t} to {b} in {w}{c}", "{w} on {t} compared to {b}{c}",
    "{b} does our {w} well enough. What would {t} add{c}?", "{b} has served us well. Does {t} do more for {w}{c}?", "So far it was {b}. Next it may be {t}, for {w}{c}.", "{b} is what we know; {t} is what I ask about. Workload: {w}{c}.",
    "Take {b} as 100 %. Where is {t} in {w}{c}?", "If {b} is the old one and {t} the new one, how does {w} change{c}?", "Old: {b}. New: {t}. Job: {w}{c}.", "{b} before, {t} after: {w}{c}", "{b} today, {t} tomorrow, {w}{c}", "{w}: from {b} to {t}{c}", "{w}, {b} replaced by {t}{c}",
    "Is {b} beaten by {t} in {w}{c}?", "Is {b} slower than the new {t} in {w}{c}?", "Does {b} lose to {t} in {w}{c}?", "How far is {b} behind {t} in {w}{c}?",
    "What is {t} worth in {w}, seen from {b}{c}?", "In {w}, {t} as a multiple of {b}{c}",
    "Show how {t} improves on {b} in {w}{c}.", "Measure {t} by {b}: {w}{c}.", "Evaluate {t}, taking {b} as the baseline, in {w}{c}.", "Use {b} as baseline for {t}; the workload is {w}{c}.",
)  # fmt: skip
# Behind the request without a comma, with one, and as a sentence of its own.
PEAK = (
    ("at its peak", "at peak", "at peak performance", "at full speed", "when it performs best", "at its best", "peak perf", "max performance", "for maximum performance"),
    ("peak performance please", "peak only", "the best figures", "criterion peak performance", "performance at its maximum", "max perf", "the highest numbers", "best case"),
    ("I need the peak performance.", "The peak is what I want.", "Only the maximum counts.", "Show the best it can do.", "We want the highest performance.", "Best performance wins.", "Give me the peak numbers.", "I'm interested in maximum performance.", "Money is no issue, I want top performance.", "Criterion: peak performance.", "Fastest possible, please."),
)  # fmt: skip
COST = (
    ("per dollar", "for its price", "in terms of cost", "by cost-effectiveness", "with regard to cost", "considering the price", "at the best price/performance", "cost-wise", "given our small budget"),
    ("cost matters", "cost-effective please", "price/performance", "criterion cost-effectiveness", "money is tight", "perf per dollar", "cost efficiency", "the cheaper the better"),
    ("Cost is what counts.", "We are short of money.", "It has to be cheap.", "Price/performance matters most.", "Bang for the buck, please.", "I look at the cost.", "Which gives more for the money?", "Criterion: cost-effectiveness.", "Our budget is small.", "We want to save money.", "Performance per dollar is our metric."),
)  # fmt: skip
WITHIN = (
    ("within {d}", "under {d}", "in less than {d}", "below {d}", "in no more than {d}", "in {d} or less", "staying under {d}", "if it must take {d} at most", "with a {d} limit"),
    ("max {d}", "at most {d}", "limit {d}", "< {d}", "<= {d}", "up to {d}", "deadline {d}", "{d} max", "not over {d}", "criterion within {d}"),
    ("It must take {d} at most.", "We have {d}, not more.", "The limit is {d}.", "Our deadline is {d}.", "Results have to be within {d}.", "More than {d} is not acceptable.", "Time budget: {d}.", "It may not exceed {d}.", "Keep it under {d}.", "Drop whatever takes longer than {d}.", "Criterion: within {d}.", "I cannot use anything over {d}."),
)  # fmt: skip
PLAIN = (("by default", "in general", "overall"), ("the usual criterion", "default criterion", "no special criterion"), ("The default criterion is fine.", "Criterion: default.", "No particular criterion.", "Anything you have."))  # fmt: skip
OPENERS = ("Hi, ", "Hello! ", "Hey, ", "Hi there. ", "Good morning, ", "Quick question: ", "One more: ", "Sorry to bother you, ", "ok, ", "hm, ", "So: ", "Please help: ", "Dear team, ", "For my thesis: ", "From a customer: ")  # fmt: skip
TAILS = (" Thanks.", " Thank you!", " thx", " Cheers", " Please be quick.", " It's for a slide.", " The meeting starts in 10 minutes.", " I need it by Friday.", " We plan 32 nodes.", " We have the machines for 3 months.", " My manager is waiting.", " That would help me a lot.", " No hurry.", " pls", " We start in 2 weeks.")  # fmt: skip

UNITS = {
    "us": ("us", "us", "µs", "usec", "microseconds", "micros"),
    "ms": ("ms", "ms", "ms", "msec", "milliseconds", "millis"),
    "s": ("s", "s", "sec", "secs", "seconds"),
    "min": ("min", "minutes", "mins"),
}
WORDED = {"0.5 s": "half a second", "1 s": "one second", "2 s": "two seconds", "1 ms": "one millisecond", "5 ms": "five milliseconds", "10 ms": "ten milliseconds", "100 ms": "a hundred milliseconds", "1 min": "one minute", "2 min": "two minutes"}  # fmt: skip


def spoken_limit(rng: random.Random, limit: str) -> str:
    """ "200 ms" as it may be said."""
    if limit in WORDED and rng.random() < 0.5:
        return WORDED[limit]
    number, unit = limit.split()
    said = rng.choice(UNITS[unit])
    return f"{number}{'' if len(said) <= 2 and rng.random() < 0.5 else ' '}{said}"


def clause(rng: random.Random, criterion: str) -> tuple[str, str]:
    """What is said of the criterion: a clause for {c} with what stands before it, and a sentence; one of them is empty."""
    limit = criterion.removeprefix("within ") if criterion.startswith("within ") else ""
    if criterion == names.DEFAULT and rng.random() < 0.93:
        return "", ""
    forms = WITHIN if limit else {names.PEAK: PEAK, names.COST: COST}.get(criterion, PLAIN)
    how = rng.choice((0, 1, 2))
    text = rng.choice(forms[how])
    if limit:
        text = text.replace("{d}", spoken_limit(rng, limit))
    return (f"{' ' if how == 0 else ', '}{text}", "") if how < 2 else ("", text)


def word(rng: random.Random, target: str, baseline: str, workload: str, criterion: str) -> str:
    """A request. The names come as they are to be said, the criterion as in a DCW."""
    template = rng.choice(COMPARE if baseline else SINGLE)
    inner, sentence = clause(rng, criterion)
    if rng.random() < 0.15:
        template = typos(rng, template)
    text = template.replace("{c}", inner).replace("{t}", target).replace("{b}", baseline).replace("{w}", workload)
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:]
    if sentence and rng.random() < 0.25:
        text = f"{sentence} {text}"
    elif sentence:
        text = f"{text}{'' if text[-1] in '.?!' else '.'} {sentence}"
    if rng.random() < 0.12:
        text = rng.choice(OPENERS) + text
    if rng.random() < 0.12:
        text += ("" if text[-1] in ".?!" else ".") + rng.choice(TAILS)
    if rng.random() < 0.12:
        return text.lower()
    return text.rstrip(".?") if rng.random() < 0.05 else text
