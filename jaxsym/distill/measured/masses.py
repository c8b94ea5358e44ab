"""Laws between bodies of unknown masses, from measured positions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.distill.measured.finding import choose_law, without_superfluous_terms
from jaxsym.distill.measured.law_motion import LawFit, LawFitter
from jaxsym.distill.measured.radial_forms import Profile, RadialForm, radial_forms
from jaxsym.distill.phases import Run
from jaxsym.expr import literal
from jaxsym.inference import ACTING, PAIR_VECTORS, BodyPull, BodyPulls, WeakProfiles
from jaxsym.terms import kinds

_BIAS = 0.01  # of a pull's size, beside its standard errors: what smoothed states are off by
_LEAST = 1e-6  # mass of a body whose pull does not show, where a fit starts
_ROUNDS = 2  # of the weak form: with masses from it alone, and from the trajectories
_ALIKE = 3.0  # standard errors within which masses may be the same


class StartMasses(NamedTuple):
    """Masses that the weak form tells, good enough for a fit to start at.

    Attributes:
      mass: in units of that of the body whose pull is known best.
      factor: of masses and charges, by which rates grow.
      order: of the equation of motion. In that of first order a mass is a strength with a sign, as
        a vortex' circulation.
    """

    mass: Float[np.ndarray, " N"]
    factor: str
    order: int = 2

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Pairs of vectors and this factor, for `jaxsym.inference.weak_profiles`."""
        known = kinds(PAIR_VECTORS, 3, self.order)
        return [(kind.name, self.factor) for kind in known]

    def moved(self, mass: Float[np.ndarray, " N"]) -> StartMasses:
        """With other masses, which are positive; strengths need not be."""
        return self._replace(mass=np.maximum(mass, _LEAST) if self.order == 2 else mass)


def start_masses(pulls: BodyPulls, order: int = 2) -> StartMasses:
    """Masses with which the bodies' functions of distance are multiples of one formula.

    Bodies may be seen at different distances, as the Sun and a planet are from other planets: a
    formula for the pull that is known best is continued to where the others are.

    Args:
      pulls: by the weak form.
      order: of the equation of motion.

    Raises:
      ValueError: no pull shows above the noise.

    >>> r = np.linspace(1.0, 2.0, 30)
    >>> pull = lambda mass, r: BodyPull(r, mass / r**2, np.diag(np.full(30, 1e-6)))
    >>> start_masses(BodyPulls(ACTING, "1", [pull(2.0, r), pull(0.5, r + 1.0)], 1.0)).mass.round(3)
    array([1.  , 0.25])
    """
    shown = {body: pull for body, pull in enumerate(pulls.pulls) if pull is not None}
    require(len(shown) > 0, "no pull along the lines between the bodies shows above the noise")
    reference = max(shown, key=lambda body: _certainty(shown[body]))
    forms = radial_forms(*shown[reference])
    told = [_strengths(form, shown, reference) for form in forms]
    strength = min(told, key=lambda pair: pair[0])[1]
    least = min(abs(value) for value in strength.values())
    mass = np.array([strength.get(body, 0.0) for body in range(len(pulls.pulls))])
    if pulls.end == ACTING:
        return StartMasses(mass, "m2", order).moved(mass)
    # what hardly yields is heavier than all that do
    factor = "1/m1" if pulls.factor == "1" else f"{pulls.factor}/m1"
    return StartMasses(1.0 / np.maximum(mass, least / 10), factor)


def _certainty(pull: BodyPull) -> float:
    return float(np.median(np.abs(pull.size) / np.sqrt(np.diag(pull.covariance))))


def _strengths(
    form: RadialForm, shown: dict[int, BodyPull], reference: int
) -> tuple[float, dict[int, float]]:
    """Bits of the form with the strengths at which it fits all pulls, and these."""
    bits, strength = form.bits, {reference: 1.0}
    for body, pull in shown.items():
        if body == reference:
            continue
        profile = Profile.of(*pull, _BIAS)
        with np.errstate(all="ignore"):
            curve = form.expression.evaluate(pull.distance[:, None], ["r"])
        column = profile.whitening @ np.nan_to_num(curve, nan=0.0, posinf=0.0, neginf=0.0)
        target = profile.whitening @ pull.size
        strength[body] = float(column @ target / max(column @ column, np.finfo(float).tiny))
        bits += float(np.sum((target - strength[body] * column) ** 2)) / (2 * math.log(2))
    return bits, strength


def choose_law_and_masses(
    start: StartMasses,
    read: Callable[[StartMasses], WeakProfiles],
    fitter_of: Callable[[WeakProfiles], LawFitter],
    dims: int,
    run: Run,
    key: jax.Array,
) -> tuple[WeakProfiles, LawFitter, list[LawFit]]:
    """The law as with known masses, these among what is fitted to the trajectories.

    Where it does not explain the motion, the weak form is read once more with its masses. Bodies
    whose masses agree are tried as equal ones.

    Args:
      start: masses to begin with.
      read: the weak form with masses.
      fitter_of: of laws to trajectories, from the states of a weak form.
      dims: D.
      run: whose time is taken.
      key: of a search.
    """
    fitter: LawFitter | None = None
    fits: list[LawFit] = []
    for _ in range(_ROUNDS):
        profiles = read(start)
        fitter = fitter or fitter_of(profiles)
        fits += choose_law(profiles, fitter, dims, run, key, start.mass)
        fits.sort(key=fitter.bits)
        if fitter.explains(fits[0]) or run.over():
            break
        assert fits[0].masses is not None
        start = start.moved(fits[0].masses)
    assert fitter is not None
    if _equal(fits[0]) and not run.over():
        alike = _with_equal_masses(fits[0], fitter)
        shorter = [fitter.fit(law) for law in without_superfluous_terms(alike)]
        fits = sorted([*fits, alike, *shorter], key=fitter.bits)
    return profiles, fitter, fits


def _equal(found: LawFit) -> bool:
    """Whether the masses agree within their errors."""
    assert found.masses is not None
    bodies = len(found.masses)
    held = int(np.argmin(np.diag(found.covariance)[-bodies:]))
    off = np.delete(found.masses - found.masses[held], held)
    own = np.delete(np.delete(found.covariance[-bodies:, -bodies:], held, 0), held, 1)
    finite = bool(np.isfinite(own).all())
    return finite and bool(off @ np.linalg.pinv(own) @ off < _ALIKE**2 * len(off))


def _with_equal_masses(found: LawFit, fitter: LawFitter) -> LawFit:
    """The law for bodies that are alike, in which masses do not occur."""
    one = {"m1": literal(1), "m2": literal(1)}
    law = found.law.as_acceleration()
    alike = lambda coefficient: coefficient.substitute(one).canonical()  # noqa: E731
    law = dataclasses.replace(
        law,
        coefficient=alike(law.coefficient),
        drag=law.drag and alike(law.drag),
        further=tuple(
            dataclasses.replace(term, coefficient=alike(term.coefficient)) for term in law.further
        ),
    )
    return fitter.fit(law)
