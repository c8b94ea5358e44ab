"""Equations put back in the model: refit, choice, exact numbers, gauge and rounding."""

import jax
import numpy as np
import pytest

from jaxsym.distill import (
    ParticleLaw,
    Refit,
    RefitData,
    Selector,
    cut_off,
    neighbors,
    power_of_distance,
    refit,
    rms_relative_error,
    rounded,
    softened,
    symbolic_network,
    unit_strength,
)
from jaxsym.expr import parse
from jaxsym.graphs import graph, snapshots, topology
from jaxsym.simulate import particles
from jaxsym.trajectories import trajectories


def motion(law, *, bodies=3, dims=2, seed=0, **parameters):
    system = particles(law, bodies=bodies, dims=dims, **parameters)
    data = system.simulate(jax.random.key(seed), trajectories=30, steps=20)
    return snapshots(jax.tree.map(np.asarray, data.thin(5)))


def law(text, *, force=False, dims=2, **own):
    return ParticleLaw(parse(text), force, dims, **own)


def test_refit_finds_the_constants_through_the_model():
    data = motion("charge")
    fit = refit(law("-0.6*q1*q2/(m1*r*(r + 0.2)**2)"), data, topology(3))
    np.testing.assert_allclose(fit.law.coefficient.constants, [-1.0, 0.01], rtol=1e-4)
    assert fit.error < 1e-5


@pytest.mark.parametrize("start", [1.85, 2.0, 2.15])
def test_refit_places_thresholds(start):
    fit = refit(
        law(f"(1.9*(r - 0.9)/r if r > {start} else 0)", force=True),
        motion("discontinuous"),
        topology(3),
    )
    threshold, stiffness, length = fit.law.coefficient.constants
    assert threshold == pytest.approx(1.99, rel=5e-3)
    assert (stiffness, length) == pytest.approx((2.0, 0.99), rel=1e-4)
    assert fit.spread[0] < 0.01 * threshold


def test_a_law_is_cut_off_where_the_data_end_it():
    beyond, within = cut_off(law("(1.7 - 1.5/r)/m1"), 3.5)
    data = motion("discontinuous")
    fit = refit(beyond, data, topology(3))
    assert fit.law.coefficient.constants == pytest.approx((1.99, 2.0, 1.98), rel=5e-3)
    assert refit(within, data, topology(3)).error > 100 * fit.error


def test_exact_numbers_of_comparisons_are_freed_among_the_neighbors():
    exact = law("(2.0*(r - 0.99)/r if r > 2 else 0)", force=True)
    freed = law("(2.0*(r - 0.99)/r if r > 2.0 else 0)", force=True)
    assert any(found.coefficient == freed.coefficient for found in neighbors(exact, 1.0))


def test_refit_finds_masses_that_nobody_told():
    mass = np.array([1.0, 0.01, 3.0])
    system = particles("r2", bodies=3, dims=2)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 60, 3, 2)) * 2
    many = np.broadcast_to(mass, (1, 60, 3))
    with jax.enable_x64(True):
        a = np.asarray(system.acceleration(x, 0 * x, many, 0 * many))
    data = snapshots(trajectories(x, velocity=0 * x, acceleration=a, time=range(60)))
    start = law("1.5*m1*m2/(r*(r + 0.03)**2)", force=True)
    edges = topology(3, directed=False)
    fit = unit_strength(refit(start, data, edges, log_mass=np.log(mass) + [0.3, -0.5, 0.2]))
    np.testing.assert_allclose(np.exp(fit.log_mass), mass, rtol=1e-5)
    assert fit.law.coefficient.constants == pytest.approx((0.01,), rel=1e-4)


def test_the_symbolic_network_is_differentiable_in_its_constants(x64):
    data = motion("spring")
    apply, params = symbolic_network(law("2.1*(r - 0.9)/r", force=True))
    bodies = jax.tree.map(np.asarray, data.bodies)
    nodes = graph(bodies, topology(3))
    loss = lambda c: (apply({"coefficient": c}, nodes).acceleration ** 2).sum()  # noqa: E731
    constants = np.asarray(params["coefficient"])
    got = jax.grad(loss)(constants)
    for k in range(2):
        step = np.eye(2)[k] * 1e-6
        expected = (loss(constants + step) - loss(constants - step)) / 2e-6
        np.testing.assert_allclose(got[k], expected, rtol=1e-5)


