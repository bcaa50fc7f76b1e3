"""Sigma for programs: routes that clients of OpenAI's API know.

routes.py    /v1/models, /v1/chat/completions and /v1/completions, beside the page or in any ASGI application
asked.py     what a client may ask, typed
answers.py   an engine's events as the objects and chunks that a client reads
refused.py   errors in their form
entrance.py  what every request passes first: how large its body may be
stopping.py  stop strings in text that arrives in pieces
export.py    command: a Sigma as a full folder, for vLLM and transformers
vllm/        plugin: vLLM serves that folder at Sigma's cache size
"""
