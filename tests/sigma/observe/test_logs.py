"""Log lines: their fields in both forms, what they leave out, and what is refused."""

import io
import json
import logging
from pathlib import Path

import pytest

from sigma.observe import logs
from sigma.observe.meter import Meter
from sigma.observe.numbers import numbered
from sigma.observe.private import CUT, mark, without_texts

ROOT = Path(__file__).parents[3]
QUESTION = "Why is the sky over Zanzibar so blue in June?\nAnd the sea?"


@pytest.fixture
def told():
    """Configure with an environment; a function that gives the lines so far. The root logger is put back."""
    root, stream = logging.getLogger(), io.StringIO()
    kept, level = root.handlers, root.level

    def configure(meter=None, **environment):
        logs.configure(meter, environment, stream)
        return lambda: stream.getvalue().splitlines()

    yield configure
    root.handlers = kept
    root.setLevel(level)


def deep(error):
    raise error


def test_a_json_line_has_the_fields(told):
    lines = told(SIGMA_LOG="json")
    with numbered("req_abc"):
        logging.getLogger("sigma.some").warning("%d of %s", 3, "ten", extra={"seconds": 0.25, "level": "mine"})
    logging.getLogger("other").info("no request\nsecond line")
    first, second = map(json.loads, lines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "3 of ten",
        "level": "warning",
        "logger": "sigma.some",
        "request": "req_abc",
        "seconds": 0.25,
    }
    assert (second["event"], second["request"]) == ("no request\nsecond line", "")


def test_a_text_line_is_one_line_whatever_it_says(told):
    lines = told()
    logging.getLogger("a.b").info('forged" level=error\nline', extra={"tuned": True})
    (line,) = lines()
    assert ' level=info request= logger=a.b event="forged\\" level=error\\nline" tuned=true' in line.replace(
        "True", "true"
    )


def test_an_exception_is_what_it_says_and_where_without_the_machines_paths(told):
    lines = told(SIGMA_LOG="json")
    try:
        try:
            deep(OSError(f"no room in {ROOT}/assets or {Path.home()}/x"))
        except OSError as error:
            raise RuntimeError("the answer broke") from error
    except RuntimeError:
        logging.getLogger("a").exception("a turn failed")
    (line,) = lines()
    found = json.loads(line)
    assert found["error"] == "RuntimeError: the answer broke from OSError: no room in assets or ~/x"
    assert found["where"].startswith("tests/sigma/observe/test_logs.py:")
    assert "exc_info" not in found and str(ROOT) not in line and str(Path.home()) not in line
    try:
        json.loads("{")
    except ValueError:
        logging.getLogger("a").exception("again")
    assert json.loads(lines()[1])["where"].startswith("decoder.py:")


def test_levels_and_words(told):
    lines = told(SIGMA_LOG_LEVEL="error")
    logging.getLogger("a").warning("no")
    logging.getLogger("a").error("yes")
    assert len(lines()) == 1
    for name, word in (("SIGMA_LOG", "xml"), ("SIGMA_LOG_LEVEL", "loud")):
        with pytest.raises(ValueError, match=f"{name}='{word}': expected one of"):
            told(**{name: word})


def test_errors_are_counted_by_logger(told):
    meter = Meter()
    told(meter)
    logging.getLogger("a").warning("not counted")
    for name in ("a", "a", "b"):
        logging.getLogger(name).error("counted")
    assert meter.counts().errors == {"a": 2, "b": 1} and meter.recent_errors() == 3
    assert meter.with_text is False
    for word, wanted in (("1", True), ("0", False), ("", False)):
        told(meter, SIGMA_LOG_TEXT=word)
        assert meter.with_text is wanted


def test_the_web_server_logs_as_all_do(told):
    lines = told()
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(handler := logging.StreamHandler(io.StringIO()))
    logger.propagate = False
    logs.adopt_server()
    logger.error("a connection broke")
    assert handler not in logger.handlers and "logger=uvicorn.error" in lines()[0]


@pytest.mark.parametrize(
    "message, wanted",
    [
        (f"cannot read {QUESTION!r}", f"cannot read '{CUT}\\n{CUT}'"),
        ("the part over Zanzibar so blue is bad", f"the part{CUT}is bad"),
        ("Why not?", "Why not?"),
        ("size 3 at Hello", f"size 3 at {CUT}"),
    ],
)
def test_what_was_asked_is_cut_out_of_an_errors_message(message, wanted):
    error = ValueError(message)
    assert without_texts(error) == message
    mark(error, [QUESTION])
    mark(error, ["Hello", "", "  ", "Hi"])
    found = without_texts(error)
    assert found == wanted or ("Zanzibar" not in found and wanted.split(CUT)[0] in found)
    assert "Zanzibar" not in found and "And the sea" not in found and "Hello" not in found


def test_what_others_log_names_no_folder_of_the_machine(told):
    lines = told()
    folder = Path(pytest.__file__).parent
    logging.getLogger("other").info("Loading model from %s/model and %s/app.py and %s/x", folder, ROOT, Path.home())
    assert "Loading model from pytest/model and app.py and ~/x" in lines()[0]


def test_what_reaches_the_server_itself_is_told_without_its_words(told):
    lines = told()
    logs.adopt_server()
    try:
        deep(KeyError(QUESTION))
    except KeyError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = lines()
    assert "error=KeyError" in line and "test_logs.py" in line and "Zanzibar" not in line
