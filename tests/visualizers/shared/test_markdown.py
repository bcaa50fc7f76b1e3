import pytest

from visualizers.shared.markdown import ZERO_WIDTH, safe_markdown


@pytest.mark.parametrize(
    "text",
    [
        "plain a < b",
        "```\n<img src=x>\n![](y)\n```",
        "~~~html\n<b>\n~~~",
        "2 <3 <= 4",
        "[a](b)",
    ],
)
def test_text_without_html_and_fenced_code_stay(text):
    assert safe_markdown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x>",
        "</b>",
        "<!-- x",
        "![a](http://b)",
        "`<img>`",
        "\\`<img>`",
        "1. x\n   ```\ny\n<img>",
        "~~~\n```\n~~~\n<img>",
        "```a`b\n<img>\n```",
        "    ```\n<img>",
        "```\ncode\n```\n<img>",
        "````\n```\n````\n<img>",
    ],
)
def test_html_and_images_outside_code_are_defused(text):
    safe = safe_markdown(text)
    assert safe.replace(ZERO_WIDTH, "") == text
    tail = safe.split("\n")[-2] if text.endswith("```") and "a`b" in text else safe.split("\n")[-1]
    assert ZERO_WIDTH in tail
