"""The verdict: what counts as the true law, and errors on data never seen."""

import jax
import numpy as np
import pytest

from jaxsym.distill import ParticleLaw, Truth, recovered, simulated_task, symbolic_errors
from jaxsym.distill.tasks import simulated_truth
from jaxsym.expr import parse
from jaxsym.simulate import LAWS, particles
from jaxsym.simulate.laws import CENTRAL_LAWS


@pytest.fixture(scope="module")
def task():
    return simulated_task(particles("r2", bodies=3, dims=2), jax.random.key(0), trajectories=10)


def verdict(task, text, **own):
    law = ParticleLaw(parse(text), True, 2, **own)
    return recovered(law, task.truth, [task.held_out, task.outside], None)


def test_the_true_law_is_recovered_and_works_on_unseen_motion(task):
    law = ParticleLaw(parse("m1*m2/(r*(r + 0.01)**2)"), True, 2)
    assert verdict(task, "m1*m2/(r*(r + 0.01)**2)") is True
    for test in (task.held_out, task.outside):
        assert np.median(symbolic_errors(law, None, test)) < 1e-5


@pytest.mark.parametrize(
    "text",
    [
        "1.03*m1*m2/(r*(r + 0.01)**2)",  # a constant 3 % off
        "m1*m2/r**2.9",  # another power, close on a narrow range
        "m1*m2/(r*(r + 0.01)**2) + 0.05",
        "m1**0.95*m2/(r*(r + 0.01)**2)",
    ],
)
def test_laws_that_are_nearly_right_are_not_recovered(task, text):
    assert verdict(task, text) is False


def test_friction_that_is_not_there_spoils_the_verdict(task):
    assert verdict(task, "m1*m2/(r*(r + 0.01)**2)", drag=parse("-0.3")) is False


def test_without_a_truth_there_is_no_verdict(task):
    law = ParticleLaw(parse("m1*m2/r**3"), True, 2)
    assert recovered(law, None, [task.held_out], None) is None


def test_a_motion_that_no_function_of_the_bodies_gives_is_never_recovered(task):
    law = ParticleLaw(task.truth.coefficient, True, 2)
    assert recovered(law, Truth(task.truth.coefficient, None), [task.held_out], None) is False


@pytest.mark.parametrize("name", sorted(CENTRAL_LAWS))
def test_every_built_in_truth_is_the_force_that_the_simulator_applies(name):
    truth = simulated_truth(particles(name, bodies=3, dims=2))
    if truth.own is None:
        return
    system = particles(name, bodies=2, dims=2)
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 40, 2, 2)) * 2
    mass, charge = np.exp(rng.normal(size=(40, 2))), rng.normal(size=(40, 2))
    with jax.enable_x64(True):
        got = np.asarray(system.acceleration(x, v, mass, charge))[:, 0] * mass[:, :1]
    d = x[:, 1] - x[:, 0]
    r = np.linalg.norm(d, axis=1)
    pair = np.column_stack([r, mass, charge])
    force = truth.coefficient.evaluate(pair, ["r", "m1", "m2", "q1", "q2"])[:, None] * d
    own = np.column_stack([x[:, 0], v[:, 0], mass[:, 0]])
    names = ["x1", "y1", "vx1", "vy1", "m1"]
    weight = LAWS[name].own_weights(2)[0] if LAWS[name].own_weights else 1.0
    alone = np.stack([e.evaluate(own, names) for e in truth.own], axis=1)
    np.testing.assert_allclose(got, force + weight * alone, rtol=1e-5, atol=1e-6)
