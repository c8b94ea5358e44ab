"""Tables as people have them: few rows, rows far off, decades, pieces, powers, smooth errors."""

import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.budget import SearchBudget

SMALL = SearchBudget(
    library=400,
    terms=200,
    rows=64,
    pairs=20,
    refined=6,
    small=100,
    beams=6,
    factors=3,
    generations=1,
)
QUICK = NativeEngine(SMALL)


def fit(table, y, engine=QUICK, **options):
    parameters = {k: options.pop(k) for k in ("time_limit", "max_complexity") if k in options}
    frame = pd.DataFrame(table)
    return SymbolicRegressor(engine=engine, **parameters).fit(frame, y, **options)


def test_six_planets_move_by_a_power_law():
    # semimajor axes and periods to three or four digits, as they are printed in schoolbooks
    a = [0.387, 0.723, 1.0, 1.524, 5.2, 9.54]
    days = [88.0, 224.7, 365.3, 687.0, 4333.0, 10760.0]
    model = fit({"a": a}, days)
    assert model.expression_.variables == ("a",) and len(model.expression_.tokens) <= 7
    constant = model.predict(pd.DataFrame({"a": [1.0]}))[0]
    assert constant == pytest.approx(365.3, rel=5e-3)
    assert model.predict(pd.DataFrame({"a": [30.07]}))[0] == pytest.approx(60190, rel=0.02)
    assert not model.residual_.exact
    for candidate in model.fronts_[0]:
        assert len(candidate.expression.constants) <= 6


@pytest.mark.parametrize("rows", [5, 7, 10])
def test_few_rows_of_a_short_law_are_enough_and_of_noise_are_not(rows):
    x = np.linspace(1.0, 3.0, rows)
    assert fit({"x": x}, 3 * x**2 + 1).expression_ == parse("3*x**2 + 1")
    noise = np.random.default_rng(0).normal(size=rows)
    model = fit({"x": x}, noise)
    assert not model.residual_.exact and len(model.expression_.constants) < rows - 1


@pytest.mark.parametrize("law", ["2*x + 1", "3*exp(-x)*y", "x*y**2"])
def test_rows_far_off_do_not_change_the_form(law):
    rng = np.random.default_rng(1)
    X = rng.uniform(0.5, 4.0, (120, 2))
    y = parse(law).evaluate(X, ["x", "y"])
    y[rng.choice(120, 6, replace=False)] += rng.choice([-30.0, 50.0], 6)
    model = fit({"x": X[:, 0], "y": X[:, 1]}, y)
    assert model.expression_ == parse(law)
    assert "6 of 120 rows are far off" in str(model.residual_)
    assert np.count_nonzero(model.weights_ == 0) == 6


def test_weights_that_are_given_stay_as_they_are():
    x = np.linspace(0.0, 5.0, 60)
    y = 2 * x + 1
    y[10] += 50.0
    model = fit({"x": x}, y, sample_weight=np.ones(60))
    np.testing.assert_array_equal(model.weights_, np.ones(60))
    assert "far off" not in str(model.residual_)


def test_relative_noise_over_decades_leaves_the_law():
    rng = np.random.default_rng(2)
    r, m1, m2 = (10 ** rng.uniform(low, high, 30) for low, high in ((7, 13), (20, 30), (20, 30)))
    force = 6.674e-11 * m1 * m2 / r**2 * (1 + 0.1 * rng.normal(size=30))
    model = fit({"r": r, "m1": m1, "m2": m2}, force)
    expression = model.expression_
    assert expression.tokens == parse("1.5*m1*m2/r**2").canonical().tokens
    assert expression.constants[0] == pytest.approx(6.674e-11, rel=0.06)
    assert "in proportion" in str(model.residual_)


@pytest.mark.parametrize("at", [1.0, 4.0, 97.0])
def test_a_piece_at_the_edge_of_a_table_is_a_law_of_its_own(at):
    x = np.random.default_rng(3).uniform(0.0, 100.0, 1000)
    curve, line = 30 * np.cbrt(x) - 12, (30 * np.cbrt(at) - 12) / at * x
    y = np.where((x > at) == (at < 50), curve, line)
    model = fit({"x": x}, y)
    assert model.expression_.tokens[0] == "if_greater"
    assert model.score(pd.DataFrame({"x": x}), y) == pytest.approx(1.0, abs=1e-12)


def test_pieces_change_where_they_meet():
    x = np.random.default_rng(4).uniform(0.0, 100.0, 1000)
    at = 1.3577
    y = np.where(x > at, 20 * np.cbrt(x) + 3, (20 * np.cbrt(at) + 3) / at * x)
    chosen = fit({"x": x}, y).expression_
    assert any(c == pytest.approx(at, rel=1e-6) for c in chosen.constants)


