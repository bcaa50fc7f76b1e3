"""What was typed is what is sent, shown and copied: byte for byte, in a real browser."""

import json

import pytest

from visualizers.chat.messages import pack_messages

pytestmark = pytest.mark.browser

TEXTS = [
    "    indented\n        more\n",
    "def f(x):\n    if x:\n        return 2*3*4\n",
    "```cpp\n#include <vector>\nint main() { return 0; }\n```",
    "```mermaid\ngraph TD; A-->B\n```\nafter",
    "```make\nall:\n\techo $(X)\n```",
    "kubectl get pods -n <namespace> | grep __init__ && echo 2*3*4 &lt;b&gt; \\( x \\) $a$ ~~no~~",
    "1. one\n   ```sh\n   ls -l\n   ```\n2. **two** `three`\n# four\n> five\n- six  \nseven",
    "<script>window.broken = 1</script><img src=x onerror='window.broken=1'> ![a](https://example.com/x.png)",
    "```python\nunfinished = '''",
    'line\u2028separator \u200bzero é 🙂 <|im_end|> "quoted" \\n \\u003c',
]


def test_a_value_grows_at_its_end_and_holds_the_text():
    rows = [{"role": "user", "content": 'a\n"b" <c> \\'}, {"role": "assistant", "content": "x\ny"}]
    value = pack_messages(rows)
    assert pack_messages([rows[0], {"role": "assistant", "content": "x\ny\nz"}]).startswith(value)
    assert [json.loads(f'"{line[1:]}"') for line in value.split("\n")] == [row["content"] for row in rows]


@pytest.fixture
def speaking(engine, monkeypatch):
    """The engine answers with the texts that a test gives it, one token a character."""

    def speak(text):
        monkeypatch.setattr(engine, "_answer", lambda side, messages: [text])

    engine.delay = 0
    return speak


def test_typed_sent_shown_and_copied_are_the_same(visit, engine, speaking):
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    for number, text in enumerate(TEXTS):
        speaking(text)
        page.locator("#prompt textarea").fill(text)
        page.locator("#send").click()
        for side in ("sigma", "gqa"):
            for role in ("user", "assistant"):
                message = page.locator(f"#chat-{side} .message.{role}").nth(number)
                message.wait_for()
                assert message.locator(".message-body").evaluate("e => e.textContent") == text
                message.locator(".message-copy").click()
                page.wait_for_function(
                    "e => e.dataset.state === 'copied'", arg=message.locator(".message-copy").element_handle()
                )
                assert page.evaluate("navigator.clipboard.readText()") == text
        page.wait_for_selector("#send:visible")
        assert engine.requests[-1].messages["sigma"][-1]["content"] == text
    assert page.evaluate("window.broken") is None
    code = page.locator("#chat-gqa .message.assistant pre").all_inner_texts()
    assert any("#include <vector>" in text for text in code) and any("A-->B" in text for text in code)
    assert any("\techo $(X)" in text for text in code)
    assert page.locator("#chat-gqa .message-body").first.get_attribute("translate") == "no"
