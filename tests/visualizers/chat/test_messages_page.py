"""What was typed is what is sent, shown and copied: byte for byte, in a real browser."""

import json

import pytest

from tests.visualizers.modules import module_address
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
    "# Title\n\n- **one** `two`\n  more of it\n10) ten\n> quoted\n> > twice\n---\n| a | b |\n|---|---|\n```js\nlet x = `a\n${b}`; // c\n```\n",
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
        for side in ("left", "right"):
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
        assert engine.requests[-1].messages["left"][-1]["content"] == text
    assert page.evaluate("window.broken") is None
    code = page.locator("#chat-right .message.assistant pre").all_inner_texts()
    assert any("#include <vector>" in text for text in code) and any("A-->B" in text for text in code)
    assert any("\techo $(X)" in text for text in code)
    assert page.locator("#chat-right .message-body").first.get_attribute("translate") == "no"


LOOKS = (
    "# Title\n- an item that is long enough to wrap in a column of this page, so that its second line hangs below its first\n"
    "> quoted\n```python\ndef f(x):  # why\n    return 'a' * 2\n```\n```mermaid\ndef f(x)\n```\n"
)


def answered(visitor, text):
    visitor.send("Show it.")
    visitor.wait_over()
    body = visitor.page.locator("#chat-right .message.assistant .message-body").last
    assert body.evaluate("e => e.textContent") == text
    return body


def test_what_is_marked_looks_like_it_and_keeps_its_marks(visit, speaking):
    speaking(LOOKS)
    body = answered(visit(), LOOKS)
    style = "(e, name) => getComputedStyle(e)[name]"
    heading, item = body.locator("[data-kind=heading]"), body.locator("[data-kind=item]")
    assert int(heading.evaluate(style, "fontWeight")) >= 600 and heading.text_content() == "# Title\n"
    left = """e => {
        const range = document.createRange(), text = e.lastChild;
        const at = (i) => { range.setStart(text, i); range.setEnd(text, i + 1); return range.getBoundingClientRect(); };
        return [at(0).left, at(text.length - 3).left >= at(0).left - 0.5, at(text.length - 3).top > at(0).top, e.querySelector('.hang').getBoundingClientRect().right];
    }"""
    start, hangs, wraps, mark = item.evaluate(left)
    assert hangs and wraps and abs(start - mark) < 1
    assert body.locator("[data-kind=quote]").evaluate(style, "borderLeftStyle") == "solid"
    plain = body.locator("pre").last
    assert plain.locator("[class^=code-]").count() == 0 and plain.text_content() == "def f(x)\n"
    tokens = body.locator("pre").first.locator("[class^=code-]")
    assert tokens.all_inner_texts() == ["def", "# why", "return", "'a'", "2"]
    assert len({token.evaluate(style, "color") for token in tokens.all()}) == 4


def test_what_is_selected_is_copied_as_it_is(visit, speaking):
    text = next(each for each in TEXTS if each.startswith("# Title"))
    speaking(text)
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    body = answered(visitor, text)
    body.evaluate("e => getSelection().selectAllChildren(e)")
    visitor.page.keyboard.press("Control+c")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == text
    body.evaluate(
        "e => getSelection().setBaseAndExtent(e.firstChild, 0, e.querySelector('pre code').lastChild.firstChild.firstChild, 4)"
    )
    visitor.page.keyboard.press("Control+c")
    chosen = visitor.page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(chosen) and chosen.endswith("```js\nlet x = `a\n${b}")
    visitor.page.locator("#chat-right .message-list").evaluate("e => getSelection().selectAllChildren(e)")
    visitor.page.keyboard.press("Control+c")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == "Show it.\n\n" + text


GROW = """async ([address, text]) => {
    const { mountMessages } = await import(address);
    const root = document.createElement('div'), props = { value: '' };
    root.innerHTML = '<div class="messages"><div class="placeholder"></div><div class="message-list"></div></div>';
    document.body.append(root);
    let show;
    mountMessages(root, props, (name, call) => { show = call; });
    const times = [];
    for (let at = 4; at < text.length + 4; at += 4) {
        props.value = ['uHi', 'a' + JSON.stringify(text.slice(0, at)).slice(1, -1)].join(String.fromCharCode(10));
        const start = performance.now();
        show();
        times.push(performance.now() - start);
    }
    const shown = root.querySelector('.assistant .message-body').textContent, quarter = times.length >> 2;
    const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
    root.remove();
    return { same: shown === text, first: middle(times.slice(0, quarter)), last: middle(times.slice(-quarter)) };
}"""


@pytest.mark.parametrize(
    "text",
    [
        "```python\n" + "value = table[row]['name'] * 2  # a comment\n" * 200 + "```\n",
        "- an **item** with `code`, one of many\n" * 220,
        "word " * 1700,
    ],
    ids=["code", "list", "one line"],
)
def test_a_long_answer_streams_as_a_short_one(visit, text):
    """Milliseconds per update of a message of 8,000 letters, at 4 letters each: far below the ten updates a second that come."""
    visitor = visit()
    seen = visitor.page.evaluate(GROW, [module_address("chat/messages.js"), text])
    print(f"first quarter {seen['first']:.2f} ms, last quarter {seen['last']:.2f} ms per update")
    assert seen["same"] and len(text) > 8000 and seen["last"] < 20


def test_a_long_line_of_code_scrolls_and_widens_nothing(visit, speaking):
    text = f"```c\nint x; // {'long ' * 60}\n```\nend"
    speaking(text)
    visitor = visit(viewport={"width": 390, "height": 844})
    body = answered(visitor, text)
    assert body.evaluate("e => e.closest('.message').getBoundingClientRect().right") <= 390
    pre = body.locator("pre")
    assert pre.evaluate("e => e.scrollWidth > 2 * e.clientWidth") and visitor.overflow() <= 0
