"""Choice among laws and of exact numbers."""

import math

import numpy as np
import pytest

from jaxsym.inference import Model, TrajectoryFit, compare, description_length, snap_constants


def made_fit(residuals, constants=(1.0,), covariance=None, sigma=0.1, estimated=False):
    """A fit of one trajectory with one column and a state of one component."""
    residuals = np.asarray(residuals, float).reshape(1, -1, 1)
    constants = np.asarray(constants)
    covariance = np.eye(len(constants)) if covariance is None else np.asarray(covariance)
    count, nothing = residuals.size, np.zeros_like(residuals)
    return TrajectoryFit(
        constants=constants,
        covariance=covariance,
        undetermined=np.zeros((0, len(constants))),
        time=np.arange(count)[None],
        states=nothing,
        state_covariance=np.zeros((1, 1, 1)),
        predicted=nothing,
        residuals=residuals,
        weights=np.ones_like(residuals),
        sigma=np.full_like(residuals, sigma),
        sigma_estimated=estimated,
        chi2=float(np.sum(residuals**2)),
        dof=count - len(constants) - 1,
        led=np.ones(1, bool),
        gap=0.0,
        segments=1,
        iterations=1,
        converged=True,
    )


def test_known_noise_counts_half_of_chi_squared_in_nats():
    one, other = made_fit(np.ones(50)), made_fit(np.full(50, 1.2))
    gap = description_length(other, 0.0) - description_length(one, 0.0)
    assert gap == pytest.approx(50 * 0.44 / 2 / math.log(2))


def test_unknown_noise_counts_the_logarithm_of_its_size():
    one, other = (made_fit(np.ones(50), sigma=s, estimated=True) for s in (0.1, 0.2))
    gap = description_length(other, 0.0) - description_length(one, 0.0)
    assert gap == pytest.approx(50)


def test_a_constant_costs_half_the_logarithm_of_the_count():
    one, other = made_fit(np.ones(64)), made_fit(np.ones(64), constants=(1.0, 2.0))
    assert description_length(other, 0.0) - description_length(one, 0.0) == pytest.approx(3)


def test_the_better_law_wins_whatever_its_length():
    models = {
        "short": Model(made_fit(np.full(100, 1.5)), 10.0),
        "long": Model(made_fit(np.ones(100)), 30.0),
    }
    found = compare(models)
    assert found.best == "long" and found.alike == ("long",)
    assert found.bits["short"] == pytest.approx(100 * 1.25 / 2 / math.log(2) - 20)
    assert "favor long over short" in found.statement


def test_laws_that_cannot_be_told_apart_are_both_named():
    models = {
        "a": Model(made_fit(np.ones(100)), 20.0),
        "b": Model(made_fit(np.full(100, 1.005)), 20.0),
    }
    found = compare(models)
    assert found.alike == ("a", "b")
    assert "cannot tell a from b" in found.statement and "chi2 +1.0" in found.statement


def test_fits_of_different_data_are_not_compared():
    models = {"a": Model(made_fit(np.ones(5)), 1.0), "b": Model(made_fit(np.ones(6)), 1.0)}
    with pytest.raises(ValueError, match="expected fits of the same data"):
        compare(models)


def test_numbers_are_exact_only_where_errors_allow_it():
    fit = made_fit(np.ones(50), (2.001, 2.1), np.diag([0.001, 0.001]) ** 2)
    snapped = snap_constants(fit)
    assert {place: str(number) for place, number in snapped.numbers.items()}[0] == "2"
    assert snapped.constants[0] == 2 and snapped.constants[1] != 2
    assert snapped.chi2_rise >= 1 - 1e-9


def test_a_whole_number_that_is_near_by_chance_is_not_taken():
    fit = made_fit(np.ones(50), (162.1, 2.0002), np.diag([0.05, 0.0004]) ** 2)
    assert list(snap_constants(fit).numbers) == [1]


def test_constants_known_only_together_move_together():
    covariance = 0.01**2 * np.array([[1.0, 0.999], [0.999, 1.0]])
    fit = made_fit(np.ones(50), (2.008, 5.4381), covariance)
    snapped = snap_constants(fit)
    if 0 in snapped.numbers and 1 not in snapped.numbers:
        assert snapped.constants[1] == pytest.approx(5.4381 - 0.999 * 0.008)
    # what is left is smaller than before
    assert np.diag(snapped.covariance).max() < np.diag(covariance).max()


def test_constants_that_no_data_determine_are_left_alone():
    fit = made_fit(np.ones(50), (2.001, 7.3), np.diag([1e-6, np.inf]))
    snapped = snap_constants(fit)
    assert list(snapped.numbers) == [0] and snapped.constants[1] == 7.3
