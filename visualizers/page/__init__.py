"""The page: one Gradio Blocks made of tabs, given an engine that may still be loading."""

from visualizers.page.page import build_page, launch_options

__all__ = ["build_page", "launch_options"]
