"""The offer on the Chat tab without a browser: when it is made, what is judged, and what is said of it."""

import gradio as gr
import pytest

from sigma.aimicius.contract import Score, Verdict
from sigma.aimicius.recognise import Known, Recognised
from tests.aimicius.small_task import TASK
from tests.visualizers.tasks.site import small_tasks
from visualizers.chat.examples import known_questions, read_examples
from visualizers.shared.conversation import Conversation
from visualizers.shared.loader import EngineLoader
from visualizers.shared.runs import Runs
from visualizers.shared.stream import Run
from visualizers.shared.turn_view import TurnView
from visualizers.tasks.judging import Judges
from visualizers.tasks.offer.handlers import OfferHandlers
from visualizers.tasks.offer.tab import COLUMNS
from visualizers.tasks.offer.words import judged_html, offer_html, scored

LEFT, RIGHT = COLUMNS
SUM = Known(
    "small",
    {"id": "sum", "question": "What is 3 plus 4?", "numbers": [3, 4], "kind": "sum", "truth": "7"},
    "of the test",
)


@pytest.fixture
def offer():
    handlers = OfferHandlers(Runs(EngineLoader(lambda progress: None)), small_tasks(), Judges(), lambda: [SUM])
    with gr.Blocks():
        handlers.layout()
    return handlers


def chat(prompt, left="it is 7", right="it is 8"):
    conversation = Conversation()
    turn = conversation.begin(prompt)
    turn.answers = {side: text for side, text in ((LEFT, left), (RIGHT, right)) if text}
    return conversation


def about(offer, updates):
    return updates[offer.tab.about]


def test_a_known_question_is_offered_and_another_is_not(offer):
    shown = offer.look(chat("what is 3 plus 4"))
    assert "the question is sum of the test; its right answer is known" in about(offer, shown)
    assert shown[offer.tab.judge]["visible"] is True
    for other in (chat("What is the sky?"), chat("What is 3 plus 4?", "", ""), Conversation(), None):
        shown = offer.look(other)
        assert about(offer, shown) == "" and shown[offer.tab.judge]["visible"] is False


def test_a_task_that_the_page_does_not_have_is_not_offered(offer):
    assert about(offer, offer.look(chat("Write the nvidia-smi command that lists all GPUs."))) == ""


def test_one_click_judges_both_answers_and_says_what_was_scored(offer):
    steps = list(offer.judge(chat("What is 3 plus 4?")))
    last = {part: value for step in steps for part, value in step.items()}
    assert '"state":"done"' in last[offer.tab.verdicts[LEFT]] and "100.0 %" in last[offer.tab.verdicts[LEFT]]
    assert "8 against 7" in last[offer.tab.verdicts[RIGHT]]
    said = last[offer.tab.about]
    assert "Scored: Number Found, Exact." in said and "Not scored (one turn): Improved." in said
    assert '<code translate="no">7</code>' in said and "worked examples" in said


def test_a_side_without_an_answer_is_not_judged(offer):
    last = {part: value for step in offer.judge(chat("What is 3 plus 4?", right="")) for part, value in step.items()}
    assert "no answer to judge" in last[offer.tab.verdicts[RIGHT]]
    assert '"state":"done"' in last[offer.tab.verdicts[LEFT]]


def test_a_stopped_answer_is_said_to_be_one(offer):
    conversation, run = chat("What is 3 plus 4?"), Run(TurnView(0.0))
    offer.runs.open(conversation.session, run)
    run.view.stopped = True
    assert "were stopped" in about(offer, offer.look(conversation))
    run.view.stopped = False
    run.view.sides[RIGHT].meter.finish = "length"
    assert "cut at its limit" in about(offer, offer.look(conversation))


def test_the_turn_may_be_gone_when_the_click_comes(offer):
    (only,) = offer.judge(Conversation())
    assert "no answer" in about(offer, only)
    conversation, run = chat("What is 3 plus 4?"), Run(TurnView(0.0))
    offer.runs.open(conversation.session, run)
    (only,) = offer.judge(conversation)
    assert "still being written" in about(offer, only)


def test_a_task_that_cannot_be_loaded_or_read_says_so(offer):
    broken = Known("broken", {"id": "b", "question": "What is broken here?", "truth": "7"}, "of the test")
    wrong = Known(
        "small", {"id": "w", "question": "What is wrong here?", "numbers": "none", "truth": "7"}, "of the test"
    )
    offer.known = lambda: [broken, wrong]
    last = {part: value for step in offer.judge(chat("What is broken here?")) for part, value in step.items()}
    assert "wasmtime is missing" in last[offer.tab.verdicts[LEFT]]
    last = {part: value for step in offer.judge(chat("What is wrong here?")) for part, value in step.items()}
    assert "two whole numbers" in last[offer.tab.verdicts[RIGHT]]


def test_a_chat_goes_on_where_looking_fails(offer, caplog):
    def fail():
        raise OSError("no file")

    offer.known = fail
    assert about(offer, offer.look(chat("What is 3 plus 4?"))) == "" and "could not be looked at" in caplog.text


def test_words_escape_what_a_visitor_wrote_and_name_what_has_no_score():
    found = Recognised("small", {"truth": "<b>7</b>"}, "names <i>", ("a <u>node",))
    said = judged_html(found, TASK, [None])
    assert (
        "<i>" not in said
        and "&lt;b&gt;7" in said
        and "Taken: a &lt;u&gt;node." in said
        and "No verdict came to its end" in said
    )
    free = offer_html(Recognised("small", {"truth": ""}, "names a thing"))
    assert "no right answer is known" in free
    none = Verdict({metric.name: Score(None, "no truth") for metric in TASK.metrics})
    assert scored(TASK, [none]).endswith("Not scored (no truth): Number Found, Exact, Improved.")


def test_examples_of_loaded_tasks_are_known_too():
    loader = small_tasks()
    assert loader.known() == []
    loader.task("small")
    assert [one.question for one in loader.known()][:1] == ["What is 3 plus 4?"] and loader.known()[0].row[
        "truth"
    ] == "7"


def test_the_chat_examples_that_ask_a_task_are_cases_whose_truth_scores_in_full():
    from sigma.aimicius import load_task
    from sigma.aimicius.contract import verdict_of

    known = known_questions()
    assert {one.task for one in known} == {"cmdgen", "nl2kql"} and len(known) >= 2
    prompts = {example["prompt"] for example in read_examples()}
    for one in known:
        task = load_task(one.task)
        case = task.case(one.row, "the example")
        assert one.question in prompts
        scores = [
            score.value for score in verdict_of(task, case, case.truth).scores.values() if score.value is not None
        ]
        assert scores and min(scores) > 0.999


def test_the_node_of_the_example_is_what_the_simulated_node_prints():
    from sigma.aimicius.cmdgen.command import read
    from sigma.aimicius.cmdgen.simulator import run

    (one,) = [one for one in known_questions() if "simulated node" in one.question]
    command = one.row["truth"].removesuffix(" -l 5")
    assert run(read(command, "NVIDIA"), one.row["system"]).output.strip() in one.question
