"""The explorer in a real browser: recorded runs, runs of the chat, links, and every head count, over tiny real models."""

import re

import pytest

from tests.visualizers.explore.pages import (
    PATIENCE,
    PIXELS,
    answers_of,
    chat_then_explore,
    follow,
    ready,
    state,
    text,
    wait_read,
)
from tests.visualizers.explore.site import tiny_engine
from tests.visualizers.modules import module_address
from tests.visualizers.server import launch

pytestmark = pytest.mark.browser

HOSTILE = 'a\nb <img src=x onerror="window.broken=1"> </script> \u05e9\u05dc\u05d5\u05dd \u202e\u200b 🙂 e\u0301'


def test_the_recorded_run_is_there_without_a_model_and_without_asking(visit):
    page, url, _ = launch(tiny_engine(), load_seconds=60)
    try:
        visitor = visit(url)
        visitor.page.set_default_timeout(PATIENCE)
        asked = []
        visitor.page.on("request", lambda r: asked.append(r.post_data) if "component_server" in r.url else None)
        visitor.page.get_by_role("tab", name="Explore").click()
        ready(visitor)
        assert "Recorded run" in text(visitor, "source")
        assert "9 Q, 1 K, 3 V heads" in text(visitor, "heads-sigma") and "3 K" in text(visitor, "heads-gqa")
        assert visitor.page.evaluate(PIXELS, "heads-sigma") > 20_000
        assert "of the softmax mass on average" in text(visitor, "attention-words")
        assert not asked  # the page has brought it all
        visitor.page.evaluate("window.sigma.explore.setState({layer: 7})")
        visitor.page.wait_for_function("document.querySelector('#explore').dataset.layer === '7'")
        assert asked
    finally:
        visitor.context.close()  # or its browser would miss the server
        page.close()


def test_the_last_answer_of_the_chat_is_explored(explored):
    visitor = explored
    chat_then_explore(visitor, "Tell me more")
    assert "Your run: “Tell me more”" in text(visitor, "source")
    assert state(visitor)["layer"] == 3  # 12 is more than the tiny model has
    visitor.page.locator('[data-mode="selection"]').click()
    visitor.page.get_by_role("button", name="Answer again with this k").click()
    visitor.page.wait_for_selector("#explore[data-rerun]", timeout=PATIENCE)
    assert text(visitor, "rerun").startswith(f"With k = {state(visitor)['k']}, ")
    visitor.page.locator('[data-set="text"]').select_option("gqa")
    visitor.page.wait_for_function("window.sigma.explore.getState().text === 'gqa'")
    ready(visitor)
    visitor.page.get_by_role("button", name="Show the recorded run").click()
    visitor.page.wait_for_selector("#explore[data-run=recorded]")


