"""The explorer in a real browser: what it draws and how one plays with it, on the recorded run."""

import json
import re

import pytest

from tests.visualizers.explore.pages import PIXELS, drawn, follow, ready, state, text, wait_read
from tests.visualizers.modules import module_address

pytestmark = pytest.mark.browser


def test_hover_previews_click_locks_escape_unlocks(explored):
    visitor = explored
    maps = visitor.page.locator('[data-mark="heads-gqa"]')
    maps.hover(position={"x": 60, "y": 100})
    wait_read(visitor, "GQA q0 (K0, V0)")
    read = visitor.page.locator("#ex-read")
    assert re.search(
        r"score ≈ −?[\d.]+, weight ≈ .+ %, rank \d+ of \d+, with all above it .+ % of the mass", read.inner_text()
    )
    assert "locked" not in read.inner_text() and state(visitor)["key"] is None
    maps.click(position={"x": 60, "y": 100})
    wait_read(visitor, "as stored")  # a recording holds its weights in steps
    assert "(locked)" in read.inner_text()
    locked = state(visitor)
    assert locked["side"] == "gqa" and locked["key"] is not None
    visitor.page.locator('[data-mark="heads-sigma"]').hover(position={"x": 70, "y": 220})
    ready(visitor)
    assert state(visitor) == locked and "(locked)" in read.inner_text()
    # Both strips show the same token and the same key.
    keys = visitor.page.eval_on_selector_all(".ex-strip bdi.key", "all => all.map(e => e.dataset.position)")
    assert keys == [str(locked["key"])] * 2
    queries = visitor.page.eval_on_selector_all(".ex-strip bdi.query", "all => all.map(e => e.dataset.position)")
    assert len(set(queries)) == 1 and len(queries) == 2
    visitor.page.keyboard.press("Escape")
    wait_read(visitor, "Hover a point")
    assert state(visitor)["key"] is None


def test_of_the_other_side_one_head_comes_until_more_is_looked_at(explored):
    visitor = explored
    asked = []

    def sent(request):
        if "component_server" in request.url:
            asked.append(json.loads(json.loads(request.post_data)["data"])["parts"])

    visitor.page.on("request", sent)
    bytes_now = "Number(document.querySelector('#explore').dataset.bytes || 0)"  # none is asked for before
    before = visitor.page.evaluate(bytes_now)
    visitor.page.evaluate("window.sigma.explore.setState({step: 17})")
    ready(visitor)
    assert any({"row", "linked", "figures"} <= set(parts) for parts in asked)
    assert before < visitor.page.evaluate(bytes_now) < before + 5_000  # 55 tokens
    strips = visitor.page.locator('[data-ex="strip-gqa"]')
    assert "binned" not in strips.inner_text()
    asked.clear()
    # Another head at the same query: its rows are fetched on both sides, and shown unbinned.
    visitor.page.evaluate(
        """async (address) => {
          const { headsLayout } = await import(address);
          const canvas = document.querySelector('[data-mark="heads-sigma"]'), box = canvas.getBoundingClientRect();
          const layout = headsLayout(box.width, {query_heads: 9, key_heads: 1, value_heads: 3}), cell = layout.cells[5];
          const y = box.top + cell.y + (54.5 / 70) * cell.size;
          canvas.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + cell.x + 3, clientY: y, bubbles: true}));
        }""",
        module_address("explore/geometry.js"),
    )
    wait_read(visitor, "Sigma q5")
    visitor.page.wait_for_function("document.querySelector('[data-ex=strip-gqa]')?.innerText.startsWith('q5 at')")
    visitor.page.wait_for_function("!document.querySelector('[data-ex=strip-gqa]')?.innerText.includes('binned')")
    ready(visitor)
    visitor.page.remove_listener("request", sent)
    assert ["row"] in asked


def test_a_step_shows_its_query_in_the_strips(explored):
    inside = """side => {
      const strip = document.querySelector(`[data-strip=${side}]`), token = strip.querySelector('.query').getBoundingClientRect();
      const box = strip.parentElement.getBoundingClientRect();
      return token.top >= box.top - 1 && token.bottom <= box.bottom + 1 && strip.parentElement.scrollHeight > box.height + 20;
    }"""
    explored.page.set_viewport_size({"width": 320, "height": 844})  # the recorded text does not fit then
    for step in (31, -38 + 3, 20):
        explored.page.evaluate("step => window.sigma.explore.setState({step})", step)
        ready(explored)
        assert explored.page.evaluate(inside, "sigma") and explored.page.evaluate(inside, "gqa"), step


