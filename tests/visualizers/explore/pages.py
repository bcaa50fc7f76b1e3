"""One page over tiny real models for the explorer's browser tests, and what they do on it.

Its fixtures are known to every test of this folder: `conftest.py` imports them.
"""

import pytest

from tests.visualizers.server import launch

PATIENCE = 120_000


@pytest.fixture(scope="session")
def tiny_site():
    """(engine, url) of a page over tiny real models."""
    from tests.visualizers.explore.site import tiny_engine  # torch, which most tests of this folder do without

    engine = tiny_engine(max_position_embeddings=2048)
    page, url, loader = launch(engine)
    assert loader.wait(120)
    yield engine, url
    page.close()
    engine.close()


@pytest.fixture(scope="session")
def explore_page(browser, tiny_site):
    """One page for most tests: loading it costs more than what they do."""
    from tests.visualizers.visitor import Visitor

    visitor = Visitor(browser, tiny_site[1])
    visitor.page.set_default_timeout(PATIENCE)  # a busy machine is no failure
    answers_of(visitor, 64)
    visitor.page.get_by_role("tab", name="Explore").click()
    ready(visitor)
    yield visitor
    visitor.context.close()


@pytest.fixture
def explored(explore_page):
    """The common page, on the recorded run as at the start; what the browser complains about fails the test."""
    explore_page.errors.clear()
    explore_page.page.set_viewport_size({"width": 1280, "height": 900})
    explore_page.page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    explore_page.page.get_by_role("tab", name="Explore").click()
    follow(
        explore_page, "#explore?run=recorded&layer=12&head=0&step=31&k=16&mode=attention&side=sigma&measure=captured"
    )
    explore_page.page.evaluate("document.querySelector('[data-ex=table]').open = false")
    yield explore_page
    assert not explore_page.errors
    assert explore_page.hosts <= {explore_page.page.url.split("/")[2]}, "a request went to another host"


def follow(visitor, fragment):
    """As if the visitor had put a link into the address bar of this page."""
    before = visitor.page.evaluate(
        """hash => {
          window.sigma.explore.setState({log: true, noSink: false, mass: 1});
          history.replaceState(null, '', location.pathname);
          location.hash = hash;
          return window.sigma.explore.followed;
        }""",
        fragment,
    )
    visitor.page.wait_for_function("n => window.sigma.explore.followed > n", arg=before)
    ready(visitor)


def answers_of(visitor, tokens):
    """Short answers from here on; the Chat tab is open."""
    settings = visitor.page.locator("#settings button").first
    settings.click()
    box = visitor.page.locator("#max-tokens input[type=number]")
    box.fill(str(tokens))
    box.press("Enter")
    # The slider beside the box says that the page has taken the number.
    visitor.page.wait_for_function(
        "n => document.querySelector('#max-tokens input[type=range]').value === String(n)", arg=tokens
    )
    settings.click()


def drawn(visitor):
    """Wait for a picture after whatever was done last: changes are gathered into the next frame."""
    visitor.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


READY = '#explore[data-state=ready][data-missing="0"]:not([data-queued])'


def ready(visitor, run=None):
    """Wait until everything that the state needs has come and is drawn; `run`: and another run than that is shown."""
    if run:
        visitor.page.wait_for_function("r => document.querySelector('#explore').dataset.run !== r", arg=run)
    visitor.page.wait_for_selector(READY, timeout=PATIENCE)


def state(visitor):
    return visitor.page.evaluate("window.sigma.explore.getState()")


def text(visitor, name):
    return visitor.page.locator(f'[data-ex="{name}"]').inner_text()


def wait_read(visitor, words):
    visitor.page.wait_for_function("w => document.querySelector('#ex-read')?.innerText.includes(w)", arg=words)


def chat_then_explore(visitor, prompt):
    """Ask in Chat; Explore follows to the new run by itself."""
    old = visitor.page.locator("#explore").get_attribute("data-run")
    visitor.page.get_by_role("tab", name="Chat").click()
    visitor.page.wait_for_selector("#send:visible")
    visitor.send(prompt)
    visitor.page.get_by_role("tab", name="Explore").click()
    ready(visitor, old)


PIXELS = 'name => document.querySelector(`[data-base="${name}"]`).toDataURL().length'
