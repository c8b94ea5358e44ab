"""Series as users bring them: unequal, incomplete, wrong."""

import numpy as np
import pytest

from jaxsym.inference import observations


def test_lists_of_unequal_trajectories_are_padded():
    data = observations(
        [[0.0, 1.0, 3.0], [0.0, 0.5]],
        [np.ones((3, 2)), [[1.0, np.nan], [2.0, 3.0]]],
        sigma=[0.1, 0.2],
    )
    assert data.lengths.tolist() == [3, 2]
    assert data.present[1].tolist() == [[True, False], [True, True], [False, False]]
    assert data.time[1].tolist() == [0.0, 0.5, 0.5]
    assert data.sigma[1].tolist() == [[0.1, 1.0], [0.1, 0.2], [1.0, 1.0]]


def test_sigma_may_differ_for_every_sample():
    sigma = np.arange(1.0, 7.0).reshape(3, 2)
    assert observations(range(3), np.ones((3, 2)), sigma=sigma).sigma[0].tolist() == sigma.tolist()


SERIES = np.ones((3, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(time=[0.0, 1.0, 1.0], value=SERIES), "does not increase at index 2"),
        (dict(time=[0.0, 1.0], value=SERIES), "expected one entry for each time"),
        (dict(time=[0.0], value=SERIES[:1]), "expected at least 2"),
        (dict(time=range(3), value=np.full((3, 1), np.nan)), "no measurement in column"),
        (dict(time=range(3), value=np.full((3, 1), np.inf)), "is infinite"),
        (dict(time=range(3), value=SERIES, sigma=0.0), "expected positive numbers"),
        (dict(time=range(3), value=SERIES, sigma=[-1.0]), "expected positive numbers"),
        (dict(time=range(3), value=SERIES, sigma=np.ones(5)), "sigma has shape"),
        (dict(time=range(3), value=SERIES, inputs={"m": np.ones(4)}), "trajectories on the first"),
        (dict(time=range(3), value=np.ones(3)), "expected .R, T, M."),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        observations(**arguments)
