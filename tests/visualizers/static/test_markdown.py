"""The Markdown of our own texts, and refusals of what would be shown wrongly."""

import pytest

from visualizers.page import words
from visualizers.static.markdown import inline, sections, to_html


def test_the_forms_of_our_texts():
    text = "# Title\n\n## Part\nTwo\nlines.\n\n- one\n  goes on\n- two\n\n    a < b\n    c\n\nLast."
    assert to_html(text) == (
        "<h2>Title</h2>\n<h2>Part</h2>\n<p>Two lines.</p>\n<ul><li>one goes on</li><li>two</li></ul>\n"
        "<pre><code>a &lt; b\nc</code></pre>\n<p>Last.</p>"
    )


def test_a_table_has_heads_for_rows_and_columns():
    shown = to_html("| a | b |\n|---|:-:|\n| x | `1` |\n| y | **2** |")
    assert '<th scope="col">a</th><th scope="col">b</th>' in shown
    assert '<tr><th scope="row">x</th><td><code>1</code></td></tr>' in shown and "<strong>2</strong>" in shown
    assert 'tabindex="0" role="region" aria-label="Table: a"' in shown


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a < b & `<i>`", "a &lt; b &amp; <code>&lt;i&gt;</code>"),
        ("*Sigma: a* b", "<em>Sigma: a</em> b"),
        ("2 * 3 * 4, a_b_c", "2 * 3 * 4, a_b_c"),
        ("[a *b*](https://x.org/?q=1&r)", '<a href="https://x.org/?q=1&amp;r" rel="noopener">a <em>b</em></a>'),
        ("[its card](../sigma-135m/README.md)", "its card"),
        ("[x](javascript:alert)", "x"),
        ("![picture](https://x.org/a.png)", "picture"),
        ("`*no*` **yes**", "<code>*no*</code> <strong>yes</strong>"),
    ],
)
def test_words(text, shown):
    assert inline(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode\n```",
        "<b>x</b>",
        "1. one",
        "> quoted",
        "* one",
        "---",
        "| a |\n| b |",
        "| a | b |\n|---|---|\n| c |",
        "  x",
    ],
)
def test_what_is_not_known_is_refused(text):
    with pytest.raises(ValueError):
        to_html(text)


def test_sections_are_found_by_their_headings():
    found = sections("before\n## A\none\n### B\ntwo\n## C\nthree")
    assert found == {"A": "## A\none\n### B\ntwo", "C": "## C\nthree"}


def test_the_pages_own_text_can_be_shown():
    shown = to_html(words.ABOUT)
    assert shown.count("<h2>") == 4 and "<strong>Sigma</strong>" in shown and "captured mass" in shown
