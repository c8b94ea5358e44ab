"""A law's function of distance read from the data: values, what is left alone, where it is none."""

import jax
import numpy as np
import pytest

from jaxsym.distill import ParticleLaw, Refit, radial_profile
from jaxsym.expr import constant, parse
from jaxsym.graphs import snapshots, topology
from jaxsym.simulate import Law, particles


def fit(text, *, force=True, dims=2, log_mass=None, **own):
    law = ParticleLaw(parse(text), force, dims, **own)
    return Refit(law, log_mass, 1.0, np.zeros(0), 1)


def motion(law, *, bodies=3, dims=2, trajectories=60, **parameters):
    system = particles(law, bodies=bodies, dims=dims, **parameters)
    data = system.simulate(jax.random.key(0), trajectories=trajectories, steps=100)
    return snapshots(jax.tree.map(np.asarray, data.thin(5)))


def morse(r, mass_i, mass_j, charge_i, charge_j):
    return 1.5 * (1.0 - np.e ** (-1.3 * (r - 1.2))) ** 2


def test_a_well_is_read_though_the_law_is_none():
    found = radial_profile(fit("0.7*(r - 1.0)/r"), motion(morse), topology(3))
    decay = np.exp(-1.3 * (found.distance - 1.2))
    true = 3.9 * (1.0 - decay) * decay
    assert str(found.factor) == "1/m1"
    np.testing.assert_allclose(found.size, true, atol=2e-4 * np.abs(true).max())
    assert found.error < 1e-4
    assert np.mean(np.abs(found.size - true) < 10 * found.sigma) > 0.9


def test_masses_and_charges_enter_as_in_the_law():
    data = motion("charge", trajectories=100)
    found = radial_profile(fit("-0.5*q1*q2/r**2"), data, topology(3))
    assert set(found.factor.variables) == {"q1", "q2", "m1"}
    table = np.array([[2.0, 3.0, 5.0]])
    assert found.factor.evaluate(table, ["m1", "q1", "q2"])[0] == pytest.approx(7.5)
    far = found.distance > 0.3
    true = -1.0 / (found.distance + 0.01) ** 2
    np.testing.assert_allclose(found.size[far], true[far], rtol=2e-3)


def test_one_edge_a_pair_pulls_both_bodies_where_masses_are_unknown():
    orbits = particles("r2", bodies=3, dims=3).simulate(
        jax.random.key(1), trajectories=1, steps=1000
    )
    data = snapshots(jax.tree.map(np.asarray, orbits))
    log_mass = np.log(np.asarray(orbits.mass)[0])
    law = fit("0.5*m1*m2/r**2", dims=3, log_mass=log_mass)
    found = radial_profile(law, data, topology(3, directed=False))
    assert str(found.factor) == "m2"
    true = 1.0 / (found.distance + 0.01) ** 2
    np.testing.assert_allclose(found.size, true, rtol=1e-3)


def test_few_snapshots_tell_no_function():
    data = jax.tree.map(lambda a: a[:20], motion("spring"))
    assert radial_profile(fit("2.0*(r - 0.9)/r"), data, topology(3)) is None


def test_friction_and_field_are_left_to_the_law():
    own = Law(
        "falling",
        lambda r, mass_i, mass_j, charge_i, charge_j: (r - 1.0) ** 2,
        external=lambda position, mass, charge: 1.3 * mass * position[1],
        drag=lambda mass, charge: 0.3 + 0.0 * mass,
    )
    data = motion(own)
    blind = radial_profile(fit("2.0*(r - 0.9)/r"), data, topology(3))
    law = fit("2.0*(r - 0.9)/r", drag=constant(-0.2) / parse("m1"), field=(0.1, -1.0))
    seeing = radial_profile(law, data, topology(3))
    np.testing.assert_allclose(seeing.size, 2.0 * (seeing.distance - 1.0), atol=2e-3)
    assert seeing.error < 1e-3 * blind.error


def test_sums_of_two_kinds_have_no_one_function_of_distance():
    data = motion("charge")
    assert radial_profile(fit("(m1*m2 - 1.5*q1*q2)/r**3"), data, topology(3)) is None
