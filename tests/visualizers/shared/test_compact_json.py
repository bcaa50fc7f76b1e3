"""JSON that may stand in a page."""

import json

import pytest

from visualizers.shared.compact_json import compact_json


def test_tokens_that_look_like_markup_leave_as_escapes():
    text = compact_json({"pieces": ["</script>", "<img src=x onerror=alert(1)>", "\u202eabc", "\u200b", "🙂", "\n"]})
    assert "<" not in text and json.loads(text)["pieces"][0] == "</script>"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_no_browser_reads_is_not_written(number):
    with pytest.raises(ValueError):
        compact_json({"rate": number})
