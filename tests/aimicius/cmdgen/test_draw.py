"""Drawings of a verdict: every text escaped, no script, every part of the real judge drawn."""

import re
from html.parser import HTMLParser

import pytest

from sigma.aimicius.cmdgen import TASK
from sigma.aimicius.contract import Case, verdict_of
from visualizers.tasks.cmdgen import draw

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&"
ANSWERS = [
    "nvidia-smi -q -i 0",
    "nvidia-smi --id=0 -q -f \\/tmp\\/a.txt",
    f"nvidia-smi -f '{EVIL}'",
    f"nvidia-smi --{EVIL}",
    f"nvidia-smi -q\nnvidia-smi -f {EVIL}",
    "",
    "no command",
    "nvidia-smi -l 3",
]


class Check(HTMLParser):
    """Counts open tags; refuses scripts and event handlers."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "img", "iframe", "style", "link"), tag
        assert not any(name.startswith("on") or "javascript:" in (value or "") for name, value in attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def drawn(answer, truth):
    case = Case("x", {"prompt": "?", "vendor": "NVIDIA", "system": "8xH100", "tool": ""}, truth)
    return [(part, draw(part.view)) for part in verdict_of(TASK, case, answer).parts if part.view]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
@pytest.mark.parametrize("truth", ["nvidia-smi -i 0 -q", "", f"nvidia-smi -f '{EVIL}'"], ids=["truth", "none", "evil"])
def test_every_part_is_well_formed_and_escaped(answer, truth, without_encoder):
    for part, html in drawn(answer, truth):
        check = Check()
        check.feed(html)
        assert not check.open, part.name
        assert "<script" not in html and "<img" not in html


def test_the_difference_has_a_row_for_every_option(without_encoder):
    html = {part.name: html for part, html in drawn("nvidia-smi -q -i 1 -x", "nvidia-smi -q -i 0 -f /tmp/a")}
    states = re.findall(r'<tr data-state="([^"]+)"', html["Difference"])
    assert sorted(states) == ["extra", "missing", "other value", "same", "same"]
    for word in ("same", "missing", "extra", "other value"):
        assert f"</span> {word}</td>" in html["Difference"]


def test_terminals_say_that_they_are_simulated(without_encoder):
    html = {part.name: html for part, html in drawn("nvidia-smi -L", "nvidia-smi -L -i 0")}
    assert html["Terminal"].count("simulated, 8 x H100") == 2
    assert html["Terminal"].count("<figure") == 2
    assert "GPU 0: NVIDIA H100 80GB HBM3" in html["Terminal"]


def test_both_forms_of_a_back_slashed_path_are_shown(without_encoder):
    html = {part.name: html for part, html in drawn(r"nvidia-smi -f \/tmp\/a", "nvidia-smi -f /tmp/a")}
    assert r"\/tmp\/a" in html["Answer"] and "made plain" in html["Answer"]


def test_thresholds_are_drawn_and_said_to_be_ours(without_encoder):
    html = {part.name: html for part, html in drawn("nvidia-smi -L", "nvidia-smi")}
    assert html["Scores"].count("<svg") == 3 and "The paper gives no thresholds" in html["Scores"]


def test_an_unknown_view_draws_nothing():
    assert draw({"kind": "dcw"}) == "" and draw({}) == ""
