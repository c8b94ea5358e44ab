"""One law for several experiments: one form, and constants common or of their own."""

import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.search import NativeEngine
from jaxsym.search.experiments import Experiments, common_constants, tied
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.native.pipeline import CLOSED_FORMS, WAVES_AND_DECAYS
from jaxsym.search.problem.problem import make_problems

ENGINE = NativeEngine(schedule=(*CLOSED_FORMS, *WAVES_AND_DECAYS))
RATES = {"slow": 0.3, "middle": 0.7, "fast": 1.9}


def decays(noise, seed=0):
    """Decays from one height to one floor, with a rate for each experiment and rows of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(list(RATES), [60, 40, 25])
    t = rng.uniform(0.0, 5.0, len(labels))
    rates = np.array([RATES[label] for label in labels])
    y = 2.5 * np.exp(-rates * t) + 0.5 + noise * rng.normal(size=len(t))
    order = rng.permutation(len(t))
    return pd.DataFrame({"t": t[order]}), y[order], labels[order]


def test_one_form_has_constants_of_its_own_where_experiments_differ():
    frame, y, labels = decays(0.01, seed=3)
    model = SymbolicRegressor(engine=ENGINE).fit(frame, y, experiment=labels)
    assert set(model.experiments_) == set(RATES)
    forms = {expression.canonical().tokens for expression in model.expression_}
    assert len(forms) == 1 and len(model.fronts_) == 3
    assert sorted(model.common_) == [False, True, True]
    grid = pd.DataFrame({"t": [0.0, 1.0, 2.0]})
    for label, rate in RATES.items():
        law = 2.5 * np.exp(-rate * grid["t"]) + 0.5
        np.testing.assert_allclose(model.predict(grid, experiment=[label] * 3), law, atol=0.02)
    assert model.score(frame, y, experiment=labels) > 0.999
    values, std = model.predict(frame, return_std=True, experiment=labels)
    assert values.shape == std.shape == (len(frame),) and np.all(std < 0.05)


def test_experiments_come_back_from_files(tmp_path):
    frame, y, labels = decays(0.01, seed=1)
    model = SymbolicRegressor(engine=ENGINE).fit(frame, y, experiment=labels)
    model.save(tmp_path / "model.json")
    again = SymbolicRegressor.load(tmp_path / "model.json")
    assert again.experiments_ == model.experiments_
    np.testing.assert_allclose(
        again.predict(frame, experiment=labels), model.predict(frame, experiment=labels)
    )


def laws(*rows):
    """Problems of exact laws in x, and a front of one form for them."""
    x = np.random.default_rng(2).uniform(1.0, 3.0, (50, 1))
    noise = 0.01 * np.random.default_rng(3).normal(size=(len(rows), 50))
    problems = [
        make_problems(
            x, (parse(law).evaluate(x, ["x"]) + error)[:, None], None, variables=["x"],
            operators={}, max_complexity=30,
        )[0]
        for law, error in zip(rows, noise, strict=True)
    ]  # fmt: skip
    forms = [parse("1.0*x + 1.0").with_constants(np.polyfit(x[:, 0], p.y, 1)) for p in problems]
    fronts = [
        ParetoFront.of(
            [Candidate(form, 5, problem.loss(form))],
            variance=problem.variance,
            samples=problem.samples,
        )
        for form, problem in zip(forms, problems, strict=True)
    ]
    return problems, fronts


@pytest.mark.parametrize(
    ("rows", "common"),
    [
        (("2.1*x + 1.3", "2.1*x + 1.3", "2.1*x + 1.3"), (True, True)),
        (("2.1*x + 1.3", "2.1*x + 4.3", "2.1*x - 2.2"), (True, False)),
        (("2.1*x + 1.3", "3.1*x + 1.3", "0.4*x + 1.3"), (False, True)),
        (("2.1*x + 1.3", "3.1*x + 7.3", "0.4*x - 1.3"), (False, False)),
    ],
)
def test_the_likelihood_says_which_constants_differ(rows, common):
    problems, fronts = laws(*rows)
    found = tied(problems, fronts)
    expressions = [front.candidates[0].expression for front in found]
    assert common_constants(expressions) == common
    for front, problem in zip(found, problems, strict=True):
        (candidate,) = front
        assert candidate.loss == pytest.approx(problem.loss(candidate.expression))
        assert candidate.loss < 4e-4


def test_rows_belong_to_experiments_in_order_of_appearance():
    found = Experiments.read(["b", "a", "b", "a", "b"], 5)
    assert found.names == ("b", "a") and [rows.tolist() for rows in found.rows()] == [
        [0, 2, 4],
        [1, 3],
    ]
    assert found.numbers(["a", "b"], 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 124, "has 124 labels; X has 125 rows"),
        (["a"] * 125, "has one label, 'a'"),
        (["a"] * 124 + ["b"], "experiment 'b' has 1 row; expected at least 2"),
    ],
)
def test_experiments_that_cannot_be(labels, message):
    frame, y, _ = decays(0.0)
    with pytest.raises(ValueError, match=message):
        SymbolicRegressor(engine=ENGINE).fit(frame, y, experiment=labels)


def test_predictions_need_the_labels_of_the_fit():
    frame, y, labels = decays(0.0)
    model = SymbolicRegressor(engine=ENGINE).fit(frame, y, experiment=labels)
    with pytest.raises(ValueError, match="0 labels for 125 rows; expected one of"):
        model.predict(frame)
    with pytest.raises(ValueError, match="experiment 'other' was not in the fit"):
        model.predict(frame, experiment=["other"] * 125)
    plain = SymbolicRegressor(engine=ENGINE).fit(frame, y)
    assert plain.experiments_ == ()
    with pytest.raises(ValueError, match="the fit was without experiments"):
        plain.predict(frame, experiment=labels)
    with pytest.raises(ValueError, match="experiments take one target"):
        SymbolicRegressor(engine=ENGINE, loss="absolute").fit(frame, y, experiment=labels)
