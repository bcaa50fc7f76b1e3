"""The drawing: escaped, bounded, right without JavaScript; in a browser stepped by button, slider and key."""

import html
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sigma.aimicius.optiflow import TASK
from sigma.aimicius.optiflow.generator.programs import good_program, print_of, slow_program
from sigma.aimicius.optiflow.judge import judge_output
from sigma.aimicius.optiflow.question import read_question
from tests.visualizers.modules import serve_modules
from visualizers.tasks.optiflow import arrivals, draw
from visualizers.tasks.optiflow_picture import positions

ASSETS = Path(__file__).parents[3] / "assets"
EXAMPLES = {case.id: case for case in TASK.examples()}


def view_of(fields, program=None):
    q = read_question(fields)
    part, _ = judge_output(
        q, print_of(program or good_program("rotate", "lines", q.topology.gpus, q.chunks), q.values())
    )
    return json.loads(json.dumps(part.view))


NDV5 = {"topology": "NDv5", "size": 140, "chunks": 2}
VIEWS = {
    "flat on a switch": view_of(NDV5),
    "rounds on a switch": view_of(NDV5, good_program("rotate", "steps", 8, 2)),
    "slow": view_of({**NDV5, "topology": "DGX-1"}, slow_program("one chunk at a time", 8, 2)),
    "second turn": view_of({**NDV5, "previous": {"program": "x", "latency_us": 70.93}}),
    "bad transfer": view_of({**NDV5, "topology": "DGX-1"}),
    "bad at once": view_of(NDV5, "print('D(0, 0): G(5) => G(1)')"),
    "no such GPU": view_of(NDV5, "print('D(0, 0): G(0) => G(1)')\nprint('D(0, 0): G(0) => G(99)')"),
    "incomplete": view_of(NDV5, "print('D(0, 0): G(0) => G(1)')"),
    "redundant": view_of(NDV5, good_program("rotate", "lines", 8, 2) + "print('D(0, 0): G(0) => G(1)')"),
    "large": view_of({"topology": "DGX-2", "size": 140, "chunks": 40}),
    "nothing but itself": view_of(NDV5, "print('D(0, 0): G(0) => G(0)')"),
}


class Reader(HTMLParser):
    """Tags in balance, and what they hold."""

    VOID = {"input"}

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.words, self.plan = [], [], [], None
        self.feed(text)
        self.close()
        assert not self.stack, self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.stack.append(tag)
        if "data-plan" in dict(attrs):
            self.plan = json.loads(dict(attrs)["data-plan"])

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.stack and self.stack.pop() == tag, (tag, self.stack)

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_well_formed_and_small(name):
    text = draw(VIEWS[name])
    page = Reader(text)
    assert len(text) < 250_000
    assert page.plan["gpus"] == VIEWS[name]["gpus"]
    assert "script" not in page.tags and "nan" not in text.lower()


def test_without_javascript_the_last_round_is_shown():
    page = Reader(draw(VIEWS["rounds on a switch"]))
    words = " ".join(page.words)
    assert "Round 7 of 7: 6.67 to 7.78 us, 16 transfers" in words
    assert page.tags.count("polygon") == 8
    assert 'data-of="controls" hidden' in draw(VIEWS["rounds on a switch"])


def test_latency_stands_against_the_bound_with_numbers():
    words = " ".join(Reader(draw(VIEWS["second turn"])).words)
    for expected in (
        "Latency: 1.00 times the lower bound",
        "this plan",
        "7.78 us",
        "previous plan",
        "70.93 us",
        "2.58 us",
    ):
        assert expected in words
    assert "without barriers" in draw(VIEWS["slow"]) and "Latency" not in draw(VIEWS["bad transfer"])
    assert "Load of the 16 links" in draw(VIEWS["flat on a switch"]) and "980.00 KB" in draw(VIEWS["flat on a switch"])


def test_a_bad_transfer_is_drawn_apart_where_it_can_be():
    assert 'class="of-arrow bad"' in draw(VIEWS["bad transfer"])
    assert "this transfer is not possible" in draw(VIEWS["bad at once"])
    assert 'class="of-arrow bad"' not in draw(VIEWS["no such GPU"])


def test_text_is_escaped_everywhere():
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    for view in (
        {"kind": "optiflow.code", "code": attack},
        {"kind": "optiflow.output", "text": attack, "cut": True, "seconds": 1.0, "line": 2, "source": attack},
        {**VIEWS["redundant"], "name": attack, "warnings": [attack], "problem": attack},
    ):
        text = draw(view)
        assert "<script" not in text and "<img" not in text
        assert html.escape(attack) in text
        Reader(text)
    assert draw({"kind": "other"}) == ""


def test_who_holds_what_after_which_step():
    steps = [[0, 1, [0, 0, 0, 1]], [1, 2, [0, 0, 1, 2, 1, 0, 1, 2]]]
    assert arrivals(3, 1, steps, bad=False) == {(1, 0): 0, (2, 0): 1, (2, 1): 1}
    assert arrivals(3, 1, steps, bad=True) == {(1, 0): 0}
    assert len(positions(8, 9)) == 9 and positions(8, 9)[8] == (150, 150)