def test_the_shortest_description_is_the_true_law():
    problem = RefitData(motion("charge"), topology(3), None)
    selector = Selector(problem)
    for text in (
        "-0.9*q1*q2/(m1*r**2)",
        "-0.9*q1*q2/(m1*r**3)",
        "-0.9*q1*q2/(m1*r**3) + 0.1*q1*q2/r",
    ):
        selector.offer(law(text))
    selector.improve(lambda best: neighbors(best, 1.0))
    selector.snap()
    best = rounded(selector.best, problem, selector.precision)
    assert best.law.coefficient == parse("-q1*q2/(m1*r*(r + 0.01)**2)")
    assert best.law.drag is None and best.law.field == ()


def test_snapping_drops_terms_that_say_nothing():
    selector = Selector(RefitData(motion("spring"), topology(3), None))
    selector.offer(law("1.9*(r - 1.1)/r + 0.1", force=True))
    assert len(selector.best.law.coefficient.constants) == 3
    selector.snap()
    found = selector.best.law.coefficient
    assert "C" in found.tokens and found.complexity <= parse("2*(r - 0.99)/r").complexity


def test_snapping_drops_what_only_fits_rounding():
    selector = Selector(RefitData(motion("r2"), topology(3), None))
    fit = selector.offer(law("m2*exp(1e-4/m2)/(r*(r + 0.0101)**2)"))
    selector.fits = [fit._replace(spread=fit.spread / 10)]  # rounding errors go together
    selector.snap()
    assert "exp" not in selector.best.law.coefficient.tokens


def test_friction_is_found_beside_the_pair_law():
    problem = RefitData(motion("damped", drag=0.5), topology(3), None)
    selector = Selector(problem)
    selector.offer(law("1.5/m1 - 1.5/(m1*r)"))
    selector.improve(lambda best: neighbors(best, 1.0))
    best = rounded(selector.best, problem, selector.precision)
    assert best.law.drag == parse("-0.5/m1")
    assert best.error < 1e-5


def test_a_stopped_selector_keeps_what_it_has():
    calls = []
    selector = Selector(RefitData(motion("spring"), topology(3), None), stop=lambda: len(calls) > 0)
    selector.offer(law("1.5/m1"))
    calls.append("stop")
    assert selector.offer(law("1.5/(m1*r)")) is None
    selector.improve(lambda best: neighbors(best, 1.0))
    assert len(selector.fits) == 1 and selector.best is selector.fits[0]


def test_a_law_that_diverges_is_fitted_without_failing():
    fit = refit(law("1.0*exp(r**9)"), motion("spring"), topology(3))
    assert np.isfinite(fit.error)


def test_softening_replaces_distance_in_the_pull_only():
    assert softened(law("m2/r**3"), 2.0).coefficient == parse("m2/(r*(r + 0.02)**2)")


@pytest.mark.parametrize(
    ("text", "power"),
    [
        ("m2/r**3", 2.0),
        ("m2/(r*(r + 0.01)**2)", 2.0),
        ("3.5*m2/r**2", 1.0),
        ("2.0 - 1.98/r", None),
        ("m2*exp(-r)/r**3", None),
    ],
)
def test_power_of_distance(text, power):
    found = power_of_distance(law(text))
    assert found is None if power is None else found == pytest.approx(power, abs=1e-3)


def test_unit_strength_leaves_laws_without_that_freedom_alone():
    fit = Refit(law("2.0*(r - 1.0)/r", force=True), np.zeros(3), 0.0, np.zeros(2), 1)
    assert unit_strength(fit) is fit


def test_rounding_keeps_the_digits_that_the_data_carry():
    problem = RefitData(motion("spring"), topology(3), None)
    fit = refit(law("2.0/m1 - 1.9/(m1*r)"), problem.data, problem.edges)
    short = rounded(fit, problem, 3e-6)
    assert sorted(map(abs, short.law.coefficient.constants)) in ([1.98], [1.98, 2.0])
    assert rms_relative_error(short.law, problem.data, problem.edges, None) < 1e-5
