"""The offer to judge a chat's answers, in a real browser."""

import pytest

from tests.visualizers.tasks.guest import Guest
from visualizers.tasks.offer.tab import COLUMNS

pytestmark = pytest.mark.browser


def test_a_chat_turn_that_asks_a_task_is_judged_with_one_click(visit, tasks_site, tasks_engine):
    visitor = visit(tasks_site[1])
    page = visitor.page
    Guest(visitor)  # opens the Tasks tab once: its examples are known from then on
    page.get_by_role("tab", name="Chat").click()
    visitor.send("What is the sky?")
    visitor.wait_over()
    page.wait_for_timeout(300)
    assert not page.locator("#judge-offer").is_visible()
    visitor.send("What is 3 plus 4?")
    visitor.wait_text("#judge-offer", "its right answer is known")
    page.locator("#judge-answers").click()
    for column in COLUMNS:
        page.wait_for_selector(f"#judge-verdict-{column} .verdict[data-state=done]", timeout=20_000)
        assert "against 7" in page.locator(f"#judge-verdict-{column}").inner_text()
    visitor.wait_text("#judge-about", "Scored: Number Found, Exact.")
    assert not page.locator("#judge-answers").is_visible() and visitor.overflow() <= 0
    visitor.page.locator("#undo").click()
    page.wait_for_selector("#judge-offer", state="hidden")
    assert not page.locator("#judge-columns").is_visible()