def test_by_keyboard_alone(explored):
    visitor = explored
    start = state(visitor)
    visitor.page.locator('[data-mark="large"]').focus()
    for key, name, by in (("]", "layer", 1), ("[", "layer", -1), (",", "step", -1), ("PageDown", "head", 1)):
        before = state(visitor)[name]
        visitor.page.keyboard.press(key)
        assert state(visitor)[name] == before + by
    visitor.page.keyboard.press("ArrowLeft")
    visitor.page.keyboard.press("ArrowUp")
    wait_read(visitor, "(locked)")
    assert state(visitor)["step"] == start["step"] - 2
    visitor.page.locator('[data-mode="attention"]').focus()
    visitor.page.keyboard.press("ArrowRight")
    assert state(visitor)["mode"] == "selection"
    ready(visitor)
    assert visitor.page.locator('[data-panel="selection"]').is_visible()
    assert visitor.page.locator('[data-panel="attention"]').is_hidden()
    outline = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_play_goes_through_the_steps_and_stops(explored):
    visitor = explored
    visitor.page.evaluate("window.sigma.explore.setState({step: 28})")
    visitor.page.get_by_role("button", name="Play the steps").click()
    visitor.page.wait_for_function("window.sigma.explore.getState().step >= 30")
    visitor.page.wait_for_function("document.querySelector('[data-act=play]').textContent === '▶'")
    assert state(visitor)["step"] == 31
    visitor.page.get_by_role("button", name="First step").click()
    assert state(visitor)["step"] == 0


def test_the_k_slider_previews_and_computes_on_release(explored):
    visitor = explored
    visitor.page.locator('[data-mode="selection"]').click()
    words = visitor.page.locator('[data-ex="selection-words"] p')
    visitor.page.wait_for_function(
        "document.querySelector('[data-ex=selection-words] p')?.innerText.includes('distinct')"
    )
    fetched = visitor.page.locator('[data-strip="sigma"] .fetched')
    assert fetched.count() == 17
    slider = visitor.page.locator('[data-set="k"]')
    slider.evaluate("e => { e.value = 3; e.dispatchEvent(new Event('input', {bubbles: true})); }")
    visitor.page.wait_for_function("document.querySelectorAll('[data-strip=sigma] .fetched').length === 4")
    assert "Preview" in words.inner_text() and "≈" in text(visitor, "selection-words") and state(visitor)["k"] == 16
    slider.evaluate("e => e.dispatchEvent(new Event('change', {bubbles: true}))")
    visitor.page.wait_for_function(
        "document.querySelector('[data-ex=selection-words] p')?.innerText.includes('distinct')"
    )
    assert state(visitor)["k"] == 3 and fetched.count() == 4
    assert visitor.page.locator('[data-strip="gqa"] .fetched').count() == 0
    assert visitor.page.locator('[data-strip="sigma"] .skipped').count() > 20
    rows = visitor.page.locator('[data-ex="selection-words"] tbody tr')
    assert rows.count() == 9 and "%" in rows.first.inner_text()
    for name in ("time", "histogram", "over-k"):
        assert visitor.page.evaluate(PIXELS, name) > 2_000
    typed = visitor.page.locator("[data-k]")
    assert typed.input_value() == "3"
    for written, kept in (("10", 10), ("1000", 69), ("", 69), ("2.5", 69)):
        typed.fill(written)
        typed.press("Enter")
        assert state(visitor)["k"] == kept and typed.input_value() == str(kept)


def test_the_switches_change_the_pictures(explored):
    visitor = explored
    pixels = "document.querySelector('[data-base=\"heads-sigma\"]').toDataURL()"
    seen = {visitor.page.evaluate(pixels)}
    visitor.page.locator('[data-set="log"]').uncheck()
    for act in (
        lambda: visitor.page.locator('[data-set="noSink"]').check(),
        lambda: visitor.page.locator('[data-set="mass"]').select_option("0.5"),
        lambda: visitor.page.evaluate("document.body.classList.toggle('dark')"),
    ):
        drawn(visitor)
        seen.add(visitor.page.evaluate(pixels))
        act()
    drawn(visitor)
    seen.add(visitor.page.evaluate(pixels))
    assert len(seen) == 5


def test_both_sides_are_compared(explored):
    visitor = explored
    visitor.page.locator('[data-mode="compare"]').click()
    ready(visitor)
    assert re.match(r"The answers part at step \d+: Sigma wrote “.+”, GQA wrote “.+”", text(visitor, "parting"))
    for side in ("sigma", "gqa"):
        assert "%" in text(visitor, "next-" + side) and "entropy" in text(visitor, "next-" + side)
    assert visitor.page.locator('[data-ex="diverge"] tbody tr').count() == 8
    visitor.page.get_by_role("button", name="The same for all layers").click()
    assert {"mode": "attention", "measure": "diverge"}.items() <= state(visitor).items()
    visitor.page.locator('[data-mode="compare"]').click()
    step = state(visitor)["step"]
    visitor.page.locator('[data-base="track"]').click(position={"x": 200, "y": 60})
    assert state(visitor)["step"] != step


