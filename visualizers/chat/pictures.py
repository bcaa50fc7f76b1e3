"""The live pictures: one component with a fixed body; its value is the payload string, drawn by `assets/chat/`.

The template has no `${value}`: with one, every update would write the body anew and wipe the canvases.
"""

from __future__ import annotations

import gradio as gr

from sigma.events import SIDE_NAMES


def _attention(side: str, name: str) -> str:
    return f"""
    <div class="attention-side">
      <h4>{name} <small class="pooled" id="pooled-{side}"></small></h4>
      <div class="canvas-box"><canvas id="attention-{side}" data-side="{side}" tabindex="0" role="img"
        aria-label="{name}: attention of the newest token, one row per query head, one column per attended token."
        aria-describedby="attention-read"></canvas></div>
      <div class="strip" aria-hidden="true"><div id="strip-{side}"></div></div>
    </div>"""


def _formula(side: str, name: str) -> str:
    """A side's part of the formula; the lines are filled by `assets/chat/curve_formula.js`."""
    return f"""<section data-formula="{side}" hidden><h4>{name}</h4><dl>
        <dt><small class="kind-tag">computed</small></dt><dd data-line="computed"></dd>
        <dt><small class="kind-tag">measured</small></dt><dd><span data-measured></span>: <span data-line="measured"></span></dd>
        <dt><small class="kind-tag">read</small></dt><dd data-line="read"></dd></dl></section>"""


def _table() -> str:
    sides = "".join(
        f'<tbody data-side="{side}"><tr><th colspan="7" scope="rowgroup">{name}</th></tr></tbody>'
        for side, name in SIDE_NAMES.items()
    )
    columns = "".join(f'<th scope="col">{name}</th>' for name in ("K", "V", "K + V") * 2)
    return f"""<table class="kv-table"><caption>Measured bytes of all layers, newest point first; the exact count on
        hover.</caption><thead><tr><th rowspan="2" scope="col">tokens</th><th colspan="3" scope="colgroup">resident</th>
        <th colspan="3" scope="colgroup">read by the step</th></tr><tr>{columns}</tr></thead>{sides}</table>"""


READ = "".join(
    f'<span data-side="{side}" hidden><span aria-hidden="true"></span><span class="sr-only"></span></span>'
    for side in ("sigma", "gqa")
)
LABEL = "KV cache over the tokens: resident K and V, and K and V that the step read, of Sigma and GQA"

BODY = f"""
<div class="pictures">
  <figure id="kv-figure">
    <figcaption><h3>KV cache <span class="tag" id="recorded-tag" hidden>recorded run</span></h3>
      <ul class="legend">
        <li><b>Sigma</b> <i class="sw k"></i>K <i class="sw v"></i>V resident</li>
        <li><i class="ln solid-v"></i>V, <i class="ln solid"></i>V + K read by the step</li>
        <li><b>GQA</b> <i class="sw gk"></i>K <i class="sw gv"></i>V resident</li>
        <li><i class="ln dash-v"></i>V, <i class="ln dash"></i>V + K read by the step</li>
      </ul></figcaption>
    <div class="kv-pair"><div class="kv-curve">
      <div class="canvas-box"><canvas id="kv-canvas" role="slider" tabindex="0" aria-orientation="horizontal"
        aria-label="{LABEL}" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0" aria-valuetext="nothing yet"
        ></canvas></div>
      <p class="read" id="kv-read">{READ}</p>
      <p class="note" id="kv-help"></p></div>
    <div id="kv-formula">
      <h4>Resident = layers × (n<sub>k</sub> d<sub>k</sub> + n<sub>v</sub> d<sub>v</sub>) × bytes × tokens (Eq. 1)</h4>
      {_formula("sigma", "Sigma")}{_formula("gqa", "GQA")}</div></div>
    <p class="note">Stacked, V below and K on it; GQA lies behind Sigma. A line on the edge of its area: all that is resident
      was read. Selective fetching cuts V traffic; rows not selected stay resident.</p>
    <details id="kv-details"><summary>The same as a table</summary>
      <div class="kv-scroll" tabindex="0" role="region" aria-label="The KV cache as a table">{_table()}</div></details>
  </figure>
  <figure id="attention-figure">
    <figcaption><h3>Attention of the newest token <small id="attention-layer"></small></h3>
      <ul class="legend">
        <li><i class="sw heat"></i>weight, light to dark</li>
        <li><i class="sw fetched"></i>V row fetched</li><li><i class="sw skipped"></i>skipped</li>
      </ul>
      <div class="switches">
        <label><input type="checkbox" data-option="log" checked> log scale</label>
        <label><input type="checkbox" data-option="noSink"> without the first token (sink)</label>
      </div></figcaption>
    <div class="attention-pair">{_attention("sigma", "Sigma")}{_attention("gqa", "GQA")}</div>
    <p class="read" id="attention-read"></p>
    <p class="note">Rows: query heads (attending), grouped by the K head they share (left bar) and the V head they
      share (right bracket). Attention is not explanation.</p>
  </figure>
  <p class="summary" id="live-summary" role="status" aria-live="polite"></p>
</div>
"""


def pictures() -> gr.HTML:
    """The component; set its value to a `TurnView.payload()`."""
    return gr.HTML(
        value="",
        html_template=BODY,
        js_on_load="sigma.mount('chat', element, props, watch);",
        elem_id="live",
        padding=False,
        apply_default_css=False,
    )
