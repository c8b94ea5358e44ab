"""Laws of several terms: as networks, as vector fields, in words, and their neighbors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.distill.measured.constants import (
    constant_places,
    constants_of,
    flat_constants,
    with_constants,
)
from jaxsym.distill.measured.law_motion import law_field
from jaxsym.distill.tasks import simulated_truth
from jaxsym.distill.verdict import symbolic_accelerations
from jaxsym.expr import parse
from jaxsym.graphs import snapshots
from jaxsym.laws import ParticleLaw, Term, latex, law_lines, law_program, neighbors
from jaxsym.simulate import LAWS, particles

FURTHER = [name for name, law in LAWS.items() if law.terms]
MANY = ParticleLaw(
    parse("2.5/r"), True, 2, parse("-0.5/m1"), (0.0, 1.5),
    (Term("across", parse("0.5*m2/r**2")), Term("trap", parse("-0.75"))),
)  # fmt: skip


@pytest.mark.parametrize("name", FURTHER)
def test_a_law_moves_bodies_as_the_simulator_does(name):
    system = particles(name, bodies=3, dims=2)
    with jax.enable_x64(True):
        data = system.simulate(jax.random.key(0), trajectories=2, steps=3)
    law = simulated_truth(system).law(2)
    rate = data.velocity if law.order == 1 else data.acceleration
    found = symbolic_accelerations(law, None, data)
    np.testing.assert_allclose(found, snapshots(data)._replace(acceleration=np.reshape(
        rate, (-1, 3, 2))).acceleration, rtol=1e-9, atol=1e-9)  # fmt: skip


@pytest.mark.parametrize("name", FURTHER)
def test_its_vector_field_is_the_same(name, x64):
    law = simulated_truth(particles(name)).law(2).as_acceleration()
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 3, 2))
    mass, charge = jnp.asarray([1.0, 2.0, 0.5]), jnp.asarray([1.0, -1.0, 2.0])
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    state = x.ravel() if law.order == 1 else np.concatenate([x.ravel(), v.ravel()])
    rate = law_field(law, 3, pairs)(
        constants_of(law), jnp.asarray(state), 0.0, {"mass": mass, "charge": charge}
    )
    expected = np.zeros((3, 2))
    for i in range(3):
        for j in set(range(3)) - {i}:
            d, dv = x[j] - x[i], v[j] - v[i]
            inputs = [np.linalg.norm(d), mass[i], mass[j], charge[i], charge[j]]
            for term in law.pair_terms:
                size = term.coefficient.evaluate(np.array([inputs]), ["r", "m1", "m2", "q1", "q2"])
                expected[i] += size * term.kind.vector(d, dv)
        for term in law.own_terms:
            size = term.coefficient.evaluate(np.array([[mass[i], charge[i]]]), ["m1", "q1"])
            expected[i] += size * term.kind.vector(x[i], v[i])
    np.testing.assert_allclose(rate[-6:], expected.ravel(), rtol=1e-9)


def test_constants_keep_their_places():
    values = flat_constants(MANY)
    assert values == [2.5, -0.5, 0.0, 1.5, 0.5, -0.75]
    assert constant_places(MANY)[-2:] == ["across", "trap"]
    moved = with_constants(MANY, [2 * value for value in values])
    assert flat_constants(moved) == [2 * value for value in values]
    assert moved.form == MANY.form


def test_the_terms_of_a_law_in_words():
    assert [term.name for term in MANY.terms] == [
        "central", "across", "drag", "constant along y", "trap",
    ]  # fmt: skip
    lines = law_lines(MANY)
    assert lines[0] == "F(1 by 2) = (2.5/r) d + (0.5*m2/r**2) turned(d)"
    assert "(-0.75) x1" in lines[1] and "(0, 1.5)" in lines[1]
    assert r"\hat{z} \times" in latex(MANY)
    assert [str(part) for part in MANY.components] == [
        "2.5*dx/r - 0.5*dy*m2/r**2", "0.5*dx*m2/r**2 + 2.5*dy/r",
    ]  # fmt: skip
    assert MANY.as_acceleration().as_force().further == MANY.further


def test_neighbors_leave_out_each_further_term():
    fewer = [law.further for law in neighbors(MANY, 1.0)]
    assert MANY.further[:1] in fewer and MANY.further[1:] in fewer
    assert MANY.without(MANY.terms[0]).coefficient == parse("0")


def test_what_a_law_cannot_be():
    with pytest.raises(ValueError, match="unknown kind of term 'accross'; did you mean 'across'"):
        Term("accross", parse("1"))
    with pytest.raises(ValueError, match="order is 3; expected 1 or 2"):
        ParticleLaw(parse("1"), True, 2, order=3)
    with pytest.raises(ValueError, match="the law has a term 'across'"):
        law_program(MANY)
