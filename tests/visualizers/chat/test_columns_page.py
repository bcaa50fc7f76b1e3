"""Columns that a visitor chooses, in a real browser: by an example, by the settings, by a link; and one of them alone."""

import pytest

pytestmark = pytest.mark.browser

LAYERS, DIM, ITEM = 30, 64, 2
K_16 = LAYERS * 9 * 17 * DIM * ITEM  # V bytes that a step of Sigma reads with k = 16


def open_settings(visitor):
    visitor.page.locator("#settings button.label-wrap").first.click()
    visitor.page.wait_for_selector("#left-model input:visible")


def pick(visitor, name, option):
    """Choose an option of a dropdown by its text."""
    box = visitor.page.locator(f"#{name} input")
    box.blur()
    box.click()  # which opens the list only when it was elsewhere
    visitor.page.get_by_role("option", name=option, exact=True).click()


def follow(visitor, address):
    """Open an address afresh, as a visitor who was given it."""
    visitor.page.goto("about:blank")
    visitor.page.goto(address, wait_until="load")
    visitor.page.wait_for_selector("#status-chip")


def head(visitor, column):
    return visitor.page.locator(f"#head-{column}").inner_text()


def test_one_example_sets_a_model_beside_itself(visit, engine):
    visitor = visit()
    visitor.page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.wait_run("running")
    visitor.wait_over()
    asked = engine.requests[-1]
    assert [asked.column(name).model for name in ("left", "right")] == ["sigma", "sigma"]
    assert [asked.column(name).selective_k for name in ("left", "right")] == [16, None]
    visitor.wait_text("#head-left", "k = 16")
    assert "Sigma 135M" in head(visitor, "left") and "Sigma 135M" in head(visitor, "right")
    assert "all rows" in head(visitor, "right") and "1 key head" in head(visitor, "right")
    assert visitor.figure("left", "v_read") == K_16 and visitor.figure("left", "k") == visitor.figure("right", "k")
    assert visitor.figure("right", "v_read") == visitor.figure("right", "v") == visitor.figure("left", "v")
    assert visitor.page.locator("#chat-left .message.note").inner_text() == "Sigma (k = 16)"
    assert visitor.page.locator("#chat-right .message.note").inner_text() == "Sigma (all rows)"
    visitor.page.locator("#kv-figure").scroll_into_view_if_needed()
    visitor.wait_text("#kv-read", "Sigma (all rows), ")
    names = ("#kv-read", "#kv-formula", "#kv-figure .legend", "#attention-figure")
    for part in names:
        shown = visitor.page.locator(part).inner_text().replace("\u00a0", " ")
        assert "Sigma (k = 16)" in shown and "Sigma (all rows)" in shown and "GQA" not in shown, part
    assert visitor.page.locator('#kv-formula [data-same="true"]').count() == 2
    assert visitor.page.locator("#attention-left").get_attribute("aria-label").startswith("Sigma (k = 16): attention")
    visitor.page.wait_for_function("location.hash === '#chat?left_selective=16&right=sigma'")
    # The next example is Sigma beside GQA again, and says so.
    visitor.page.get_by_role("button", name="What is a GPU?").click()
    visitor.wait_answer("right", "word2.")
    visitor.wait_over()
    assert "GQA 135M" in head(visitor, "right")
    visitor.page.wait_for_function("!location.hash")
    assert visitor.page.locator("#chat-right .message.note").count() == 1, "the older answer still says whose it is"
    visitor.wait_text("#kv-figure .legend", "GQA")


