"""The Tasks tab in a real browser, on a small task whose judge is real."""

import csv
import io
import json
import threading

import pytest

from tests.fake_engine import FakeEngine
from tests.visualizers.chat.test_chat_page import until
from tests.visualizers.tasks.guest import Guest
from tests.visualizers.tasks.site import launch_tasks, small_tasks

pytestmark = pytest.mark.browser

HOSTILE = '<img src="https://example.com/x.png" onerror="window.broken=1"><script>window.broken=1</script></pre> 5'


@pytest.fixture
def guest(visit, tasks_site, tasks_engine):
    """Open the tab as a new visitor; the browser's complaints fail the test."""
    return lambda **view: Guest(visit(tasks_site[1], **view))


def test_an_example_is_asked_streamed_and_judged_part_by_part(guest, tasks_engine):
    one = guest()
    assert "tuned on training questions of these tasks" in one.page.locator("#tasks").inner_text()
    assert one.page.locator("#task-example-1").inner_text() == "product: 6 and 7"
    tasks_engine.words, tasks_engine.delay = 40, 0.5  # slow until all that is there while it runs was seen
    one.example(1)
    one.page.wait_for_selector('#task-answer-sigma [data-phase="decode"]')
    one.wait_text("#task-answer-gqa", "heard: What is 6 times 7?")
    one.page.wait_for_selector("#task-stop:visible")
    tasks_engine.delay = 0.0
    one.wait_verdict("sigma")
    one.wait_verdict("gqa")
    one.wait_idle()
    assert "bad" in one.verdict("sigma") and "31 against 42" in one.verdict("sigma")
    assert "Number Found" in one.verdict("gqa") and "100.0 %" in one.verdict("gqa")
    assert one.page.locator("#task-verdict-sigma [role=status]").text_content() == (
        "Sigma 135M: Exact 0.0 %, Number Found 100.0 %."
    )
    assert "40 of 48" in one.answer("sigma") and one.field(0).input_value() == "What is 6 times 7?"
    assert tasks_engine.requests[-1].messages["sigma"] == tasks_engine.requests[-1].messages["gqa"]
    assert tasks_engine.sessions[-1] is None and not tasks_engine.open_now()
    one.open("#task-sent-box")
    sent = one.page.locator("#task-sent").inner_text()
    assert "Answer with one number." in sent and "What is 6 times 7?" in sent


def test_a_task_without_a_form_says_so_and_is_answered_freely(guest, tasks_engine):
    one = guest()
    one.page.locator("#task-held input").check()
    one.example(0)
    one.wait_text("#task-notice", "have no form to be held to")
    one.wait_idle()
    assert tasks_engine.requests[-1].grammar is None and "held to the form" not in one.answer("sigma")


def test_own_fields_own_truth_and_what_cannot_be_read(guest, tasks_engine):
    one = guest()
    asked = len(tasks_engine.requests)
    one.field(2).fill("[3, 4")
    one.ask()
    one.wait_text("#task-notice", "numbers is not JSON")
    assert len(tasks_engine.requests) == asked
    one.field(2).fill("[3, 5]")
    one.field(0).fill("How much are 3 and 5?")
    one.open("#task-sent-box")
    one.wait_text("#task-sent", "How much are 3 and 5?")  # as soon as the box is left
    one.ask()
    one.wait_verdict("sigma")
    assert "no truth" in one.verdict("sigma"), "the example's truth answers another question"
    assert tasks_engine.requests[-1].messages["sigma"][-1]["content"] == "How much are 3 and 5?"
    one.wait_idle()
    one.page.locator("#task-truth textarea, #task-truth input").first.fill("13")
    one.ask()
    one.wait_text("#task-verdict-sigma", "against 13")


def test_stop_frees_the_device_and_judges_nothing(guest, tasks_engine):
    tasks_engine.words, tasks_engine.delay = 400, 0.05
    one = guest()
    one.page.locator("#task-budget input[type=number]").fill("400")
    one.page.keyboard.press("Tab")
    one.ask()
    one.wait_text("#task-answer-gqa", "word1.2")
    one.page.locator("#task-stop").click()
    one.wait_idle()
    until(lambda: not tasks_engine.open_now())
    one.wait_text("#task-verdict-sigma", "not judged")
    until(lambda: "stopped" in one.answer("sigma"))
    before = one.answer("gqa")
    assert "word1.2" in before
    tasks_engine.words, tasks_engine.delay = 8, 0.0
    one.ask()
    one.wait_verdict("gqa")
    assert one.page.locator("#task-notice").inner_text() == ""


