"""Figures and tables of a run: every number as it was found, every origin named, nothing unescaped."""

import csv
import io
import json
import re

import pytest

from sigma.efficiency import paper
from sigma.events import AnswersTogether
from tests.fake_engine import fake_info
from tests.visualizers.efficiency.results import result
from visualizers.efficiency import charts, stored, tables


@pytest.fixture(scope="module")
def told():
    return result().to_dict()


def test_a_figure_per_panel_with_its_origin(told):
    figures = [json.loads(one) for one in charts.panels(told, "measured now")]
    titles = [one["layout"]["annotations"][0]["text"] for one in figures]
    assert len(figures) == 5 and all("(measured now)" in title for title in titles)
    attention = figures[1]["data"]
    assert [line["name"] for line in attention] == ["STD", "Sigma", "Sigma, selective V"]
    assert attention[0]["x"] == [2048, 4096, 8192, 16_384, 32_768]
    assert attention[0]["y"][0] == pytest.approx(4.096) and attention[1]["y"][0] == pytest.approx(2.56)
    assert [line["name"] for line in figures[2]["data"]] == ["Sigma"]  # STD has no augmented query
    assert attention[0]["line"]["dash"] == "dash" and "dash" not in attention[1]["line"]
    assert all("title" not in one["layout"] for one in figures)  # Gradio would make 100 px of room


def test_the_papers_figures_stand_only_beside_what_they_are_of(told):
    figure = json.loads(charts.saved(told, "measured now", True))
    stated = next(line for line in figure["data"] if "Table 15" in line["name"])
    assert stated["x"] == ["2k", "4k", "16k", "32k"] and stated["y"] == [row.saved_percent for row in paper.TABLE_15]
    measured = next(line for line in figure["data"] if line["name"] == "attention (measured now)")
    assert measured["y"] == pytest.approx([37.5] * 5)
    assert figure["layout"]["xaxis"]["categoryarray"] == ["2k", "4k", "8k", "16k", "32k"]
    assert told["settings"]["is_table_15"]
    for other in (dict(preset="10b"), dict(output=2048), dict(batch=2), dict(sigma_k=8)):
        settings = result(**other).to_dict()
        assert not settings["settings"]["is_table_15"], other
        assert "18.02 %" not in tables.result_html(settings, "x")
    assert "Table 15" not in charts.saved(told, "x", False)


def test_the_tables_hold_the_numbers_and_escape_what_comes_from_outside(told):
    html = tables.result_html(told, "measured now")
    assert "&lt;b&gt;a machine" in html and "<b>a machine" not in html and "A &lt;note&gt;." in html
    assert "2026-11-30 10:20 UTC, 12.3 s" in html and html.count("measured now</small>") == 3
    assert "4.1 (4.1–4.1)" in html and "0.625 (0.625–0.625)" in html and "18.02 %" in html
    assert "in place" in html and "copied at each step" in html
    stated = tables.paper_html()
    assert "25.31 %" in stated and "33.36 %" in stated and "Table 15" in stated
    saved = json.loads(tables.payload(html, "f", "a,b", "{}", "said"))
    assert saved["html"] == html and saved["file"] == "f"


def rows():
    return [
        AnswersTogether(side, k, n, 100.0 * n**0.5, 10.0 * n**0.5, 10**8, n << 20, n << 19)
        for n in (1, 4)
        for side, k in (("gqa", None), ("sigma", None), ("sigma", 100))
    ]


def test_how_many_at_once():
    infos = {side: fake_info(side) for side in ("sigma", "gqa")}
    html = tables.together_html(rows(), infos, 2048, 1 << 30)
    assert "Sigma 135M, selective V (k = 100)" in html and "2.00x" in html
    room = (1 << 30) - 10**8
    assert f"<td>{room // (2048 * 30 * 384 * 2)}</td>" in html and f"<td>{room // (2048 * 30 * 256 * 2)}</td>" in html
    figure = json.loads(charts.together(rows()))
    assert [line["name"] for line in figure["data"]] == ["GQA", "Sigma", "Sigma, selective V"]
    assert figure["data"][0]["x"] == ["1", "4"] and figure["data"][0]["y"] == [100, 200]
    text, told = tables.together_json(rows(), 2048)
    read = list(csv.DictReader(io.StringIO(text)))
    assert len(read) == 6 and read[2]["selective_k"] == "100" and read[0]["selective_k"] == ""
    assert json.loads(told)["rows"][0]["tok_s"] == 100


def test_stored_results_are_shown_with_where_they_come_from():
    html = stored.stored_html()
    assert (
        "stored: kernels.bench" in html
        and "AMD EPYC" in html
        and "computed: kernels.prediction" in html
        and "H200" in html
    )
    bench = stored.benches()["amd-epyc-2-threads"]
    row = next(r for r in bench["rows"] if r["op"] == "decode" and r["variant"] == "diffqkv" and r["peer"] is None)
    assert f"<td>{row['ms']:.3g}</td>" in html
    assert not re.search(r"<td>nan", html)


def test_a_stored_file_that_is_broken_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text(json.dumps(result().to_dict()))
    monkeypatch.setattr(stored, "FOLDER", tmp_path)
    stored.files.cache_clear()
    try:
        assert list(stored.runs()) == ["b"] and not stored.benches()
        assert stored.label(stored.first_run()) == "stored: <b>a machine</b>, 2026-11-30"
    finally:
        stored.files.cache_clear()
