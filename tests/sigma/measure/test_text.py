"""JSON lines: blank lines are passed over, a bad one is named, only a newline ends one."""

import pytest

from sigma.measure.text import json_lines


def test_lines_are_numbered_as_in_the_file():
    text = '{"a": 1}\n\n  \n["x\u2028y"]\n'
    assert list(json_lines(text, "f.jsonl")) == [("f.jsonl, line 1", {"a": 1}), ("f.jsonl, line 4", ["x\u2028y"])]


@pytest.mark.parametrize("line", ['{"a": 1', "[" * 100_000])
def test_a_line_that_is_no_json_is_named_when_it_is_reached(line):
    rows = json_lines(f"1\n{line}\n", "f.jsonl")
    assert next(rows) == ("f.jsonl, line 1", 1)
    with pytest.raises(ValueError, match=r"f\.jsonl, line 2: not JSON"):
        next(rows)
