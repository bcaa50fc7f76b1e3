"""The KV-cache figure of the Chat tab: what it decodes and computes, and how one reads it by hand, key, touch and ear."""

import json
import re

import pytest

from tests.fake_engine import cache_bytes, fake_info
from tests.visualizers.modules import module_page
from visualizers.page.assets import ASSETS
from visualizers.shared.columns import COLUMNS
from visualizers.shared.formulas import cache_cost
from visualizers.shared.packing import curve_row, pack_curve
from visualizers.shared.shapes import Shape
from visualizers.shared.turn_view import sizes
from visualizers.shared.units import binary, spoken

pytestmark = pytest.mark.browser

PARTS = ("shared/numbers.js", "shared/payload.js", "chat/curve_formula.js", "chat/curve_points.js")
DRAWN = """() => {
  window.drawn = [];
  const own = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    if (this.canvas.id === 'kv-canvas') window.drawn.push(text);
    return own.call(this, text, ...rest);
  };
}"""


@pytest.fixture(scope="module")
def blank(browser):
    """An empty page with the figure's modules: no server, no component."""
    page = module_page(browser, *PARTS)
    yield page
    page.close()


def info(layers=30, q=9, k=1, v=3, dk=64, dv=64, item=2):
    names = ("layers", "query_heads", "key_heads", "value_heads", "key_head_dim", "value_head_dim", "kv_itemsize")
    return dict(zip(names, (layers, q, k, v, dk, dv, item), strict=True))


def figures(side="sigma", tokens=90, top_k=None, step=5, **changed):
    cache = cache_bytes(side, tokens, top_k)
    known = {"context": tokens, "k": cache.k_resident, "v": cache.v_resident, "step": step}
    return {**known, "k_read": cache.k_read, "v_read": cache.v_read, **changed}


@pytest.mark.parametrize("tokens", [1, 2, 17, 100, 8192, 1_000_000])
@pytest.mark.parametrize("top_k", [None, 1, 16, 4096])
@pytest.mark.parametrize("sizes", [info(), info(32, 32, 4, 16, 64, 128), info(1, 1, 1, 1, 2, 2, 4), info(k=3)])
def test_the_browser_computes_what_the_memory_tab_computes(blank, sizes, tokens, top_k):
    found = blank.evaluate("([i, t, k]) => modules.cacheCost(i, t, k)", [sizes, tokens, top_k])
    shape = Shape(*list(sizes.values())[:6])
    cost = cache_cost(shape, tokens, 1, 8 * sizes["kv_itemsize"], top_k)
    assert found == {"k": cost.k_resident, "v": cost.v_resident, "k_read": cost.k_read, "v_read": cost.v_read}


@pytest.mark.parametrize("side,k", [("sigma", 16), ("gqa", None)])
def test_a_packed_curve_is_decoded_to_the_byte(blank, side, k):
    rows = [(0, 0, 0, 0, 0), *(curve_row(cache_bytes(side, t, k)) for t in range(41, 2000))]
    curve = blank.evaluate("packed => modules.decodeCurve(packed)", pack_curve(rows))
    points = list(zip(*(curve[name] for name in ("tokens", "k", "v", "k_read", "v_read")), strict=True))
    assert len(points) == curve["points"] and set(points) <= set(rows) and points[-1] == rows[-1]


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 3932160, 1036800, 5 << 30])
def test_bytes_are_written_and_spoken_as_in_the_memory_tab(blank, count):
    assert blank.evaluate("n => [modules.binary(n), modules.spokenBytes(n)]", count) == [binary(count), spoken(count)]


def test_the_sentence_of_a_point(blank):
    point = {"tokens": 1024, "k": 3932160, "v": 11796480, "k_read": 3932160, "v_read": 587520}
    assert blank.evaluate("p => modules.pointText('Sigma', p, modules.spokenBytes)", point) == (
        "Sigma, 1,024 tokens: resident K 3.75 mebibytes, V 11.3 mebibytes, sum 15.0 mebibytes; "
        "read by the step K 3.75 mebibytes, V 574 kibibytes, sum 4.31 mebibytes"
    )


def test_the_formula_agrees_to_the_byte_or_says_by_how_much_not(blank):
    lines = lambda *given: blank.evaluate("([i, f, k]) => modules.formulaLines(i, f, k)", list(given))  # noqa: E731
    good = lines(info(), figures(top_k=16), 16)
    assert "30 layers × (1 K head × 64 + 3 V heads × 64) × 2 B = 15,360 B a token" in good["computed"]
    assert "× 90 tokens = 1,382,400 B = 1.32 MiB" in good["computed"]
    assert good["measured"] == "K 345,600 B + V 1,036,800 B: the same, to the byte"
    assert "9 Q heads × (min(16, 89) + 1) rows × 64 × 2 B = 587,520 B" in good["read"] and good["same"] is True
    bad = lines(info(), figures(k=345_598, v=1_036_801), None)
    assert bad["measured"].endswith("differs by K −2 B, V +1 B") and bad["same"] is False
    less = lines(info(), figures(v_read=1_036_000), None)
    assert "differs by V −800 B" in less["read"] and "the same" in less["measured"] and less["same"] is False
    assert lines(info(), figures(tokens=0), None)["same"] is None


