"""No text is ever markup: hostile prompts, answers, tokens, names, messages and addresses in a real browser.

`visit` fails a test for every complaint of the browser and every request to another host; `inert` looks whether one ran.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from tests.fake_engine import FakeEngine, fake_info
from tests.trust.hostile import TEXTS
from tests.visualizers.server import launch

pytestmark = pytest.mark.browser

ALL = "\n".join(TEXTS)


def inert(visitor):
    """Nothing ran, nothing was loaded, no element came from a text, and no dialog opened."""
    page = visitor.page
    assert page.evaluate("window.broken") is None
    assert (
        page.evaluate(
            "document.querySelectorAll('[onerror], [onload], [onfocus], [onclick], iframe, object, embed, marquee, math').length"
        )
        == 0
    )
    assert page.evaluate(
        "[...document.querySelectorAll('a, form, base')].every(e => !/javascript:|example\\.com/.test((e.href || '') + (e.action || '')))"
    )
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    assert page.url.startswith("http://127.0.0.1")


@pytest.fixture
def speaking(engine, monkeypatch):
    """Every token of an answer is one of the texts."""
    monkeypatch.setattr(engine, "_answer", lambda side, messages: list(TEXTS))
    engine.delay = 0.0
    return engine


def test_prompt_answer_and_tokens(visit, speaking):
    visitor = visit()
    page = visitor.page
    page.on("dialog", lambda dialog: visitor.errors.append("a dialog"))
    page.get_by_role("button", name="Selective V, k = 16").click()
    visitor.wait_over()
    visitor.send(ALL)
    page.wait_for_function("n => document.querySelectorAll('#chat-right .message.assistant').length === n", arg=2)
    visitor.wait_over()
    for side in ("left", "right"):
        assert page.locator(f"#chat-{side} .message.user .message-body").last.evaluate("e => e.textContent") == ALL
        shown = page.locator(f"#chat-{side} .message.assistant .message-body").last.evaluate("e => e.textContent")
        assert shown == " ".join(TEXTS)
        assert "<script>" in page.locator(f"#strip-{side}").inner_text()
    inert(visitor)
    page.locator("#attention-left").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    inert(visitor)
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_function("document.querySelector('[data-strip=sigma]')?.innerText.includes('<iframe')")
    for mode in ("selection", "compare", "attention"):
        page.locator(f'[data-mode="{mode}"]').click()
        page.wait_for_timeout(200)
    page.locator('[data-mark="large"]').focus()
    for key in ("ArrowLeft", "ArrowUp", ",", "."):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    inert(visitor)


def test_names_of_models_and_devices(visit):
    engine = FakeEngine(words=12)
    evil = TEXTS[7] + TEXTS[0]

    def info(side):
        return replace(fake_info(side), name=f"{side} {evil}", weights=evil, device=evil, kernels=evil, tuned=evil)

    engine.info = info
    page, url, loader = launch(engine)
    try:
        assert loader.wait(10)
        visitor = visit(url)
        visitor.page.wait_for_selector('#status-chip[data-phase="ready"]')
        visitor.page.locator("#status-chip summary").first.click()
        visitor.page.wait_for_function("document.querySelector('#head-left h2')?.innerText.includes('<script>')")
        visitor.send("Hello")
        visitor.wait_over()
        for name in ("Explore", "Tasks", "Memory", "Efficiency", "About"):
            visitor.page.get_by_role("tab", name=name, exact=True).click()
            visitor.page.wait_for_timeout(400)
        inert(visitor)
    finally:
        visitor.context.close()
        page.close()


@pytest.mark.parametrize(
    "text", [TEXTS[7], TEXTS[1], f"/models/{TEXTS[6]}/model.safetensors"], ids=["attribute", "script", "file"]
)
def test_messages_of_failures_and_file_names(visit, text):
    page, url, loader = launch(FakeEngine(), fail=ValueError(f"checkpoint {text}: no such folder"))
    try:
        assert loader.wait(5)
        visitor = visit(url)
        visitor.page.wait_for_selector('#status-chip[data-phase="failed"]')
        visitor.send("anyone there?")
        visitor.page.wait_for_function("document.querySelector('#notice')?.innerText.includes('no such folder')")
        inert(visitor)
        assert "onerror" in visitor.notice() or "script" in visitor.notice()
    finally:
        visitor.context.close()
        page.close()


def test_a_refusal_quotes_without_reading(visit, engine):
    visitor = visit()
    from sigma.events import PromptError

    for text in TEXTS[:12]:
        engine.fail_next = PromptError(f"No: {text}")
        visitor.send("Hello")
        visitor.page.wait_for_function("t => document.querySelector('#notice')?.innerText.includes(t)", arg=text)
    inert(visitor)


def test_addresses(visit):
    visitor = visit()
    page = visitor.page
    page.on("dialog", lambda dialog: visitor.errors.append("a dialog"))
    for text in TEXTS:
        for where in ("#explore?mode={}&side={}&measure={}&key={}", "#memory?preset={}&context={}", "#{}"):
            page.evaluate("hash => { location.hash = hash; }", where.replace("{}", quote(text)))
            page.wait_for_timeout(15)
        page.evaluate("hash => { location.hash = hash; }", f"#explore?mode={text}")
    page.wait_for_timeout(500)
    inert(visitor)
    for text in TEXTS[:4]:
        other = visit(
            page.url.split("#")[0].split("?")[0] + f"?tour={quote(text)}&x={quote(text)}#explore?layer={quote(text)}"
        )
        other.page.wait_for_selector("#explore:visible")
        other.page.wait_for_timeout(300)
        inert(other)


def test_a_question_in_an_address(visit, engine):
    engine.delay = 0.0
    visitor = visit()
    visitor.page.evaluate(
        "hash => { location.hash = hash; }", f"#explore?prompt={quote(TEXTS[7] + TEXTS[0])}&tokens=8&mode=selection"
    )
    visitor.page.get_by_role("tab", name="Explore").click()
    visitor.page.wait_for_function(
        "document.querySelector('[data-strip=sigma]')?.innerText.includes('heard')", timeout=20_000
    )
    inert(visitor)
