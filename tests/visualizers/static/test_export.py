"""What the command writes: small, complete, true to its sources, and nothing in it is loaded from elsewhere."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import yaml

from tests.visualizers.static.recordings import SPACE
from visualizers.chat.recording import read as read_recorded
from visualizers.efficiency import stored, tables
from visualizers.explore.first import first_view
from visualizers.page import words
from visualizers.page.assets import ASSETS
from visualizers.page.html import fragment
from visualizers.static import card, folder, page
from visualizers.static.__main__ import main
from visualizers.static.recording import exploration

NAMES = {"index.html", "sigma.js", "explore.js", "README.md", "LICENSE", "NOTICE", folder.MARK}
LOADING = {"src", "srcset", "data", "poster", "background", "manifest"}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of those that hold data."""

    def __init__(self, text):
        super().__init__()
        self.found, self.data, self._in = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._in = dict(attrs).get("id") if tag == "script" else None

    def handle_data(self, data):
        if self._in:
            self.data[self._in] = self.data.get(self._in, "") + data

    def handle_endtag(self, tag):
        self._in = None

    def ids(self):
        return [attributes["id"] for _, attributes in self.found if "id" in attributes]


@pytest.fixture(scope="module")
def index(exported):
    return Elements((exported / "index.html").read_text("utf-8"))


def test_the_folder_is_small_and_complete(exported):
    sizes = {path.name: path.stat().st_size for path in exported.iterdir()}
    assert set(sizes) == NAMES and sum(sizes.values()) <= 3_000_000
    # What the first picture waits for.
    assert sizes["index.html"] < 300_000 and sizes["sigma.js"] < 400_000


