"""The Explore tab: one component with a fixed body, drawn by `assets/explore/`; the server only answers questions."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from sigma.events import SIDE_NAMES


def _stack(name: str, label: str, extra: str = "") -> str:
    """Two canvases, pictures below and marks above; the upper one takes pointer and keyboard."""
    return (
        f'<div class="ex-stack"><canvas data-base="{name}" aria-hidden="true"></canvas>'
        f'<canvas data-mark="{name}" tabindex="0" role="application" aria-label="{label}" '
        f'aria-describedby="ex-read" {extra}></canvas></div>'
    )


def _side(side: str) -> str:
    name = SIDE_NAMES[side]
    return f"""<section class="ex-side" data-ex-side="{side}" aria-label="{name}: all query heads of the layer">
      <h4>{name} <small data-ex="heads-{side}"></small></h4>
      {_stack("heads-" + side, name + ": attention maps of all query heads; arrow keys move the cell", f'data-side="{side}"')}
    </section>"""


def _strip(side: str) -> str:
    name = SIDE_NAMES[side]
    return f"""<section class="ex-strip-side"><h4>{name} reads <small data-ex="strip-{side}"></small></h4>
      <div class="ex-strip" dir="ltr" role="group" aria-label="{name}: the tokens, lit by their weight"><div
        data-strip="{side}"></div></div></section>"""


def _slider(name: str, label: str, title: str) -> str:
    return (
        f'<label class="ex-slider" title="{title}"><span>{label} <output data-ex="{name}">–</output></span>'
        f'<input type="range" data-set="{name}" min="0" max="1" step="1" value="0"></label>'
    )


def _act(act: str, text: str, label: str) -> str:
    return f'<button type="button" data-act="{act}" aria-label="{label}" title="{label}">{text}</button>'


MASSES = "".join(
    f'<option value="{value}">{text}</option>'
    for value, text in (
        (1, "every weight"),
        (0.99, "99 % of the mass"),
        (0.95, "95 % of the mass"),
        (0.9, "90 % of the mass"),
        (0.75, "75 % of the mass"),
        (0.5, "50 % of the mass"),
    )
)

TOP = f"""
  <header class="ex-top">
    <p class="ex-source" data-ex="source"></p>
    <div class="ex-buttons" role="group" aria-label="Which run">
      {_act("recorded", "Recorded run", "Show the recorded run")}
      {_act("last", "Last answer in Chat", "Show the newest answer of the Chat tab")}
    </div>
    <div class="ex-buttons" role="group" aria-label="Share and export">
      {_act("link", "Copy link", "Copy a link that shows this view")}
      {_act("png", "PNG", "Save this view as a PNG picture")}
      {_act("html", "HTML", "Save this view as one HTML file that needs nothing else")}
      {_act("json", "JSON", "Save the numbers of this step as JSON")}
    </div>
  </header>
  <p class="ex-message" role="alert" data-ex="message" hidden></p>
  <p class="ex-pending" role="status" data-ex="pending" hidden></p>
  <div class="ex-controls">
    {_slider("layer", "Layer", "Keys [ and ]")}
    <div class="ex-time">
      {_slider("step", "Step", "Keys , and .")}
      <div class="ex-buttons" role="group" aria-label="Time">
        {_act("first", "«", "First step")}{_act("back", "◂", "One step back, key ,")}
        {_act("play", "▶", "Play the steps, key p")}
        {_act("forward", "▸", "One step forward, key .")}{_act("end", "»", "Last step")}
      </div>
    </div>
    <div class="ex-k">
      {_slider("k", "k, V rows per head", "Selective V: rows that each query head of Sigma reads, and the current one")}
      <input type="number" data-k min="1" step="1" value="1" aria-label="k, typed" title="Type k">
    </div>
    <div class="ex-switches">
      <label>Head <select data-set="head"></select></label>
      <label>Text read by both <select data-set="text"></select></label>
      <label><input type="checkbox" data-set="log"> log scale</label>
      <label><input type="checkbox" data-set="noSink"> without the first token (sink)</label>
      <label>show <select data-set="mass">{MASSES}</select></label>
    </div>
  </div>
"""

MAIN = f"""
  <p class="ex-read" id="ex-read" data-ex="read"></p>
  <div class="ex-main">
    {_side("sigma")}{_side("gqa")}
    <section class="ex-side ex-large" aria-label="One head, large">
      <h4><span data-ex="large-name"></span>
        <span class="ex-buttons" role="group" aria-label="Zoom">
          {_act("zoom-in", "+", "Zoom in around the locked pair, key +")}
          {_act("zoom-out", "–", "Show all, key 0")}</span></h4>
      {_stack("large", "One head, large; arrow keys move the cell")}
      <p class="note" data-ex="large-note"></p>
    </section>
  </div>
  <p class="note">Every small map is one query head: rows attend, columns are attended, full tone is much, grey is the
    future.
    Coloured bars group the heads that share a K head, orange brackets those that share a V head. Both models read the
    same text and are shown at the same token, layer and step. Hover previews, a click locks, Escape unlocks.
    Score: query times key, scaled, before the softmax; weight: after it, the row's weights sum to 100 %; mass: the sum of
    several weights. Attention is not explanation.</p>
  <div class="ex-strips">{_strip("sigma")}{_strip("gqa")}</div>
  <ul class="legend ex-strip-legend"><li><i class="sw row-read"></i>V row read</li><li><i class="sw row-kept"></i>grey text: resident, not read</li>
    <li><i class="sw query"></i>query (attending)</li><li><i class="sw key"></i>key (attended), locked or hovered</li>
    <li><i class="sw heat"></i>its weight, none to much</li></ul>