def test_the_second_turn_tells_each_side_its_own_answer(guest, tasks_engine):
    one = guest()
    tasks_engine.words = 12
    one.example(0)
    one.page.wait_for_selector("#task-follow:visible", timeout=20_000)
    one.page.locator("#task-follow").click()
    one.wait_text("#task-answer-sigma", "second turn: done")
    one.wait_verdict("sigma")
    one.wait_idle()
    roles = [message["role"] for message in tasks_engine.requests[-1].messages["sigma"]]
    assert roles == ["system", "user", "assistant", "user"]
    assert "still wrong" in one.verdict("gqa")
    assert not one.page.locator("#task-follow").is_visible()


def test_an_own_answer_is_judged_while_the_model_loads(visit, engine):
    gate = threading.Event()
    page, url, _ = launch_tasks(FakeEngine(words=10), small_tasks(), gate)
    try:
        one = Guest(visit(url))
        one.open("#task-own-box")
        one.page.locator("#task-own textarea").fill("I think it is 7")
        one.page.locator("#task-judge").click()
        one.wait_verdict("own")
        assert "7 against 7" in one.verdict("own") and "100.0 %" in one.verdict("own")
        assert "loading" in one.page.locator("#status-chip").inner_text()
        one.ask()
        one.wait_text("#task-notice", "Loading the model")
        gate.set()
        one.wait_verdict("gqa")
        one.page.locator("#task-own textarea").fill("")
        one.page.locator("#task-judge").click()
        one.wait_text("#task-verdict-own", "no number in the answer")
    finally:
        one.visitor.context.close()  # or its browser would miss the server
        page.close()


def test_whatever_is_typed_stays_text(guest, tasks_engine):
    one = guest()
    one.field(0).fill(HOSTILE)
    one.open("#task-sent-box")
    one.wait_text("#task-sent", "<script>")
    one.open("#task-own-box")
    one.page.locator("#task-own textarea").fill(HOSTILE)
    one.page.locator("#task-judge").click()
    one.wait_verdict("own")
    one.ask()
    one.wait_verdict("sigma")
    assert '<img src="https://example.com' in one.answer("sigma")
    one.field(2).fill('["<img src=x onerror=window.broken=1>"')
    one.ask()
    one.wait_text("#task-notice", "not JSON")
    assert one.page.evaluate("window.broken") is None
    assert one.page.locator("#tasks img").count() == 0


def test_another_task_clears_the_columns_and_a_missing_one_is_explained(guest, tasks_engine):
    one = guest()
    one.example(0)
    one.wait_verdict("sigma")
    one.wait_idle()
    radios = one.page.locator("#task-pick input")
    radios.nth(1).focus()
    one.page.keyboard.press("Space")
    one.wait_text("#task-about", "judged slowly")
    one.page.wait_for_selector("#task-verdict-sigma .verdict[data-state=empty]", state="attached")
    assert "heard" not in one.answer("sigma") and "–" in one.answer("sigma")
    radios.nth(2).check()
    one.wait_text("#task-about", "wasmtime is missing")
    assert not one.page.locator("#task-example-0").is_visible()
    one.ask()
    one.wait_text("#task-notice", "Pick a task first")
    # Leaving the tab and coming back keeps what is there.
    radios.nth(0).check()
    one.wait_text("#task-about", "two numbers")
    one.field(0).fill("my own words")
    one.page.get_by_role("tab", name="About").click()
    one.page.wait_for_selector("#about:visible")
    one.page.get_by_role("tab", name="Tasks").click()
    assert one.field(0).input_value() == "my own words"


def test_two_visitors_do_not_see_one_another(guest, tasks_engine):
    tasks_engine.words, tasks_engine.delay = 40, 0.02
    one, two = guest(), guest()
    one.field(0).fill("apples")
    two.field(0).fill("pears")
    one.ask()
    two.ask()
    one.wait_verdict("gqa")
    two.wait_verdict("gqa")
    assert "apples" in one.answer("sigma") and "pears" not in one.answer("sigma") + one.answer("gqa")
    assert "pears" in two.answer("gqa") and "apples" not in two.answer("gqa")


