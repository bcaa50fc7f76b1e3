"""The CMDGen task: a question about a GPU node in, one command out (paper section 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigma.aimicius.cmdgen import judge as judging
from sigma.aimicius.cmdgen.simulator import SYSTEMS
from sigma.aimicius.cmdgen.tools import VENDORS
from sigma.aimicius.contract import SPLITS, Case, CaseError, MetricInfo, Part, Verdict, text_field

MODELS = ("GPT-4", "DeepSeek-Coder-7B", "Qwen2.5-Coder-7B", "LLaMA3-8B", "Sigma-System-10B")
# Table 6 of the paper, percent: (NVIDIA, AMD), each in the order of MODELS; None where the table has a dash.
TABLE_6: dict[str, tuple[tuple[float | None, ...], tuple[float | None, ...]]] = {
    "CMD Score": ((84.0, 59.4, 81.1, 33.6, 87.5), (73.0, 55.0, 77.2, 31.4, 88.9)),
    "Output Score": ((61.0, 12.9, 38.3, 12.0, 80.9), (49.0, 20.3, 49.1, 14.1, 78.0)),
    "Calibration Score": ((62.0, 0.5, 52.0, 5.0, 78.0), (43.0, 3.1, 51.3, 2.6, 79.3)),
    "Exact Match": ((13.0, None, None, None, 57.0), (14.0, None, None, None, 53.9)),
    "Success Ratio": ((21.0, 0.5, 15.5, 3.5, 74.0), (13.0, 3.1, 35.8, 1.6, 69.4)),
    "Accuracy": ((25.0, 0.5, 15.5, 3.5, 74.5), (17.0, 3.1, 35.8, 1.6, 69.4)),
}
MEANINGS = {
    "CMD Score": "cosine similarity of the generated and the true command, all-MiniLM-L6-v2",
    "Output Score": "the same over what the two commands print on the simulated node",
    "Calibration Score": f"CMD Score >= {judging.CALIBRATION_CMD} or Output Score >= {judging.CALIBRATION_OUTPUT}",
    "Exact Match": "the same text, spaces and back-slashed paths made plain",
    "Success Ratio": "the same meaning, or the same result on the simulated node",
    "Accuracy": "Exact Match or Success",
}
DEFAULT_SYSTEM = {"NVIDIA": "8xH100", "AMD": "8xMI300X"}
NODES = {"8xH100": "8 NVIDIA H100 GPUs", "8xA100": "8 NVIDIA A100 GPUs", "8xMI300X": "8 AMD MI300X GPUs"}


def vendor_of(system: str) -> str:
    """Whose GPUs the node has."""
    return "AMD" if "MI" in system else "NVIDIA"


class CmdGen:
    """`sigma.aimicius.contract.Task`. Fields of a case: prompt; vendor NVIDIA | AMD; system (the simulated node); tool."""

    name = "cmdgen"
    title = "CMDGen"
    about = (
        "A question about a GPU node, one command as the answer: nvidia-smi, nccl-tests, nvcc, rocm-smi, amd-smi, rccl-tests or "
        "SuperBench's sb. The command is parsed by the tool's own grammar, compared with the true one option by option, and both "
        "are run on a simulated node; nothing reaches a shell."
    )
    metrics = tuple(
        MetricInfo(
            name,
            MEANINGS[name],
            primary=name == "Accuracy",
            paper={
                f"{model} {vendor}": value
                for vendor, values in zip(VENDORS, TABLE_6[name], strict=True)
                for model, value in zip(MODELS, values, strict=True)
            },
        )
        for name in judging.NAMES
    )

    answer_tokens = 128  # the longest truth (mpirun with its environment) takes about 90

    def group(self, case: Case) -> str:
        """Table 6 reports NVIDIA and AMD apart."""
        return case.fields["vendor"]

    def examples(self) -> list[Case]:
        """Six questions of the dev split, three for each vendor."""
        from sigma.aimicius.cmdgen.generator import examples

        return examples()

    def generate(self, split: str) -> Iterator[Case]:
        """The split's cases, seeded. Raises CaseError for an unknown split."""
        if split not in SPLITS:
            raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
        from sigma.aimicius.cmdgen.generator import cases

        return cases(split)

    def case(self, row: dict[str, Any], where: str) -> Case:
        """A case from {"id", "prompt", "truth"} and optionally "vendor", "system", "tool". Raises CaseError."""
        case_id = text_field(row, "id", where)
        prompt = text_field(row, "prompt", where)
        if not prompt.strip():
            raise CaseError(f"{where}: 'prompt' is empty")
        truth = text_field(row, "truth", where, "").strip()
        if "\n" in truth:
            raise CaseError(f"{where}: 'truth' is more than one line; it must be one command")
        vendor = text_field(row, "vendor", where, vendor_of(str(row.get("system", ""))))
        if vendor not in VENDORS:
            raise CaseError(f"{where}: 'vendor' is {vendor!r}, not one of {', '.join(VENDORS)}")
        system = text_field(row, "system", where, DEFAULT_SYSTEM[vendor])
        if system not in SYSTEMS or vendor_of(system) != vendor:
            known = ", ".join(name for name in SYSTEMS if vendor_of(name) == vendor)
            raise CaseError(f"{where}: 'system' is {system!r}, not a node of {vendor}: {known}")
        fields = {"prompt": prompt, "vendor": vendor, "system": system, "tool": text_field(row, "tool", where, "")}
        return Case(case_id, fields, truth, text_field(row, "split", where, "test"))

    def messages(self, case: Case) -> list[dict[str, str]]:
        """A short system line that names the node, and the question."""
        node = NODES[case.fields["system"]]
        system = f"You are the operator of a node with {node}. Answer with one shell command and nothing else."
        return [{"role": "system", "content": system}, {"role": "user", "content": case.fields["prompt"]}]

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Parts Answer, Command, Difference, Terminal, Scores; then the verdict."""
        return judging.judge(case, answer)


TASK = CmdGen()
