"""Choice among laws of motion by likelihood and length, and of exact numbers by errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import sympy
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.expr import Expression
from jaxsym.expr.fitting.snapping import exact_numbers
from jaxsym.inference.shooting.results import TrajectoryFit, unravel_like

# odds of 20 to 1 are what Kass and Raftery 1995 (section 3.2) call strong evidence
DECISIVE = math.log2(20)
_CHANCE = 1 / 20  # that some number as simple lies within an error of a constant: the same odds


def misfit_bits(fit: TrajectoryFit) -> float:
    """Bits of the measured values under the fit: minus the logarithm of their normal likelihood.

    Where sigma was estimated, this is the profile likelihood. It holds a constant that depends on
    the units of the data and drops out of differences.
    """
    present = np.isfinite(fit.residuals)
    weighted = float(np.nansum(fit.weights * fit.residuals**2))
    nats = weighted / 2 + np.sum(np.log(fit.sigma[present])) + present.sum() * _NORMAL
    return float(nats / math.log(2))


_NORMAL = 0.5 * math.log(2 * math.pi)


def effective_parameters(fit: TrajectoryFit) -> int:
    """Directions in constants, first states and estimated sigmas that the data determine."""
    columns = fit.sigma.shape[-1] if fit.sigma_estimated else 0
    return int(np.isfinite(fit.residuals).sum()) - fit.dof + columns


def description_length(fit: TrajectoryFit, formula_bits: float) -> float:
    """Bits of a law, of what was fitted, and of what the law leaves unexplained (Rissanen 1978).

    Args:
      fit: the law's fit.
      formula_bits: of the formula without its constants, such as its complexity times the logarithm
        of the number of symbols to choose from (`jaxsym.search.ParetoFront.description_length`).
    """
    count = float(np.sum(fit.weights))
    return misfit_bits(fit) + formula_bits + effective_parameters(fit) * math.log2(count) / 2


class Model(NamedTuple):
    """A candidate: its fit and the bits of its formula."""

    fit: TrajectoryFit
    formula_bits: float


class Comparison(NamedTuple):
    """Which law the data favor.

    Attributes:
      best: its name.
      bits: description length of every law above that of the best.
      alike: names of the laws that the data cannot tell from the best, the best first.
      statement: the same in words.
    """

    best: str
    bits: dict[str, float]
    alike: tuple[str, ...]
    statement: str


def compare(models: Mapping[str, Model], *, decisive: float = DECISIVE) -> Comparison:
    """The law of least description length, and those too near to it to be told apart.

    Args:
      models: fits of the same data by name.
      decisive: bits that make a difference.

    Raises:
      ValueError: no model, or fits of different data.
    """
    require(len(models) > 0, "models is empty; expected at least one fit")
    counts = {name: int(np.isfinite(m.fit.residuals).sum()) for name, m in models.items()}
    require(
        len(set(counts.values())) == 1,
        f"models are fits of {counts} measured values; expected fits of the same data",
    )
    lengths = {name: description_length(*model) for name, model in models.items()}
    order = sorted(lengths, key=lambda name: lengths[name])
    best = order[0]
    bits = {name: lengths[name] - lengths[best] for name in order}
    alike = tuple(name for name in order if bits[name] < decisive)
    return Comparison(best, bits, alike, _statement(models, bits, alike, decisive))


def _statement(
    models: Mapping[str, Model], bits: dict[str, float], alike: tuple[str, ...], decisive: float
) -> str:
    best, *others = alike
    if others:
        parts = [
            f"{name} (chi2 {models[name].fit.chi2 - models[best].fit.chi2:+.1f}, "
            f"formula {models[name].formula_bits - models[best].formula_bits:+.1f} bits)"
            for name in others
        ]
        return (
            f"the data cannot tell {best} from {', '.join(parts)}: less than {decisive:.1f} bits "
            "lie between them"
        )
    following = [name for name in bits if name != best]
    if not following:
        return f"{best} is the only candidate"
    return f"the data favor {best} over {following[0]} by {bits[following[0]]:.1f} bits"


class Snapped(NamedTuple):
    """Constants with exact numbers where their errors allow it.

    Attributes:
      constants: in their pytree, the others moved to where they are best beside the exact numbers.
      numbers: the exact numbers by place in the raveled constants.
      covariance: of the raveled constants that is left; zero for exact numbers.
      chi2_rise: what the exact numbers cost in chi squared, by the quadratic form of the errors.
    """

    constants: Any
    numbers: dict[int, Expression]
    covariance: Float[np.ndarray, "P P"]
    chi2_rise: float


def _by_chance(number: Expression, error: float) -> bool:
    """Whether a number as simple as this one is near any constant with such an error."""
    rational, _ = number.sympy().as_coeff_Mul()  # of pi, a root, or 1
    denominator = int(sympy.fraction(rational)[1])
    return 2 * error * denominator**2 > _CHANCE


def snap_constants(fit: TrajectoryFit, *, first: int | None = None) -> Snapped:
    """Replace constants by exact numbers where that shortens the description.

    The rule is that of `jaxsym.expr.fitting.snapping`, but that 110 is no find where the error is
    0.3 and any constant has an integer nearby. Errors are those of the fit, and those that
    remain after each replacement: constants that are known only together are not rounded one by
    one. Those known best relative to their size come first.

    Args:
      fit: with the constants.
      first: how many of the raveled constants may become exact; the others only move along.
    """
    with jax.enable_x64(True):
        values = np.array(ravel_pytree(jax.tree.map(np.asarray, fit.constants))[0])
    numbers: dict[int, Expression] = {}
    covariance, rise = np.array(fit.covariance), 0.0
    while True:
        errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        known = np.isfinite(errors) & (errors > 0)
        may = known & (np.arange(len(values)) < (len(values) if first is None else first))
        relative = np.where(known, errors / np.maximum(np.abs(values), 1e-300), np.inf)
        for place in np.argsort(relative):
            if not may[place]:
                continue
            exact = exact_numbers(float(values[place]), float(errors[place]))[:1]
            if exact and not _by_chance(exact[0], float(errors[place])):
                break
        else:
            return Snapped(unravel_like(fit.constants, values), numbers, covariance, rise)
        numbers[int(place)] = exact[0]
        away = float(exact[0].sympy()) - values[place]
        gain = np.where(known, covariance[:, place], 0.0) / covariance[place, place]
        rise += away**2 / covariance[place, place]
        values = values + gain * away
        covariance = covariance - np.outer(gain, np.where(known, covariance[place], 0.0))
        values[place] = float(exact[0].sympy())
        covariance[place] = covariance[:, place] = 0.0
