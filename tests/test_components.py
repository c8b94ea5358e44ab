"""jit, vmap, grad and pmap of every component, against a plain loop."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from components import ALIKE, COMPONENTS, FORWARD, INPUTS, LONG, WITHOUT_GRADIENT
from other_devices import printed_on

CHECK = Path(__file__).parent / "components_devices_check.py"
FEW = INPUTS[:3]
CLOSE = {"rtol": 2e-4, "atol": 2e-5}  # float32: sums in another order


def slow(names, some):
    """Names of components as parameters, some of them marked as slow."""
    return [pytest.param(n, marks=pytest.mark.slow) if n in some else n for n in names]


@pytest.mark.parametrize("name", slow(COMPONENTS, LONG))
def test_jit_and_vmap_are_plain_loops(name):
    f = COMPONENTS[name]()
    compiled = jax.jit(f)
    loop = np.stack([compiled(x) for x in FEW])
    np.testing.assert_allclose(f(FEW[0]), loop[0], **CLOSE)
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(FEW), loop, **CLOSE)
    assert np.ptp(loop, axis=0).max() > 0  # it depends on its input


@pytest.mark.parametrize("name", slow([n for n in COMPONENTS if n not in WITHOUT_GRADIENT], ALIKE))
def test_gradients_are_those_of_differences(name):
    """Along one direction of inputs and parameters, against a quotient of differences."""
    f = COMPONENTS[name]()
    total = jax.jit(lambda x: f(x).sum())
    x, step = FEW[1], np.float32(2e-3)  # small: networks have kinks nearby
    ahead, behind = (np.float64(total(x + side * step)) for side in (1, -1))
    derivative = jax.jacfwd if name in FORWARD else jax.grad
    slope = float(jax.jit(derivative(total))(x))
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-2, abs=3e-3)
    assert abs(slope) > 1e-2  # far from what the comparison would forgive


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(sorted(COMPONENTS.keys() - ALIKE), id="of each kind"),
        pytest.param(sorted(ALIKE), marks=pytest.mark.slow, id="others"),
    ],
)
def test_pmap_is_a_plain_loop(names):
    """On eight devices, in a process of its own."""
    differences = json.loads(printed_on(8, CHECK, *names)[-1])
    assert differences.keys() == set(names)
    assert {name: d for name, d in differences.items() if not d <= 1} == {}
