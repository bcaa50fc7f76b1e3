"""Call the page's endpoints by Gradio's own client: `python tests/examples/gradio_calls.py [http://127.0.0.1:7860]`."""

import sys

from gradio_client import Client

client = Client(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860", verbose=False)

told = client.predict("What is a GPU?", max_new_tokens=20, api_name="/compare")
for side, figures in told["sides"].items():
    print(side, figures["tokens_per_second"], "tokens/s,", told["kv_bytes_per_token"][side], "bytes of K and V a token")

told = client.predict("What is a GPU?", layer=7, selective_k=4, api_name="/attention")
for head in told["heads"][:3]:
    print("head", head["head"], [(one["token"], one["weight"]) for one in head["strongest"][:3]])

told = client.predict("What is a GPU?", ks=[4, 16], api_name="/selective_v")
print([(row["k"], row["mass_captured_mean"], row["output_error_mean"]) for row in told["rows"]])

told = client.predict("sigma-10b", {"context": 131_072}, api_name="/kv_memory")
print(told["bytes"]["resident"], "bytes instead of", told["gqa"]["resident"])
