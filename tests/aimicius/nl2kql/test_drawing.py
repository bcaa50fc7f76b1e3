"""The drawings: pure, escaped, and right for odd input."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from visualizers.tasks.nl2kql import draw

EVIL = '<img src=x onerror="alert(1)">&\''


class Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(html: str) -> str:
    reader = Balance()
    reader.feed(html)
    assert reader.open == []
    assert not reader.tags & {"img", "script", "style", "a"}
    return html


def mark(start: int, length: int, kind: str = "syntax") -> dict:
    return {"start": start, "length": length, "message": EVIL, "kind": kind}


def test_complaints_are_underlined_at_their_place():
    html = check(
        draw(
            {
                "kind": "nl2kql.query",
                "text": "T | wher a",
                "diagnostics": [mark(4, 4), mark(9, 1, "schema")],
                "parser": "p",
            }
        )
    )
    assert '<mark data-kind="syntax">wher<sup>1</sup></mark>' in html
    assert '<mark data-kind="schema">a<sup>2</sup></mark>' in html
    assert "line 1, character 5" in html


@pytest.mark.parametrize(("start", "length"), [(-5, 2), (0, 0), (3, 10_000), (10_000, 1), (2, -3)])
def test_places_outside_the_text_do_no_harm(start, length):
    html = check(draw({"kind": "nl2kql.query", "text": EVIL, "diagnostics": [mark(start, length), mark(1, 3)]}))
    assert html.count("<li") == 2


def test_the_end_of_the_text_can_be_underlined():
    assert '<span class="kq-end">end</span>' in check(
        draw({"kind": "nl2kql.query", "text": "T |", "diagnostics": [mark(3, 1)]})
    )


def test_many_complaints_are_counted():
    assert "and 30 more" in check(
        draw({"kind": "nl2kql.query", "text": "x" * 99, "diagnostics": [mark(i, 1) for i in range(50)]})
    )


def test_names_are_chips_with_a_word_each():
    parts = [{"name": "columns", "found": ["A"], "missed": [EVIL], "extra": ["C"] * 90}]
    html = check(draw({"kind": "nl2kql.references", "truth": True, "parts": parts}))
    assert "in the truth, not in the query" in html and "and 50 more" in html and "Column" in html
    assert "not in the truth" not in check(
        draw({"kind": "nl2kql.references", "truth": False, "parts": parts[:1]})
    ).replace("in the truth, not", "")


def test_a_table_keeps_types_and_says_how_much_it_shows():
    view = {
        "kind": "nl2kql.result",
        "whose": "answer",
        "columns": [EVIL, "n"],
        "rows": [[EVIL, 1.25], [None, 2_000_000.0]],
        "total": 200,
        "more": True,
    }
    html = check(draw(view))
    assert "2 of more than 200 rows" in html and "<i>null</i>" in html and '<td class="kq-number">1.25</td>' in html
    assert "2,000,000" in html and "not a metric of the paper" in html
    assert "No rows. Columns: Node" in check(draw({"kind": "nl2kql.result", "columns": ["Node"], "rows": []}))


def test_other_kinds_are_not_drawn():
    assert draw({"kind": "plan"}) == ""