def test_under_a_threshold_the_formula_is_the_most(blank):
    lines = lambda *given: blank.evaluate("([i, f, k, t]) => modules.formulaLines(i, f, k, t)", list(given))  # noqa: E731
    most = figures(top_k=16)["v_read"]
    light = lines(info(), figures(top_k=16, v_read=most - 1280), 16, 0.001)
    assert light["same"] is True and f"V {most - 1280:,} B of at most {most:,} B" in light["read"]
    assert "weigh less than 0.001" in light["read"]
    assert lines(info(), figures(top_k=16, v_read=most + 1280), 16, 0.001)["same"] is False
    assert lines(info(), figures(top_k=16, v_read=most - 1280), 16, 0)["same"] is False
    assert lines(info(), figures(v_read=1_036_000), None, 0.001)["same"] is False


def test_selective_v_counts_from_the_first_decode_step_of_a_column_that_has_it(blank):
    ask = "([k, step]) => modules.stepTopK({ selective_k: k }, { step })"
    given = ([16, 1], [16, 0], [16, -1], [None, 9])
    assert [blank.evaluate(ask, list(each)) for each in given] == [16, None, None, None]


@pytest.mark.parametrize("tokens", [1, 7, 90, 4096])
def test_table_rows_are_the_newest_point_and_a_few_earlier_ones(blank, tokens):
    rows = [(0, 0, 0, 0, 0), *(curve_row(cache_bytes("gqa", t, None)) for t in range(1, tokens + 1))]
    found = blank.evaluate("packed => modules.tableRows(modules.decodeCurve(packed))", pack_curve(rows))
    shown = [row["tokens"] for row in found]
    assert shown[0] == tokens and shown == sorted(set(shown), reverse=True) and min(shown) > 0
    assert len(shown) >= min(tokens, 4) and len(shown) <= 10
    assert blank.evaluate("modules.tableRows({ points: 0 })") == []


def selective_run(visitor):
    visitor.page.get_by_role("button", name="Selective V, k = 16").click()
    visitor.wait_run("running")
    visitor.wait_over()
    visitor.page.locator("#kv-canvas").scroll_into_view_if_needed()


MODEL = {"left": "sigma", "right": "gqa"}
NAME = {"left": "Sigma (k = 16)", "right": "GQA"}


def sentence(column, tokens, k):
    cost = cache_bytes(MODEL[column], tokens, k)
    held, read = cost.k_resident + cost.v_resident, cost.k_read + cost.v_read
    name = NAME[column]
    return (
        f"{name}, {tokens} tokens: resident K {binary(cost.k_resident)}, V {binary(cost.v_resident)}, sum {binary(held)}; "
        f"read by the step K {binary(cost.k_read)}, V {binary(cost.v_read)}, sum {binary(read)}"
    )


def wait_sentence(visitor, text):
    """Wait until the readout says it; its numbers and units are joined by spaces that do not break."""
    visitor.page.wait_for_function(
        "text => document.querySelector('#kv-read').innerText.replace(/\u00a0/g, ' ').includes(text)", arg=text
    )


def readout(visitor):
    return [
        line.inner_text().replace("\u00a0", " ")
        for line in visitor.page.locator("#kv-read [data-column] [aria-hidden]").all()
    ]


def settle(visitor):
    """Redraws are gathered into one per frame: after two frames, everything asked for is shown."""
    visitor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_the_readout_by_keyboard(visit):
    visitor = visit()
    selective_run(visitor)
    canvas, help_line = visitor.page.locator("#kv-canvas"), visitor.page.locator("#kv-help")
    newest = {side: int(visitor.figure(side, "context")) for side in COLUMNS}
    wait_sentence(visitor, sentence("left", newest["left"], 16))
    assert readout(visitor)[1] == sentence("right", newest["right"], None)
    assert canvas.get_attribute("role") == "slider" and int(canvas.get_attribute("aria-valuenow")) == max(
        newest.values()
    )
    canvas.focus()
    for _ in range(3):
        visitor.page.keyboard.press("ArrowLeft")
    visitor.wait_text("#kv-help", "Locked")
    settle(visitor)
    tokens = int(canvas.get_attribute("aria-valuenow"))
    assert 17 < tokens < newest["left"]
    assert readout(visitor) == [sentence("left", tokens, 16), sentence("right", tokens, None)]
    said = canvas.get_attribute("aria-valuetext")
    assert said.startswith(f"Sigma (k = 16), {tokens} tokens: resident K ") and "bibytes" in said and "iB" not in said
    visitor.page.keyboard.press("Home")
    visitor.page.wait_for_function(
        "c => c.getAttribute('aria-valuenow') === c.getAttribute('aria-valuemin')", arg=canvas.element_handle()
    )
    visitor.page.keyboard.press("Escape")
    visitor.wait_text("#kv-help", "The newest point")
    assert readout(visitor)[0] == sentence("left", newest["left"], 16) and help_line.is_visible()