"""

ATTENTION = f"""
    <div class="ex-panel" data-panel="attention" role="tabpanel" aria-label="Layers and heads">
      <div class="ex-line"><h4>All layers and heads at this step</h4>
        <label>show <select data-set="measure"><option value="captured">mass that k rows miss</option>
          <option value="entropy">entropy (full tone: looks at many tokens)</option>
          <option value="diverge">how much the two sides differ (Jensen-Shannon)</option></select></label>
        <span class="note" data-ex="overview-top"></span></div>
      <div class="ex-pair">
        <section><h4>Sigma</h4>{_stack("overview-sigma", "Sigma: layers by heads", 'data-side="sigma"')}</section>
        <section><h4>GQA</h4>{_stack("overview-gqa", "GQA: layers by heads", 'data-side="gqa"')}</section>
        <section class="ex-words" data-ex="attention-words"></section>
      </div>
    </div>
"""

SELECTION = """
    <div class="ex-panel" data-panel="selection" role="tabpanel" aria-label="V selection" hidden>
      <div class="ex-pair ex-wide">
        <section><h4>V rows read over time <small data-ex="time-name"></small></h4>
          <div class="canvas-box"><canvas data-base="time" role="img"
            aria-label="Which V rows the chosen head reads at every step; the table below says it in numbers"></canvas></div>
          <ul class="legend"><li><i class="sw v"></i>read</li><li><i class="sw paper"></i>resident, not read</li>
            <li><i class="sw g"></i>not there yet</li></ul></section>
        <section><h4>Captured mass by head, over all steps <small data-ex="histogram-name"></small></h4>
          <div class="canvas-box"><canvas data-base="histogram" role="img"
            aria-label="A histogram per head of the softmax mass on the rows read"></canvas></div>
          <ul class="legend"><li><i class="sw heat"></i>few steps to many</li><li><i class="bar v"></i>median</li></ul></section>
        <section><h4>If k were different <small data-ex="over-k-name"></small></h4>
          <div class="canvas-box"><canvas data-base="over-k" role="img"
            aria-label="Captured mass and output error of the chosen head over k"></canvas></div>
          <ul class="legend"><li><i class="ln solid"></i>captured mass</li><li><i class="ln dash"></i>error of the head's
            output, |o_k - o| / |o|</li></ul></section>
      </div>
      <div class="ex-words" data-ex="selection-words"></div>
      <div class="ex-rerun"><button type="button" data-act="rerun">Answer again with this k</button>
        <span data-ex="rerun" role="status"></span></div>
    </div>
"""

COMPARE = """
    <div class="ex-panel" data-panel="compare" role="tabpanel" aria-label="Compare the two models" hidden>
      <p data-ex="parting"></p>
      <div class="ex-pair">
        <section><h4>Sigma expects next</h4><table class="ex-table" data-ex="next-sigma"></table></section>
        <section><h4>GQA expects next</h4><table class="ex-table" data-ex="next-gqa"></table></section>
        <section><h4>Heads that differ most in this layer</h4><table class="ex-table" data-ex="diverge"></table>
          <p><button type="button" data-act="diverge">The same for all layers</button></p></section>
      </div>
      <h4>Probability that each gave to the token that came</h4>
      <div class="canvas-box"><canvas data-base="track" role="img"
        aria-label="Over the steps, the probability of the token that came; ticks where the favourites differ"></canvas></div>
      <ul class="legend"><li><i class="ln solid"></i>Sigma</li><li><i class="ln dash"></i>GQA</li>
        <li><i class="bar"></i>favourites differ</li></ul>
    </div>
"""

BODY = f"""
<div class="pictures explore" id="explore" data-state="empty">
  {TOP}{MAIN}
  <figure class="ex-lower">
    <div class="ex-tabs" role="tablist" aria-label="More about this step">
      <button type="button" role="tab" data-mode="attention">Layers and heads</button>
      <button type="button" role="tab" data-mode="selection">V selection</button>
      <button type="button" role="tab" data-mode="compare">Compare</button>
    </div>
    {ATTENTION}{SELECTION}{COMPARE}
  </figure>
  <details class="ex-details" data-ex="table"><summary>The same as a table</summary><div data-ex="table-body"></div></details>
  <p class="summary" data-ex="summary" role="status" aria-live="polite"></p>
</div>
"""


def explore_tab(ask: Callable) -> gr.HTML:
    """The component; its value is the page's token and run as JSON, `ask` the server's end of its questions."""
    return gr.HTML(
        value="",
        html_template=BODY,
        js_on_load="sigma.mount('explore', element, props, watch, server, trigger);",
        elem_id="explorer",
        padding=False,
        apply_default_css=False,
        server_functions=[ask],
    )
