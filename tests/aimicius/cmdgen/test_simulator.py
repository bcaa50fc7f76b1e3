"""The simulated node prints in the tools' forms, the same every time, and never runs anything."""

import csv
import io
import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.simulator import SYSTEMS, closeness, deviations, node, run
from sigma.aimicius.cmdgen.tools import TOOLS
from sigma.aimicius.cmdgen.tools.nvidia_smi import QUERIES


def show(line, system="8xH100"):
    return run(read(line, "AMD" if "MI" in system else "NVIDIA"), system)


def test_a_node_is_the_same_every_time():
    for system in SYSTEMS:
        node.cache_clear()
        first = [device.at(3) for device in node(system).devices]
        node.cache_clear()
        assert first == [device.at(3) for device in node(system).devices]
        assert len({device.uuid for device in node(system).devices}) == 8


def test_summary_is_a_table_of_one_width():
    for system, memory in (("8xH100", "81559MiB"), ("8xA100", "81920MiB")):
        lines = show("nvidia-smi", system).output.splitlines()[1:]
        assert {len(line) for line in lines if line} == {91}
        assert sum(memory in line for line in lines) == 8


def test_every_query_field_has_a_value():
    for kind, fields in QUERIES.items():
        output = show(f"nvidia-smi --{kind}={','.join(dict.fromkeys(fields.values()))} --format=csv -i 1").output
        head, *rows = list(csv.reader(io.StringIO(output), skipinitialspace=True))
        assert len(head) == len(set(fields.values()))
        assert all(len(row) == len(head) and all(row) for row in rows)


def test_csv_units_and_header_can_go():
    full = show("nvidia-smi --query-gpu=index,memory.total --format=csv -i 2").output
    assert full == "index, memory.total [MiB]\n2, 81559 MiB\n"
    assert show("nvidia-smi --query-gpu=index,memory.total --format=csv,noheader,nounits -i 2").output == "2, 81559\n"


def test_used_and_free_and_reserved_add_up():
    output = show(
        "nvidia-smi --query-gpu=memory.total,memory.used,memory.free,memory.reserved --format=csv,noheader,nounits"
    ).output
    for row in csv.reader(io.StringIO(output)):
        total, used, free, reserved = map(int, row)
        assert total == used + free + reserved and free >= 0


def test_xml_is_xml():
    root = ElementTree.fromstring(show("nvidia-smi -q -x").output)
    assert len(root.findall("gpu")) == 8
    assert root.find("gpu/fb_memory_usage/total").text == "81559 MiB"


def test_display_keeps_the_sections_asked_for():
    output = show("nvidia-smi -q -d POWER -i 0").output
    assert "GPU Power Readings" in output and "FB Memory Usage" not in output
    assert output.count("GPU 0000") == 1


def test_polls_count_and_loops_end_with_ctrl_c():
    three = show("nvidia-smi dmon -i 0,1 -c 3").output.splitlines()
    assert len(three) == 2 + 3 * 2
    endless = show("nvidia-smi -l 5")
    assert endless.rhythm == (5000, None) and endless.output.endswith("^C\n")
    assert "09:30:05" in endless.output and "09:30:10" in endless.output
    many = show("nvidia-smi pmon -c 100000000")
    assert "further polls are not printed" in many.output and len(many.output) < 100_000


def test_a_file_takes_the_output():
    filed = show("nvidia-smi -q -f /tmp/simulated-only.txt")
    assert filed.output == "" and list(filed.files) == ["/tmp/simulated-only.txt"]
    assert filed.files["/tmp/simulated-only.txt"] == show("nvidia-smi -q").output
    assert not os.path.exists("/tmp/simulated-only.txt")


def test_topology_matrix_is_square():
    lines = [line for line in show("nvidia-smi topo -m", "8xA100").output.splitlines() if line.startswith("GPU")]
    assert len(lines) == 8 and all(line.split().count("NV12") == 7 for line in lines)


def test_bandwidth_grows_and_bus_follows_the_factor():
    output = show("all_reduce_perf -b 8 -e 8G -f 8 -g 8").output
    rows = [line.split() for line in output.splitlines() if line.strip() and not line.startswith("#")]
    assert int(rows[0][0]) == 8 and int(rows[-1][0]) <= 8 << 30
    algorithm, bus = float(rows[-1][6]), float(rows[-1][7])
    assert bus == pytest.approx(algorithm * 2 * 7 / 8, rel=0.01)
    assert float(rows[0][7]) < 1 < 300 < bus < 380
    time = float(rows[-1][5])
    assert algorithm == pytest.approx(int(rows[-1][0]) / time / 1e3, rel=0.01)


