#!/usr/bin/env bash
# Makes an environment of its own with vLLM (CPU build) and the plugin, runs the tests of both in it, prints their table.
#     tests/serving/vllm.sh [VENV] [pytest options]          VENV: .venv-vllm, kept for the next time
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-.venv-vllm}
shift || true
here=sigma/serving/vllm/requirements-vllm.txt
if ! cmp -s "$here" "$venv/requirements-vllm.txt"; then
    python3 -m venv "$venv"
    needs=(-r "$here" "gguf>=0.17" "pytest>=8.4") # gguf: the default base, a GGUF file
    "$venv/bin/pip" install -q "${needs[@]}" ||
        "$venv/bin/pip" install -q "${needs[@]}" --extra-index-url https://download.pytorch.org/whl/cpu
    # from another index than torch's, these do not fit it, and nothing here needs them
    "$venv/bin/python" -c "import torchvision" 2>/dev/null ||
        "$venv/bin/pip" uninstall -q -y torchvision torchaudio torchcodec
    "$venv/bin/pip" install -q --no-deps -e .
    cp "$here" "$venv/requirements-vllm.txt"
fi
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
status=0
SIGMA_VLLM_TABLE=$rows HF_HUB_OFFLINE=1 "$venv/bin/python" -m pytest -q tests/serving/test_vllm.py tests/serving/test_vllm_plan.py "$@" || status=$?
echo
echo "| run | ranks | tokens equal | worst log probability | KV bytes per token and rank | load + generate |"
echo "|---|---|---|---|---|---|"
cat "$rows"
exit $status
