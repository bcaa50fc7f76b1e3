#!/bin/sh
# The same by curl: sh tests/examples/openai_chat.sh [http://127.0.0.1:7860/v1]
curl --silent --show-error --fail "${1:-http://127.0.0.1:7860/v1}/chat/completions" \
  --header "Content-Type: application/json" \
  --data '{"model": "sigma", "messages": [{"role": "user", "content": "What is a GPU?"}], "max_tokens": 20, "selective_k": 16}'
