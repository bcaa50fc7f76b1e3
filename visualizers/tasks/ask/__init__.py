"""Asking: both models answer a case and are judged; an answer of the visitor's own is judged too."""