def test_nothing_is_loaded_from_elsewhere(exported, index):
    for tag, attributes in index.found:
        for name in LOADING & set(attributes):
            assert attributes[name] == "sigma.js", (tag, attributes)
        if tag == "link":
            raise AssertionError(attributes)
    text = (exported / "index.html").read_text("utf-8")
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style and not re.findall(r"url\((?!\"data:)", style)
    script = (exported / "sigma.js").read_text("utf-8")
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|new Worker", script)
    policy = next(a["content"] for _, a in index.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "connect-src 'none'" in policy and "img-src data: blob:" in policy


def test_links_lead_somewhere(index):
    links = {attributes["href"] for tag, attributes in index.found if tag == "a"}
    assert {card.live_address(SPACE), card.live_address(SPACE) + "?duplicate=true"} <= links
    assert all(link.startswith("https://") for link in links)
    ids = index.ids()
    assert len(ids) == len(set(ids)), "an id stands twice"
    for name in ("aria-controls", "aria-labelledby", "aria-describedby", "for"):
        for _, attributes in index.found:
            for target in (attributes.get(name) or "").split():
                assert target in ids or target == "tour-title", f"{name}={target} names nothing"


def test_neither_gradio_nor_a_model_is_needed(tmp_path):
    code = "import sys; from visualizers.static.__main__ import main; main([sys.argv[1]]); print(sorted({'gradio', 'torch'} & set(sys.modules)))"
    command = [sys.executable, "-c", code, str(tmp_path / "page")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ASSETS.parent, timeout=300)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_without_a_live_page_nothing_links_to_one():
    files = page.build()
    assert b"huggingface.co/spaces" not in files["index.html"] and b"huggingface.co/spaces" not in files["README.md"]
    assert b"thumbnail" not in files["README.md"]


def test_it_says_what_is_recorded_and_from_what(exported):
    text = (exported / "index.html").read_text("utf-8")
    made = read_recorded(ASSETS / "examples" / "recorded.json")["made"]
    assert page.STATED in text and made in text and words.LIMITS in text
    assert made in (exported / "README.md").read_text("utf-8")
    assert "Chat" not in json.dumps(page.tour_script(live=False))


def test_the_data_is_the_live_pages(exported, index):
    recorded = read_recorded(ASSETS / "examples" / "recorded.json")
    assert json.loads(index.data["sigma-recording"]) == recorded
    opening, view = json.loads(index.data["sigma-first-view"])
    live_opening, live_view = first_view(ASSETS / "examples" / "explore.json")
    assert view == live_view
    assert opening["answer"] == {**live_opening["answer"], "writers": ["sigma"]}
    script = (exported / "explore.js").read_text("utf-8")
    data = json.loads(script.removeprefix("window.sigma.receive(").rstrip().removesuffix(");"))
    assert data == exploration(ASSETS / "examples" / "explore.json")
    text = (exported / "index.html").read_text("utf-8")
    assert fragment("explore/explore") in text and fragment("chat/pictures") in text


def test_the_measurements_are_all_there(exported):
    text = (exported / "index.html").read_text("utf-8")
    for name in ("Speed and quality of the default pair", "The explorer beside others"):
        assert f">{name}</h2>" in text
    assert stored.stored_html() in text and tables.paper_html() in text
    assert all(tables.result_html(run, stored.label(run)) in text for run in stored.runs().values())


def test_the_front_matter_is_a_static_spaces(exported):
    text = (exported / "README.md").read_text("utf-8")
    fields = yaml.safe_load(text.split("---")[1])
    live = yaml.safe_load((ASSETS.parent / "README.md").read_text("utf-8").split("---")[1])
    assert fields["sdk"] == "static" and fields["app_file"] == "index.html"
    assert {name: fields[name] for name in card.KEPT} == {name: live[name] for name in card.KEPT}
    assert 0 < len(fields["short_description"]) <= card.LONGEST
    assert fields["thumbnail"].startswith(card.live_address(SPACE))
    assert (ASSETS / fields["thumbnail"].split("/assets/")[1]).is_file()
    assert not {"sdk_version", "python_version", "suggested_hardware", "startup_duration_timeout"} & set(fields)
    assert "arxiv.org/abs/2501.13629" in text and "bibtex" in text


@pytest.mark.parametrize(
    "text, words",
    [("no front matter", "no front matter"), ("---\ntitle: x\n---\n", "has no emoji, colorFrom")],
)
def test_a_readme_that_does_not_serve_is_named(tmp_path, text, words):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(ValueError, match=words):
        card.front_matter(tmp_path / "README.md", None)


@pytest.fixture
def project(tmp_path):
    """A copy of what the export reads, to be broken."""
    root = tmp_path / "project"
    shutil.copytree(ASSETS, root / "assets", ignore=shutil.ignore_patterns("sigma-135m", "screenshots", "*.png"))
    for name in ("README.md", "LICENSE", "NOTICE"):
        shutil.copy(ASSETS.parent / name, root / name)
    return root


@pytest.mark.parametrize(
    "name, error, words",
    [
        ("assets/examples/recorded.json", FileNotFoundError, "visualizers.record"),
        ("assets/examples/explore.json", FileNotFoundError, "visualizers.explore.record"),
        ("assets/benchmarks/README.md", FileNotFoundError, "README.md"),
        ("assets/static/runs.js", ValueError, "static/runs.js, which is not there"),
        ("LICENSE", FileNotFoundError, "LICENSE"),
    ],
)
def test_what_is_missing_is_named(project, name, error, words):
    (project / name).unlink()
    with pytest.raises(error, match=re.escape(words)):
        page.build(assets=project / "assets")


@pytest.mark.parametrize(
    "name, words",
    [
        ("assets/examples/recorded.json", "is not a recorded run"),
        ("assets/examples/explore.json", "is not a recorded exploration"),
    ],
)
def test_what_is_something_else_is_named(project, name, words):
    (project / name).write_text('{"rows": [{}]}')
    with pytest.raises(ValueError, match=words):
        page.build(assets=project / "assets")


def test_a_further_run_is_offered(tmp_path, capsys):
    run = read_recorded(ASSETS / "examples" / "recorded.json")
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**run, "prompt": "</script><b>?", "selective_k": None, "made": "a test"}))
    assert main([str(tmp_path / "page"), "--run", str(other), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == sum(path.stat().st_size for path in (tmp_path / "page").iterdir())
    index = Elements((tmp_path / "page" / "index.html").read_text("utf-8"))
    runs = json.loads(index.data["sigma-static"])["runs"]
    assert [one["title"] for one in runs] == [
        f"{run['prompt']} (selective V, k = 16)",
        "</script><b>? (all V rows read)",
    ]
    assert runs[1]["recording"]["prompt"] == "</script><b>?" and "recording" not in runs[0]
    assert "a test" in (tmp_path / "page" / "README.md").read_text("utf-8")


def test_a_run_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "one.json").write_text('{"version": 1, "frames": [1], "info": {"sigma": {}}}')
    for name, said in (("none.json", "none.json is missing"), ("one.json", "holds only sigma")):
        assert main([str(tmp_path / "page"), "--run", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "page").exists()