def test_an_older_answer_that_comes_last_does_not_stay(visit):
    visitor = visit()
    held = []

    def hold(route):
        """The first call that knows of the k; what follows passes it."""
        if held or '"16","same"' not in (route.request.post_data or ""):
            return route.continue_()
        return held.append(route)

    visitor.page.route("**/run/predict*", hold)
    visitor.page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.page.wait_for_function("location.hash === '#chat?left_selective=16&right=sigma'")
    visitor.wait_over()
    assert '"gqa"' in held[0].request.post_data, "the call that was held is older than the right column's change"
    with visitor.page.expect_response(lambda answer: "run/predict" in answer.url and answer.request != held[0].request):
        held[0].continue_()
    visitor.page.wait_for_timeout(200)
    assert visitor.page.evaluate("location.hash") == "#chat?left_selective=16&right=sigma"
    assert visitor.page.locator(".planned").count() == 0


def test_what_is_chosen_is_announced_then_answers_and_is_in_the_link(visit, engine):
    visitor = visit()
    page = visitor.page
    visitor.send("first")
    visitor.wait_over()
    page.locator('[data-choose="right"]').click()
    page.wait_for_selector("#right-model input:visible")
    pick(visitor, "right-model", "Sigma")
    visitor.wait_text("#planned-right", "Next answer: Sigma")
    pick(visitor, "right-selective", "32")
    visitor.wait_text("#planned-right", "Next answer: Sigma, k = 32")
    assert "GQA 135M" in head(visitor, "right"), "what is shown is still GQA's"
    visitor.wait_text("#planned-left", "all rows")  # which is a word only beside fewer
    page.wait_for_function("location.hash === '#chat?right=sigma&right_selective=32'")
    page.locator("#retry").click()
    visitor.wait_text("#head-right", "k = 32")
    visitor.wait_over()
    assert page.locator(".planned").count() == 0
    assert engine.requests[-1].column("right").selective_k == 32
    assert "Sigma 135M heard: first" in visitor.answer("right")
    address = page.url
    again = visit()
    follow(again, address)
    again.wait_text("#planned-right", "Next answer: Sigma, k = 32")
    again.send("second")
    again.wait_over()
    assert (
        engine.requests[-1].column("right").selective_k == 32 and engine.requests[-1].column("left").selective_k is None
    )


def test_a_columns_own_temperature_and_system_prompt(visit, engine):
    visitor = visit()
    open_settings(visitor)
    visitor.page.locator("#choose-columns .own-settings button").first.click()
    pick(visitor, "left-temperature", "0.7")
    visitor.page.locator("#left-system textarea").fill("Be short.")
    visitor.page.locator("#left-system textarea").blur()
    visitor.wait_text("#planned-left", "temperature 0.7, system prompt “Be short.”")
    visitor.send("hello")
    visitor.wait_over()
    asked = engine.requests[-1]
    assert [asked.column(name).sampling.temperature for name in ("left", "right")] == [0.7, 0]
    assert [chat[0]["role"] for chat in asked.messages.values()] == ["system", "user"]
    assert "greedy, no system prompt" in head(visitor, "right")


@pytest.mark.parametrize(
    "wish, words",
    [
        ("left=llama", "there is no model 'llama'; there are sigma, gqa"),
        ("left_selective=0", "k must be at least 1, not 0"),
        ("left_selective=9000", "k = 9,000 is more than the context of 8,192 tokens"),
        ("right_selective=16", "selective V is Sigma's; GQA reads every V row"),
    ],
)
def test_a_link_that_cannot_be_followed_says_so_and_the_page_is_as_ever(visit, site, engine, wish, words):
    visitor = visit()
    follow(visitor, f"{site[1]}/#chat?{wish}")
    visitor.wait_text("#notice", words)
    visitor.page.wait_for_function("!location.hash")
    visitor.send("all the same")
    visitor.wait_over()
    asked = engine.requests[-1]
    assert [asked.column(name).model for name in ("left", "right")] == ["sigma", "gqa"]
    assert [asked.column(name).selective_k for name in ("left", "right")] == [None, None]


