import os
import subprocess
import sys
from pathlib import Path

import pytest

from mutants import reach, score, trials
from mutants.__main__ import ENVIRONMENT

TESTS = Path(__file__).parents[1]


def test_the_interval_of_eight_of_ten_is_wilsons():
    assert score.interval(8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)
    assert score.interval(10, 10)[1] == pytest.approx(1)


def test_a_mutant_that_ran_out_of_time_was_noticed_and_one_that_no_test_runs_was_not():
    outcomes = ("noticed", "noticed", "out of time", "survived", "run by no test")
    judged = score.Score(total=5, outcomes=outcomes, seconds=90)
    assert (judged.noticed, judged.percent) == (3, 60)
    assert judged.row("grid") == "| grid | 5 | 5 | 3 | 1 | 1 | 60.0 % |  | 1.5 |"


def test_a_sample_has_an_interval():
    sample = score.Score(total=100, outcomes=("noticed",) * 8 + ("survived",) * 2, seconds=60)
    assert sample.row("inventories") == "| inventories | 100 | 10 | 8 | 0 | 0 | 80.0 % | 49 to 94 % | 1.0 |"


@pytest.mark.parametrize(
    ("code", "meaning"), [(0, "survived"), (1, "noticed"), (2, "noticed"), (3, "noticed"), (-24, "out of time")]
)
def test_what_pytest_ends_with_says_what_came_of_a_mutant(code, meaning):
    assert score.outcome(code) == meaning


@pytest.mark.parametrize("code", [4, 5])
def test_tests_that_did_not_run_say_nothing(code):
    with pytest.raises(RuntimeError, match=f"ended with {code}"):
        score.outcome(code)


CODE = """\
LIMIT = (
    1
)


@cached
def area(
    a, b=2
):
    if (a
            > b):
        return a
    return (
        a *
        b
    )
"""


@pytest.mark.parametrize(
    ("line", "lines"),
    [(2, [1, 2, 3]), (6, [6, 7, 8, 9]), (8, [6, 7, 8, 9]), (11, [10, 11]), (12, [12]), (15, [13, 14, 15, 16])],
)
def test_a_mutant_lies_in_a_statement_of_one_or_more_lines(line, lines):
    assert list(reach._statement(CODE, line)) == lines


def test_the_tests_of_a_statement_are_those_that_run_a_line_of_it_or_all_if_it_runs_when_imported(tmp_path):
    module = tmp_path / "area.py"
    module.write_text(CODE)
    lines = {1: {""}, 10: {"a", "b"}, 11: {"b"}, 12: {"b"}, 13: {"a"}}
    reached = reach.Reach({module: lines}, {"a": 0.1, "b": 0.2, "c": 0.3})
    assert (reached.of(module, 11), reached.of(module, 12), reached.of(module, 15)) == ({"a", "b"}, {"b"}, {"a"})
    assert reached.of(module, 2) == {"a", "b", "c"}
    assert reached.of(module, 8) == set()


TRIAL = """
from mutants import trials
grid, tests = trials.SRC / "chronoslide/grid.py", [str(trials.ROOT / "tests/test_grid.py")]
code = grid.read_text(encoding="utf-8")
trials.preload(tests)
name = {"tests/test_grid.py::test_bounds_resolution_area_and_footprint_of_four_rows_and_six_columns": 0.1}
harms = {"none": code, "area": code.replace("a * -self", "a + -self"), "endless": "while True: pass", "broken": "1/0"}
for harm, text in harms.items():
    assert harm == "none" or text != code
    print(harm, trials.in_fork(lambda: trials.try_mutant(grid, text, tests, name, 3), 60))
"""


def test_a_harm_is_noticed_no_harm_is_not_and_an_endless_one_is_ended():
    """In a process of its own, since this one may have threads."""
    done = subprocess.run(
        [sys.executable, "-c", TRIAL],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": f"{trials.SRC}:{TESTS}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["none 0", "area 1", "endless -24", "broken 2"], done.stderr
