"""Ask both sides by OpenAI's own client: `python tests/examples/openai_chat.py [http://127.0.0.1:7860/v1]`."""

import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860/v1", api_key="none")
question = [{"role": "user", "content": "What does a GPU's memory clock decide?"}]
for model in ("sigma", "gqa"):
    stream = client.chat.completions.create(
        model=model, messages=question, max_tokens=60, stream=True, stream_options={"include_usage": True}
    )
    print(f"[{model}]")
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
        else:
            print(f"\n{chunk.usage.completion_tokens} tokens, K and V held: {chunk.usage.kv_cache}")

# Sigma fetches the V rows of the 16 best scores of each head; the form of the answer is held to a JSON schema.
schema = {"type": "object", "properties": {"gpu": {"type": "string", "maxLength": 20}}, "required": ["gpu"]}
answer = client.chat.completions.create(
    model="sigma",
    messages=[{"role": "user", "content": "Name a GPU, as JSON."}],
    max_tokens=40,
    response_format={"type": "json_schema", "json_schema": {"name": "gpu", "schema": schema}},
    extra_body={"selective_k": 16},
)
print(answer.choices[0].message.content)
