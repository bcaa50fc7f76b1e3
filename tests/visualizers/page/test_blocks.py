"""Streamed updates are whole, so that a browser that is slower than the handler loses none."""

import gradio as gr

from visualizers.page.blocks import Blocks


def build(kind):
    """A button that shows another one, then streams words without mentioning it again."""
    with kind(analytics_enabled=False) as page:
        go, stop, words = gr.Button("Go", elem_id="go"), gr.Button("Stop", visible=False, elem_id="stop"), gr.HTML()

        def stream():
            yield {go: gr.update(visible=False), stop: gr.update(visible=True), words: "none yet"}
            yield {words: "word 0"}

        go.click(stream, None, [go, stop, words])
    return page


def sent(page):
    """What the browser is sent for (go, stop, words), yield by yield."""
    block_fn = next(fn for fn in page.fns.values() if fn.outputs)
    yields = [
        [{"visible": False, "__type__": "update"}, {"visible": True, "__type__": "update"}, "none yet"],
        [{"__type__": "update"}, {"__type__": "update"}, "word 0"],
        [{"__type__": "update"}, {"__type__": "update"}, "word 01"],
    ]
    out = [page.handle_streaming_diffs(block_fn, list(data), "session", "run", False) for data in yields]
    out.append(page.handle_streaming_diffs(block_fn, list(yields[-1]), "session", "run", True))
    return yields, out


def test_property_updates_are_replaced_never_edited():
    yields, out = sent(build(Blocks))
    assert out[0] == yields[0]
    assert out[1] == [[["replace", [], {"__type__": "update"}]]] * 2 + [[["replace", [], "word 0"]]]
    assert out[2] == [[], [], [["append", [], "1"]]]  # what did not change is not sent, text still grows
    assert out[3] == yields[-1]


def test_gradio_still_edits_them():
    """Without our class the update is edited in place; once this fails, Gradio has changed and the class can go."""
    _, out = sent(build(gr.Blocks))
    assert out[1][1] == [["delete", ["visible"], None]]
