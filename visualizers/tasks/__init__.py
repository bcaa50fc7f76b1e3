"""The Tasks tab without Gradio: the tasks as the page offers them, their fields as text, verdicts as HTML, judges in threads.

`visualizers.tasks.NAME.draw(view)` draws one part of a verdict of the task NAME: it takes `Part.view` and returns HTML in
which every text is escaped.
"""
