"""The page on a phone, in the dark, by keyboard; and that pictures are drawn, again and again, without growing."""

import pytest

pytestmark = pytest.mark.browser

INK = """(id) => {
  const c = document.querySelector(id), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0;
  for (let i = 3; i < d.length; i += 4) n += d[i] > 0;
  return n / (d.length / 4);
}"""


def test_a_recorded_run_moves_before_any_prompt(visit):
    visitor = visit()
    visitor.page.wait_for_selector('#live [data-source="recorded"]')
    visitor.wait_text("#chat-left", "recorded run")
    first = visitor.answer("left")
    visitor.page.wait_for_function("old => document.querySelector('#chat-left').innerText !== old", arg=first)
    assert "recorded run" in visitor.answer("right")
    assert visitor.page.locator("#recorded-tag").is_visible()
    visitor.page.wait_for_function(f"id => ({INK})(id) > 0.02", arg="#kv-canvas")


@pytest.mark.parametrize("width,scheme", [(1440, "light"), (1024, "dark"), (390, "light"), (320, "dark")])
def test_no_horizontal_overflow_at_any_width(visit, width, scheme):
    visitor = visit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    visitor.send("What is a GPU?")
    visitor.wait_over()
    assert visitor.overflow() <= 0
    visitor.page.locator("#attention-left").scroll_into_view_if_needed()  # what is not on the screen is not drawn
    visitor.page.wait_for_function(f"id => ({INK})(id) > 0.2", arg="#attention-left")
    left, right, curve = visitor.boxes("#head-left", "#head-right", "#kv-figure")
    assert curve["y"] > right["y"]
    if width < 640:
        assert right["y"] > left["y"] and abs(right["x"] - left["x"]) < 2
        assert visitor.page.evaluate("getComputedStyle(document.querySelector('#dock')).position") == "fixed"
        box = visitor.page.locator("#send").bounding_box()
        assert box["y"] + box["height"] <= 844
    else:
        assert abs(right["y"] - left["y"]) < 2


def test_the_picture_follows_the_theme(visit):
    visitor = visit(color_scheme="light")
    visitor.send("What is a GPU?")
    visitor.wait_over()
    pixels = "document.querySelector('#kv-canvas').toDataURL()"
    light = visitor.page.evaluate(pixels)
    visitor.page.evaluate("document.body.classList.toggle('dark')")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(pixels) != light


def test_attention_by_keyboard_and_pointer(visit):
    visitor = visit()
    visitor.page.get_by_role("button", name="Selective V, k = 16").click()
    visitor.wait_over()
    canvas, read = visitor.page.locator("#attention-left"), visitor.page.locator("#attention-read")
    canvas.focus()
    visitor.page.keyboard.press("ArrowDown")
    visitor.page.wait_for_function(
        "document.querySelector('#attention-read')?.innerText.includes('Sigma (k = 16) q1, token 0')"
    )
    assert "of the mass" in read.inner_text() and "(locked)" in read.inner_text()
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_function("document.querySelector('#attention-read')?.innerText.includes('Hover')")
    canvas.hover(position={"x": 120, "y": 30})
    visitor.page.wait_for_function(
        "document.querySelector('#attention-read')?.innerText.startsWith('Sigma (k = 16) q')"
    )
    before = visitor.page.evaluate("document.querySelector('#attention-left').toDataURL()")
    visitor.page.locator('[data-option="log"]').uncheck()
    visitor.page.wait_for_timeout(200)
    assert visitor.page.evaluate("document.querySelector('#attention-left').toDataURL()") != before


def test_pictures_do_not_grow_and_stay_fast(visit, engine):
    visitor = visit()
    for _ in range(3):
        visitor.send("again")
        visitor.page.wait_for_timeout(200)
        visitor.wait_over()
    nodes = visitor.page.locator("#live *").count()
    visitor.page.locator("#retry").click()
    visitor.page.wait_for_timeout(200)
    visitor.wait_over()
    assert visitor.page.locator("#live canvas").count() == 3
    assert visitor.page.locator("#live *").count() <= nodes + 5
    assert float(visitor.page.locator("#live [data-draw-ms]").get_attribute("data-draw-ms")) < 100


def test_the_about_tab_says_what_the_model_is_not(visit):
    visitor = visit()
    visitor.page.get_by_role("tab", name="About").click()
    visitor.page.wait_for_selector("#about:visible")
    said = visitor.page.locator("#about").inner_text()
    assert "2501.13629" in said and "It is not the Sigma-10B of the paper" in said