def page_html(view, script=True, dark=False):
    css = "".join((ASSETS / f"{n}.css").read_text("utf-8") for n in ("shared/page", "tasks/base", "tasks/optiflow"))
    # Called twice, as the tab does after every change.
    run = (
        '<script type="module">import { drawPlans } from "/tasks/optiflow.js";'
        "for (let i = 0; i < 2; i++) drawPlans(document.getElementById('root'));</script>"
        if script
        else ""
    )
    kind = ' class="dark"' if dark else ""
    return (
        f'<!doctype html><html><head><meta name="viewport" content="width=device-width"><style>{css}</style></head>'
        f'<body{kind}><div class="gradio-container"><div id="root"><div class="part-view">{draw(view)}</div></div></div>{run}</body></html>'
    )


@pytest.fixture
def open_page(browser):
    pages = []

    def opener(view, width=700, script=True, **options):
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        page.problems = []
        page.on("pageerror", lambda e: page.problems.append(str(e)))
        serve_modules(page, page_html(view, script))
        pages.append(page)
        return page

    yield opener
    for page in pages:
        assert not page.problems
        page.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", [n for n in VIEWS if n != "nothing but itself"])
def test_the_browser_draws_the_last_step_as_the_server_did(open_page, name):
    with_script, without = open_page(VIEWS[name]), open_page(VIEWS[name], script=False)
    # Chromium may write numbers and spaces in its own way; shapes, classes and names have to be the same.
    read = """() => [...document.querySelectorAll('.of-arrows *, .of-held rect, .of-now, .of-sends pre')].map(
        (e) => [e.tagName, e.getAttribute('class').trim(), e.children.length ? '' : e.textContent,
                (e.getAttribute('d') || e.getAttribute('points') || '').match(/-?[0-9.]+/g)])"""
    read = read.replace("e.getAttribute('class').trim()", "(e.getAttribute('class') || '').trim()")
    ours, theirs = with_script.evaluate(read), without.evaluate(read)
    assert len(ours) == len(theirs)
    for one, two in zip(ours, theirs):
        assert one[:3] == two[:3]
        assert [float(x) for x in one[3] or []] == pytest.approx([float(x) for x in two[3] or []], abs=0.15)


@pytest.mark.browser
def test_stepping_by_button_slider_and_key(open_page):
    page = open_page(VIEWS["rounds on a switch"])
    now = lambda: page.locator(".of-now").inner_text()  # noqa: E731
    new = lambda: page.locator(".of-cell.new").count()  # noqa: E731
    old = lambda: page.locator(".of-held .of-cell.old").count()  # noqa: E731
    assert now().startswith("Round 7 of 7") and page.locator("[data-of=next]").get_attribute("aria-disabled") == "true"
    page.locator("[data-of=back]").click()
    assert now().startswith("Round 6 of 7")
    page.locator("[data-of=slider]").focus()
    page.keyboard.press("Home")
    assert now() == "Round 1 of 7: 0.00 to 1.11 us, 16 transfers"
    assert (new() - 1, old()) == (16, 0)  # one more is in the legend
    page.keyboard.press("ArrowRight")
    assert now().startswith("Round 2 of 7") and old() == 16
    page.locator("[data-of=next]").focus()
    for key, expected in (("ArrowRight", 3), ("ArrowLeft", 2), ("End", 7), ("Home", 1)):
        page.keyboard.press(key)
        assert now().startswith(f"Round {expected} of 7"), key
    assert page.locator(".of-sends pre").text_content().splitlines()[0] == "D(0, 0): G(0) => G(1)"
    page.locator("[data-of=play]").click()
    assert page.locator("[data-of=play]").inner_text() == "pause"
    page.wait_for_function("document.querySelector('.of-now').textContent.startsWith('Round 2')")
    page.locator("[data-of=play]").click()
    assert page.locator("[data-of=play]").inner_text() == "play"


@pytest.mark.browser
def test_nothing_moves_by_itself_for_those_who_asked_for_that(open_page):
    page = open_page(VIEWS["slow"], reduced_motion="reduce")
    assert not page.locator("[data-of=play]").is_visible()
    page.locator("[data-of=back]").click()
    assert page.locator(".of-now").inner_text().startswith("Round 111 of 112")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["flat on a switch", "slow", "large", "bad transfer"])
def test_a_narrow_screen_needs_no_sideways_scrolling(open_page, name):
    page = open_page(VIEWS[name], width=390)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    small = page.evaluate(
        "[...document.querySelectorAll('.of-controls button:not([hidden])')].filter((b) => b.offsetWidth < 44 || b.offsetHeight < 36).length"
    )
    assert small == 0


@pytest.mark.browser
def test_without_javascript_the_picture_stands(open_page):
    page = open_page(VIEWS["rounds on a switch"], script=False)
    assert not page.locator(".of-controls").is_visible()
    assert page.locator(".of-arrow").count() == 8
