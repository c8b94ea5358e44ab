"""Standard errors of an equation's numbers, against closed forms and repeated noise."""

import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.expr.fitting.single import least_squares
from jaxsym.search import NativeEngine
from jaxsym.search.front.uncertainty import uncertainty
from jaxsym.search.native.pipeline import CLOSED_FORMS
from jaxsym.search.problem.problem import make_problems

X = np.linspace(0.0, 4.0, 60)[:, None]
CLOSED = NativeEngine(schedule=CLOSED_FORMS)


def problem(y, weights=None, **options):
    made = make_problems(
        X, y[:, None], weights, variables=["x"], operators={}, max_complexity=30, **options
    )
    return made[0]


def line(rng, noise):
    y = 2 * X[:, 0] + 1 + noise * rng.normal(size=len(X))
    design = np.column_stack([X[:, 0], np.ones(len(X))])
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    return y, design, parse("1.0*x + 1.0").with_constants(found)


def test_errors_of_a_line_are_those_of_linear_regression():
    y, design, law = line(np.random.default_rng(0), 0.3)
    residual = y - law.evaluate(X)
    expected = np.linalg.inv(design.T @ design) * (residual @ residual) / (len(y) - 2)
    found = uncertainty(problem(y), law)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-5)
    np.testing.assert_allclose(found.std(X, ["x"]) ** 2, np.sum(design @ expected * design, axis=1))
    slope_and_offset = -X.mean() / np.sqrt(np.mean(X**2))
    assert found.correlation[0, 1] == pytest.approx(slope_and_offset)
    assert found.determined == (True, True)


def test_known_noise_and_dependent_rows_count():
    y, design, law = line(np.random.default_rng(1), 0.3)
    known = uncertainty(problem(y, noise=[0.09]), law)
    expected = 0.3 * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    np.testing.assert_allclose(known.errors, expected, rtol=1e-6)
    few = uncertainty(problem(y, noise=[0.09], n_effective=15.0), law)
    np.testing.assert_allclose(few.errors, 2 * expected, rtol=1e-6)


def test_errors_of_a_decay_are_the_spread_of_repeated_fits():
    rng = np.random.default_rng(2)
    law = parse("2.0*exp(-0.7*x) + 0.5")
    y = law.evaluate(X)
    fits = [
        least_squares(law, {"x": X[:, 0]}, y + 0.05 * rng.normal(size=60), np.ones(60)).constants
        for _ in range(400)
    ]
    found = uncertainty(problem(y, noise=[0.0025]), law)
    np.testing.assert_allclose(found.errors, np.std(fits, axis=0), rtol=0.15)


def test_numbers_that_the_data_do_not_determine_are_told():
    y = 1.5 * np.exp(-0.5 * X[:, 0]) + 0.01 * np.random.default_rng(3).normal(size=60)
    own = problem(y)
    found = uncertainty(own, parse("1.5*exp(-0.5*x) + 1e-6*x"))
    assert sorted(found.determined) == [False, True, True]
    assert str(found).count("not determined") == 1
    many = uncertainty(problem(y, n_effective=2.0), parse("1.5*exp(-0.5*x) + 1e-6*x"))
    assert not any(many.determined) and np.all(np.isinf(many.errors))


def test_exact_numbers_have_errors_too():
    y, _, _ = line(np.random.default_rng(4), 0.3)
    assert len(uncertainty(problem(y), parse("2*x + 1")).constants) == 2
    assert uncertainty(problem(X[:, 0]), parse("x")).covariance.shape == (0, 0)


def test_a_model_has_bands_and_keeps_them(tmp_path):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.uniform(0.0, 4.0, 80)})
    Y = np.stack([2.3 * frame["x"] + 1, 0.7 * frame["x"] ** 2], axis=1)
    Y += 0.05 * rng.normal(size=Y.shape)
    model = SymbolicRegressor(engine=CLOSED).fit(frame, Y)
    values, std = model.predict(frame, return_std=True)
    np.testing.assert_array_equal(values, model.predict(frame))
    assert std.shape == Y.shape and np.all(std > 0) and np.all(std < 0.1)
    model.save(tmp_path / "model.json")
    again = SymbolicRegressor.load(tmp_path / "model.json")
    np.testing.assert_allclose(again.predict(frame, return_std=True)[1], std)
    assert [str(u) for u in again.uncertainty_] == [str(u) for u in model.uncertainty_]
    single = SymbolicRegressor(engine=CLOSED).fit(frame, Y[:, 0])
    assert single.predict(frame, return_std=True)[1].shape == (80,)
    assert "+-" in str(single.uncertainty_)
