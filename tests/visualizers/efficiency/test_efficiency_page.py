"""The Efficiency tab in a real browser: a run, a refusal, Cancel, presets, many at once, phone and dark."""

import time

import pytest

from tests.visualizers.efficiency.results import result
from visualizers.efficiency import lab as module

pytestmark = pytest.mark.browser


@pytest.fixture
def runs(monkeypatch):
    """What was asked; a run says so many rounds and gives known times."""
    asked = []
    state = {"rounds": 3}

    def measure(self, settings):
        asked.append(settings)
        for i in range(state["rounds"]):
            self.loader.engine.aside(lambda: time.sleep(0.01))
            time.sleep(0.04)  # the fake engine's lock is not fair, as the real one's line is
            yield f"{settings.prefixes[0]:,} tokens, round {i + 1}", i / state["rounds"]
        found = result(**settings.model_dump())
        return {**found.to_dict(), "csv": found.csv()}

    monkeypatch.setattr(module.Lab, "measure", measure)
    monkeypatch.setattr(module, "SAY_SECONDS", 0)
    return asked, state


def open_tab(visit, **view):
    visitor = visit(**view)
    visitor.page.get_by_role("tab", name="Efficiency").click()
    visitor.page.wait_for_selector("#effic-run:visible")
    return visitor


def box(visitor, name):
    return visitor.page.locator(f"#effic-{name} textarea, #effic-{name} input").first


def test_a_run_draws_and_can_be_saved(visit, runs):
    visitor = open_tab(visit)
    page = visitor.page
    box(visitor, "prefixes").fill("2k 4k 16k 32k")
    page.locator("#effic-run").click()
    visitor.wait_text("#effic-results", "0.625 (0.625–0.625)")
    visitor.wait_text("#effic-results", "measured now")
    page.wait_for_selector("#effic-plot-0 .js-plotly-plot .legendtext >> text=Table 15")
    assert page.locator(".js-plotly-plot:visible").count() == 6
    assert runs[0][-1].prefixes == (2048, 4096, 16_384, 32_768)
    with page.expect_download() as download:
        page.locator("#effic-results").get_by_role("button", name="Save as CSV").click()
    assert download.value.suggested_filename == "efficiency-1.5b-cpu.csv"
    assert page.locator("#effic-run").is_visible() and page.locator("#effic-stop").is_hidden()


def test_bad_input_is_said_and_presets_fill_the_boxes(visit, runs):
    visitor = open_tab(visit)
    page = visitor.page
    box(visitor, "prefixes").fill("lots")
    page.locator("#effic-run").click()
    visitor.wait_text("#effic-notice", "'lots' is not one")
    assert not runs[0] and page.locator("#effic-run").is_visible()
    page.get_by_label("Sigma-10B").click()
    page.get_by_text("Heads and widths").click()
    page.wait_for_function("document.querySelector('#effic-head_dim textarea, #effic-head_dim input')?.value === '128'")
    assert box(visitor, "prefixes").input_value() == "2k 4k 8k 16k 32k"
    assert box(visitor, "augmented").input_value() == "6144"


def test_cancel_ends_a_run_and_the_next_one_begins(visit, runs):
    runs[1]["rounds"] = 2000
    visitor = open_tab(visit)
    page = visitor.page
    page.locator("#effic-run").click()
    visitor.wait_text("#effic-progress", "round")
    page.locator("#effic-stop").click()
    visitor.wait_text("#effic-notice", "Cancelled.")
    page.wait_for_selector("#effic-run:visible")
    runs[1]["rounds"] = 2
    page.locator("#effic-run").click()
    visitor.wait_text("#effic-results", "0.625 (0.625–0.625)")


def test_the_second_visitor_waits_and_the_chat_goes_on(visit, runs):
    runs[1]["rounds"] = 2000
    first = open_tab(visit)
    first.page.locator("#effic-run").click()
    first.wait_text("#effic-progress", "round")
    second = open_tab(visit)
    second.page.locator("#effic-run").click()
    second.wait_text("#effic-notice", "waiting: 1 before you")
    second.page.get_by_role("tab", name="Chat").click()
    second.send("hello beside it")
    second.wait_over()
    assert "heard: hello beside it" in second.answer("left")
    runs[1]["rounds"] = 2
    first.page.locator("#effic-stop").click()
    second.page.get_by_role("tab", name="Efficiency").click()
    second.wait_text("#effic-results", "0.625 (0.625–0.625)")


def test_many_at_once(visit, engine):
    visitor = open_tab(visit)
    page = visitor.page
    page.locator("#effic-many-run").click()
    visitor.wait_text("#effic-many-results", "Sigma 135M, selective V (k = 100)")
    page.wait_for_selector("#effic-many-plot .js-plotly-plot")
    assert not engine.open_now()
    box(visitor, "context").fill("9k")
    page.locator("#effic-many-run").click()
    visitor.wait_text("#effic-many-notice", "from 2 to 8,191 tokens")


@pytest.mark.parametrize("width, scheme", [(1440, "dark"), (390, "light"), (320, "light")])
def test_it_fits_every_width(visit, runs, width, scheme):
    visitor = open_tab(visit, viewport={"width": width, "height": 844}, color_scheme=scheme)
    visitor.page.locator("#effic-run").click()
    visitor.wait_text("#effic-results", "0.625 (0.625–0.625)")
    visitor.page.wait_for_selector("#effic-plot-0 .js-plotly-plot")
    assert visitor.overflow() <= 0
    wide = visitor.page.evaluate(
        "[...document.querySelectorAll('#efficiency .effic-card, #efficiency .js-plotly-plot')].map((e) => e.getBoundingClientRect().right)"
    )
    assert wide and max(wide) <= width


def test_the_long_document_is_read_and_asked_with_one_click(visit, engine):
    visitor = open_tab(visit)
    page = visitor.page
    page.locator("#effic-read-run").click()
    visitor.wait_text("#effic-read-results", "The same document, one question after the other")
    visitor.wait_text("#effic-read-results", "Sigma 135M heard: # A reader's guide")
    visitor.wait_text("#effic-read-results", "The text says, at")
    session = engine.sessions[-1]
    assert session and not engine.open_now()
    page.wait_for_selector("#effic-read-run:visible")
    question = box(visitor, "question")
    question.fill("What is a probe?")
    question.press("Enter")
    page.locator("#effic-read-run").click()
    visitor.wait_text("#effic-read-results", "2. What is a probe?")
    assert engine.sessions[-1] == session and visitor.overflow() <= 0
    assert engine.requests[-1].messages["gqa"][0]["content"].endswith("What is a probe?")
