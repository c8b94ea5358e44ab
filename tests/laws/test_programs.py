"""Laws as data: the same predictions as the law's own network, by one compiled function."""

import jax
import numpy as np
import pytest

from jaxsym.distill import ParticleLaw, refit, symbolic_network
from jaxsym.distill.refitting import _minimize
from jaxsym.expr import parse
from jaxsym.graphs import graph, snapshots, topology
from jaxsym.laws.programs import law_program, program_network
from jaxsym.simulate import particles

LAWS = {
    "force": ParticleLaw(parse("2.1*(r - 0.9)/r"), True, 2),
    "acceleration": ParticleLaw(parse("1.5*m2**1.1*exp(-r)/(r + 0.1)**2.5"), False, 2),
    "threshold": ParticleLaw(parse("(q1*q2/r if r > 1.2 else 0)"), True, 2),
    "alone": ParticleLaw(parse("-1/r"), False, 2, drag=parse("-0.3*q1/m1"), field=(0.5, -1.0)),
}


def motion():
    data = particles("charge", bodies=3).simulate(jax.random.key(0), trajectories=6, steps=10)
    return snapshots(jax.tree.map(np.asarray, data))


@pytest.mark.parametrize("unknown_masses", [False, True])
@pytest.mark.parametrize("name", LAWS)
def test_a_law_as_data_predicts_what_its_network_predicts(name, unknown_masses, x64):
    law, data = LAWS[name], motion()
    third_law = unknown_masses and law.force
    bodies = jax.tree.map(np.asarray, data.bodies)
    nodes = graph(bodies, topology(3, directed=not third_law))
    apply, expected_params = symbolic_network(law, masses=3 if unknown_masses else 0)
    program, params, _ = law_program(law)
    if unknown_masses:
        params["log_mass"] = expected_params["log_mass"] = np.array([0.1, -0.4, 0.7])
    expected = apply(expected_params, nodes).acceleration
    got = program_network(program, params, third_law, nodes).acceleration
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_what_a_law_has_not_stays_as_it_is():
    fit = refit(LAWS["force"], motion(), topology(3))
    assert fit.law.drag is None and fit.law.field == () and fit.log_mass is None
    assert len(fit.spread) == len(fit.law.coefficient.constants) == 2


def test_one_compiled_function_fits_any_law():
    data, edges = motion(), topology(3)
    refit(LAWS["force"], data, edges)
    before = _minimize.latest
    refit(LAWS["acceleration"], data, edges)
    refit(LAWS["alone"], data, edges)
    assert _minimize.latest is before and before._cache_size() == 1
