"""An empty browser page with modules of `assets/`, for tests that need no server and no component."""

from visualizers.page.assets import ASSETS, address

HOME = "http://modules.test/"


def serve_modules(page, body: str = "<!doctype html>") -> None:
    """The page shows `body` at HOME, where the modules are found by their paths below `assets/`; nothing leaves this machine."""

    def answer(route):
        name = route.request.url.removeprefix(HOME)
        if name:
            route.fulfill(body=(ASSETS / name).read_text("utf-8"), content_type="text/javascript")
        else:
            route.fulfill(body=body, content_type="text/html")

    page.route(HOME + "**", answer)
    page.goto(HOME)


def module_page(browser, *names: str):
    """A new page in which `modules.NAME` is what the modules of these paths export."""
    page = browser.new_page()
    serve_modules(page)
    page.evaluate(
        "async (names) => { window.modules = Object.assign({}, ...(await Promise.all(names.map((name) => import('/' + name))))); }",
        list(names),
    )
    return page


def module_address(name: str) -> str:
    """Where the whole site serves a module: imported from there, it is the one that the page itself has."""
    return f"/{address()}/{name}"
