"""Pair energies against the simulators' potentials: their slopes are the forces."""

import numpy as np
import pytest

from jaxsym.distill import ParticleLaw, pair_energy
from jaxsym.expr import parse
from jaxsym.laws.pairs import VARIABLES
from jaxsym.simulate import LAWS, particles


@pytest.mark.parametrize("name", ["r1", "r2", "spring", "charge", "superposition"])
def test_the_energy_is_the_simulators_up_to_a_constant(name):
    system = particles(name, bodies=2, dims=2)
    parameters = {k: v for k, v in LAWS[name].parameters.items() if v is not None}
    radial = LAWS[name].truth.radial.format(**parameters)
    law = ParticleLaw(parse(radial), True, 2)
    table = np.random.default_rng(0).uniform(0.5, 2.0, (50, len(VARIABLES)))
    found = pair_energy(law).evaluate(table, VARIABLES)
    elsewhere = table.copy()
    elsewhere[:, 0] = 1.0
    change = found - pair_energy(law).evaluate(elsewhere, VARIABLES)

    def true(rows):
        x = np.zeros((len(rows), 2, 2))
        x[:, 1, 0] = rows[:, 0]
        return np.asarray(system.energy(x, 0 * x, rows[:, 1:3], rows[:, 3:5]))

    np.testing.assert_allclose(change, true(table) - true(elsewhere), rtol=1e-4, atol=1e-4)


def test_an_acceleration_is_made_a_force_first():
    assert str(pair_energy(ParticleLaw(parse("m2/r**3"), False, 3))) == "-m1*m2/r"


@pytest.mark.parametrize(
    ("radial", "energy"),
    [
        ("0", "0"),
        ("2.5/r", "2.5*r"),
        ("m1*m2/r", "m1*m2*r"),
        ("2.5", "1.25*r**2"),
        ("-3", "-1.5*r**2"),
    ],
)
def test_a_pull_that_is_nothing_constant_or_linear(radial, energy):
    found = pair_energy(ParticleLaw(parse(radial), True, 3))
    table = np.random.default_rng(0).uniform(0.5, 2.0, (50, len(VARIABLES)))
    expected = parse(energy).evaluate(table, VARIABLES)
    np.testing.assert_allclose(found.evaluate(table, VARIABLES), expected, rtol=1e-14)


@pytest.mark.parametrize("radial", ["m2/r**3", "2 - 1.98/r if r > 2 else 0", "exp(r)/r"])
def test_no_energy_without_the_third_law_or_a_rational_integral(radial):
    assert pair_energy(ParticleLaw(parse(radial), True, 3)) is None
