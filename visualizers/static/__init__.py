"""The page without a server: recorded runs, the explorer, the tour, the Memory tab and the measurements as one folder.

`python -m visualizers.static DEST` writes it. It is drawn by the modules of `assets/` that draw the live page; what its
server computes there, `assets/static/` computes in the browser, and the tests hold both to the same answers.
"""
