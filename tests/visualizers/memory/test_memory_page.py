"""The Memory tab in a real browser: fields, messages, link, chart by keyboard, phone, dark."""

import re

import pytest

from visualizers.memory.figures import contexts
from visualizers.memory.form import defaults

pytestmark = pytest.mark.browser


def open_tab(visit, site, query="", **view):
    """The Memory tab through its link, once it has its first answer."""
    visitor = visit(f"{site[1]}/#memory{query}", **view)
    visitor.page.wait_for_selector("#memory [data-asked]", timeout=20_000)
    return visitor


def figure(visitor, name):
    return int(visitor.page.locator(f'[data-headline="{name}"] b').get_attribute("data-bytes"))


def wait_figure(visitor, name, value):
    visitor.page.wait_for_function(
        "([name, value]) => document.querySelector(`[data-headline=${name}] b`)?.dataset.bytes == value",
        arg=[name, value],
    )


def test_the_tab_opens_by_its_name_and_computes(visit):
    visitor = visit()
    visitor.page.get_by_role("tab", name="Memory").click()
    wait_figure(visitor, "resident", 131_072 * 66_560)
    assert figure(visitor, "gqa") == 131_072 * 106_496
    assert figure(visitor, "v_read") == 26 * 32 * 101 * 64 * 2
    assert visitor.page.locator('[data-headline="resident"] .sr-only').inner_text() == "8.13 gibibytes"
    assert visitor.page.url.endswith("#memory?preset=sigma-1.5b")
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.page.wait_for_selector("#prompt:visible")
    visitor.page.wait_for_function("location.hash === ''")


