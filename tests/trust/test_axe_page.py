"""axe-core finds no serious or critical violation: every tab, at rest and after an answer, wide, on a phone and in the dark."""

from __future__ import annotations

import pytest

from tests.trust import axe

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        axe.source() is None, reason="no axe-core: run python -m tests.browser (needs npm), or set AXE=path"
    ),
]

VIEWS = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
}
TABS = ("Chat", "Explore", "Tasks", "Memory", "Efficiency", "About")


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_selector(f'#tabs > .tab-wrapper [role="tab"][aria-selected="true"]:text-is("{name}")')
    page.wait_for_function("!document.querySelector('.pending')")  # what waits for the server is faded until it answers
    page.wait_for_timeout(500)  # its pictures are drawn


@pytest.fixture
def wrong():
    """Collects what axe says of each place, so that one run names everything; fails the test at its end."""
    found = []
    yield lambda place, page: found.extend(f"{place}: {one}" for one in axe.violations(page))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("view", VIEWS)
def test_no_grave_violation_on_any_tab(visit, engine, wrong, view):
    engine.delay = 0.0
    visitor = visit(**VIEWS[view])
    page = visitor.page
    page.wait_for_selector('#live [data-source="recorded"]')
    wrong("Chat, recorded", page)
    page.get_by_role("button", name="Selective V, k = 16").click()
    visitor.wait_over()
    page.locator("#attention-left").focus()
    page.keyboard.press("ArrowDown")
    wrong("Chat, after an answer", page)
    for name in TABS[1:]:
        open_tab(page, name)
        if name == "Explore":
            page.wait_for_function("document.querySelectorAll('[data-strip=sigma] bdi').length > 5")
            page.locator('[data-mark="large"]').focus()
            page.keyboard.press("ArrowLeft")
            for mode in ("selection", "compare", "attention"):
                page.locator(f'[data-mode="{mode}"]').click()
                page.wait_for_timeout(300)
                wrong(f"Explore, {mode}", page)
            page.evaluate("window.sigma.explore.setState({step: 2})")  # tokens that the query has not seen
            page.wait_for_timeout(500)
        wrong(name, page)


@pytest.mark.parametrize("view", VIEWS)
def test_no_grave_violation_in_columns_of_ones_own(visit, engine, wrong, view):
    """One model beside itself, the settings of both open, what answers next, the link, and one column alone."""
    engine.delay = 0.0
    visitor = visit(**VIEWS[view])
    page = visitor.page
    page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.wait_text("#head-left", "k = 16")
    visitor.wait_over()
    page.locator('[data-choose="right"]').click()
    page.wait_for_selector("#right-model input:visible")
    for more in page.locator("#choose-columns .own-settings button").all():
        more.click()
    page.locator("#lookup input").check()
    page.locator("#left-system textarea").fill("Be short.")
    page.locator("#left-system textarea").blur()
    visitor.wait_text("#planned-left", "Be short.")
    page.locator("#more-button").click()
    page.locator("#chat-link [data-copy]").click()
    page.wait_for_timeout(300)
    wrong("Chat, columns", page)
    page.locator('[data-widen="left"]').click()
    page.wait_for_timeout(300)
    wrong("Chat, one column alone", page)


@pytest.mark.parametrize("view", VIEWS)
def test_no_grave_violation_in_the_tour(visit, wrong, view):
    visitor = visit(**VIEWS[view])
    visitor.page.locator("#tour-button").click()
    visitor.page.wait_for_selector("dialog[open]")
    for step in range(2):
        visitor.page.wait_for_timeout(400)
        wrong(f"Tour, step {step + 1}", visitor.page)
        visitor.page.keyboard.press("ArrowRight")


@pytest.mark.parametrize("task", ["cmdgen", "infrawise", "optiflow", "nl2kql"])
def test_no_grave_violation_in_a_verdict(visit, wrong, task):
    """A right answer judged: its parts and pictures."""
    from sigma.aimicius import load_task

    visitor = visit()
    page = visitor.page
    open_tab(page, "Tasks")
    loaded = load_task(task)
    page.locator("#task-pick label", has_text=loaded.title).click()
    page.wait_for_selector("#task-example-0:visible")
    page.locator("#task-own-box button.label-wrap").click()
    page.locator("#task-own textarea").fill(loaded.examples()[0].truth)
    page.locator("#task-judge").click()
    page.wait_for_selector("#task-verdict-own .verdict[data-state=done]", timeout=90_000)
    wrong(f"Tasks, {task}", page)
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_timeout(300)
    wrong(f"Tasks, {task}, dark", page)


def test_axe_finds_what_is_wrong(visit):
    page = visit().page
    page.evaluate(
        "document.querySelector('#sentence').innerHTML = '<button></button><p style=\"color:#ccc;background:#fff\">pale</p>'"
    )
    assert {"button-name", "color-contrast"} <= {one.rule for one in axe.violations(page)}
