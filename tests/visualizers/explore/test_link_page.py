"""Copy link, also where the page stands in a frame of another host; and what a browser's translator leaves alone."""

import http.server
import threading

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def outer():
    """A page of another host that holds a page in a frame, as on Spaces: (its address for an inner one)."""

    class Outer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe width=1200 height=800 src="{self.path[1:]}"></iframe>'.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield lambda inner: f"http://localhost:{server.server_port}/{inner}"
    server.shutdown()


def tab_in(browser, address, name, ready):
    """The frame of a page that stands in another host's, with a tab open; its browser lets no frame copy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    frame = page.frames[1]
    frame.get_by_role("tab", name=name).click()
    frame.wait_for_selector(ready, timeout=30_000)
    frame.evaluate(
        "() => { document.execCommand = () => false; navigator.clipboard.writeText = () => Promise.reject(new Error()); }"
    )
    return context, frame


def be_space(frame, name):
    frame.evaluate(
        "id => document.head.insertAdjacentHTML('beforeend', `<meta name='sigma-space' content='${id}'>`)", name
    )


def chosen(link):
    return link.evaluate("e => e.selectionEnd - e.selectionStart")


@pytest.mark.parametrize("space", ["", "owner/name"])
def test_in_a_frame_the_link_is_offered_or_copied(browser, site, outer, space):
    context, frame = tab_in(browser, outer(site[1]), "Explore", "#explore[data-state=ready]")
    if space:
        be_space(frame, space)
    expected = "https://huggingface.co/spaces/owner/name#explore" if space else f"{site[1]}/#explore"
    frame.locator('[data-act="link"]').click()
    link = frame.locator('[data-ex="link"] input')
    link.wait_for()
    assert link.input_value().startswith(expected)
    assert "address bar" not in frame.locator('[data-ex="pending"]').inner_text()
    assert chosen(link) > 30
    context.close()


@pytest.mark.parametrize("space", ["", "owner/name"])
def test_in_a_frame_the_memory_tabs_link_is_offered(browser, site, outer, space):
    context, frame = tab_in(browser, outer(site[1]), "Memory", "#memory [data-asked]")
    if space:
        be_space(frame, space)
    frame.get_by_label("K heads", exact=True).fill("8")
    frame.get_by_role("button", name="Copy link").click()
    link = frame.locator("#mem-by-hand input")
    link.wait_for()
    host = "https://huggingface.co/spaces/owner/name" if space else f"{site[1]}/"
    assert link.input_value() == f"{host}#memory?preset=sigma-1.5b&n_k=8"
    assert frame.locator("#mem-linked").inner_text() == "The link could not be copied."
    assert chosen(link) == len(link.input_value())
    context.close()


def test_text_that_is_data_is_not_translated(visit):
    visitor = visit()
    assert visitor.page.locator("#strip-left").evaluate("e => e.translate") is False
    visitor.send("a question")
    visitor.wait_over()
    for part in ("#chat-left .message-body", "#strip-right span"):
        assert visitor.page.locator(part).first.evaluate("e => e.translate") is False
    assert visitor.page.locator("#send").evaluate("e => e.translate") is True
    visitor.page.get_by_role("tab", name="Explore").click()
    assert visitor.page.locator('[data-strip="sigma"]').evaluate("e => e.translate") is False


def test_of_a_mixed_sentence_only_the_data_is_left_untranslated(visit, engine, monkeypatch):
    monkeypatch.setattr(engine, "_answer", lambda side, messages: ["<F0><9F>", " words"])
    visitor = visit()
    page = visitor.page
    visitor.send("a question")
    visitor.wait_over()
    page.wait_for_function("[...document.querySelectorAll('#strip-left span')].some((e) => e.title)")
    titles = page.locator("#strip-left span").evaluate_all("list => list.map((e) => [e.textContent, e.title])")
    assert dict(titles)["<F0><9F>"] == "Part of a character that several tokens make up: bytes F0 9F"
    assert len(titles) > 1 and not any(title for text, title in titles if "<F0>" not in text)
    assert page.locator('#head-left [data-figure="rate"] dd').evaluate("e => e.translate") is False
    assert page.locator('#head-left [data-figure="rate"] dt').evaluate("e => e.translate") is True
    canvas = page.locator("#attention-left")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    visitor.wait_text("#attention-read", "weight")
    read = page.locator("#attention-read")
    assert read.evaluate("e => e.translate") is True
    kept = read.locator("[translate=no]").all_inner_texts()
    assert kept[0] == "Sigma q1" and kept[1].startswith("“") and len(kept) == 2
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_selector("#explore[data-state=ready]", timeout=30_000)
    page.locator('#explore [data-mode="compare"]').click()
    page.wait_for_selector('[data-ex="next-sigma"] tbody bdi[translate=no]')
    assert page.locator('[data-ex="next-sigma"] thead').evaluate("e => e.translate") is True
