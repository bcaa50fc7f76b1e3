"""The live pictures: one component with a fixed body; its value is the payload string, drawn by `assets/js`.

The template has no `${value}`: with one, every update would write the body anew and wipe the canvases.
"""

from __future__ import annotations

import gradio as gr


def _attention(side: str, name: str) -> str:
    return f"""
    <div class="attention-side">
      <h4>{name} <small class="pooled" id="pooled-{side}"></small></h4>
      <div class="canvas-box"><canvas id="attention-{side}" data-side="{side}" tabindex="0" role="img"
        aria-label="{name}: attention of the newest token, one row per query head, one column per attended token."
        aria-describedby="attention-read"></canvas></div>
      <div class="strip" aria-hidden="true"><div id="strip-{side}"></div></div>
    </div>"""


BODY = f"""
<div class="pictures">
  <figure id="kv-figure">
    <figcaption><h3>KV cache <span class="tag" id="recorded-tag" hidden>recorded run</span></h3>
      <ul class="legend">
        <li><i class="sw k"></i>Sigma K resident</li><li><i class="sw v"></i>Sigma V resident</li>
        <li><i class="ln solid"></i>Sigma K + V read, newest step</li>
        <li><i class="sw g"></i>GQA K + V resident</li><li><i class="ln dash"></i>GQA read</li>
        <li><i class="ln dotk"></i>of it K</li>
      </ul></figcaption>
    <div class="canvas-box"><canvas id="kv-canvas" role="img"
      aria-label="KV-cache bytes of both sides over the tokens. The figures above each column say the same."
      ></canvas></div>
    <p class="note">Selective fetching cuts V traffic; rows not selected stay resident.</p>
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
    """The component; set its value to a `Board.payload()`."""
    return gr.HTML(
        value="",
        html_template=BODY,
        js_on_load="Sigma.mount(element, props, watch);",
        elem_id="live",
        padding=False,
        apply_default_css=False,
    )
