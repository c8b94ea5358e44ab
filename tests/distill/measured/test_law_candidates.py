"""Laws from terms of the weak form, and the general law that candidates share."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.distill.measured.candidates import Terms, candidate_laws, with_fewer
from jaxsym.distill.measured.constants import constants_of, flat_constants
from jaxsym.distill.measured.law_motion import is_mutual, law_field
from jaxsym.expr import parse
from jaxsym.inference import WeakTerm
from jaxsym.laws import ParticleLaw

R = np.linspace(0.5, 3.0, 40)
PAIRS = np.array([[0, 1], [0, 2], [1, 2]])
SCREENED = "exp(-0.6*r)*(0.6/r + 1/r**2)"
INPUTS = {"mass": jnp.array([1.0, 2.0, 0.5]), "charge": jnp.array([1.0, -1.0, 1.0])}


def pull(factor: str, text: str, share: float = 1.0) -> WeakTerm:
    size = parse(text).evaluate(R[:, None], ["r"])
    return WeakTerm("central", factor, 1e3, share, R, size, np.diag((1e-3 * size) ** 2))


def own(vector: str, factor: str, size: float) -> WeakTerm:
    none = np.zeros(0)
    return WeakTerm(vector, factor, 100.0, 0.1, none, np.array([size]), np.eye(1))


def test_the_law_of_all_terms():
    terms = Terms(
        [pull("m2", "2.0/r**2"), pull("q1*q2/m1", "-3.0/r", 0.3)],
        [own("drag", "1/m1", -0.4), own("constant along y", "1", -9.8)],
    )
    best = candidate_laws(terms, 2)[0]
    assert {round(c, 2) for c in best.law.coefficient.constants} == {2.0, 3.0}
    assert str(best.law.drag) == "-0.4/m1" and best.law.field == (0.0, -9.8)
    fewer = with_fewer(best)
    assert fewer[0].law.drag is None and fewer[0].general.law.drag is None
    assert fewer[1].law.field == () and fewer[1].general.law.field == ()


@pytest.mark.parametrize("text", ["2.0*r - 1.98", "1.3/(r + 0.1)**2", SCREENED])
@pytest.mark.parametrize("factor", ["1/m1", "m2", "q1*q2/m1", "m2**2/m1"])
def test_the_general_law_moves_bodies_as_the_short_one_does(text, factor):
    for candidate in candidate_laws(Terms([pull(factor, text)], []), 2)[:3]:
        general = candidate.general
        written = general.written(general.law)
        assert written.coefficient.tokens == candidate.law.coefficient.tokens
        assert general.free.sum() == len(flat_constants(written))
        state = jnp.asarray(np.random.default_rng(0).normal(size=12))
        values = [
            law_field(law, 3, PAIRS)(constants_of(law), state, 0.0, INPUTS)
            for law in (candidate.law, general.law)
        ]
        np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("law", "mutual"),
    [
        (ParticleLaw(parse("m2/r**3"), False, 2), True),
        (ParticleLaw(parse("2.0/m1"), False, 2), True),
        (ParticleLaw(parse("q1*q2/r"), True, 2), True),
        (ParticleLaw(parse("m2**2/m1"), False, 2), False),
        (ParticleLaw(parse("1/r"), False, 2), False),
    ],
)
def test_forces_that_are_mutual(law, mutual):
    assert is_mutual(law) is mutual
