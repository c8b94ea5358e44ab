"""`Trajectories`: what is kept, what is cut and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsym.trajectories import Trajectories, trajectories


def motion(runs=2, steps=6, bodies=3, dims=2):
    return np.random.default_rng(0).normal(size=(runs, steps, bodies, dims))


def make(position=None, **fields):
    position = motion() if position is None else position
    given = {
        "velocity": 2 * position,
        "acceleration": 3 * position,
        "time": np.arange(float(position.shape[-3] if position.ndim > 2 else 4)),
    }
    return trajectories(position, **(given | fields))


def test_keeps_values_and_precision():
    position = motion().astype(np.float32)
    data = make(position, mass=[1.0, 2.0, 3.0], charge=np.ones((2, 3)), names=["a", "b", "c"])
    assert data.position.dtype == np.float32
    np.testing.assert_array_equal(data.velocity, 2 * position)
    np.testing.assert_array_equal(data.mass, [[1, 2, 3], [1, 2, 3]])
    assert (data.bodies, data.dims, data.names) == (3, 2, ("a", "b", "c"))


def test_half_and_extended_precision_become_float64():
    for kind in (np.float16, np.longdouble, np.int64):
        assert make((1000 * motion()).astype(kind)).position.dtype == np.float64


def test_one_trajectory_gets_its_axis():
    assert make(motion()[0]).position.shape == (1, 6, 3, 2)


def test_is_a_pytree_with_static_names_and_pairs():
    data = make(mass=np.ones(3), names=["a", "b", "c"], pairs=[(1, 0), (1, 2)])
    doubled = jax.jit(lambda d: jax.tree.map(lambda leaf: 2 * leaf, d))(data)
    assert isinstance(doubled, Trajectories)
    np.testing.assert_allclose(doubled.position, 2 * data.position, rtol=1e-6)
    assert doubled.names == ("a", "b", "c")
    assert doubled.pairs == ((0, 1), (1, 2))
    assert len(jax.tree.leaves(data)) == 5  # no charge


def test_vmap_over_trajectories_is_a_loop():
    position = jnp.asarray(motion())
    spread = jax.vmap(lambda x: jnp.ptp(x, axis=0))(position)
    np.testing.assert_allclose(spread, np.ptp(position, axis=1), rtol=1e-6)


def test_thin_and_split_cut_time_alone():
    data = make()
    thin = data.thin(4)
    np.testing.assert_array_equal(thin.time, [0, 4])
    np.testing.assert_array_equal(thin.acceleration, data.acceleration[:, ::4])
    before, after = data.split_time(0.5)
    np.testing.assert_array_equal(before.position, data.position[:, :3])
    np.testing.assert_array_equal(after.velocity, data.velocity[:, 3:])
    np.testing.assert_array_equal(np.concatenate([before.time, after.time]), data.time)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 2.0, 0.01])
def test_split_that_leaves_nothing_is_refused(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction}.*6 times"):
        make().split_time(fraction)


def test_thin_by_nothing_is_refused():
    with pytest.raises(ValueError, match="every is 0"):
        make().thin(0)


def with_value(value, place):
    position = motion()
    position[place] = value
    return position


def coincident():
    position = motion()
    position[1, 4, 2] = position[1, 4, 0]
    return position


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"position": np.ones((4, 2))}, r"position has shape \(4, 2\); expected \[R, T, N, D\]"),
        ({"position": motion(steps=0)}, r"position has shape \(2, 0, 3, 2\)"),
        ({"position": motion(bodies=1)}, "position holds 1 body; expected at least two"),
        ({"position": with_value(np.nan, (1, 2, 0, 1))}, r"position.*nan.*\(1, 2, 0, 1\)"),
        ({"velocity": with_value(np.inf, (0, 3, 1, 0))}, r"velocity.*inf.*\(0, 3, 1, 0\)"),
        (
            {"velocity": motion(steps=5)},
            r"velocity has shape \(2, 5, 3, 2\); expected \(2, 6, 3, 2\)",
        ),
        ({"acceleration": motion(dims=3)}, r"acceleration has shape .*expected \(2, 6, 3, 2\)"),
        ({"time": [0, 1, 2]}, r"time has shape \(3,\); expected \(6,\)"),
        ({"time": [0, 1, 2, 2, 3, 4]}, "time does not increase at index 3: 2.0 after 2.0"),
        ({"time": [0, 1, 2, 1, 3, 4]}, "time does not increase at index 3: 1.0 after 2.0"),
        ({"mass": [1.0, 2.0]}, r"mass has shape \(2,\); expected \(2, 3\) or \(3,\)"),
        ({"mass": [1.0, -2.0, 1.0]}, r"mass is -2.0 at index \(0, 1\)"),
        ({"mass": ["one", "two", "three"]}, "mass is not an array of numbers"),
        ({"charge": [1.0, np.nan, 1.0]}, r"charge.*nan.*\(1,\)"),
        ({"names": ["a", "b"]}, "expected 3 different names"),
        ({"names": ["a", "b", "a"]}, "expected 3 different names"),
        ({"pairs": [(0, 3)]}, r"pairs holds \(0, 3\); expected two different bodies out of 0 to 2"),
        ({"pairs": [(0, 1), (1, 0)]}, "names a pair of bodies twice"),
        ({"pairs": []}, "pairs is .*; expected pairs of bodies, or None where all interact"),
        ({"pairs": 3}, "pairs is 3; expected pairs of bodies"),
        ({"names": 3}, "names is 3; expected 3 different names"),
        ({"velocity": motion().astype(str)}, "velocity is not an array of numbers: .* type <U"),
        ({"velocity": motion() + 0j}, "velocity is not an array of numbers: .* complex128"),
        ({"time": np.arange(6).astype("M8[s]")}, "time is not an array of numbers: .* datetime64"),
        ({"mass": np.array([1.0, "2", 3.0], object)}, "mass is not an array of numbers"),
        ({"acceleration": 1e200 * motion()}, "the largest number of acceleration is .*other units"),
        ({"position": 1e-200 * motion()}, "the largest number of position is .*expected 1e-60 to"),
        ({"mass": [1e300, 1.0, 1.0]}, "the largest number of mass is 1e.300 in size"),
        ({"mass": [1.0, 1e-300, 1.0]}, r"mass is 1e-300 at index \(0, 1\); .* another unit"),
        (
            {"position": coincident(), "names": ["a", "b", "c"]},
            "bodies a and c are at the same position .* in trajectory 1 at time index 4",
        ),
    ],
)
def test_bad_input_is_refused_with_its_place(fields, message):
    with pytest.raises(ValueError, match=message):
        make(**fields)


ANYTHING = st.sampled_from(
    [None, "text", b"bytes", 3, True, [], [[1.0], [2.0, 3.0]], {}, {"a": 1}, {1, 2, 3}, object()]
    + [10**400, -1.0, float("nan"), 1e300, 1e-300, [0, 1, 2], [1, "2", 3], ["a", "b", "c"]]
    + [[None] * 3, [1j] * 3, [[0, 1], [1, 2]], [(0, 1), 7], [("0", "1")], [(0.5, 1.5)], [(0, 0)]]
    + [motion(), motion().astype(np.float16), motion().astype(str), motion().astype(object)]
    + [motion(steps=1), motion(dims=0), 1e200 * motion(), np.zeros(3, "M8[s]"), np.zeros(0)]
)
FIELDS = ["velocity", "acceleration", "time", "mass", "charge", "names", "pairs", "position"]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, min_size=1, max_size=3))
def test_anything_is_trajectories_or_one_clear_error(changes):
    given = {"position": motion(), "velocity": motion(), "acceleration": motion()}
    try:
        data = trajectories(**{**given, "time": np.arange(6.0), **changes})
    except ValueError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return
    for name in ("position", "velocity", "acceleration", "time"):
        assert np.isfinite(getattr(data, name)).all()