def test_average_bus_bandwidth_is_the_mean_of_both_columns():
    output = show("all_gather_perf -b 1M -e 64M -f 2 -g 4", "8xMI300X").output
    rows = [line.split() for line in output.splitlines() if line.strip() and not line.startswith("#")]
    mean = sum(float(row[7]) + float(row[11]) for row in rows) / (2 * len(rows))
    assert float(output.split("Avg bus bandwidth    :")[1].split()[0]) == pytest.approx(mean, abs=0.02)


def test_nvcc_is_silent_or_tells_of_registers():
    assert show("nvcc k.cu -o k").output == ""
    assert "Used " in show("nvcc -arch=sm_90 -Xptxas -v k.cu").output
    capped = show("nvcc -arch=sm_90 -Xptxas -v -maxrregcount=16 k.cu").output
    assert "Used 16 registers" in capped
    assert list(show("nvcc -ptx k.cu").files) == ["k.ptx"]


def test_amd_data_formats_are_readable():
    cards = json.loads(show("rocm-smi --showtemp --showpower --json", "8xMI300X").output)
    assert sorted(cards) == [f"card{index}" for index in range(8)]
    table = list(csv.reader(io.StringIO(show("rocm-smi --showuse --csv", "8xMI300X").output)))
    assert len(table) == 9 and len({len(row) for row in table}) == 1
    for line in (
        "list",
        "static",
        "metric -t",
        "topology",
        "process",
        "firmware",
        "bad-pages",
        "xgmi -m",
        "monitor -p",
    ):
        assert json.loads(show(f"amd-smi {line} --json", "8xMI300X").output)
        rows = list(csv.reader(io.StringIO(show(f"amd-smi {line} --csv", "8xMI300X").output)))
        assert len({len(row) for row in rows}) == 1, line


def test_every_option_of_every_tool_can_be_shown_alone():
    """No option of any table makes the simulator fail, whatever it comes to."""
    words = {"flag": "", "int": "1", "number": "300", "size": "8", "text": "x", "path": "/tmp/x", "devices": "1"}
    words |= {"pair": "900,1200", "clocks": "2619,1980", "list": "1", "letters": "p"}
    shown = 0
    for vendor, tools in TOOLS.items():
        for system in (name for name in SYSTEMS if ("MI" in name) == (vendor == "AMD")):
            for tool, grammar in tools.items():
                for path, leaf in _leaves(grammar, tool):
                    for option in leaf.options:
                        word = words.get(option.kind) or next(iter(option.choices or {"": ""}))
                        values = (
                            [word] * option.count if isinstance(option.count, int) and option.kind != "flag" else [word]
                        )
                        line = " ".join([path, option.flags[-1], *values]).strip()
                        read_line = read(line, vendor)
                        if read_line.error is None:
                            shown += bool(run(read_line, system).output or run(read_line, system).files)
                        elif read_line.error.kind in ("unknown-option", "not-found"):
                            raise AssertionError(line)
    assert shown > 500


def _leaves(grammar, path):
    if grammar.needs_sub:
        for name, sub in grammar.subs.items():
            yield from _leaves(sub, f"{path} {name}")
        return
    yield path, grammar
    for name, sub in grammar.subs.items():
        yield from _leaves(sub, f"{path} {name}")


def test_equal_results_need_equal_effects():
    def same(one, other, system="8xH100"):
        return not deviations(show(one, system), show(other, system), 1.0)

    assert same("nvidia-smi -pl 300", "nvidia-smi -i 0,1,2,3,4,5,6,7 -pl 300")
    assert not same("nvidia-smi -pl 300", "nvidia-smi -i 0 -pl 300")
    assert same("nvidia-smi -L -i 0", "nvidia-smi -i 0 -L")
    assert not same("nvidia-smi -i 99", "nvidia-smi -i 98"), "two failures are no success"
    assert not same("nvidia-smi -f a", "nvidia-smi -f b")
    assert not same("rocm-smi -t", "rocm-smi -t --setperflevel high", "8xMI300X")
    uuid = node("8xH100").devices[2].uuid
    assert same("nvidia-smi -q -i 2", f"nvidia-smi -q -i {uuid}")
    assert closeness(show("nvidia-smi"), show("nvidia-smi -L")) < 0.2


def test_nothing_is_started(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a process was started")

    for name in ("Popen", "run", "call", "check_output"):
        monkeypatch.setattr(subprocess, name, refuse)
    for name in ("system", "popen", "execv", "fork", "posix_spawn"):
        monkeypatch.setattr(os, name, refuse)
    for vendor, line in (
        ("NVIDIA", "nvidia-smi"),
        ("NVIDIA", "nvcc k.cu"),
        ("AMD", "rocm-smi"),
        ("AMD", "sb run -l a"),
    ):
        run(read(line, vendor), "8xMI300X" if vendor == "AMD" else "8xH100")
