"""What may be asked of a run: texts of a form, numbers of a program, and sentences for what cannot be."""

import subprocess
import sys

import pytest

from sigma.efficiency.settings import LABELS, LONGEST, Settings, of_size
from sigma.engine.fields import FieldError
from sigma.model.presets import PRESETS


def test_the_sizes_are_the_papers_table_14():
    small, large = Settings.asked({}), Settings.asked({"preset": "10b"})
    assert (small.n_q, small.std.n_k, small.std.n_v, small.sigma.n_k, small.sigma.n_v) == (32, 16, 16, 4, 16)
    assert (small.sigma.d_k, small.sigma.d_v, small.augmented, small.layers) == (64, 64, 3072, 26)
    assert (large.sigma.d_v, large.augmented, large.layers, large.query_width) == (128, 6144, 32, 4096)
    assert small.query_width == PRESETS["sigma-1.5b"]["hidden_size"]
    assert small.name == "Sigma-1.5B" and small.is_paper and set(of_size("1.5b")) <= set(LABELS)


def test_a_form_is_read_kindly_and_a_program_plainly():
    text = {
        "preset": "10b",
        "prefixes": " 2k, 8,192 32k;2k ",
        "output": "1k",
        "sigma_k": "8",
        "top_k": "",
        "batch": "4",
    }
    s = Settings.asked(text)
    assert s.prefixes == (2048, 8192, 32_768) and (s.output, s.sigma_k, s.top_k, s.batch) == (1024, 8, 100, 4)
    assert s.name == "your own, from Sigma-10B"
    assert Settings.asked({"prefixes": [4096, 0.0], "key_dim": 32}).prefixes == (0, 4096)
    half = Settings.asked({"key_dim": 32})
    assert half.sigma.d_k == 32 and half.std.d_k == 64 and half.query_width == 2048
    assert Settings.asked({"key_dim": 96}).std.d_k == 96  # STD's queries are as wide as Sigma's


def test_the_lengths_that_are_timed():
    assert Settings.asked({}).lengths() == (2048, 4096, 8192, 16_384, 32_768)
    assert Settings.asked({"prefixes": [0, 2048], "output": 2048}).lengths() == (1, 2048, 4096)
    assert Settings.asked({"prefixes": [640], "output": 10}).lengths() == (640,)
    assert Settings.asked({"prefixes": [640], "output": 11}).lengths() == (640, 651)


@pytest.mark.parametrize(
    "given, field, words",
    [
        ({"preset": "7b"}, "preset", "1.5b or 10b, not '7b'"),
        ({"preset": ["1.5b"]}, "preset", "not a list"),
        ({"sigma_k": 5}, "sigma_k", "32 query heads cannot share 5 heads evenly; possible are 1, 2, 4, 8, 16, 32"),
        ({"n_q": 30}, "std_k", "30 query heads cannot share 16"),
        ({"head_dim": 65, "key_dim": 64}, "head_dim", "even"),
        ({"key_dim": 31}, "key_dim", "even"),
        ({"n_q": 0}, "n_q", "between 1 and 256"),
        ({"n_q": "many"}, "n_q", "must be a number, not a text"),
        ({"batch": 257}, "batch", "between 1 and 256"),
        ({"batch": True}, "batch", "not true or false"),
        ({"batch": 1.5}, "batch", "whole number"),
        ({"top_k": -1}, "top_k", "0 and"),
        ({"output": "-3"}, "output", "not a text"),
        ({"output": 10**400}, "output", "65536"),
        ({"dtype": "int4"}, "dtype", "bf16, fp16 or fp32"),
        ({"prefixes": "2k lots"}, "prefixes", "'lots' is not one"),
        ({"prefixes": []}, "prefixes", "not 0 of them"),
        ({"prefixes": list(range(13))}, "prefixes", "not 13 of them"),
        ({"prefixes": [2**21]}, "prefixes", "not 2097152"),
        ({"prefixes": [1.5]}, "prefixes", "'1.5' is not one"),
        ({"prefixes": {"a": 1}}, "prefixes", "is not one"),
        ({"prefixes": [LONGEST], "output": 1}, "prefixes", "1,048,577"),
        ({"seconds": 601}, "seconds", "between 1 and 600"),
        ({"evil": 1}, "evil", "There is no field 'evil'"),
    ],
)
def test_what_cannot_be_is_said_with_its_field(given, field, words):
    with pytest.raises(FieldError, match=words) as caught:
        Settings.asked(given)
    assert caught.value.field == field


def test_a_person_reads_the_label():
    with pytest.raises(FieldError, match="Sigma: K heads: 32 query heads"):
        Settings.asked({"sigma_k": "7"}, LABELS)


def test_settings_results_and_paper_need_no_torch():
    code = """
import sys
import sigma.efficiency.settings, sigma.efficiency.results, sigma.efficiency.paper
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr
