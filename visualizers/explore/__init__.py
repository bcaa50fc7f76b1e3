"""The explorer: what the attention of a finished run did, asked for piece by piece. Pure: no Gradio, no torch."""
