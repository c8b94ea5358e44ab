"""Filling holes: the library's best parts, products of powers, and contexts around them."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.expr.subtrees import to_expression, to_formula
from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.evolution import Evolution
from jaxsym.search.native.library import build_library
from jaxsym.search.native.stages.contexts import contexts, filled
from jaxsym.search.native.stages.exponentials import exponentials
from jaxsym.search.native.stages.factors import Factors
from jaxsym.search.native.stages.powers import Logarithms
from jaxsym.search.native.stages.products import products
from jaxsym.search.native.stages.semantics import Filler, Hole
from jaxsym.search.native.stages.sinusoids import waves
from jaxsym.search.problem.problem import make_problems

NAMES = ("a", "b")
ROWS = 96


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).uniform(0.5, 2.0, (ROWS, 2))


def sample(table, text, noise=0.0):
    y = parse(text).evaluate(table, NAMES)
    y = y + noise * np.std(y) * np.random.default_rng(1).normal(size=len(y))
    return make_problems(
        table, y[:, None], None, variables=NAMES, operators=DEFAULT_OPERATORS, max_complexity=30
    )[0]


def filler(problem, size=600, smooth=None):
    return Filler(build_library(problem, problem.y[None], size=size), problem, smooth)


def fits(problem, formulas, share=1e-18):
    losses = [problem.loss(to_expression(f, OPERATORS)) for f in formulas if f is not None]
    return min(losses, default=np.inf) <= share * problem.variance


@pytest.mark.parametrize("text", ["a*b", "2.5*sin(a)", "a/b - 0.75", "3 - 2*sqrt(a)"])
def test_an_affine_part_is_found_exactly(table, text):
    problem = sample(table, text)
    tool = filler(problem)
    hole = Hole.of(problem.y, np.ones(ROWS), problem.weights)
    entries, left = tool.best([hole], 3)
    assert np.all(np.diff(left) >= 0)
    assert fits(problem, [tool.affine(hole, int(entry)) for entry in entries[0]])


@pytest.mark.parametrize("text", ["2.5*a/(a + b)**1.5", "a**2*(exp(a) - 1)*b", "b*exp(-0.7*a*b)"])
def test_a_product_of_powers_is_found_exactly(table, text):
    problem = sample(table, text)
    powers = filler(problem).powers
    columns, _ = powers.best(problem.y[None], 3)
    assert fits(problem, [powers.formula(problem.y, [int(c)]) for c in columns[0]])


@pytest.mark.parametrize(
    "text",
    ["a*sqrt(a + b)/(exp(b) + 1)", "b*exp(-a*b)*cos(a)", "(1 - cos(a*b))/(1 - cos(a))"],
)
def test_two_factors_are_found_exactly(table, text):
    problem = sample(table, text)
    assert fits(problem, products(problem.y, Factors(filler(problem), problem), 20))


@pytest.mark.parametrize(
    "text",
    [
        "2*a/(exp(0.37*b/a) - 1)",
        "b*(1 + 0.21*a**2)**0.5",
        "b*(exp(0.7*a) - exp(-0.7*a))",
    ],
)
def test_a_constant_inside_a_factor_is_found(table, text):
    problem = sample(table, text)
    factors = Factors(filler(problem), problem)
    assert fits(problem, factors.formulas(problem.y, 8), 1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "b*sin(17.3*a/b)",
        "a/b*(1.5*cos(20*a*b + 0.4) - 0.3)",
        "2 - 0.5*cos(11*a)",
        "sin(9*(a - b))",
    ],
)
def test_fast_waves_are_found_exactly(table, text):
    problem = sample(table, text)
    assert fits(problem, waves(problem, filler(problem), lambda: False), 1e-16)


@pytest.mark.parametrize(
    "text",
    [
        "18.56*exp(-1.3*a) - 88.3*exp(-2.6*a)",
        "b*(2*exp(-0.9*a) + 0.3*exp(1.7*a) - 0.4)",
        "1.7*a**-7.5 - 3.1*a**-3.5",
        "(a**2.3 - 2*a**0.4)/b",
    ],
)
def test_two_exponentials_or_powers_are_found_exactly(table, text):
    problem = sample(table, text)
    assert fits(problem, exponentials(problem, filler(problem), lambda: False), 1e-16)


def test_exponentials_end_when_time_is_over(table):
    problem = sample(table, "exp(-1.3*a) - 2*exp(-2.6*a)")
    assert not list(exponentials(problem, filler(problem), lambda: True))


@pytest.mark.parametrize("text", ["sin(0.3*a*b + 0.2)", "a - exp(-b/a)", "1/(a + sqrt(2*b - 0.1))"])
def test_contexts(table, text):
    problem = sample(table, text)
    tool = filler(problem)
    found = [c for deep in (False, True) for c in contexts(problem, tool, problem.y, deep=deep)]
    formulas = [formula for _, formula in filled(found, tool, lambda: False, each=3)]
    assert fits(problem, formulas)


def test_noise_is_told_from_signal_around_a_guess(table):
    truth = parse("a**2/(a**2 + b**2)")
    problem = sample(table, str(truth), noise=0.1)
    smooth = truth.evaluate(table, NAMES) * (1 + 0.02 * np.sin(5 * table[:, 0]))
    tool = filler(problem, smooth=smooth)
    (plain, *_) = contexts(problem, tool, smooth, deep=False)
    formulas = [formula for _, formula in filled([plain], tool, lambda: False, each=5)]
    floor = problem.loss(truth) / problem.variance
    assert fits(problem, formulas, 1.02 * floor)


def test_evolution_keeps_the_best_of_every_complexity_and_only_gets_better(table):
    problem = sample(table, "a*sin(b) + exp(-a*b)/b")
    evolution = Evolution(problem, filler(problem), np.random.default_rng(0))
    evolution.seed([to_formula(parse(text)) for text in ("1.0*a", "a*b", "sin(b)*a + 0.1")])
    losses = []
    for _ in range(4):
        evolution.generation()
        losses.append(min(m.loss for group in evolution.members.values() for m in group))
        for cost, group in evolution.members.items():
            assert all(member.complexity == cost for member in group)
            assert [m.loss for m in group] == sorted(m.loss for m in group)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-2 * problem.variance


def test_an_empty_population_does_nothing(table):
    problem = sample(table, "a*b")
    assert Evolution(problem, filler(problem), np.random.default_rng(0)).generation() == []


def test_a_product_of_nothing_but_zeros_is_none():
    table = np.random.default_rng(0).uniform(1.0, 2.0, (20, 2))
    (sample,) = make_problems(
        table, table[:, :1], None, variables="ab", operators=DEFAULT_OPERATORS, max_complexity=9
    )
    assert Logarithms(sample).product(np.zeros(20), []) is None
