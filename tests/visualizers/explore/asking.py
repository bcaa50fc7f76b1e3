"""One visitor's browser without a browser: questions to the explorer over tiny real models."""

import json
import time

from sigma.events import SIDES, ChatRequest, Sampling
from visualizers.page.assets import ASSETS
from visualizers.shared.compact_json import compact_json

RECORDING = ASSETS / "examples" / "explore.json"
VIEW = dict(op="view", layer=1, query=30, k=4, side="sigma", head=2, measure="diverge")


def chat(engine, session, text="Tell me", tokens=10, **options):
    messages = {side: [{"role": "user", "content": text}] for side in SIDES}
    return list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=tokens, **options)), session))


class Asker:
    """One visitor's browser: waits for what is pending."""

    def __init__(self, explorer, session="hash"):
        self.explorer, self.page = explorer, explorer.open_page(session).token
        self.run = "recorded"

    def once(self, **question):
        answer = self.explorer.ask({"page": self.page, "run": self.run, **question})
        json.loads(compact_json(answer))  # everything fits into JSON
        return answer

    def __call__(self, **question):
        for _ in range(400):
            answer = self.once(**question)
            if "pending" not in answer:
                return answer
            question["job"] = answer.get("job")
            time.sleep(0.02)
        raise AssertionError("pending for ever")
