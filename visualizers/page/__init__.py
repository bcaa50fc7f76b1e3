"""The page: one Gradio Blocks made of tabs, given an engine that may still be loading (`page.build_page`)."""
