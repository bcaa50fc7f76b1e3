"""The generated splits: sizes, a fixed hash, nothing shared between them, every truth accepted in full."""

import hashlib
import itertools
from collections import Counter

import pytest

from sigma.aimicius.cmdgen import TASK
from sigma.aimicius.cmdgen.cases import INTENTS, drafts
from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.generator.phrasing import ASKS, HINTS, OPENINGS, SCENES
from sigma.aimicius.cmdgen.generator.pools import POOLS
from sigma.aimicius.contract import SPLITS, CaseError, verdict_of

HASHES = {
    "train": "b3e60be944296a6e9e0bfb981b9af7ece4d2df84593c3862e1c3d5e53882b405",
    "dev": "39365502bf79d767f6648d9376596cd5e05d1e5a02f37fa4f118192e366818a7",
    "test": "c73a7159bfe2830fdcc1366b3041e6473853e58bacb42a5a8ecb652b8ba69a93",
}


@pytest.fixture(scope="module")
def made():
    return {split: list(drafts(split)) for split in SPLITS}


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_has_a_fixed_hash(split):
    """A change of a phrase or a pool changes it: then the new data is meant, and the hash is renewed with it."""
    text = "\n".join(case.to_json() for case in TASK.generate(split))
    assert hashlib.sha256(text.encode()).hexdigest() == HASHES[split]


def test_sizes_are_the_papers_in_test(made):
    count = {split: Counter(d.case.fields["vendor"] for d in made[split]) for split in SPLITS}
    assert count["test"] == {"NVIDIA": 200, "AMD": 195}
    assert sum(count["dev"].values()) == 200 and sum(count["train"].values()) >= 2500


def test_splits_share_no_template_no_prompt_no_value(made):
    """Words of a tool's own language are the same everywhere; numbers, paths, hosts and lists are not."""
    language = {name for name, pool in POOLS.items() if pool["train"] == pool["dev"] == pool["test"]}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not {d.template for d in made[one]} & {d.template for d in made[other]}
        assert not {d.case.fields["prompt"].lower() for d in made[one]} & {
            d.case.fields["prompt"].lower() for d in made[other]
        }
        shared = {v for d in made[one] for v in d.values} & {v for d in made[other] for v in d.values}
        beyond = {(pool, value) for pool, value in shared if pool not in language}
        # Of lists of a tool's words, only single words may come again.
        assert {pool for pool, _ in beyond} <= {
            "fields",
            "sections",
            "section",
            "groups",
            "rocm",
            "metrics",
            "statics",
            "monitors",
        }
        assert all("," not in value and " " not in value for _, value in beyond)
        assert all(len(value) == 1 for pool, value in beyond if pool == "groups")


def test_phrases_and_ways_of_asking_belong_to_one_split():
    for table in (OPENINGS, SCENES, HINTS, ASKS):
        assert all(not set(table[a]) & set(table[b]) for a, b in itertools.combinations(SPLITS, 2))
    for intents in INTENTS.values():
        for intent in intents:
            assert len(intent.phrases["train"]) >= 2 and intent.phrases["dev"] and len(intent.phrases["test"]) >= 2
            for one, other in itertools.combinations(SPLITS, 2):
                assert not set(intent.phrases[one]) & set(intent.phrases[other])


def test_pools_share_no_value_but_words(made):
    for name, pool in POOLS.items():
        if pool["train"] == pool["test"]:
            continue
        parts = [{value for row in pool[split] for value in [tuple(sorted(row.items()))]} for split in SPLITS]
        for one, other in itertools.combinations(parts, 2):
            for row in one & other:
                assert all(not set(", ") & set(command) for _, (command, _) in row), (name, row)


def test_every_truth_of_test_and_dev_scores_full(made, without_encoder):
    for draft in (*made["test"], *made["dev"]):
        assert read(draft.case.truth, draft.case.fields["vendor"]).error is None, draft.case.truth
        scores = verdict_of(TASK, draft.case, draft.case.truth).scores
        assert {score.value for score in list(scores.values())[3:]} == {1.0}, draft.case.truth


def test_every_truth_of_train_is_a_command_its_tool_takes(made):
    for draft in made["train"]:
        result = read(draft.case.truth, draft.case.fields["vendor"])
        assert result.error is None, (draft.case.truth, result.error)


def test_every_tool_is_asked_for(made):
    for split in SPLITS:
        tools = Counter(draft.case.fields["tool"] for draft in made[split])
        assert {"nvidia-smi", "nvcc", "all_reduce_perf", "mpirun", "rocm-smi", "amd-smi", "sb"} <= set(tools)


def test_questions_are_varied(made):
    prompts = [draft.case.fields["prompt"] for draft in made["test"]]
    assert len({prompt.split()[0] for prompt in prompts}) > 60
    assert len(set(prompts)) == len(prompts)
    lengths = sorted(len(prompt) for prompt in prompts)
    assert lengths[20] < 45 and lengths[-20] > 130
    assert not any("{" in prompt.replace("{a,b}", "") or "  " in prompt for prompt in prompts)


def test_examples_are_not_from_the_test_split():
    examples = TASK.examples()
    assert Counter(case.fields["vendor"] for case in examples) == {"NVIDIA": 3, "AMD": 3}
    assert all(case.split == "dev" for case in examples)
    assert {TASK.group(case) for case in examples} == {"NVIDIA", "AMD"}


def test_unknown_split():
    with pytest.raises(CaseError, match="no split 'validation'; there are train, dev, test"):
        TASK.generate("validation")


def test_any_slice_has_both_vendors(made):
    for start in range(0, 390, 20):
        part = Counter(draft.case.fields["vendor"] for draft in made["test"][start : start + 20])
        assert abs(part["NVIDIA"] - part["AMD"]) <= 2 or start + 20 > 395
