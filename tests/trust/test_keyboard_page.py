"""A whole visit without a pointer: ask, stop, read the KV curve, explore a head, judge a task. Only keys are pressed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.visualizers.chat.test_chat_page import until
from tests.visualizers.tasks.conftest import tasks_engine, tasks_site  # noqa: F401 (fixtures)

pytestmark = pytest.mark.browser

MOST_STOPS = 90  # of the Tab key from one thing to the next
FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e);
  const shown = (s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none';
  return shown(s) || shown(getComputedStyle(e.parentElement)) || shown(getComputedStyle(e, '::after'));
}"""


def tab_to(page, selector, key="Tab"):
    """Press Tab until the focus is on what the selector names; it must be seen there."""
    for _ in range(MOST_STOPS):
        page.keyboard.press(key)
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            page.wait_for_timeout(60)  # some rings fade in
            assert page.evaluate(FOCUSED), f"nothing shows that the focus is on {selector}"
            return
    raise AssertionError(f"{MOST_STOPS} presses of {key} do not reach {selector}")


def open_tab(page, name):
    """By the tab bar; the focus begins at the top of the page."""
    page.evaluate("document.activeElement.blur()")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(
            "n => document.activeElement.matches('#tabs [role=tab]') && document.activeElement.textContent.trim() === n",
            name,
        ):
            page.keyboard.press("Enter")
            page.wait_for_selector(f'#tabs > .tab-wrapper [role="tab"][aria-selected="true"]:text-is("{name}")')
            return
    raise AssertionError(f"the tab {name} cannot be reached")


def test_a_visit_by_keyboard_alone(visit, tasks_site, tasks_engine):  # noqa: F811
    visitor = visit(tasks_site[1])
    page = visitor.page
    # Ask, and stop in the middle.
    tasks_engine.words, tasks_engine.delay = 400, 0.05
    tab_to(page, "#prompt textarea")
    page.keyboard.type("What is a GPU?")
    page.keyboard.press("Enter")
    visitor.wait_answer("right", "heard: What is a GPU?")
    tab_to(page, "#stop")
    page.keyboard.press("Enter")
    page.wait_for_selector("#send:visible", timeout=10_000)
    until(lambda: not tasks_engine.open_now())
    # Ask again to the end, and read the curve.
    tasks_engine.words, tasks_engine.delay = 30, 0.0
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "#prompt textarea")
    page.keyboard.type("And a TPU?")
    page.keyboard.press("Enter")
    visitor.wait_answer("right", "heard: And a TPU?")
    visitor.wait_over()
    tab_to(page, "#kv-canvas")
    before = page.locator("#kv-read").inner_text()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('#kv-read').innerText !== old", arg=before)
    tab_to(page, "#attention-left")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.querySelector('#attention-read')?.innerText.includes('Sigma q1')")
    page.keyboard.press("Escape")
    tab_to(page, ".strip")
    # Explore a head of it.
    open_tab(page, "Explore")
    page.wait_for_function("document.querySelectorAll('[data-strip=sigma] bdi').length > 5")
    tab_to(page, '[data-mark="heads-sigma"]')
    head = page.evaluate("window.sigma.explore.getState().head")
    page.keyboard.press("PageDown")
    page.wait_for_function("h => window.sigma.explore.getState().head === h + 1", arg=head)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('#ex-read')?.innerText.includes('(locked)')")
    page.keyboard.press("Escape")
    tab_to(page, ".ex-strip")
    # Judge a task: an example, then an answer of one's own.
    open_tab(page, "Tasks")
    page.wait_for_selector("#task-example-0:visible")
    tab_to(page, "#task-example-0")
    page.keyboard.press("Enter")
    page.wait_for_selector("#task-verdict-gqa .verdict[data-state=done]", timeout=20_000)
    page.wait_for_selector("#task-run:visible", timeout=20_000)
    # The projection: another context, by the slider.
    open_tab(page, "Memory")
    page.wait_for_selector("#mem-slide:visible")
    tab_to(page, "#mem-slide")
    asked = page.locator(".memory").get_attribute("data-asked")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("old => document.querySelector('.memory').dataset.asked !== old", arg=asked)


def test_no_place_holds_the_focus(visit):
    """From the first element to the last and round again, on the tab that has most of them: Tab always goes on."""
    page = visit().page
    page.get_by_role("tab", name="Explore", exact=True).press("Enter")
    page.wait_for_selector("#explore:visible")
    seen = []
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(() => { const e = document.activeElement; e.dataset.seen = e.dataset.seen || String(Math.random()); return e.dataset.seen; })()"
            )
        )
    assert all(one != other for one, other in pairwise(seen)), "the focus stays where it is"
