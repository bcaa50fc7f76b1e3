"""The guided tour in a real browser: by keyboard, on a phone, before a model, beside the explorer."""

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.server import launch
from visualizers.tour.script import steps

pytestmark = pytest.mark.browser

INSIDE = "document.querySelector('#tour').contains(document.activeElement)"

PICTURE = """() => [...document.querySelectorAll('#tour .tour-heads, #tour .tour-bars')].map((e) => e.outerHTML).join()
  + (document.querySelector('#tour .tour-attention').hidden ? '' : document.querySelector('#tour canvas').toDataURL())"""


def shown(visitor, number):
    """Wait for a step; returns the bytes that its bars show, resident and read."""
    visitor.page.wait_for_selector(f'#tour[open][data-step="{number}"]', timeout=20_000)
    cells = visitor.page.locator("#tour .tour-bars b")
    return tuple(int(cells.nth(i).get_attribute("data-bytes")) for i in range(2))


def opened_tab(visitor):
    return visitor.page.locator('#tabs button[role="tab"][aria-selected="true"]').first.inner_text()


def test_by_keyboard_from_the_button_and_back(visit):
    visitor = visit(viewport={"width": 1000, "height": 800})
    button = visitor.page.get_by_role("button", name="Take the tour")
    button.focus()
    visitor.page.keyboard.press("Enter")
    pictures = set()
    for number, step in enumerate(steps(), 1):
        assert shown(visitor, number) == (step.cost.resident, step.cost.read)
        assert visitor.page.locator("#tour h2").inner_text() == step.title
        assert all(text in visitor.page.locator("#tour .tour-text").inner_text() for text in step.text)
        assert visitor.page.evaluate(INSIDE)
        label = visitor.page.locator("#tour .tour-heads").get_attribute("aria-label")
        assert f"{step.shape.n_q} query heads, {step.shape.n_k} K head" in label
        pictures.add(visitor.page.evaluate(PICTURE))
        assert f"tour={number}" in visitor.page.url
        visitor.page.keyboard.press("ArrowRight")
    assert len(pictures) == len(steps()) - 1  # the last step sums up: its picture is the fifth's
    shown(visitor, 6)  # no key goes past the end by accident
    visitor.page.keyboard.press("ArrowLeft")
    shown(visitor, 5)
    visitor.page.keyboard.press("Home")
    visitor.page.keyboard.press("ArrowLeft")
    shown(visitor, 1)
    for _ in range(6):
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate(
            f"{INSIDE} || document.activeElement === document.body"
        )  # or the browser's own bar
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_selector("#tour", state="hidden")
    assert visitor.page.evaluate("document.activeElement.id") == "tour-button"
    assert "tour" not in visitor.page.url.split("?")[-1] and opened_tab(visitor) == "Chat"


def test_on_a_phone_before_any_model_without_motion(visit):
    page, url, loader = launch(FakeEngine(), fail=RuntimeError("no weights here"))
    try:
        view = dict(viewport={"width": 390, "height": 844}, color_scheme="dark", reduced_motion="reduce")
        visitor = visit(f"{url}/?tour=5", **view)
        shown(visitor, 5)
        assert loader.engine is None
        assert visitor.overflow() <= 0
        box = visitor.page.locator("#tour").bounding_box()
        assert box["x"] == 0 and box["width"] <= 390 and box["y"] + box["height"] <= 845
        still = "getComputedStyle(document.querySelector('#tour .tour-heads rect')).transitionDuration"
        assert visitor.page.evaluate(still) == "0s"
        canvas = visitor.page.locator("#tour .tour-attention canvas")
        canvas.scroll_into_view_if_needed()
        assert "V rows fetched" in canvas.get_attribute("aria-label")
        visitor.page.get_by_role("button", name="Next").click()
        shown(visitor, 6)
        visitor.page.get_by_role("button", name="Finish").click()
        visitor.page.wait_for_selector("#tour", state="hidden")
    finally:
        visitor.context.close()  # or its browser would miss the server
        page.close()


def test_beside_the_explorer_it_drives_it(visit, site):
    visitor = visit(f"{site[1]}/?tour=nonsense", viewport={"width": 1440, "height": 900})
    shown(visitor, 1)
    assert opened_tab(visitor) == "Explore"
    visitor.page.wait_for_function("window.sigma.explore", timeout=20_000)
    visitor.page.keyboard.press("End")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.page.wait_for_function(
        "sigma.explore.getState().mode === 'selection' && sigma.explore.getState().k === 16", timeout=20_000
    )
    dialog = visitor.page.locator("#tour").bounding_box()
    explorer = visitor.page.evaluate("window.sigma.explore.element.getBoundingClientRect().right")
    assert explorer <= dialog["x"] and visitor.overflow() <= 0
    visitor.page.get_by_role("button", name="Skip the tour").click()
    visitor.page.wait_for_selector("#tour", state="hidden")
    assert visitor.page.evaluate("document.body.classList.contains('touring')") is False
    assert opened_tab(visitor) == "Chat"
