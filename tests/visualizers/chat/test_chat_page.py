"""A visitor's chat in a real browser."""

import re
import time

import pytest

pytestmark = pytest.mark.browser

LAYERS, DIM, ITEM = 30, 64, 2


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_both_columns_grow_and_the_counters_follow_the_formula(visit, engine):
    engine.words, engine.delay = 120, 0.1  # slow until it was seen half done
    visitor = visit()
    visitor.send("What is a GPU?")
    visitor.wait_run("running")
    visitor.wait_answer("right", "word1.1 ")
    early = {side: len(visitor.answer(side)) for side in ("left", "right")}
    engine.delay = 0.01
    visitor.wait_over()
    for side, name, key_heads in (("left", "Sigma", 1), ("right", "GQA", 3)):
        assert f"{name} 135M heard: What is a GPU? word1.0" in visitor.answer(side)
        assert len(visitor.answer(side)) > early[side]
        tokens = visitor.figure(side, "context")
        assert visitor.figure(side, "k") + visitor.figure(side, "v") == LAYERS * tokens * (key_heads + 3) * DIM * ITEM
        assert visitor.figure(side, "rate") == pytest.approx(50)
        assert visitor.phase(side) == "done"
    text = visitor.page.locator('#head-left [data-figure="k"]').inner_text()
    assert re.search(r"\d+(\.\d+)? KiB", text)
    assert "Measured" in visitor.page.locator('#head-left [data-figure="rate"]').get_attribute("title")
    live = visitor.page.locator("#live [data-updates]")
    assert 3 <= int(live.get_attribute("data-updates")) <= 25
    assert int(live.get_attribute("data-bytes")) < 10_000
    assert "finished" in visitor.page.locator("#live-summary").inner_text()


def test_prompt_lookup_is_a_setting_and_its_account_a_figure(visit, engine):
    engine.words = 41
    visitor = visit()
    cell = visitor.page.locator('#head-left [data-figure="lookup"]')
    visitor.send("What is a GPU?")
    visitor.wait_over()
    assert not engine.requests[-1].lookup and not cell.is_visible()
    visitor.page.locator("#settings button").first.click()
    visitor.page.locator("#lookup input").check()
    visitor.send("And a CPU?")
    until(lambda: engine.requests[-1].lookup)
    visitor.wait_over()
    until(lambda: visitor.figure("left", "lookup") == 2)
    assert cell.is_visible() and "2.00 a step · 25 % right" in cell.inner_text()
    assert "of 80 guessed from the prompt and the answer, 20 were right" in cell.get_attribute("title")


def test_stop_while_decoding_frees_the_cache_and_keeps_the_text(visit, engine):
    engine.words, engine.delay = 400, 0.1
    visitor = visit()
    visitor.send("Tell me all")
    visitor.wait_answer("right", "word1.3")
    visitor.page.locator("#stop").click()
    visitor.page.wait_for_selector("#send:visible")
    until(lambda: not engine.open_now())
    assert "word1.3" in visitor.answer("left") and "word1.390" not in visitor.answer("left")
    until(lambda: visitor.phase("left") == "stopped")
    before = visitor.answer("left")
    visitor.page.wait_for_timeout(300)
    assert visitor.answer("left") == before
    engine.words = 20
    visitor.send("And now?")
    visitor.wait_answer("right", "word2.")


def test_stop_during_a_slow_prefill(visit, engine):
    engine.prefill_delay = 0.4
    visitor = visit()
    visitor.send("long " * 600)
    visitor.page.wait_for_selector('#head-left [data-phase="prefill"]')
    visitor.page.locator("#stop").click()
    visitor.page.wait_for_selector("#send:visible", timeout=5000)
    until(lambda: not engine.open_now())
    assert "heard" not in visitor.answer("left")
    visitor.page.locator("#undo").click()
    visitor.page.wait_for_function("document.querySelector('#prompt textarea').value.startsWith('long long')")


