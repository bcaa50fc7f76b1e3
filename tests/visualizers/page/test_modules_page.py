"""The page's modules in a browser: one name on `window`, and components that come before them."""

import pytest

pytestmark = pytest.mark.browser


def test_sigma_is_the_one_name_on_the_window(visit):
    visitor = visit()
    visitor.page.wait_for_selector("body[data-run=recorded]", state="attached")
    assert visitor.page.evaluate("Object.keys(window).filter((name) => /sigma/i.test(name))") == ["sigma"]
    assert visitor.page.evaluate("Object.keys(window.sigma).sort()") == ["explore", "mount", "nextCall"]


def test_components_that_come_before_the_modules_are_drawn_when_those_are_here(browser, site):
    page, held = browser.new_page(), []
    page.route("**/main.js", lambda route: held.append(route))
    page.goto(site[1], wait_until="commit")
    page.wait_for_function(
        "window.sigma && window.sigma.waiting && window.sigma.waiting.some(([part]) => part === 'chat')"
    )
    assert page.evaluate("document.body.dataset.run === undefined")
    for route in held:
        route.continue_()
    page.wait_for_selector("body[data-run=recorded]", state="attached")
    page.get_by_role("button", name="Take the tour").click()
    page.wait_for_selector("#tour[open]")
    page.close()