def test_the_readout_by_pointer(visit):
    visitor = visit()
    selective_run(visitor)
    canvas = visitor.page.locator("#kv-canvas")
    plain = canvas.evaluate("c => c.toDataURL()")
    canvas.hover(position={"x": 300, "y": 120})
    visitor.wait_text("#kv-help", "Click to lock")
    settle(visitor)
    at = readout(visitor)
    tokens = int(re.match(r"Sigma \(k = 16\), (\d+) tokens", at[0])[1])
    assert at == [sentence("left", tokens, 16), sentence("right", tokens, None)]
    assert canvas.evaluate("c => c.toDataURL()") != plain, "the chosen point is marked"
    canvas.click(position={"x": 300, "y": 120})
    visitor.wait_text("#kv-help", "Locked")
    visitor.page.locator("#kv-figure h3").hover()
    settle(visitor)
    assert readout(visitor) == at
    canvas.click(position={"x": 300, "y": 120})
    visitor.wait_text("#kv-help", "The newest point")
    # A new run begins at its newest point, whatever was locked.
    canvas.click(position={"x": 200, "y": 120})
    visitor.wait_text("#kv-help", "Locked")
    visitor.send("again")
    visitor.wait_run("running")
    visitor.wait_over()
    visitor.wait_text("#kv-help", "The newest point")


def test_the_figure_on_a_phone_by_touch(visit):
    visitor = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    visitor.page.evaluate(DRAWN)
    selective_run(visitor)
    canvas = visitor.page.locator("#kv-canvas")
    visitor.page.wait_for_function("window.drawn.some((text) => text.startsWith('Sigma (k = 16) read '))")
    drawn = visitor.page.evaluate("window.drawn")
    for name in ("GQA ", r"Sigma \(k = 16\) ", "tokens"):
        assert any(re.match(name + (r"\d" if name != "tokens" else "$"), text) for text in drawn), drawn
    assert "all read" not in " ".join(drawn), "the long labels do not fit here"
    box = canvas.bounding_box()
    visitor.page.touchscreen.tap(box["x"] + 150, box["y"] + 80)
    visitor.wait_text("#kv-help", "Locked")
    settle(visitor)
    tokens = int(re.match(r"Sigma \(k = 16\), (\d+) tokens", readout(visitor)[0])[1])
    assert readout(visitor)[0] == sentence("left", tokens, 16)
    assert visitor.overflow() <= 0


def test_the_formula_and_the_table_of_a_run(visit):
    visitor = visit()
    visitor.wait_text("#kv-formula", "when it was recorded")
    visitor.page.wait_for_selector('#kv-formula [data-formula="left"][data-same="true"]')
    selective_run(visitor)
    for side in COLUMNS:
        part = visitor.page.locator(f'#kv-formula [data-formula="{side}"]')
        total = int(visitor.figure(side, "k") + visitor.figure(side, "v"))
        assert part.get_attribute("data-same") == "true"
        assert f"= {total:,} B = {binary(total)}" in part.inner_text()
        assert "from the tensors: K" in part.inner_text() and "the same, to the byte" in part.inner_text()
    details, table = visitor.page.locator("#kv-details"), visitor.page.locator(".kv-table")
    assert details.get_attribute("open") is None and not table.is_visible()
    visitor.page.get_by_text("The same as a table").click()
    table.locator("tbody").nth(1).locator("tr").nth(1).wait_for()  # filled by "toggle", which comes after the click
    for body, side, k in ((0, "left", 16), (1, "right", None)):
        rows = table.locator("tbody").nth(body).locator("tr")
        assert rows.first.inner_text() == NAME[side] and rows.count() > 3
        cells = rows.nth(1).locator("td")
        cost = cache_bytes(MODEL[side], int(visitor.figure(side, "context")), k)
        exact = [cost.k_resident, cost.v_resident, cost.k_resident + cost.v_resident]
        exact += [cost.k_read, cost.v_read, cost.k_read + cost.v_read]
        assert [cell.get_attribute("title") for cell in cells.all()] == [f"{value:,} bytes" for value in exact]
        assert cells.all_inner_texts() == [binary(value) for value in exact]
        assert "(newest)" in rows.nth(1).locator("th").inner_text()


def test_without_motion_the_recorded_run_stands_at_its_end_in_every_part(visit):
    visitor = visit(reduced_motion="reduce")
    for side in COLUMNS:
        visitor.wait_text(f"#chat-{side}", "recorded run")
        visitor.wait_text(f"#head-{side}", "stored: recorded run")
        assert visitor.figure(side, "k") > 0
    end = json.loads((ASSETS / "examples" / "recorded.json").read_text("utf-8"))["frames"][-1]
    visitor.wait_text("#kv-read", f"Sigma (k = 16), {end['sides']['sigma']['figures']['context']} tokens")


def test_sizes_for_the_formula_are_the_sides_own():
    assert sizes(fake_info("gqa")) == {**info(k=3), "layer_key_heads": []}
