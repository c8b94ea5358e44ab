"""Motion under an equation in the network's place against the simulator's."""

import jax
import numpy as np
import pytest

from jaxsym.distill import ParticleLaw, Rollout, roll_out, rollout_error, symbolic_network
from jaxsym.expr import parse
from jaxsym.graphs import snapshots, topology
from jaxsym.simulate import particles


@pytest.fixture(scope="module")
def motion():
    system = particles("spring", bodies=3, dims=2)
    return system, system.simulate(jax.random.key(0), trajectories=5, steps=50)


def rolled(text, motion, **options):
    apply, params = symbolic_network(ParticleLaw(parse(text), True, 2))
    start = jax.tree.map(lambda a: a[:: motion.position.shape[1]], snapshots(motion).bodies)
    dt = float(motion.time[1] - motion.time[0])
    steps = motion.position.shape[1]
    return roll_out(apply, params, start, topology(3), dt=dt, steps=steps, **options)


def test_the_true_law_moves_as_the_simulator_does_and_keeps_its_energy(motion):
    system, true = motion
    found = rolled("2*(r - 0.99)/r", true)
    assert np.max(rollout_error(found, true)) < 1e-3
    np.testing.assert_allclose(found.position[:, 0], true.position[:, 0])
    shape = (5, 50, 3)
    mass, charge = (
        np.broadcast_to(np.asarray(a)[:, None], shape) for a in (true.mass, true.charge)
    )
    energy = np.asarray(system.energy(found.position, found.velocity, mass, charge))
    np.testing.assert_allclose(energy, np.broadcast_to(energy[:, :1], energy.shape), rtol=1e-3)


def test_a_wrong_law_drifts_away(motion):
    error = rollout_error(rolled("1.8*(r - 0.99)/r", motion[1]), motion[1])
    assert np.median(error[:, 10]) < np.median(error[:, -1])
    assert np.median(error[:, -1]) > 0.01


def test_bad_arguments(motion):
    with pytest.raises(ValueError, match="substeps is 0; expected at least 1"):
        rolled("1", motion[1], substeps=0)
    with pytest.raises(ValueError, match="expected .* as in true"):
        rollout_error(Rollout(np.zeros((5, 3, 3, 2)), None), motion[1])
