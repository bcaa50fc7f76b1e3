"""Filling the HTML that stands in files."""

import re

import pytest

from visualizers.page.assets import ASSETS
from visualizers.page.html import Html, fragment


def test_values_are_escaped_unless_they_are_html():
    attack = '"><script>alert(1)</script>$name&'
    text = fragment("tasks/verdict", name=attack)
    assert "<script>" not in text and "&quot;&gt;&lt;script&gt;" in text and "$name&amp;" in text
    inner = fragment("shared/chip", phase="ready", label="<b>", details=Html("<b>bold</b>"))
    assert "<b>bold</b>" in inner and "&lt;b&gt;" in inner


def test_a_value_that_is_missing_is_named():
    with pytest.raises(KeyError, match="name"):
        fragment("tasks/answer")


def test_nothing_in_the_files_is_a_template_of_gradios():
    for path in ASSETS.glob("*/*.html"):
        text = path.read_text("utf-8")
        assert "${value}" not in text and "{{" not in text and "<script" not in text, path
        assert not re.search(r"\son\w+=", text), path
