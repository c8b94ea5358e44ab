"""Which of two fitted laws is likelier, and which explains the motion."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from jaxsym.distill.measured.finding import without_superfluous_terms
from jaxsym.distill.measured.law_motion import LawFit, LawFitter
from jaxsym.expr import parse
from jaxsym.laws import ParticleLaw
from jaxsym.laws.particle_law import Term

RUNS, TIMES, COLUMNS = 8, 30, 4
LAW = ParticleLaw(parse("2.0/r"), True, 2)


def fitted(size, led=None, law=LAW):
    """A fit that leaves residuals of these sizes in each trajectory."""
    led = np.ones(RUNS, bool) if led is None else np.asarray(led)
    rng = np.random.default_rng(0)
    residuals = np.broadcast_to(size, RUNS)[:, None, None] * rng.normal(size=(RUNS, TIMES, COLUMNS))
    fit = SimpleNamespace(
        residuals=residuals, led=led, sigma=np.ones((RUNS, TIMES, COLUMNS)),
        chi2=float(np.sum(residuals[led] ** 2)), dof=int(led.sum()) * TIMES * COLUMNS - 1,
    )  # fmt: skip
    return LawFit(law, np.eye(1), fit)


@pytest.fixture(params=[True, False], ids=["noise given", "noise estimated"])
def fitter(request):
    data = SimpleNamespace(sigma=np.ones((RUNS, TIMES, COLUMNS)))
    return LawFitter(SimpleNamespace(data=data, sigma_known=request.param), np.zeros((0, 5)))


def test_the_law_that_leaves_less_is_likelier(fitter):
    assert fitter.bits(fitted(1.0)) < fitter.bits(fitted(1.5)) - 100


def test_of_two_that_leave_as_much_the_shorter(fitter):
    longer = ParticleLaw(parse("2.0/r + 1.0/r**3"), True, 2)
    assert fitter.bits(fitted(1.0)) < fitter.bits(fitted(1.0, law=longer))


def test_a_trajectory_that_is_lost_counts_against_a_law_but_not_without_bounds(fitter):
    lost = np.arange(RUNS) == 3
    size = np.where(lost, 1e4, 1.0)
    one_lost = fitter.bits(fitted(size, led=~lost))
    assert fitter.bits(fitted(1.0)) < one_lost - 100
    # a law with no motion near any but two trajectories is worse, however well it fits these
    few = np.arange(RUNS) < 2
    assert one_lost < fitter.bits(fitted(np.where(few, 0.9, 300.0), led=few)) - 100


def test_what_explains_the_motion(fitter):
    lost = np.arange(RUNS) == 3
    assert fitter.explains(fitted(1.0))
    assert fitter.explains(fitted(np.where(lost, 1e4, 1.0), led=~lost))
    assert not fitter.explains(fitted(1.2))
    few = np.arange(RUNS) < 2
    assert not fitter.explains(fitted(np.where(few, 0.9, 300.0), led=few))


@pytest.mark.parametrize(
    ("law", "errors", "fewer"),
    [
        ("2.5/r**3 - 0.001", [0.01, 4e-4], ["2.5/r**3"]),
        ("2.5/r**3 - 0.001", [0.01, 1e-5], []),
        ("2.5/(r*(r + 0.01)**2)", [0.01, np.inf], ["2.5/r**3"]),
    ],
)
def test_terms_that_are_hardly_told_from_zero_are_left_out(law, errors, fewer):
    law = ParticleLaw(parse(law), False, 2)
    by_value = dict(zip((2.5, 0.001, 0.01), (errors[0], errors[1], errors[1]), strict=True))
    spread = [by_value[abs(value)] for value in law.coefficient.constants]
    found = LawFit(law, np.diag(np.square(spread)), None)
    assert [str(shorter.coefficient) for shorter in without_superfluous_terms(found)] == fewer


def test_terms_that_are_the_same_on_the_data_leave_together():
    """With the center of mass at rest in the middle, a trap is a pull that grows with distance."""
    trap = Term("trap", parse("-1.7"))
    law = ParticleLaw(parse("m2*(1.0/r**3 - 0.57)"), False, 2, further=(trap,))
    covariance = np.diag([1e-8, np.inf, np.inf])
    found = LawFit(law, covariance, fitted(1.0).fit)
    alone = [one for one in without_superfluous_terms(found) if not one.further]
    r, m2 = np.array([2.0]), np.array([3.0])
    values = [one.coefficient.evaluate(np.column_stack([m2, r]), ["m2", "r"]) for one in alone]
    assert any(np.allclose(value, 3 / 8) for value in values)
