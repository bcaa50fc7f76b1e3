"""The CMDGen task: a question about a GPU node in, one command out (paper section 4.1)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from sigma.aimicius.cmdgen import judge as judging
from sigma.aimicius.cmdgen.faults import faults
from sigma.aimicius.cmdgen.prompt import messages
from sigma.aimicius.cmdgen.simulator import SYSTEMS
from sigma.aimicius.cmdgen.tools import VENDORS
from sigma.aimicius.contract import SPLITS, Ask, Case, CaseError, MetricInfo, Part, Task, Verdict, Worked, text_field
from sigma.aimicius.paper import figures
from sigma.aimicius.tries import several

MEANINGS = {
    "CMD Score": "cosine similarity of the generated and the true command, all-MiniLM-L6-v2",
    "Output Score": "the same over what the two commands print on the simulated node",
    "Calibration Score": f"CMD Score >= {judging.CALIBRATION_CMD} or Output Score >= {judging.CALIBRATION_OUTPUT}",
    "Exact Match": "the same text, spaces and back-slashed paths made plain",
    "Success Ratio": "the same meaning, or the same result on the simulated node",
    "Accuracy": "Exact Match or Success",
}
TRY_TOKENS = 128  # the longest truth (mpirun with its environment) takes about 90
DEFAULT_SYSTEM = {"NVIDIA": "8xH100", "AMD": "8xMI300X"}


def vendor_of(system: str) -> str:
    """Whose GPUs the node has."""
    return "AMD" if "MI" in system else "NVIDIA"


class CmdGen(Task):
    """Fields of a case: prompt; vendor NVIDIA | AMD; system (the simulated node); tool."""

    name = "cmdgen"
    title = "CMDGen"
    about = (
        "A question about a GPU node, one command as the answer: nvidia-smi, nccl-tests, nvcc, rocm-smi, amd-smi, rccl-tests or "
        "SuperBench's sb. The command is parsed by the tool's own grammar, compared with the true one option by option, and both "
        "are run on a simulated node; nothing reaches a shell. A command that the tool does not take, or that leaves out a value of "
        "the question, is tried again, up to three times; the lines between say why, and the last counts."
    )
    metrics = tuple(
        MetricInfo(
            name,
            MEANINGS[name],
            primary=name == "Accuracy",
            paper={
                f"{model} {vendor}": value
                for vendor in VENDORS
                for model, value in figures(f"cmdgen {vendor}", name).items()
            },
        )
        for name in judging.NAMES
    )

    worked = 4
    tries = 4
    answer_tokens = tries * TRY_TOKENS

    def group(self, case: Case) -> str:
        """Table 6 reports NVIDIA and AMD apart."""
        return case.fields["vendor"]

    def examples(self) -> list[Case]:
        """Six questions of the dev split, three for each vendor."""
        from sigma.aimicius.cmdgen.cases import examples

        return examples()

    def generate(self, split: str) -> Iterator[Case]:
        """The split's cases, seeded. Raises CaseError for an unknown split."""
        if split not in SPLITS:
            raise CaseError(f"there is no split {split!r}; there are {', '.join(SPLITS)}")
        from sigma.aimicius.cmdgen.cases import cases

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
        """See `prompt.messages`."""
        return messages(case)

    def question(self, messages: Sequence[dict[str, str]]) -> str | None:
        """All of the last message, if a node is named before it."""
        return messages[-1]["content"] if messages[0]["role"] == "system" else None

    def vendor(self, messages: Sequence[dict[str, str]]) -> str:
        """Whose node the system message names."""
        return "AMD" if "AMD" in messages[0]["content"] else "NVIDIA"

    def fits(self, worked: Worked, messages: Sequence[dict[str, str]]) -> bool:
        """Whether the example was asked on a node of the same vendor."""
        return worked.about == (self.vendor(messages),)

    def grammar(self, case: Case) -> str:
        """All command lines of the tools on a node of the case's vendor."""
        from sigma.aimicius.cmdgen.lark import command_line

        return command_line(case.fields["vendor"])

    def dialogue(
        self, case: Case, first: list[dict[str, str]], tries: int | None = None
    ) -> Generator[Ask, str | None, str]:
        """The question, and as long as the command has faults that show without a truth, further tries of it, a few at most.

        The try with the fewest faults, of equal ones the earliest, is what counts: it stands last.
        """
        question, vendor = case.fields["prompt"], case.fields["vendor"]
        most = self.tries if tries is None else tries
        _, end = yield from several(
            Ask(first, self.grammar(case), TRY_TOKENS), lambda text: faults(question, text, vendor), most
        )
        return end

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """Parts Answer, Command, Difference, Terminal, Scores; then the verdict."""
        return judging.judge(case, answer)


TASK = CmdGen()
