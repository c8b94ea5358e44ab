"""Losses other than squares: what they make of constants and of the choice."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.pipeline import CLOSED_FORMS
from jaxsym.search.problem.losses import LOSSES, read_loss

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 5.0, (200, 1))
LAW = 2 * X[:, 0] + 1
ENGINE = NativeEngine(schedule=CLOSED_FORMS)


def fit(y, loss, **options):
    return SymbolicRegressor(engine=ENGINE, loss=loss).fit(X, y, **options)


def line(model):
    """The slope and offset of a model."""
    low, high = model.predict(np.array([[0.0], [1.0]]))
    return high - low, low


@pytest.mark.parametrize("name", ["absolute", "huber", "poisson", "log", "interval"])
def test_weights_give_squares_with_the_slope_of_the_loss(name):
    y = LAW + 0.3 * RNG.normal(size=200)
    ends = np.stack([y - 0.1, y + 0.1], axis=1) if name == "interval" else y
    loss = read_loss(name, X, ends if name == "interval" else y[:, None])
    f, step = LAW * 1.1, 1e-6
    slope = (loss.of(f + step, ends) - loss.of(f - step, ends)) / (2 * step)
    target = np.clip(f, ends[:, 0], ends[:, 1]) if name == "interval" else y
    far = np.abs(f - y) > 1e-2  # an absolute value has no slope at 0
    np.testing.assert_allclose(
        (2 * loss.weight(f, ends) * (f - target))[far], slope[far], rtol=1e-3, atol=1e-6
    )


def test_absolute_errors_make_a_median_of_what_squares_make_a_mean():
    y = LAW + np.where(np.arange(200) % 5 < 3, 0.0, RNG.exponential(20.0, 200))
    slope, offset = line(fit(y, "absolute"))
    assert (slope, offset) == pytest.approx((2.0, 1.0), abs=1e-3)
    model = fit(y, "absolute")
    left = np.mean(np.abs(model.predict(X) - y))
    chosen = [c.loss for c in model.fronts_[0] if c.expression == model.expression_]
    assert chosen == [pytest.approx(left)]
    assert model.fronts_[0].exponent == 1


def test_huber_keeps_rows_far_off_from_the_law():
    y = LAW + 0.05 * RNG.normal(size=200)
    y[::7] += 30.0
    assert line(fit(y, "huber")) == pytest.approx((2.0, 1.0), abs=0.1)


def test_counts_have_the_errors_of_counts():
    rate = 3 * X[:, 0] ** 2
    y = RNG.poisson(rate).astype(float)
    model = fit(y, "poisson")
    assert str(model.expression_).endswith("x0**2") and len(model.expression_.tokens) <= 4
    assert model.predict(np.ones((1, 1)))[0] == pytest.approx(3.0, rel=0.05)


def test_logarithms_count_errors_by_their_share():
    wide = 10 ** RNG.uniform(-3, 3, (200, 1))
    y = 2.7 * wide[:, 0] ** 1.5 * np.exp(0.2 * RNG.normal(size=200))
    model = SymbolicRegressor(engine=ENGINE, loss="log").fit(wide, y)
    np.testing.assert_allclose(model.predict(wide), 2.7 * wide[:, 0] ** 1.5, rtol=0.2)


def test_nothing_is_lost_within_intervals():
    low, high = LAW - RNG.uniform(0.1, 1.0, 200), LAW + RNG.uniform(0.1, 1.0, 200)
    model = fit(np.stack([low, high], axis=1), "interval")
    inside = model.predict(X)
    assert inside.shape == (200,)
    assert np.mean((inside >= low - 1e-9) & (inside <= high + 1e-9)) > 0.99
    assert len(model.expression_.tokens) <= 6


def test_a_function_of_ones_own():
    def quarter(prediction, target):  # pinball loss of the lower quartile
        error = target - prediction
        return jnp.maximum(0.25 * error, -0.75 * error)

    noise = RNG.normal(size=200)
    model = fit(LAW + noise, quarter)
    below = np.mean(LAW + noise < model.predict(X))
    assert 0.15 < below < 0.35


def test_a_loss_is_saved_by_name_alone(tmp_path):
    fit(LAW + 0.1 * RNG.normal(size=200), "absolute").save(tmp_path / "model.json")
    again = SymbolicRegressor.load(tmp_path / "model.json")
    assert again.loss == "absolute" and again.fronts_[0].exponent == 1
    assert "Symbol" not in str(again.expression_) and parse(str(again.expression_))


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("absolut", LAW, "did you mean 'absolute'"),
        (3, LAW, "loss=3; expected a name or a function"),
        ("log", LAW - 10, "this loss takes positive ones"),
        ("interval", LAW, "takes low and high"),
        ("interval", np.stack([LAW + 1, LAW], axis=1), "low end is above its high end"),
        (lambda f, y: jnp.sum((f - y) ** 2), LAW, "has shape"),
        (lambda f, y: (f - y) * jnp.nan, LAW, "not a finite number"),
    ],
)
def test_losses_that_cannot_be(loss, y, message):
    with pytest.raises(ValueError, match=message):
        fit(y, loss)


def test_every_loss_is_least_where_predictions_are_targets():
    y = np.linspace(1.0, 2.0, 9)
    for name, loss in LOSSES.items():
        ends = np.stack([y, y], axis=1) if name == "interval" else y
        assert np.all(loss.of(y, ends) == pytest.approx(0.0, abs=1e-12))
        assert np.all(loss.of(1.1 * y, ends) > 0)