def test_powers_are_one_power():
    x = np.random.default_rng(5).uniform(0.5, 6.0, 150)
    model = fit({"x": x}, x**2.7 / (x**2.7 + 9.1), engine=NativeEngine())
    assert model.expression_.tokens.count("pow") == 1 and model.residual_.exact
    assert any(c == pytest.approx(2.7) for c in model.expression_.constants)


def test_products_of_powers_of_numbers():
    digits = np.random.default_rng(6).integers(0, 9, (300, 3))
    y = 2.0 ** digits[:, 0] * 3.0 ** digits[:, 1] / 5.0 ** digits[:, 2]
    model = fit({"a": digits[:, 0], "b": digits[:, 1], "c": digits[:, 2]}, y)
    assert str(model.expression_) == "2**a*3**b/5**c"


def test_growth_by_no_whole_number_stays_an_exponential():
    x = np.linspace(0.0, 4.0, 80)
    assert fit({"x": x}, np.exp(-0.37 * x)).expression_ == parse("exp(-0.37*x)")


def test_fast_waves_of_one_variable_come_before_any_library():
    t = np.arange(1500) / 1000
    stages: list[str] = []
    model = SymbolicRegressor(callback=lambda progress: stages.append(progress.stage))
    model.fit(pd.DataFrame({"t": t}), np.round(3 * np.sin(14 * np.pi * t), 12))
    assert model.expression_ == parse("3*sin(14*pi*t)") and model.residual_.exact
    assert stages[-1] == "simple sinusoids" and model.cut_off_ == ()


def test_what_a_time_limit_cuts_off_is_listed():
    X = np.random.default_rng(7).uniform(1.0, 5.0, (200, 3))
    y = X[:, 0] * np.sin(X[:, 1] + X[:, 2]) + np.random.default_rng(8).normal(size=200)
    model = SymbolicRegressor(time_limit=1e-3).fit(X, y)
    assert "evolution in the full library" in model.cut_off_
    assert len(set(model.cut_off_)) == len(model.cut_off_)
    assert fit({"x": X[:, 0]}, 2 * X[:, 0]).cut_off_ == ()


def test_the_precision_of_a_target_ends_the_search_for_tails():
    t = np.linspace(0.0, 6.0, 150)
    rng = np.random.default_rng(9)
    error = 1e-7 * np.interp(t, np.linspace(0.0, 6.0, 12), rng.normal(size=12))
    y = 2.5 * np.exp(-0.4 * t) + error
    stages: list[str] = []
    model = SymbolicRegressor(engine=QUICK, callback=lambda progress: stages.append(progress.stage))
    model.fit(pd.DataFrame({"t": t}), y, sigma=1e-7)
    np.testing.assert_allclose(model.predict(pd.DataFrame({"t": t})), 2.5 * np.exp(-0.4 * t))
    assert len(model.expression_.tokens) < 10
    assert "evolution" not in stages


def test_smooth_errors_are_no_terms_where_few_rows_are_independent():
    t = np.linspace(0.0, 6.0, 200)
    law = 2.0 * np.exp(-0.7 * t)
    y = law + 0.01 * np.sin(2.6 * t + 0.4) * np.exp(-0.1 * t)
    told = fit({"t": t}, y, n_effective=10)
    assert "sin" not in told.expression_.tokens and "cos" not in told.expression_.tokens
    assert len(told.expression_.constants) <= 2
    blind = fit({"t": t}, y)
    assert len(blind.expression_.tokens) > len(told.expression_.tokens)
    assert told.fronts_[0].samples == 10


def test_an_order_tells_how_many_rows_are_independent():
    rng = np.random.default_rng(10)
    t = rng.permutation(np.linspace(0.0, 6.0, 200))
    y = 2.0 * np.exp(-0.7 * t) + 0.01 * np.sin(2.6 * t + 0.4) * np.exp(-0.1 * t)
    model = fit({"t": t}, y, order=t)
    assert not {"sin", "cos"} & set(model.expression_.tokens)
    assert model.fronts_[0].samples < 40
    white = fit({"t": t}, 2.0 * t + 0.1 * rng.normal(size=200), order=t)
    assert white.fronts_[0].samples > 100 and white.expression_ == parse("2*t")
    for order, message in ((t[:5], r"shape \(5,\)"), ([np.nan] * 200, "NaN")):
        with pytest.raises(ValueError, match=message):
            fit({"t": t}, y, order=order)
    with pytest.raises(ValueError, match="n_effective or order, not both"):
        fit({"t": t}, y, order=t, n_effective=5)


@pytest.mark.parametrize("count", [0, 0.5, 1000, "many", True])
def test_a_number_of_independent_rows_that_cannot_be(count):
    with pytest.raises(
        ValueError, match="n_effective=.*; expected a number from 1 to that of rows"
    ):
        fit({"x": [1.0, 2.0, 3.0]}, [1.0, 2.0, 3.0], n_effective=count)
