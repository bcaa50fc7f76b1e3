"""The tab bar: every tab is in it at any width, by touch and by keyboard."""

import pytest

pytestmark = pytest.mark.browser

NAMES = ("Chat", "Explore", "Tasks", "Memory", "Efficiency", "About")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_all_tabs_are_in_the_bar(visit, width):
    visitor = visit(viewport={"width": width, "height": 844}, has_touch=width < 640)
    bar = visitor.page.locator('#tabs > .tab-wrapper [role="tab"]')
    visitor.page.wait_for_function(
        "n => document.querySelectorAll('#tabs > .tab-wrapper [role=tab]').length === n", arg=len(NAMES)
    )
    assert tuple(bar.all_inner_texts()) == NAMES
    boxes = visitor.boxes('#tabs > .tab-wrapper [role="tab"]')
    assert len(boxes) == len(NAMES)
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert len({box["y"] for box in boxes}) == 1, "one row"
    assert not visitor.page.locator("#tabs .overflow-menu").is_visible()
    if width < 640:
        assert min(box["height"] for box in boxes) >= 40
    for name in ("Memory", "Efficiency", "About", "Tasks", "Chat"):
        tab = visitor.page.get_by_role("tab", name=name, exact=True)
        tab.tap() if width < 640 else tab.click()
        visitor.page.wait_for_selector(f'#tabs > .tab-wrapper [role="tab"][aria-selected="true"]:text-is("{name}")')
        visitor.page.wait_for_timeout(100)
        assert visitor.overflow() <= 0, name


def test_tabs_by_keyboard_on_a_phone(visit):
    visitor = visit(viewport={"width": 390, "height": 844})
    visitor.page.get_by_role("tab", name="Chat", exact=True).focus()
    for _ in range(3):
        visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector("#memory:visible")
    assert visitor.page.evaluate("document.activeElement.textContent.trim()") == "Memory"
