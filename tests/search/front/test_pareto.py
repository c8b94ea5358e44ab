"""The Pareto front and the choice of one candidate."""

import math

import pytest

from jaxsym.expr import parse
from jaxsym.search import Candidate, ParetoFront

ROWS = [  # text, complexity, loss
    ("1.5", 1, 1.0),
    ("x", 1, 0.9),
    ("2.1*x", 3, 0.9),
    ("2.1*x + 0.3", 5, 1e-4),
    ("2.1*x + 0.3 + 0.001*y", 9, 0.99e-4),
    ("log(-x*x)", 6, math.inf),
]


def front(samples=100):
    candidates = [Candidate(parse(text), complexity, loss) for text, complexity, loss in ROWS]
    return ParetoFront.of(candidates, variance=1.0, samples=samples)


def test_only_improvements_stay():
    kept = [(c.complexity, c.loss) for c in front()]
    assert kept == [(1, 0.9), (5, 1e-4), (9, 0.99e-4)]


def test_score_is_the_drop_of_log_loss_per_complexity():
    scores = [c.score for c in front()]
    expected = [0.0, math.log(0.9 / 1e-4) / 4, math.log(1 / 0.99) / 4]
    assert scores == pytest.approx(expected)


@pytest.mark.parametrize("criterion", ["description_length", "score"])
def test_best_is_the_knee(criterion):
    assert front().best(criterion).complexity == 5


def test_more_samples_pay_for_more_terms():
    assert front(samples=100).best().complexity == 5
    assert front(samples=100_000).best().complexity == 9


def test_losses_of_rounding_are_equal():
    rows = [("x", 1, 1e-30), ("x + 1e-9*y", 5, 1e-33)]
    candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
    assert len(ParetoFront.of(candidates, variance=1.0, samples=10)) == 1


def test_errors():
    with pytest.raises(ValueError, match="the front is empty"):
        ParetoFront.of([], variance=1.0, samples=10).best()
    with pytest.raises(ValueError, match="unknown criterion 'beauty'; expected"):
        front().best("beauty")


def test_few_samples_pay_for_few_constants():
    rows = [("2*x", 3, 1e-4), ("1.9*x + 0.1*x**2.3 + 0.3/x", 5, 1e-7)]
    candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
    for samples, constants in ((5, 0), (6, 0), (40, 4)):
        chosen = ParetoFront.of(candidates, variance=1.0, samples=samples).best()
        assert len(chosen.expression.constants) == constants


def test_losses_below_the_rounding_of_the_data_are_alike():
    rows = [("x", 1, 1e-14), ("x + 1e-9*y", 5, 1e-19)]
    candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
    kept = [
        len(ParetoFront.of(candidates, variance=1.0, samples=50, rounding=share))
        for share in (1e-13, 1e-24)
    ]
    assert kept == [1, 2]


def test_known_noise_makes_equations_within_it_alike():
    rows = [("x", 1, 1.0), ("2.1*x + 0.3", 5, 1e-4), ("2.1*x + 0.3 + 0.001*y", 9, 0.8e-4)]
    candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
    known = ParetoFront.of(candidates, variance=1.0, samples=1000, noise=1e-2)
    assert known.best().complexity == 5 and known.noise == 1e-2
    told = ParetoFront.of(candidates, variance=1.0, samples=1000)
    assert told.best().complexity == 9
