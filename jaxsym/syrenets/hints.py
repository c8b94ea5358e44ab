"""What a Lagrangian and what it leaves say about motion and torque, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxsym.datasets import MechanicalData
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian
from jaxsym.syrenets.library import Library, WaveLibrary

_PLAIN = 0.2  # share of what is left that a hint must explain
_DEGREES = (20.0, 720.0)  # where the largest of a coordinate lies if it is an angle in degrees


def hints(data: MechanicalData, fit: FittedLagrangian) -> tuple[str, ...]:
    """What a Lagrangian and what it leaves say about the data.

    Args:
      data: motion and torques that nothing was fitted to.
      fit: the Lagrangian, with friction and gains.
    """
    error = fit.error(data)
    told = terms_hints(data, fit, error)
    if error > EXACT:
        told += (*_dry_friction(data, fit), *_energy_coming_in(data, fit))
    return told


def terms_hints(data: MechanicalData, fit: FittedLagrangian, error: float) -> tuple[str, ...]:
    """What a Lagrangian's terms and its error alone say.

    Args:
      data: motion and torques.
      fit: the Lagrangian.
      error: of the torques on held-out states, over their variance.
    """
    told = [*_offsets(fit), *_free_of_coordinates(fit)]
    if error > EXACT:
        told += [*_nothing_explained(error), *_degrees(data, fit.library)]
    return tuple(told)


def _offsets(fit: FittedLagrangian) -> list[str]:
    """Constant torques on angles: no potential of an angle rises for ever."""
    if not isinstance(fit.library, WaveLibrary):
        return []
    terms = fit.library.terms
    return [
        f"a constant torque of {-number:.6g} acts on the angle q{i + 1} ({number:.6g}*q{i + 1} in "
        "L): a load, or an offset of the sensor"
        for term, number in zip(terms, fit.numbers, strict=True)
        if sum(term.powers) == 1 and not any(term.waves) and not any(term.rates)
        for i in [term.powers.index(1)]
        if any(other.waves[i] for other in terms)
    ]


def _free_of_coordinates(fit: FittedLagrangian) -> list[str]:
    names = {name for term in fit.library.expressions for name in term.variables}
    if not names or any(not name.startswith("qd") for name in names):
        return []
    return [
        "no term depends on a coordinate: the torques follow from velocities and accelerations "
        "alone; where that is not meant, check the columns of q"
    ]


def _nothing_explained(error: float) -> list[str]:
    if error <= 1:
        return []
    return [
        f"the Lagrangian explains nothing: on held-out states its torques are off by {error:.3g} "
        "times the variance of the true ones; check units, signs, and whether q, qd, qdd and tau "
        "belong together"
    ]


def _degrees(data: MechanicalData, library: Library) -> list[str]:
    """Of large coordinates that no sine or cosine is taken of: in radians they would turn often."""
    waves = [term.waves for term in library.terms] if isinstance(library, WaveLibrary) else []
    low, high = _DEGREES
    return [
        f"q{i + 1} goes up to {size:.4g}: if it is an angle in degrees, convert it, its "
        "derivatives and its torque to radians"
        for i, size in enumerate(np.abs(data.q).max(axis=0))
        if low < size <= high and not any(wave[i] for wave in waves)
    ]


def _dry_friction(data: MechanicalData, fit: FittedLagrangian) -> list[str]:
    left, signs = fit.residual(data), np.sign(data.qd)
    return [
        f"what is left of torque {i + 1} follows the sign of qd{i + 1}: Coulomb friction of about "
        f"{size:.3g}; let friction be looked for"
        for i, size, share in _explained(left, signs)
        if size > 0 and share > _PLAIN
    ]


def _energy_coming_in(data: MechanicalData, fit: FittedLagrangian) -> list[str]:
    """Friction below zero is not given; where torques ask for it, that is worth a word."""
    return [
        f"what is left of torque {i + 1} asks for friction of {size:.3g}, below zero: energy comes "
        "in there, or the sign of tau is the opposite"
        for i, size, share in _explained(fit.residual(data), data.qd)
        if size < 0 and share > _PLAIN
    ]


def _explained(left: np.ndarray, by: np.ndarray) -> Iterator[tuple[int, float, float]]:
    """Coordinate, coefficient, and the share of what is left that it explains."""
    for i, (rest, column) in enumerate(zip(left.T, by.T, strict=True)):
        if (column @ column) * (rest @ rest) > 0:
            yield (
                i,
                rest @ column / (column @ column),
                (rest @ column) ** 2 / ((column @ column) * (rest @ rest)),
            )