def test_a_table_says_the_same(explored):
    visitor = explored
    visitor.page.locator("#explore summary").click()
    rows = visitor.page.locator('[data-ex="table-body"] tbody tr')
    visitor.page.wait_for_function("document.querySelectorAll('[data-ex=table-body] tbody tr').length === 20")
    assert rows.first.locator("td, th").count() == 5
    first = float(re.search(r"≈ ([\d.]+) %", rows.first.inner_text())[1])
    assert first > 5
    summary = visitor.page.locator('[data-ex="summary"]')
    visitor.page.wait_for_function("document.querySelector('[data-ex=summary]')?.innerText.includes('V rows')")
    assert summary.get_attribute("aria-live") == "polite"


def test_files_hold_the_view(explored, tmp_path):
    visitor = explored
    follow(visitor, "#explore?layer=5&step=10&k=4")

    def saved(name):
        with visitor.page.expect_download() as download:
            visitor.page.locator(f'[data-act="{name}"]').click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    assert saved("png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    data = json.loads(saved("json").read_text())
    rows = data["step"]["weights"]["sigma"]
    assert len(rows) == 9 and len(rows[0]) == data["query"] + 1 and sum(rows[0]) == pytest.approx(1, abs=1e-4)
    assert data["state"]["layer"] == 5 and "#explore?" in data["address"] and data["tokens"][0] == "<|im_start|>"
    page = saved("html").read_text()
    assert "<script>" not in page and page.count("data:image/png") >= 5 and "http-equiv" in page
    other = visitor.context.new_page()
    asked = []
    other.on("request", lambda request: asked.append(request.url))
    other.goto((tmp_path / "x").as_uri().replace("/x", "/" + next(tmp_path.glob("*.html")).name))
    assert "Recorded run" in other.inner_text("body") and other.locator("img").first.is_visible()
    assert not [url for url in asked if url.startswith("http")]
    numbers = json.loads(other.locator("#numbers").text_content())
    assert numbers["state"]["k"] == 4
    other.close()  # or the explorer's page stays in the background, where frames are few


@pytest.mark.parametrize("width,scheme", [(390, "light"), (820, "dark"), (320, "dark")])
def test_it_fits_a_phone(explored, width, scheme):
    explored.page.set_viewport_size({"width": width, "height": 844})
    explored.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for mode in ("attention", "selection", "compare"):
        explored.page.locator(f'[data-mode="{mode}"]').click()
        ready(explored)
        assert explored.overflow() <= 0
    sigma, gqa = explored.boxes('[data-ex-side="sigma"]', '[data-ex-side="gqa"]')
    assert (gqa["y"] > sigma["y"]) == (width < 640)
    if width < 640:  # a pair that is locked far below is read at the top of the screen
        explored.page.evaluate("window.sigma.explore.setState({key: 3})")
        wait_read(explored, "(locked)")
        explored.page.locator("#explore summary").scroll_into_view_if_needed()
        read = explored.page.locator("#ex-read").bounding_box()
        assert explored.page.evaluate("scrollY") > 500 and -1 <= read["y"] < 100


def test_listeners_and_memory_do_not_grow(explored):
    visitor = explored
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Performance.enable")

    def measured():
        session.send("HeapProfiler.collectGarbage")
        found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        return found["JSEventListeners"], found["JSHeapUsedSize"], found["Nodes"]

    turn = """async (n) => {
      for (let i = 0; i < n; i++) {
        window.sigma.explore.setState({layer: 8 + (i % 2), step: 20 + (i % 3), head: i % 9, mode: ['attention', 'selection', 'compare'][i % 3]});
        await new Promise(requestAnimationFrame);
      }
    }"""
    quiet = """async () => {
      const root = document.querySelector('#explore');
      for (let bytes = null; bytes !== root.dataset.bytes || root.dataset.state !== 'ready';) {
        bytes = root.dataset.bytes;
        await new Promise((done) => setTimeout(done, 400));
      }
    }"""
    visitor.page.evaluate(turn, 18)  # every combination once: what is kept of the answers is there
    visitor.page.evaluate(quiet)
    before = measured()
    visitor.page.evaluate(turn, 54)
    visitor.page.evaluate(quiet)
    after = measured()
    assert (
        after[0] <= before[0] and after[1] - before[1] < 5e6 and after[2] <= before[2] + 600
    )  # rows of tables come and go


def test_others_on_the_page_can_drive_it(explored):
    visitor = explored
    seen = visitor.page.evaluate(
        """async () => {
          await window.sigma.explore.ready;
          const seen = [], end = window.sigma.explore.onChange((state, changed) => seen.push([state.layer, ...changed]));
          window.sigma.explore.setState({layer: 3, nonsense: 1});
          window.sigma.explore.setState({layer: 3});
          window.sigma.explore.setState({layer: 99, step: -1000});
          end();
          window.sigma.explore.setState({layer: 1});
          return [seen, window.sigma.explore.getState().layer, window.sigma.explore.element.id];
        }"""
    )
    assert seen[0] == [[3, "layer"], [29, "layer", "step"]] and seen[1] == 1 and seen[2] == "explore"