def test_a_link_pasted_into_the_open_page_is_followed_with_its_prompt(visit):
    visitor = visit()
    page = visitor.page
    page.get_by_role("tab", name="Memory").click()
    page.evaluate("location.hash = '#chat?left=gqa&wide=left&prompt=What+now%3F'")
    visitor.wait_text("#planned-left", "Next answer: GQA")
    assert page.get_by_role("tab", name="Chat").get_attribute("aria-selected") == "true"
    page.wait_for_function("document.querySelector('#prompt textarea').value === 'What now?'")
    assert page.locator("#head-left").is_visible() and page.locator("#head-right").is_hidden()
    page.get_by_role("tab", name="Memory").click()
    page.wait_for_function("!location.hash.startsWith('#chat')")
    page.get_by_role("tab", name="Chat").click()
    page.wait_for_function("location.hash === '#chat?left=gqa&wide=left'")


@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark")])
def test_one_column_alone_and_both_again(visit, width, scheme):
    visitor = visit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = visitor.page
    visitor.send("What is a GPU?")
    visitor.wait_over()
    before = page.locator("#head-left").bounding_box()["width"]
    button = page.locator('[data-widen="left"]')
    button.click()
    assert button.get_attribute("aria-pressed") == "true" and button.inner_text() == "Both columns"
    assert page.locator("#head-right").is_hidden() and page.locator("#attention-right").is_hidden()
    assert page.locator("#head-left").bounding_box()["width"] >= (1.8 if width > 640 else 1) * before
    assert visitor.overflow() <= 0 and page.url.endswith("#chat?wide=left")
    # A new turn sends the headers anew: the column stays alone, and its button says so.
    visitor.send("And a CPU?")
    visitor.wait_answer("left", "word2.")
    visitor.wait_over()
    assert page.locator("#head-right").is_hidden()
    page.wait_for_function("document.querySelector('[data-widen=left]').textContent === 'Both columns'")
    page.locator('[data-widen="left"]').click()
    page.locator("#head-right").wait_for()
    assert "word2." in visitor.answer("right") and "#chat" not in page.url
    page.locator("#attention-right").scroll_into_view_if_needed()
    page.wait_for_function(
        """() => { const c = document.getElementById('attention-right');
        return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((value, i) => i % 4 === 3 && value); }"""
    )


@pytest.mark.parametrize("width, scheme", [(1440, "light"), (390, "light"), (320, "dark")])
def test_the_columns_settings_fit_every_width(visit, width, scheme):
    visitor = visit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    visitor.page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.wait_run("running")
    visitor.wait_over()
    open_settings(visitor)
    for drawer in visitor.page.locator("#choose-columns .own-settings button").all():
        drawer.click()
    visitor.page.wait_for_selector("#right-system textarea:visible")
    assert visitor.overflow() <= 0


def test_a_copied_link_brings_columns_and_prompt(visit):
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    visitor.page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.wait_run("running")
    visitor.wait_over()
    visitor.page.wait_for_function("location.hash.includes('right=sigma')")
    visitor.page.locator("#more-button").click()
    visitor.page.locator("#chat-link [data-copy]").click()
    visitor.wait_text("#chat-link", "Link copied.")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert "prompt=Name+three+uses" in link and "right=sigma" in link


def test_explore_follows_two_columns_of_one_model(visit):
    visitor = visit()
    visitor.page.get_by_role("button", name="k = 16 beside all rows").click()
    visitor.wait_run("running")
    visitor.wait_over()
    visitor.page.get_by_role("tab", name="Explore").click()
    options = visitor.page.locator('#explore select[data-set="text"] option')
    visitor.page.wait_for_function(
        "[...document.querySelectorAll('#explore select[data-set=text] option')].map((o) => o.textContent).join() === "
        "\"Sigma (k = 16)'s answer,Sigma (all rows)'s answer\""
    )
    assert options.evaluate_all("list => list.map((o) => o.value)") == ["left", "right"]
    visitor.page.locator('#explore select[data-set="text"]').select_option("right")
    visitor.page.wait_for_function("window.sigma.explore.getState().text === 'right'")
