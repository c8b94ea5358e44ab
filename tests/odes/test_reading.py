"""What users bring is checked before anything is computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jaxsym.odes import discover_ode, read_series, time_series

TIME = np.linspace(0.0, 4.0, 20)
STATES = np.stack([np.sin(TIME), np.cos(2 * TIME)], axis=1)


def test_one_trajectory_several_of_one_length_lists_and_frames_are_read():
    assert time_series(TIME, STATES).names == ("x1", "x2")
    assert time_series(TIME, np.stack([STATES, STATES + 1])).runs == 2
    shorter = time_series([TIME, TIME[:10]], [STATES, STATES[:10]], names=["a", "b"])
    assert [len(t) for t in shorter.time] == [20, 10]
    frame = pd.DataFrame(STATES, columns=["angle [rad]", "v"])
    assert time_series(TIME, frame).names == ("angle_rad", "v")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": TIME[::-1]}, "does not increase at index 1"),
        ({"time": TIME[:-1]}, "expected one time for each sample"),
        ({"time": TIME[:7], "states": STATES[:7]}, "7 samples of x1; expected at least 8"),
        ({"states": STATES.astype(str)}, "states is not an array of numbers"),
        ({"states": np.where(STATES > 0.9, np.inf, STATES)}, "non-finite"),
        ({"names": ["x"]}, "1 names for 2 states"),
        ({"names": ["x", "sin"]}, "'sin' cannot stand in an equation"),
        ({"names": ["x", "t"]}, "'t' is the name of time"),
        ({"names": ["x", "x"]}, "two columns have the name 'x'"),
        ({"sigma": -1.0}, "expected positive numbers"),
        ({"sigma": [1.0, 2.0, 3.0]}, "sigma has shape"),
        ({"inputs": {"u": TIME[1:]}}, "input u has shapes"),
    ],
)
def test_what_cannot_be_worked_with_is_refused_by_name(change, message):
    given = {"time": TIME, "states": STATES} | change
    with pytest.raises(ValueError, match=message):
        time_series(given.pop("time"), given.pop("states"), **given)


def test_a_state_that_repeats_another_one_is_told_with_its_relation():
    states = np.column_stack([STATES[:, 0], 2.0 * STATES[:, 0] - 3.0])
    with pytest.raises(ValueError, match=r"y is a function of x: y = 2 x \+ -3"):
        time_series(TIME, states, names=["x", "y"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "pde"}, "unknown kind 'pde'"),
        ({"order": 3}, "order is 3"),
        ({"order": 2, "kind": "map"}, "expected order 1 for maps"),
        ({"time_limit": 0.0}, "expected a positive number of seconds"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        discover_ode(TIME, STATES, **options)


def test_states_that_never_change_leave_nothing_to_find():
    with pytest.raises(ValueError, match="no state changes"):
        discover_ode(TIME, np.ones((20, 2)))


def test_files_are_read_by_their_columns_with_trajectories_told_apart(tmp_path):
    path = tmp_path / "series.csv"
    table = pd.DataFrame({"t": np.tile(TIME, 2), "x": np.tile(STATES[:, 0], 2), "u": 1.0})
    table.assign(trajectory=np.repeat(["a", "b"], 20)).to_csv(path, index=False)
    data = read_series(path, "t", ["x"], ["u"])
    assert data.runs == 2 and data.input_names == ("u",)
    np.testing.assert_allclose(data.values[1][:, 0], STATES[:, 0])
    with pytest.raises(ValueError, match="unknown column 'z'"):
        read_series(path, "t", ["z"])
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match="a column 'trajectory'"):
        read_series(path, "t", ["x"])
