"""What programs and forms send: JSON of any shape where a request, a form or a question is expected."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from sigma.events import ChatRequest, PromptError
from sigma.serving.asked import AskedChat, AskedText
from tests.fuzz.target import Target
from tests.fuzz.texts import ANY_TEXT, ODD
from visualizers.chat.arguments import check_arguments
from visualizers.memory.figures import project
from visualizers.memory.form import CHOICES, FIELDS

WORDS = st.one_of(
    ANY_TEXT,
    st.sampled_from((*ODD, "sigma", "gqa", "both", "user", "system", "mean", "1,024", "128k", "0.5", "١٢", "1 000")),
)
NUMBER = st.one_of(
    st.integers(-3, 300),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from((0, 1, 1.0, -0.0, 1e308, 2**53, 2**53 + 1, 2**63)),
)
SCALAR = st.one_of(WORDS, NUMBER, st.booleans(), st.none())
JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=8,
)


def body(model: Any, /, **likely: st.SearchStrategy) -> st.SearchStrategy[dict]:
    """An object with the fields of a pydantic model, mostly of likely kinds, now and then anything, and perhaps a field too many."""
    names = list(model.model_fields)
    field = {name: st.one_of(likely.get(name, NUMBER), likely.get(name, NUMBER), JSON) for name in names}
    return st.one_of(
        st.fixed_dictionaries({}, optional=field),
        st.fixed_dictionaries(
            {name: likely[name] for name in likely}, optional={n: f for n, f in field.items() if n not in likely}
        ),
        st.builds(
            lambda given, more: {**given, **more},
            st.fixed_dictionaries({}, optional=field),
            st.dictionaries(WORDS, JSON, max_size=1),
        ),
        JSON,
    )


PART = st.fixed_dictionaries({}, optional={"type": st.sampled_from(("text", "image_url", 3)), "text": SCALAR})
MESSAGE = st.fixed_dictionaries(
    {}, optional={"role": st.one_of(st.sampled_from(("user", "system", "assistant", "developer", "tool")), SCALAR),
                  "content": st.one_of(WORDS, st.lists(PART, max_size=3), JSON), "tool_calls": JSON, "name": SCALAR},
)  # fmt: skip
MODEL, MESSAGES = (
    st.sampled_from(("sigma", "gqa")),
    st.one_of(st.lists(MESSAGE, max_size=4), st.just([{"role": "user", "content": "Hello"}])),
)
CHAT = body(AskedChat, model=MODEL, messages=MESSAGES)
TEXT = body(AskedText, model=MODEL, prompt=st.one_of(WORDS, st.lists(WORDS, max_size=2)))
CALL = st.lists(st.one_of(SCALAR, JSON), min_size=8, max_size=8)
FORM = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), st.one_of(WORDS, st.integers(0, 2**21).map(str), st.sampled_from([c for cs in CHOICES.values() for c in cs]), JSON), max_size=10),
    JSON,
)  # fmt: skip
OPS = st.fixed_dictionaries(
    {"op": st.one_of(st.sampled_from(("open", "view", "run", "rerun")), SCALAR)},
    optional={
        "run": st.one_of(st.just("recorded"), SCALAR), "text": st.one_of(st.sampled_from(("sigma", "gqa")), SCALAR), "side": st.one_of(st.sampled_from(("sigma", "gqa")), SCALAR),
        "layer": NUMBER, "query": NUMBER, "head": NUMBER, "k": NUMBER, "size": NUMBER, "q0": NUMBER, "q1": NUMBER, "k0": NUMBER, "k1": NUMBER, "page": SCALAR, "job": JSON,
        "parts": st.one_of(st.lists(st.one_of(st.sampled_from(("row", "linked", "figures", "select", "exact", "next", "map", "overview", "strip")), SCALAR), max_size=4), JSON),
        "question": st.one_of(st.dictionaries(WORDS, SCALAR, max_size=4), JSON), "measure": SCALAR,
    },
)  # fmt: skip


def refused(function: Any, *given: Any) -> Any:
    """What the function gives, or None where it refuses with a sentence."""
    try:
        return function(*given)
    except PromptError as error:
        assert 0 < len(str(error)) < 2000
        return None


def check_body(model: Any):
    """A body is refused with a sentence, or becomes a request that another reading of it becomes, too."""

    def check(given: Any) -> None:
        read = lambda: model.read(given) if isinstance(given, dict) else None  # noqa: E731
        found = refused(read)
        if found is not None:
            request = found.request()
            assert isinstance(request, ChatRequest) and request == read().request()
            assert request.sampling.max_new_tokens >= 1 and 0 <= request.sampling.temperature <= 5

    return check


def check_call(given: list) -> None:
    """The chat endpoint's arguments."""
    found = refused(check_arguments, *given)
    assert found is None or (found.prompt.strip() and found.sides and found.max_new_tokens >= 1)


def check_form(given: Any) -> None:
    """The Memory form: a picture, or a message for each wrong field; never both, and JSON that a browser reads."""
    answer = json.loads(project(given), parse_constant=lambda name: 1 / 0)
    assert (answer["view"] is None) == bool(answer["errors"])
    assert all(name in (*FIELDS, "form") and text for name, text in answer["errors"].items())


@cache
def explorer() -> tuple[Any, str]:
    """The explorer over the recorded run, where no model could be loaded; and the token of a page that is open."""
    from tests.visualizers.explore.asking import RECORDING
    from visualizers.explore.recorded import read
    from visualizers.explore.service import Explorer
    from visualizers.shared.loader import EngineLoader

    def fail(progress: Any) -> Any:
        raise PromptError("There is no model in this test.")

    loader = EngineLoader(fail)
    loader.start()
    loader.wait(10)
    made = Explorer(loader, read(RECORDING))
    return made, made.open_page("fuzz").token


def check_question(given: Any) -> None:
    """The explorer answers with an object that JSON can hold, or with an error in words; it never fails inside."""
    asked, token = explorer()
    answer = asked.ask({"page": token, "run": "recorded", **given} if isinstance(given, dict) else given)
    assert isinstance(answer, dict)
    assert "the server's log has the details" not in str(answer.get("error", ""))
    json.dumps(answer, allow_nan=False)


TARGETS = (
    Target("asked.chat", "a body of /v1/chat/completions", CHAT, check_body(AskedChat)),
    Target("asked.text", "a body of /v1/completions", TEXT, check_body(AskedText)),
    Target("asked.call", "the arguments of /chat", CALL, check_call),
    Target("asked.form", "the form of the Memory tab", FORM, check_form),
    Target("asked.question", "a question to the explorer", st.one_of(OPS, JSON), check_question),
)  # fmt: skip
