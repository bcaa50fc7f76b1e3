"""Reading plans, checking them, and what they cost."""

import contextlib
import time

import pytest

from sigma.aimicius.optiflow.plans.plan import MAX_TRANSFERS, Plan, PlanError, Transfer, check_plan, read_plan
from sigma.aimicius.optiflow.plans.simulate import simulate
from sigma.aimicius.optiflow.plans.topology import PRESETS, full_mesh, meshed, switched

A, B = "D(0, 0): G(0) => G(1)", "D(1, 0): G(1) => G(0)"
PAIR = meshed("pair", full_mesh(2), 1.0, 10)


def rotation(n: int, chunks: int) -> str:
    return "\n".join(
        f"D({g}, {c}): G({g}) => G({(g + r) % n})" for r in range(1, n) for g in range(n) for c in range(chunks)
    )


@pytest.mark.parametrize(
    ("text", "sizes", "grouped"),
    [
        (f"{A}\n{B}", [2], False),
        (f"{A}, {B}", [2], False),
        (f"['{A}', '{B}']", [2], False),
        (f"Here is the plan:\n['{A}',\n '{B}']\nDone.", [2], False),
        (f"[['{A}'], ['{B}']]", [1, 1], True),
        (f"[['{A}', '{B}']]", [2], True),
        (f"['{A}']\n['{B}']", [1, 1], True),
        (f"step 1\n{A}\nstep 2\n{B}", [1, 1], True),
        (f"Step 1: {A}\nStep 2: {B}", [1, 1], True),
        (f"# Round 1\n{A}\n{B}\n", [2], True),
        (f"step\n{A}\nstep\n{B}", [1, 1], True),
        (f"Round 1: ['{A}']\nRound 2: ['{B}']", [1, 1], True),
        (f"{{'step 1': ['{A}'], 'step 2': ['{B}']}}", [1, 1], True),
        ("D(0,0):G(0)->G(1)", [1], False),
        ("d ( 0 , 0 ) : g ( 0 ) => g ( 1 )", [1], False),
        (f"step 1 (all in parallel)\n{A}\nstep 2 nothing\nstep 3\n{B}", [1, 1], True),
    ],
)
def test_shapes_of_plans(text, sizes, grouped):
    plan = read_plan(text)
    assert ([len(r) for r in plan.rounds], plan.grouped) == (sizes, grouped)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "printed nothing"),
        ("   \n", "printed nothing"),
        ("sending everything (fast)", "no transfer"),
        ("D(0, 0): G(0) = G(1)", "line 1"),
        (f"{A}\nD(0): G(0) => G(1)", "line 2"),
        (f"{A}\nD(x, 0): G(0) => G(1)", "line 2"),
        ("D(-1, 0): G(0) => G(1)", "line 1"),
        ("D(1.5, 0): G(0) => G(1)", "line 1"),
        ("D(99999999, 0): G(0) => G(1)", "line 1"),
        ("G(0) => G(1)", "line 1"),
    ],
)
def test_what_is_no_plan_is_said_so_with_its_line(text, reason):
    with pytest.raises(PlanError, match=reason):
        read_plan(text)


@pytest.mark.parametrize("lines", [MAX_TRANSFERS + 1, 10**6])
def test_a_plan_with_a_million_lines_gets_a_verdict_at_once(lines):
    begun = time.process_time()
    with pytest.raises(PlanError, match=r"transfers|characters"):
        read_plan((A + "\n") * lines)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "text", ["[" * 10**6, "D(" * 10**6, "step" * 10**6, "step\n" * 10**5, " " * 10**6, "D(0, " * 10**5, "]" * 10**5 + A]
)
def test_hostile_text_is_read_in_linear_time(text):
    begun = time.process_time()
    with contextlib.suppress(PlanError):
        read_plan(text)
    assert time.process_time() - begun < 3


def test_a_plan_is_its_own_text():
    for text in (f"step 1\n{A}\nstep 2\n{B}", f"{A}\n{B}"):
        assert read_plan(read_plan(text).text()) == read_plan(text)


def checked(text, topology=PRESETS["NDv5"], chunks=2):
    return check_plan(read_plan(text), topology, chunks)


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("D(0, 0): G(1) => G(2)", "GPU 1 does not hold chunk 0 of GPU 0"),
        ("D(0, 2): G(0) => G(1)", "no chunk 2"),
        ("D(9, 0): G(0) => G(1)", "no GPU 9"),
        ("D(0, 0): G(0) => G(8)", "switch"),
        ("D(0, 0): G(0) => G(12)", "no GPU 12"),
    ],
)
def test_the_first_bad_transfer_is_named(first, reason):
    check = checked(f"D(0, 1): G(0) => G(1)\n{first}\n{rotation(8, 2)}")
    assert not check.valid and reason in check.problem and "transfer 2" in check.problem
    assert check.bad == (0, 1)