def test_a_visitor_who_leaves_frees_the_device(guest, tasks_engine):
    tasks_engine.words, tasks_engine.delay = 400, 0.05
    one = guest()
    one.ask()
    one.wait_text("#task-answer-sigma", "heard")
    one.visitor.context.close()
    until(lambda: not tasks_engine.open_now(), 15)


def saved(one, name):
    with one.page.expect_download() as download:
        one.page.locator(f'[data-part="save-{name}"]').click()
    return download.value.suggested_filename, download.value.path().read_text()


def test_an_evaluation_shows_progress_our_table_and_the_papers(guest, tasks_engine):
    tasks_engine.words = 10
    one = guest()
    one.open("#trial-box")
    one.page.locator("#trial-side input[value=gqa]").check()
    one.page.locator("#trial-cases input[type=number]").fill("4")
    one.page.keyboard.press("Tab")
    one.page.locator("#trial-run").click()
    one.wait_text("#trial-results", "of 4 cases")
    one.page.wait_for_selector("#trial-results .saves:visible", timeout=30_000)
    text = one.page.locator("#trial-results").inner_text()
    assert "GQA 135M: 4 of 4 cases; finished" in text
    assert (
        "our AIMicius-style test set, n = 4; other data, other size of model" in text and "the paper, Table 6" in text
    )
    assert "80.5" in text
    assert (
        one.page.locator("#trial-results [role=status]")
        .text_content()
        .startswith("Finished: 4 of 4 cases. GQA 135M: Exact")
    )
    name, text = saved(one, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert name == "aimicius-style-small.csv" and len(rows) == 4 and rows[0]["answer"].startswith("GQA 135M heard")
    report = json.loads(saved(one, "json")[1])["reports"][0]
    assert (report["task"], report["side"], report["n"]) == ("small", "gqa", 4)
    # The truths, without a model, beside it; then one that is stopped.
    one.page.locator("#trial-side input[value=truth]").check()
    one.page.locator("#trial-run").click()
    one.wait_text("#trial-results", "truths: 4 of 4 cases; finished")
    assert one.page.locator("#trial-results thead").inner_text().count("n = 4") == 2
    tasks_engine.words, tasks_engine.delay = 400, 0.05
    one.page.locator("#trial-side input[value=sigma]").check()
    one.page.locator("#trial-run").click()
    one.wait_text("#trial-results", "tokens")
    one.ask()
    one.wait_text("#task-notice", "still being written")
    one.page.locator("#trial-stop").click()
    one.page.wait_for_selector("#trial-run:visible")
    until(lambda: not tasks_engine.open_now())
    one.wait_text("#trial-notice", "Stopped")


@pytest.mark.parametrize("width,scheme", [(1440, "dark"), (390, "light"), (320, "dark")])
def test_no_horizontal_overflow_and_one_column_on_a_phone(guest, tasks_engine, width, scheme):
    one = guest(viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
    one.example(2)
    for box in ("#task-sent-box", "#task-own-box", "#trial-box"):
        one.open(box)
    one.wait_verdict("gqa")
    one.page.locator("#trial-side input[value=truth]").check()
    one.page.locator("#trial-run").click()
    one.page.wait_for_selector("#trial-results .saves:visible", timeout=30_000)
    assert one.visitor.overflow() <= 0
    left, right = one.visitor.boxes("#task-answer-sigma", "#task-answer-gqa")
    assert (right["y"] > left["y"]) == (width < 640)
    assert one.page.locator("#task-run").bounding_box()["height"] >= 40
    clipped = "rows => rows.filter(row => row.scrollWidth > row.clientWidth).map(row => row.innerText)"
    assert one.page.locator("#task-worked").is_visible()
    assert one.page.locator("#task-run-row label").evaluate_all(clipped) == []
    focused = """() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.boxShadow; }"""
    one.page.locator("#task-run").focus()
    one.page.keyboard.press("Tab")
    one.page.keyboard.press("Shift+Tab")
    assert one.page.evaluate(focused) != "nonenone", "what has the focus can be seen"
