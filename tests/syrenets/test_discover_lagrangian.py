"""From motion and torque to Lagrangians: exact, with noise, with friction; and bad input."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import sympy

from jaxsym.expr import UnsupportedError, parse
from jaxsym.simulate import MechanicalSystem, mechanical
from jaxsym.syrenets import (
    ExpressionLibrary,
    WaveLibrary,
    discover_lagrangian,
    gauge_fixed,
    library_stages,
    same_lagrangian,
    sparse_fit,
    wave_terms,
)
from jaxsym.syrenets.library import term_expression

KEY = jax.random.key(0)

SYSTEMS = {
    "double pendulum": (mechanical("double-pendulum"), {}),
    "other pendulum": (mechanical("double-pendulum", m1=0.7, l1=0.3, m2=2.2, l2=0.9), {}),
    "damped": (mechanical("double-pendulum", friction=(0.5, 0.2)), {}),
    "cart-pole": (mechanical("cart-pole"), {}),
    "cart-pole without motor": (mechanical("cart-pole", gains=(1.0, 0.0)), {}),
    "chain": (mechanical("chain", links=3, masses=[1.0, 2.0, 0.5]), {}),
    "spherical pendulum": (
        MechanicalSystem("", parse("1.3*(qd1**2 + sin(q1)**2*qd2**2)/2 + 2.2*cos(q1)"), 2),
        {},
    ),
    "elastic pendulum": (
        MechanicalSystem(
            "", parse("0.6*(qd1**2 + (1 + q1)**2*qd2**2) + 2.2*(1 + q1)*cos(q2) - 5*q1**2"), 2
        ),
        {},
    ),
    "spring pendulum": (
        MechanicalSystem(
            "",
            parse("0.6*(qd1**2 + q1**2*qd2**2) + 11.772*q1*cos(q2) - 20*(q1 - 1)**2"),
            2,
        ),
        {"low": 0.8, "high": 1.2},
    ),
    "planet": (
        MechanicalSystem("", parse("(qd1**2 + q1**2*qd2**2)/2 + 2.5/q1"), 2),
        {"low": 0.5, "high": 2.0},
    ),
    "relativistic planet": (
        MechanicalSystem("", parse("(qd1**2 + q1**2*qd2**2)/2 + 1/q1 + 0.03/q1**3"), 2),
        {"low": 0.5, "high": 2.0},
    ),
    "magnetic plane": (
        MechanicalSystem(
            "", parse("(qd1**2 + qd2**2)/2 + 0.4*(q1*qd2 - q2*qd1) - q1**2 - 2*q2**2"), 2
        ),
        {},
    ),
    "magnetic": (MechanicalSystem("", parse("(qd1**2 + qd2**2)/2 + 0.7*qd2*sin(q1)"), 2), {}),
    "joint angles": (
        MechanicalSystem(
            "",
            parse("(1.4 + cos(q2))*qd1**2 + (0.8 + cos(q2))*qd1*qd2 + 0.4*qd2**2 + 3*cos(q1 + q2)"),
            2,
        ),
        {},
    ),
    "ball on a beam": (
        MechanicalSystem(
            "", parse("0.077*qd1**2 + (0.055*q1**2 + 0.01)*qd2**2 - 1.0791*q1*sin(q2)"), 2
        ),
        {},
    ),
    "Wilberforce pendulum": (
        MechanicalSystem(
            "",
            parse("0.245*qd1**2 + 6.95e-5*qd2**2 - 1.4*q1**2 - 3.93e-4*q2**2 - 4.635e-3*q1*q2"),
            2,
        ),
        {},
    ),
    "swinging Atwood machine": (
        MechanicalSystem("", parse("2*qd1**2 + q1**2*qd2**2/2 - 29.43*q1 + 9.81*q1*cos(q2)"), 2),
        {"low": [0.5, -1.5], "high": [2.0, 1.5]},
    ),
    "Acrobot": (
        MechanicalSystem(
            "",
            parse("(1.4 + cos(q2))*qd1**2 + (0.8 + cos(q2))*qd1*qd2 + 0.4*qd2**2 + 3*cos(q1 + q2)"),
            2,
            gains=(0.0, 1.0),
        ),
        {"low": -3.0, "high": 3.0},
    ),
    "arm on a cart": (
        MechanicalSystem(
            "",
            parse(
                "1.85*qd1**2 + 0.331*qd2**2 + 0.029*(qd2 + qd3)**2 + 0.96*qd1*qd2*cos(q2)"
                " + 0.175*qd1*(qd2 + qd3)*cos(q2 + q3) + 0.14*qd2*(qd2 + qd3)*cos(q3)"
                " - 9.4*sin(q2) - 1.7*sin(q2 + q3)"
            ),
            3,
        ),
        {},
    ),
    "anharmonic": (MechanicalSystem("", parse("qd1**2/2 - q1**2/2 - 0.3*q1**4"), 1), {}),
}


@pytest.mark.parametrize(("system", "ranges"), SYSTEMS.values(), ids=SYSTEMS)
def test_exact_by_the_direct_route(system, ranges):
    data = system.sample(KEY, 700, **ranges)
    found = discover_lagrangian(*data, route="direct", truth=system.lagrangian)
    assert found.exact and found.recovered and found.route == "direct"
    np.testing.assert_allclose(found.system.friction, system.friction, atol=1e-10)
    q, qd, tau = data.q[:20], data.qd[:20], data.tau[:20]
    np.testing.assert_allclose(found.accelerations(q, qd, tau), data.qdd[:20], atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_one_percent_of_noise(seed):
    system = mechanical("double-pendulum")
    data = system.sample(jax.random.key(seed), 6000)
    noise = 0.01 * data.tau.std(axis=0) * np.random.default_rng(seed).normal(size=data.tau.shape)
    found = discover_lagrangian(
        *data._replace(tau=data.tau + noise), route="direct", seed=seed, truth=system.lagrangian
    )
    assert found.recovered and not found.exact
    assert found.torque_mse_relative == pytest.approx(1e-4, rel=0.2)


def test_unknown_gains_of_actuators():
    system = mechanical("double-pendulum", gains=(1.0, 4.0), friction=(0.0, 0.3))
    found = discover_lagrangian(*system.sample(KEY, 500), route="direct", gains=True)
    assert found.exact
    np.testing.assert_allclose(found.fit.gains, [1.0, 4.0], rtol=1e-10)
    apart = MechanicalSystem("", parse("qd1**2 + 2*qd2**2 + cos(q1) + cos(q2)"), 2)
    with pytest.raises(ValueError, match="the gain of actuator 2 cannot be told"):
        discover_lagrangian(*apart.sample(KEY, 500), route="direct", gains=True)


def test_what_follows_from_the_lagrangian():
    system = mechanical("double-pendulum")
    data = system.sample(KEY, 500)
    found = discover_lagrangian(*data, route="direct")
    names = sympy.symbols("q1 q2 qd1 qd2")
    q, qd, qdd, tau = (values[0] for values in data)
    at = dict(zip(names, [*q, *qd], strict=True))
    mass, coriolis, gravity = (
        np.array(part.subs(at), float)
        for part in (found.mass_matrix, found.coriolis, found.gravity)
    )
    np.testing.assert_allclose(mass @ qdd + coriolis @ qd + gravity.ravel(), tau, rtol=1e-9)
    assert float(found.energy.subs(at)) == pytest.approx(system.energy(q, qd))
    motion = found.simulate([1.0, 0.5], [0.0, 0.0], steps=20, dt=0.01)
    energy = system.energy(motion.q, motion.qd)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)


def test_a_library_of_ones_own():
    system = MechanicalSystem("", parse("qd1**2 - exp(q1) - 0.5*tanh(q1)"), 1)
    terms = ["qd1**2", "exp(q1)", "tanh(q1)", "cos(q1)", "q1**3"]
    found = discover_lagrangian(*system.sample(KEY, 300), route="direct", library=terms)
    assert found.exact and "tanh" in str(found.lagrangian) and "cos" not in str(found.lagrangian)


def test_copies_of_a_few_states_are_no_evidence():
    data = mechanical("cart-pole").sample(KEY, 5)
    copies = [np.tile(values, (60, 1)) for values in data]
    with pytest.raises(ValueError, match="5 states that differ, in 300 rows; expected at least 20"):
        discover_lagrangian(*copies, route="direct")


def test_copies_change_nothing():
    data = mechanical("cart-pole").sample(KEY, 400)
    once = discover_lagrangian(*data, route="direct")
    thrice = discover_lagrangian(*(np.tile(values, (3, 1)) for values in data), route="direct")
    assert str(thrice.lagrangian) == str(once.lagrangian) and once.exact and thrice.exact


def test_many_coordinates_are_refused_before_a_library_is_made():
    values = np.random.default_rng(0).normal(size=(4, 60, 20))
    message = "20 coordinates make a library of at least .* terms.* expected at most 6,000"
    with pytest.raises(ValueError, match=message):
        discover_lagrangian(*values, route="direct")  # making the library would take years


@pytest.mark.parametrize("coordinates", [1, 2, 3, 4])
def test_stages_know_how_large_their_libraries_may_be(coordinates):
    table = list(library_stages(coordinates))
    sizes = [len(stage.build()) for stage in table]
    assert sizes[0] == table[0].most_terms
    for size, stage in zip(sizes, table, strict=True):
        assert size <= stage.most_terms <= 2 * size


def test_columns_by_closed_forms_are_those_of_euler_lagrange():
    data = mechanical("cart-pole").sample(KEY, 20, low=0.3, high=1.2)
    terms = [
        term
        for stage in library_stages(2)
        for term in stage.build().terms[:: 1 + stage.most_terms // 6]
    ]
    library = WaveLibrary(tuple(terms))
    expected = ExpressionLibrary(library.expressions).columns(data)
    np.testing.assert_allclose(library.columns(data), expected, rtol=1e-9, atol=1e-9)


def test_terms_of_an_expression():
    text = "sin(q1)*sin(q2)*qd1 + 2*cos(q1)**2 + q1*sin(q2 - 1) + 3"
    terms = wave_terms(parse(text), 2)
    point = np.random.default_rng(0).normal(size=(5, 4))
    names = ("q1", "q2", "qd1", "qd2")
    total = sum(
        value * term_expression(term).evaluate(point, names) for term, value in terms.items()
    )
    np.testing.assert_allclose(total, parse(text).evaluate(point, names), rtol=1e-12)
    for unsayable in ("exp(q1)", "sin(q1**2)", "cos(1.5*q1)", "qd1**0.5", "1/(1 + q1)"):
        with pytest.raises(UnsupportedError):
            wave_terms(parse(unsayable), 2)


def test_the_gauge():
    terms = wave_terms(parse("3 + 2*qd1*sin(q1) + qd1*cos(q1 - q2) - qd2*cos(q1 - q2)"), 2)
    assert gauge_fixed(terms) == {}
    across = gauge_fixed(wave_terms(parse("2*qd1*cos(q1 - q2)"), 2))
    assert list(across.values()) == pytest.approx([1.0, 1.0])
    turned = [parse(text) for text in ("2*q1*qd2", "q1*qd2 - q2*qd1", "-2*q2*qd1")]
    assert same_lagrangian(turned[0], turned[1], 2) and same_lagrangian(turned[1], turned[2], 2)
    assert same_lagrangian(parse("cos(q2)*qd1"), parse("q1*sin(q2)*qd2"), 2)
    assert not same_lagrangian(parse("cos(q2)*qd1"), parse("-q1*sin(q2)*qd2"), 2)
    assert same_lagrangian(
        parse("qd1**2 + 2*qd1*cos(q1 + q2)"), parse("qd1**2 - 2*qd2*cos(q1 + q2)"), 2
    )
    assert not same_lagrangian(parse("qd1**2"), parse("1.00001*qd1**2"), 2)


def test_sparse_regression_takes_no_dependent_columns_twice():
    x = np.random.default_rng(0).normal(size=(50, 2, 3))
    table = np.concatenate([x, x[..., :1] + x[..., 1:2]], axis=-1)
    fit = sparse_fit(table, table[..., 3] * 2.0)
    np.testing.assert_allclose(table[..., fit.support] @ fit.coefficients, table[..., 3] * 2)
    assert len(fit.support) <= 2


BAD = {
    "shapes": (lambda d: d._replace(tau=d.tau[:, :1]), {}, r"tau has shape \(200, 1\)"),
    "not finite": (lambda d: d._replace(qdd=d.qdd * np.nan), {}, "qdd has a non-finite value"),
    "too few": (lambda d: type(d)(*(v[:30] for v in d)), {}, "too few for a library of 40 terms"),
    "hardly any": (lambda d: type(d)(*(v[:3] for v in d)), {}, "3 states; expected at least"),
    "no torque": (lambda d: d._replace(tau=0 * d.tau), {}, "tau is zero everywhere"),
    "text": (lambda d: d._replace(q=[["a"]]), {}, "q is not an array of numbers"),
    "route": (lambda d: d, {"route": "netwrk"}, "did you mean 'network'"),
    "time": (lambda d: d, {"time_limit": 0}, "time_limit is 0"),
}


@pytest.mark.parametrize(("change", "options", "part"), BAD.values(), ids=BAD)
def test_bad_input(change, options, part):
    data = change(mechanical("cart-pole").sample(KEY, 200))
    with pytest.raises(ValueError, match=part):
        discover_lagrangian(*data, **({"route": "direct"} | options))


def test_a_coordinate_without_mass():
    q, qd, qdd = np.random.default_rng(0).normal(size=(3, 300, 2))
    tau = np.stack([qdd[:, 0], q[:, 1]], axis=1)
    with pytest.raises(ValueError, match=r"mass matrix of the Lagrangian is singular at q = \["):
        discover_lagrangian(q, qd, qdd, tau, route="direct")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["double-pendulum", "cart-pole"])
def test_the_network_route(name):
    system = mechanical(name)
    found = discover_lagrangian(*system.sample(KEY, 4000), route="network", truth=system.lagrangian)
    assert found.exact and found.recovered and found.route in ("network", "recombined")
