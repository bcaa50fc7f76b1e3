"""The page, written once for all tests of this folder."""

import re

import pytest

from tests.visualizers.static.reader import Reader
from tests.visualizers.static.recordings import SPACE
from visualizers.static.__main__ import main


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The folder as the command writes it, with a live page to link to."""
    dest = tmp_path_factory.mktemp("static") / "page"
    assert main([str(dest), "--space", SPACE]) == 0
    return dest


@pytest.fixture
def reader(browser, exported):
    """Open a page of the folder; what the browser complains about, and any request to a host, fails the test."""
    opened = []

    def open_page(fragment="", folder=exported, **view):
        address = folder if isinstance(folder, str) else (folder / "index.html").as_uri()
        opened.append(Reader(browser, address + fragment, **view))
        return opened[-1]

    yield open_page
    for one in opened:
        one.context.close()
    for one in opened:
        assert not one.errors
        assert all(re.match("file:|blob:|data:|http://127.0.0.1:", url) for url in one.requests), one.requests
