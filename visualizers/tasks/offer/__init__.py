"""A chat turn that asks a task: an offer to judge its answers, and the verdicts, on the Chat tab."""