def test_a_field_changes_figures_formula_and_link(visit, site):
    visitor = open_tab(visit, site, "?preset=sigma-10b")
    wait_figure(visitor, "resident", 131_072 * 32 * 20 * 128 * 2)
    visitor.page.get_by_label("K heads", exact=True).fill("8")
    wait_figure(visitor, "resident", 131_072 * 32 * 24 * 128 * 2)
    assert "× 8 heads × 128" in visitor.page.locator("#mem-formulas").inner_text()
    assert "your own" in visitor.page.locator("#mem-name").inner_text()
    visitor.page.get_by_label("Cache type").select_option("int4")
    wait_figure(visitor, "resident", 131_072 * 32 * 24 * 128 // 2)
    link = visitor.page.url
    assert link.endswith("#memory?preset=sigma-10b&kv=int4&n_k=8")
    again = visit(link)
    wait_figure(again, "resident", 131_072 * 32 * 24 * 128 // 2)
    assert again.page.get_by_label("K heads", exact=True).input_value() == "8"
    again.page.get_by_role("button", name="Reset to it").click()
    wait_figure(again, "resident", 131_072 * 32 * 20 * 128 * 2)
    assert "n_k" not in again.page.url
    again.page.evaluate("location.hash = '#memory?preset=sigma-135m&top_k='")
    wait_figure(again, "v_read", 8192 * 30 * 3 * 64 * 2)


def test_bad_input_is_said_at_the_field_and_the_last_picture_stays(visit, site):
    visitor = open_tab(visit, site)
    before = figure(visitor, "resident")
    box = visitor.page.get_by_label("Context, tokens")
    for text, words in (("0", "1 to 1,048,576"), ("-3", "“-3”"), ("<b>x</b>", "“<b>x</b>”")):
        box.fill(text)
        visitor.wait_text("#mem-error-context", words)
        assert box.get_attribute("aria-invalid") == "true"
        assert "mem-error-context" in box.get_attribute("aria-describedby")
        assert visitor.page.locator("#mem-stale").is_visible() and figure(visitor, "resident") == before
    box.fill("1k")
    wait_figure(visitor, "resident", 1024 * 66_560)
    assert visitor.page.locator("#mem-error-context").inner_text() == ""
    assert box.get_attribute("aria-invalid") is None and visitor.page.locator("#mem-stale").is_hidden()
    visitor.page.get_by_label("V heads", exact=True).fill("12")
    visitor.wait_text("#mem-error-n_v", "Possible: 1, 2, 4, 8, 16, 32.")


def test_a_link_with_nonsense_says_so(visit, site):
    query = "?preset=<script>&context=lots&kv=fp3&evil=1&form=2&hidden=" + "9" * 500
    visitor = visit(f"{site[1]}/#memory{query}")
    visitor.page.wait_for_selector("#mem-error-context:not(:empty)", timeout=20_000)
    assert "“lots”" in visitor.page.locator("#mem-error-context").inner_text()
    assert visitor.page.locator("#mem-error-hidden").is_visible()  # inside details, which opened
    assert visitor.page.locator("#mem-preset").input_value() == "sigma-1.5b"
    assert visitor.page.locator("#mem-kv").input_value() == defaults("sigma-1.5b")["kv"]


def test_the_chart_is_read_by_keyboard_pointer_and_table(visit, site):
    visitor = open_tab(visit, site)
    chart, read = visitor.page.locator("#mem-chart"), visitor.page.locator("#mem-read")
    chart.focus()
    visitor.page.keyboard.press("ArrowRight")
    visitor.wait_text("#mem-read", "1,024 tokens")
    visitor.page.keyboard.press("End")
    visitor.wait_text("#mem-read", "1,048,576 tokens: Sigma K + V resident 65.0 GiB")
    assert "(locked)" in read.inner_text()
    visitor.page.keyboard.press("Escape")
    visitor.wait_text("#mem-read", "Hover the chart")
    box = chart.bounding_box()
    chart.hover(position={"x": box["width"] / 2, "y": 40})
    visitor.wait_text("#mem-read", "tokens: ")
    visitor.page.get_by_text("The chart as a table").click()
    rows = visitor.page.locator("#mem-points tbody tr")
    assert rows.count() == len(contexts())
    assert "65.0 GiB" in rows.last.inner_text() and "104 GiB" in rows.last.inner_text()
    drawn = visitor.page.evaluate("document.querySelector('#mem-chart').toDataURL()")
    visitor.page.evaluate("document.body.classList.toggle('dark')")
    visitor.page.wait_for_function("old => document.querySelector('#mem-chart').toDataURL() !== old", arg=drawn)


def test_the_slider_moves_the_context(visit, site):
    visitor = open_tab(visit, site)
    slider = visitor.page.get_by_role("slider", name="Context")
    box, last = visitor.page.get_by_label("Context, tokens"), str(len(contexts()) - 1)
    assert slider.get_attribute("aria-valuetext") == "131,072 tokens"
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "1,048,576 tokens"
    wait_figure(visitor, "resident", (1 << 20) * 66_560)
    assert box.input_value() == "1048576"
    for typed, tokens in (("2k", 2048), ("1m", 1 << 20), ("1 024", 1024), ("131,072", 131_072)):
        box.fill(typed)
        wait_figure(visitor, "resident", tokens * 66_560)
        assert slider.input_value() == (last if tokens == 1 << 20 else str(contexts().index(tokens)))
        assert slider.get_attribute("aria-valuetext") == f"{tokens:,} tokens"


def test_the_link_is_copied(visit, site):
    visitor = open_tab(visit, site, "?preset=sigma-10b", permissions=["clipboard-read", "clipboard-write"])
    visitor.page.get_by_label("K heads", exact=True).fill("8")
    visitor.page.get_by_role("button", name="Copy link").click()
    visitor.wait_text("#mem-linked", "Link copied.")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == f"{site[1]}/#memory?preset=sigma-10b&n_k=8"
    assert visitor.page.locator("#mem-by-hand").is_hidden()


def test_measured_and_computed_agree_after_a_real_turn(visit):
    visitor = visit()
    visitor.send("What is a GPU?")
    visitor.wait_over()
    tokens = int(visitor.figure("left", "context"))
    visitor.page.get_by_role("tab", name="Memory").click()
    visitor.page.wait_for_selector("#mem-check [data-same]")
    cells = visitor.page.locator("#mem-check tbody tr").first.locator("td")
    assert cells.first.inner_text() == f"{tokens:,}"
    assert visitor.page.locator("#mem-check [data-same=true]").count() == 2
    assert "newest run" in visitor.page.locator("#mem-check").inner_text()


def test_layers_of_several_kinds_are_set_seen_and_linked(visit, site):
    visitor = open_tab(visit, site)
    page = visitor.page
    assert page.locator("#mem-kinds").get_attribute("open") is None and page.locator("#mem-by-kind").is_hidden()
    page.get_by_label("Start from").select_option("gemma-3-1b")
    wait_figure(visitor, "resident", 139 << 20)
    assert page.locator("#mem-kinds").get_attribute("open") is not None
    assert "google/gemma-3-1b-it" in page.locator("#mem-source").inner_text()
    assert page.locator("#mem-by-kind tbody tr").count() == 2
    assert page.locator("#mem-kind-text").get_attribute("data-full") == str(832 << 20)
    assert page.url.endswith("#memory?preset=gemma-3-1b")
    page.get_by_label("Window, 2nd kind").fill("1k")
    wait_figure(visitor, "resident", (4 * 32_768 + 22 * 1024) * 1024)
    page.get_by_label("Layers, 3rd kind").fill("2")
    page.get_by_label("Key head dim, 3rd kind").fill("512")
    size = (4 * 32_768 + 22 * 1024) * 1024 + 2 * 32_768 * (512 + 256) * 2
    wait_figure(visitor, "resident", size)
    assert page.url.endswith("#memory?preset=gemma-3-1b&b_window=1k&c_layers=2&c_d_k=512")
    again = visit(page.url)
    wait_figure(again, "resident", size)
    assert again.page.get_by_label("Window, 2nd kind").input_value() == "1k"
    again.page.get_by_label("Layers, 3rd kind").fill("")
    again.wait_text("#mem-error-c_layers", "how many layers")


@pytest.mark.parametrize("width", [1440, 390, 320])
def test_a_published_model_fits_every_width(visit, site, width):
    visitor = open_tab(visit, site, "?preset=mimo-v2-flash", viewport={"width": width, "height": 844})
    wait_figure(visitor, "resident", (9 * 131_072 * 4 + 39 * 128 * 8) * (192 + 128) * 2)
    assert visitor.overflow() <= 0
    wide = visitor.page.evaluate(
        "[...document.querySelectorAll('.memory .mem-card, .memory .mem-form')].map((e) => e.getBoundingClientRect().right)"
    )
    assert wide and max(wide) <= width


@pytest.mark.parametrize("width, scheme", [(1024, "dark"), (320, "light")])
def test_it_fits_every_width(visit, site, width, scheme):
    visitor = open_tab(visit, site, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert visitor.overflow() <= 0
    wide = visitor.page.evaluate(
        "[...document.querySelectorAll('.memory .mem-card, .memory .mem-form')].map((e) => e.getBoundingClientRect().right)"
    )
    assert wide and max(wide) <= width
    text = visitor.page.locator("#mem-headline").inner_text()
    assert re.search(r"8\.13 GiB", text)