def test_the_score_of_a_locked_pair_is_the_models(explored, tiny_site):
    visitor = explored
    chat_then_explore(visitor, "Which score?")
    asked = [
        past
        for past in tiny_site[0]._sessions._past.values()
        if past.request.messages["left"][-1]["content"] == "Which score?"
    ]
    past = asked[0].sides["left"]
    for side, key in (("sigma", 4), ("gqa", 9)):
        visitor.page.evaluate(
            f"window.sigma.explore.setState({{key: null, side: '{side}', layer: 2, head: 5, step: 3}})"
        )
        wait_read(visitor, "Hover a point")
        visitor.page.evaluate(f"window.sigma.explore.setState({{key: {key}}})")
        wait_read(visitor, "exactly")
        told = visitor.page.locator("#ex-read").inner_text()
        assert told.startswith("Sigma q5" if side == "sigma" else "GQA q5")
        found, query = tiny_site[0].inspect(side, past.ids, past.prompt_length), past.prompt_length + 2
        held = found._keys[2]
        keys = held[5 * len(held) // found.query_heads, key].float()
        score = float(found._queries[2][5, query].float() @ keys) * found.scale
        shown = re.search(r"score (−?[\d.]+), weight ([\d.]+) % exactly", told)
        assert float(shown[1].replace("−", "-")) == pytest.approx(score, abs=0.011), told
        weight = found.weights(2, query, query + 1)[5, 0, key]
        assert float(shown[2]) / 100 == pytest.approx(weight, rel=0.01), told
    visitor.page.get_by_role("button", name="Show the recorded run").click()
    visitor.page.wait_for_selector("#explore[data-run=recorded]")


def test_tokens_are_never_markup(explored):
    visitor = explored
    chat_then_explore(visitor, HOSTILE)
    visitor.page.locator("#explore summary").click()
    visitor.page.locator('[data-mode="compare"]').click()
    ready(visitor)
    strip = visitor.page.locator('[data-strip="sigma"]').inner_text()
    assert "<img" in strip and "↵" in strip
    assert visitor.page.evaluate("window.broken") is None
    assert visitor.page.locator("#explore img, #explore script, #explore b").count() == 0


def test_while_an_answer_is_written_its_newest_token_is_shown(explored, tiny_site, monkeypatch):
    engine = tiny_site[0]
    real = engine._events

    def slowly(runs, session):
        import time

        for event in real(runs, session):
            time.sleep(0.1)
            yield event

    monkeypatch.setattr(engine, "_events", slowly)
    visitor = explored
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.send("slowly please")
    visitor.page.get_by_role("tab", name="Explore").click()
    visitor.page.wait_for_selector("#explore[data-state=live]", timeout=PATIENCE)
    visitor.page.wait_for_function(
        "document.querySelector('[data-ex=heads-sigma]')?.innerText.includes('newest token')"
    )
    draws = int(visitor.page.locator("#explore").get_attribute("data-draws"))
    visitor.page.wait_for_timeout(1200)
    assert 1 <= int(visitor.page.locator("#explore").get_attribute("data-draws")) - draws <= 7
    assert visitor.page.locator('[data-ex-side="gqa"]').is_visible() and visitor.page.locator(".ex-large").is_hidden()
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.page.locator("#stop").click()
    visitor.page.get_by_role("tab", name="Explore").click()
    ready(visitor, "recorded")  # what was written until Stop is explored


def test_an_answer_that_ended_before_explore_was_first_opened_is_explored(visit, tiny_site):
    """The tab is made when it is first opened, so it has heard nothing of the chat before."""
    visitor = visit(tiny_site[1])
    visitor.page.set_default_timeout(PATIENCE)
    visitor.send("before you looked")
    visitor.page.wait_for_function("document.body.dataset.run === 'over'")
    visitor.page.get_by_role("tab", name="Explore").click()
    visitor.page.wait_for_function(
        "document.querySelector('[data-ex=source]')?.innerText.startsWith('Your run: “before you looked”')"
    )


LINK = "#explore?run=recorded&text=sigma&side=gqa&layer=7&head=4&step=9&k=5&mode=selection&measure=entropy&key=3&mass=0.9&noSink=1"


def test_a_link_reproduces_the_view(visit, tiny_site):
    visitor = visit(tiny_site[1] + "/" + LINK)
    visitor.page.set_default_timeout(PATIENCE)
    ready(visitor)
    wanted = dict(
        side="gqa", layer=7, head=4, step=9, k=5, mode="selection", key=3, mass=0.9, noSink=True, measure="entropy"
    )
    assert wanted.items() <= state(visitor).items()
    assert not visitor.page.locator('[data-ex="message"]').is_visible()
    visitor.page.evaluate("window.sigma.explore.setState({layer: 8})")
    visitor.page.wait_for_function("location.hash.includes('layer=8')")
    link, shown = visitor.page.evaluate("location.hash"), state(visitor)
    visitor.page.evaluate("window.sigma.explore.setState({layer: 2, mode: 'compare'})")
    follow(visitor, link)
    assert state(visitor) == shown
    visitor.page.get_by_role("tab", name="About").click()
    visitor.page.wait_for_function("location.hash === ''")


def test_a_link_to_a_live_run_asks_its_question_again(visit, tiny_site):
    # A page of its own: a link brings one question, never the chat that came before it.
    visitor = visit(tiny_site[1])
    visitor.page.set_default_timeout(PATIENCE)
    answers_of(visitor, 24)
    visitor.page.get_by_role("tab", name="Explore").click()
    ready(visitor)
    chat_then_explore(visitor, "Once upon & a time + 1")
    visitor.page.evaluate("window.sigma.explore.setState({layer: 1, step: 5, k: 7})")
    visitor.page.wait_for_function("location.hash.includes('step=5')")
    visitor.page.wait_for_function("document.querySelector('[data-strip=sigma] bdi')?.textContent === '<|im_start|>'")
    tokens = "[...document.querySelectorAll('[data-strip=sigma] bdi')].map(e => e.textContent).join('')"
    first, text_shown, link = state(visitor), visitor.page.evaluate(tokens), visitor.page.evaluate("location.hash")
    assert "prompt=Once+upon+%26+a+time+%2B+1" in link and "tokens=24" in link
    visitor.page.evaluate("window.sigma.explore.open('recorded')")
    visitor.page.wait_for_selector("#explore[data-run=recorded]")
    follow(visitor, link)
    again = state(visitor)
    assert first.pop("run") != again.pop("run") and first == again
    visitor.page.wait_for_function(f"text => {tokens} === text", arg=text_shown)


NONSENSE = {
    "#explore?layer=999&k=-4": "layer 999 is not between 0 and 29",
    "#explore?layer=abc&step=1e99&head=NaN": "layer abc is no whole number",
    "#explore?mode=<script>&side=left": "mode <script> is none of",
    "#explore?run=0123456789abcdef": "names a run that is not known",
    "#explore?text=nobody": "no text of",
    "#explore?prompt=%20&layer=3": "could not be answered: Write a prompt",
    "#explore?prompt=x&temperature=hot": "Temperature must be a number",
    "#explore?key=100000": "no token of this run",
    "#explore?%%%&&==&layer": "layer is no whole number",
}


def test_nonsense_in_a_link_is_explained(explored):
    for fragment, words in NONSENSE.items():
        follow(explored, fragment)
        assert words in text(explored, "message"), fragment
    assert explored.page.evaluate(PIXELS, "heads-sigma") > 20_000 and explored.page.evaluate("window.broken") is None


@pytest.mark.parametrize("heads,keys", [("32/4/16", "4 K, 16 V"), ("1/1/1", "1 K, 1 V head")])
def test_other_head_counts_are_drawn(visit, heads, keys):
    engine = tiny_engine(heads)
    page, url, loader = launch(engine)
    assert loader.wait(120)
    try:
        visitor = visit(url + "/#explore?prompt=Hello&tokens=12&layer=2")
        visitor.page.set_default_timeout(PATIENCE)
        visitor.page.wait_for_function("document.querySelector('[data-ex=source]')?.innerText.startsWith('Your run')")
        ready(visitor)
        assert keys in text(visitor, "heads-sigma")
        count = int(heads.split("/")[0])
        assert visitor.page.locator('[data-set="head"] option').count() == count
        assert visitor.overflow() <= 0
        if count == 32:
            spans = """async (address) => {
              const { groupSpans, headsLayout } = await import(address);
              const info = {query_heads: 32, key_heads: 4, value_heads: 16}, layout = headsLayout(460, info);
              return [layout.columns, groupSpans(layout, 'value').length, new Set(layout.cells.map(c => c.key)).size];
            }"""
            assert visitor.page.evaluate(spans, module_address("explore/geometry.js")) == [8, 16, 4]
    finally:
        visitor.context.close()
        page.close()
        engine.close()