def test_an_example_runs_with_one_click_and_shows_its_settings(visit, engine):
    visitor = visit()
    visitor.page.get_by_role("button", name="System task: nvidia-smi").click()
    visitor.wait_over()
    assert "GPU utilization" in visitor.answer("right")
    assert engine.requests[-1].messages["left"][0]["role"] == "system"
    visitor.page.get_by_role("button", name="Selective V, k = 16").click()
    visitor.wait_answer("right", "word2.")
    visitor.wait_over()
    asked = engine.requests[-1]
    assert (asked.column("left").selective_k, asked.column("right").selective_k) == (16, None)
    assert visitor.figure("left", "v_read") == LAYERS * 9 * 17 * DIM * ITEM
    assert visitor.figure("right", "v_read") == visitor.figure("right", "v")
    assert visitor.page.locator("#strip-left .fetched").count() > 0
    assert visitor.page.locator("#strip-right .fetched").count() == 0


def test_without_live_pictures_only_the_end_is_drawn(visit, engine):
    visitor = visit()
    visitor.page.locator("#settings button").first.click()
    visitor.page.locator("#live-pictures input").uncheck()
    visitor.send("no pictures please")
    visitor.wait_over()
    assert engine.requests[-1].probe_layer is None
    assert int(visitor.page.locator("[data-updates]").get_attribute("data-updates")) == 2  # the empty view, the end
    assert visitor.figure("left", "k") > 0
    assert not visitor.errors


def test_retry_undo_clear_and_its_undo(visit, engine):
    visitor = visit()
    visitor.send("first words")
    visitor.wait_over()
    asked = len(engine.requests)
    visitor.page.locator("#retry").click()
    until(lambda: len(engine.requests) == asked + 1)
    visitor.wait_over()
    assert engine.requests[-1].messages == engine.requests[-2].messages
    visitor.send("second words")
    visitor.wait_answer("left", "word2.")
    visitor.wait_over()
    visitor.page.locator("#undo").click()
    visitor.page.wait_for_function("document.querySelector('#prompt textarea').value === 'second words'")
    assert "second words" not in visitor.answer("left")
    assert not visitor.page.locator("#clear").is_visible()
    visitor.page.locator("#more-button").click()
    visitor.page.locator("#clear").click()
    visitor.page.wait_for_selector("#restore:visible")
    assert "first words" not in visitor.answer("right")
    visitor.page.locator("#restore").click()
    visitor.wait_answer("right", "first words")


def test_nothing_is_lost_when_a_prompt_cannot_be_answered(visit, engine):
    visitor = visit()
    visitor.page.locator("#send").click()
    visitor.page.wait_for_function("document.querySelector('#notice')?.innerText.includes('Write a prompt')")
    visitor.send("w " * 50_000)
    visitor.wait_text("#notice", "context holds 8,192")
    assert len(visitor.page.locator("#prompt textarea").input_value()) > 99_000
    assert "w w w" not in visitor.answer("left")
    visitor.wait_over()
    visitor.settle()  # the long prompt's way back into the box must not meet the next words
    engine.fail_next = RuntimeError("secret detail")
    visitor.send("please\x07 break")
    visitor.page.wait_for_function("document.querySelector('#notice')?.innerText.includes('went wrong')")
    assert "secret" not in visitor.page.locator("body").inner_text()
    visitor.page.wait_for_function("document.querySelector('#prompt textarea').value === 'please break'")


@pytest.mark.parametrize("rows,message", [("0", "at least 1"), ("9000", "more than the context")])
def test_an_impossible_k_is_explained_and_the_prompt_stays(visit, rows, message):
    visitor = visit()
    visitor.page.locator("#settings button").first.click()
    box = visitor.page.locator("#selective input")
    box.fill(rows)
    box.press("Enter")
    visitor.send("my prompt")
    visitor.page.wait_for_function(f"document.querySelector('#notice')?.innerText.includes('{message}')")
    assert visitor.page.locator("#prompt textarea").input_value() == "my prompt"


def test_html_in_a_prompt_is_shown_as_text(visit):
    visitor = visit()
    visitor.send(
        '<img src="https://example.com/x.png" onerror="window.broken=1"><b>bold</b> ![](https://example.com/y.png)'
    )
    visitor.wait_over()
    assert "<b>bold</b>" in visitor.answer("left").replace("\u200b", "")
    assert visitor.page.evaluate("window.broken") is None
