"""Gradio's Blocks with updates that a slow browser cannot lose."""

from __future__ import annotations

from typing import Any

import gradio as gr


class Blocks(gr.Blocks):
    """`gr.Blocks` whose streamed property updates come whole.

    While a handler streams, Gradio sends what changed since its last yield, and the browser edits the update that it
    holds. If it has not yet applied that one, the edit takes it away: `visible=True` in one yield and nothing in the
    next is then no update at all, and a busy browser shows no Stop button. A whole update leaves the older one alone.
    """

    def handle_streaming_diffs(
        self,
        block_fn: Any,
        data: list,
        session_hash: str | None,
        run: str | None,
        final: bool,
        *more: Any,
        **named: Any,
    ) -> list:
        """Gradio's own, with edits inside a property update replaced by the update."""
        first = session_hash is None or run is None or run not in self.pending_diff_streams[session_hash]
        updates = list(data)
        simple = named.get("simple_format", bool(more and more[0]))
        changes = super().handle_streaming_diffs(block_fn, data, session_hash, run, final, *more, **named)
        if first or final or simple:
            return changes
        return [
            [["replace", [], update]] if change and isinstance(update, dict) else change
            for update, change in zip(updates, changes)
        ]