def test_no_way_between_two_gpus():
    check = checked("D(0, 0): G(0) => G(5)", PRESETS["DGX-1"], 1)
    assert "no link from GPU 0 to GPU 5" in check.problem


def test_missing_deliveries_are_counted():
    lines = rotation(8, 2).splitlines()
    check = checked("\n".join(lines[:-3]))
    assert not check.valid and "3 of 112 deliveries are missing" in check.problem and check.bad is None


def test_a_round_uses_only_what_was_there_before_it():
    chain = "D(0, 0): G(0) => G(1)\nD(0, 0): G(1) => G(2)"
    line = meshed("line", [[0, 1, 0], [1, 0, 1], [0, 1, 0]], 1, 1)
    assert "does not hold" in check_plan(read_plan("step 1\n" + chain), line, 1).problem
    assert "at the end" in check_plan(read_plan(chain), line, 1).problem


def test_redundant_sends_are_dropped_with_a_warning_and_cost_nothing():
    clean, doubled = checked(rotation(8, 2)), checked(rotation(8, 2) + "\n" + rotation(8, 2))
    assert doubled.valid and doubled.plan == clean.plan
    assert "redundant" in doubled.warnings[0] and "112 redundant" in doubled.warnings[-1]
    own = checked("D(0, 0): G(0) => G(0)\n" + rotation(8, 2))
    assert own.valid and own.plan == clean.plan and len(own.warnings) == 1


def test_the_papers_plan_takes_7_78_us():
    check = checked(rotation(8, 2))
    cost = simulate(check.plan, PRESETS["NDv5"], 70)
    assert check.valid
    assert cost.latency == pytest.approx(14 * (2 * 0.2 + 70e3 / 450e9 * 1e6))
    assert f"{cost.latency:.2f}" == "7.78"
    assert [len(s.transfers) for s in cost.steps] == [8] * 14
    assert set(cost.load.values()) == {14 * 70.0} and len(cost.load) == 16


def test_a_transfer_by_a_switch_takes_two_hops():
    path = PRESETS["NDv5"].paths[0, 3]
    assert path.nodes == (0, 8, 3) and path.latency == pytest.approx(0.4) and path.bandwidth == 450
    assert PRESETS["DGX-1"].paths[0, 1].nodes == (0, 1) and PRESETS["DGX-1"].paths[0, 1].bandwidth == 50


def test_rounds_are_barriers_and_the_port_model_stands_beside():
    # Two GPUs, 10 KB a chunk at 10 GB/s and 1 us: a transfer takes 2 us.
    both = simulate(check_plan(read_plan(f"step 1\n{A}\n{B}"), PAIR, 1).plan, PAIR, 10)
    turns = simulate(check_plan(read_plan(f"step 1\n{A}\nstep 2\n{B}"), PAIR, 1).plan, PAIR, 10)
    flat = simulate(check_plan(read_plan(f"{A}\n{B}"), PAIR, 1).plan, PAIR, 10)
    assert (both.latency, turns.latency, flat.latency) == (2, 4, 2)
    assert (both.free, turns.free) == (2, 2)
    assert [(s.start, s.end) for s in turns.steps] == [(0, 2), (2, 4)]


def test_a_port_sends_one_chunk_at_a_time_and_waits_for_what_it_relays():
    line = meshed("line", [[0, 1, 0], [1, 0, 1], [0, 1, 0]], 1, 10)
    plan = Plan((tuple(Transfer(0, c, a, a + 1) for c in (0, 1) for a in (0, 1)),), grouped=False)
    cost = simulate(plan, line, 10)
    # Chunk 0 is at 1 after 2 us and at 2 after 4; chunk 1 leaves 0 at 2, is at 1 after 4 and at 2 after 6.
    assert cost.latency == 6
    assert cost.busy == {(0, 1): 4, (1, 2): 4}


def test_ports_of_a_mesh_work_side_by_side_and_of_a_switch_in_turn():
    text = "\n".join(f"D({a}, 0): G({a}) => G({b})" for a in range(4) for b in range(4) if a != b)
    mesh, switch = meshed("mesh", full_mesh(4), 1, 10), switched("switch", 4, 0.5, 10)
    assert simulate(check_plan(read_plan(text), mesh, 1).plan, mesh, 10).latency == 2
    assert simulate(check_plan(read_plan(text), switch, 1).plan, switch, 10).latency == 6


def test_an_explanation_of_the_notation_is_no_transfer():
    plan = read_plan("Each line is D(s, c): G(a) => G(b).\nD(0, 0): G(0) => G(1)\nD(1, 0): G(1) => G(0)\n")
    assert len(plan) == 2 and not plan.grouped
    with pytest.raises(PlanError, match="line 1"):
        read_plan("D(0; 0): G(0) => G(1)")


def test_more_marks_than_any_plan_needs_are_refused():
    with pytest.raises(PlanError, match="brackets"):
        read_plan("[" * 300_000)
