"""A law of particles as a vector field, and its constants by the trajectories that it makes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.measured.constants import constants_of, flat_constants
from jaxsym.distill.measured.evidence import EXPLAINED
from jaxsym.distill.measured.restating import StatedLaw, restated
from jaxsym.expr import Expression, variable
from jaxsym.expr.jax_bridge import to_jax
from jaxsym.inference import (
    Observations,
    TrajectoryFit,
    VectorField,
    fit_trajectories,
    observations,
    second_order,
)
from jaxsym.laws.pairs import VARIABLES, arbitrary_inputs
from jaxsym.laws.particle_law import OWN_VARIABLES, ParticleLaw, Term, with_parameters
from jaxsym.trajectories import Pairs, Trajectories

_BITS_A_NODE = 3.0  # a choice among some eight symbols
_SWAPPED = {"m1": "m2", "m2": "m1", "q1": "q2", "q2": "q1"}
# The weak form's constants are off by percents and its states by less than the noise: the loosest
# stages, which are for starts that know nothing, are left out.
LOOSENESS = (30.0, 3.0, 0.1, 1e-3, 1e-6)
_NEAR = 2  # the first stage for starts that are near
_ROUNDS, _SETTLED = 3, 0.02  # of the estimated noise
_FOLLOWED = 0.75  # of the trajectories: bodies may meet too closely in some


class MeasuredMotion(NamedTuple):
    """What laws are fitted to.

    Attributes:
      data: with masses and charges as inputs.
      bodies: N.
      dims: D.
      pairs: of bodies that interact, i < j.
      states: positions and velocities at the times, where fits start.
      sigma_known: whether the standard errors were given.
      box: length of a periodic box, in which the nearest image of a body acts; None without.
    """

    data: Observations
    bodies: int
    dims: int
    pairs: Int[np.ndarray, "P 2"]
    states: Float[np.ndarray, "R T S"] | None
    sigma_known: bool
    box: float | None = None


class GeneralLaw(NamedTuple):
    """A law as one of many of the same form, for which fits are compiled once.

    Attributes:
      law: with all constants.
      free: which of the pair law's are fitted.
      written: the shortest way to write the law, from its constants.
    """

    law: ParticleLaw
    free: Bool[np.ndarray, " C"]
    written: Callable[[ParticleLaw], ParticleLaw]


class LawFit(NamedTuple):
    """A law with its constants fitted to trajectories.

    Attributes:
      law: the equations.
      covariance: of their constants, in the order of `flat_constants`, and of the masses.
      fit: what the trajectories say.
      general: the law with more constants of which some are fixed, if it was fitted as such.
      masses: in units of one of them, where they were fitted, too.
    """

    law: ParticleLaw
    covariance: Float[np.ndarray, "K K"]
    fit: TrajectoryFit
    general: GeneralLaw | None = None
    masses: Float[np.ndarray, " N"] | None = None


def measured_motion(
    data: Trajectories,
    sigma: Float[np.ndarray, "R N"],
    states: Float[np.ndarray, "R T S"] | None = None,
    box: float | None = None,
) -> MeasuredMotion:
    """Observations of trajectories whose positions alone were measured.

    Args:
      data: with what was measured.
      sigma: standard errors of each body's coordinates.
      states: where fits start; by default polynomials through the samples.
      box: length of a periodic box.
    """
    assert data.measured is not None
    seen = np.asarray(data.measured.position, np.float64)
    runs, times, bodies, dims = seen.shape
    flat = seen.reshape(runs, times, -1)
    spread = np.broadcast_to(np.repeat(sigma, dims, axis=1)[:, None], flat.shape)
    scalars = {"mass": data.mass, "charge": data.charge}
    default = {"mass": 1.0, "charge": 0.0}
    inputs = {
        name: np.full((runs, bodies), default[name]) if values is None else np.asarray(values)
        for name, values in scalars.items()
    }
    return MeasuredMotion(
        observations(np.asarray(data.time, np.float64), flat, sigma=spread, inputs=inputs),
        bodies,
        dims,
        _linked(bodies, data.pairs),
        states,
        data.measured.sigma is not None,
        box,
    )


def _linked(bodies: int, pairs: Pairs | None) -> Int[np.ndarray, "P 2"]:
    return np.stack(np.triu_indices(bodies, 1), axis=1) if pairs is None else np.array(pairs)


def is_mutual(law: ParticleLaw) -> bool:
    """Whether the force on 2 by 1 is the opposite of that on 1 by 2, whatever the two are.

    The vectors of pairs' terms are opposite at both ends; so it depends on the coefficients.
    """
    return all(_symmetric(term.coefficient, law.force) for term in law.pair_terms)


def _symmetric(coefficient: Expression, force: bool) -> bool:
    coefficient = coefficient if force else coefficient * variable("m1")
    table = arbitrary_inputs()
    swapped = coefficient.substitute({a: variable(b) for a, b in _SWAPPED.items()})
    here, there = (e.evaluate(table, VARIABLES) for e in (coefficient, swapped))
    return bool(np.allclose(here, there, rtol=1e-9, atol=0.0))


def law_field(
    law: ParticleLaw, bodies: int, pairs: Int[np.ndarray, "P 2"], box: float | None = None
) -> VectorField:
    """The vector field of a law, whose constants are those of `constants_of`.

    Where forces are mutual each pair is computed once. Masses among the constants go before those
    of the inputs.

    Args:
      law: the equations; the values of its constants are not used.
      bodies: N.
      pairs: that interact.
      box: length of a periodic box, in which the nearest image of a body acts.

    >>> from jaxsym.expr import parse
    >>> field = law_field(ParticleLaw(parse("2.0"), True, 2), 2, np.array([[0, 1]]))
    >>> inputs = {"mass": jnp.array([1.0, 4.0]), "charge": jnp.zeros(2)}
    >>> state = jnp.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    >>> field({"coefficient": jnp.array([2.0])}, state, 0.0, inputs)[4:].tolist()
    [2.0, 0.0, -0.5, 0.0]
    """
    rate = _rate(law, bodies, pairs, box)
    return second_order(rate) if law.order == 2 else Partial(_first_order, Partial(rate))


def _first_order(rate: Callable, constants: Any, state: Array, time: Array, inputs: Any) -> Array:
    return rate(constants, state, jnp.zeros_like(state), time, inputs)


def _rate(
    law: ParticleLaw, bodies: int, pairs: np.ndarray, box: float | None
) -> Callable[..., Array]:
    mutual = is_mutual(law)
    first, second = pairs.T
    if not mutual:
        first, second = np.concatenate([first, second]), np.concatenate([second, first])
    onto = np.zeros((bodies, len(first)))
    onto[first, np.arange(len(first))] = 1.0
    if mutual:
        onto[second, np.arange(len(first))] = -1.0
    pull, _ = to_jax(law.coefficient, VARIABLES)
    drag = None if law.drag is None else to_jax(law.drag, OWN_VARIABLES)[0]
    further = [_coefficient_of(term) for term in law.further]
    none = jnp.zeros(0)

    def sum_of(between: bool, table: Array, constants: Any, *ends: Array) -> Array | float:
        return sum(
            size(table, constants["further"][k])[:, None] * term.kind.vector(*ends)
            for k, (term, size) in enumerate(zip(law.further, further, strict=True))
            if term.kind.between is between
        )

    def rate(constants: Any, x: Array, v: Array, time: Array, inputs: Any) -> Array:
        mass, charge = constants.get("mass", inputs["mass"]), inputs["charge"]
        at = x.reshape(bodies, -1)
        d = at[second] - at[first]
        d = d if box is None else d - box * jnp.round(d / box)
        ends = (mass[first], mass[second], charge[first], charge[second])
        table = jnp.stack([jnp.sqrt(jnp.sum(d**2, axis=-1)), *ends], axis=-1)
        velocity = v.reshape(bodies, -1)
        each = pull(table, constants.get("coefficient", none))[:, None] * d
        each += sum_of(True, table, constants, d, velocity[second] - velocity[first])
        if mutual and not law.force:  # an acceleration of the first alone
            each = each * mass[first, None]
        total = jnp.asarray(onto) @ each
        if mutual or law.force:
            total = total / mass[:, None]
        own = jnp.stack([mass, charge], axis=-1)
        if drag is not None:
            total += drag(own, constants.get("drag", none))[:, None] * velocity
        total += sum_of(False, own, constants, at, velocity)
        return (total + constants.get("field", 0.0)).ravel()

    return rate


def _coefficient_of(term: Term) -> Callable[[Array, Array], Array]:
    return to_jax(term.coefficient, VARIABLES if term.kind.between else OWN_VARIABLES)[0]


class LawFitter:
    """Fits laws to the same trajectories; each form is compiled once.

    Where the noise is not known, laws that leave less than it was thought to be lower it.

    Args:
      motion: what laws are fitted to.
      inputs: `VARIABLES` at which forms of a law are compared.
    """

    def __init__(self, motion: MeasuredMotion, inputs: Float[np.ndarray, "K V"]):
        self.motion, self._inputs = motion, inputs
        self._fields: dict[tuple, VectorField] = {}
        self._explained: Float[np.ndarray, "R T S"] | None = None
        self._segments = 0

    @implicit_broadcasting()
    def fit(
        self,
        law: ParticleLaw,
        general: GeneralLaw | None = None,
        masses: Float[np.ndarray, " N"] | None = None,
    ) -> LawFit:
        """The law with its constants where the trajectories are likeliest.

        Args:
          law: the equations.
          general: the same as one of many.
          masses: where to start, if they are to be fitted; the one that is 1 stays as it is.
        """
        found = self._fitted(law, general, self._explained, masses)
        for _ in range(_ROUNDS):
            ratio = math.sqrt(found.fit.chi2_per_dof)
            if self.motion.sigma_known or ratio > 1.0 - _SETTLED:
                break
            self.motion = _with_noise(self.motion, max(ratio, 1e-6))
            found = self._fitted(found.law, found.general, found.fit.states, found.masses)
        if self.explains(found):
            self._explained = found.fit.states
        return found

    @implicit_broadcasting()
    def motion_of(
        self, found: LawFit, motion: MeasuredMotion, *, near: bool = False
    ) -> TrajectoryFit:
        """The law's motion through other data, of which only the first states are fitted.

        Args:
          found: the law.
          motion: the data.
          near: whether the states are a motion under the law already.
        """
        law = found.law if found.general is None else found.general.law
        constants = constants_of(law, found.masses)
        held = _marked(constants, False)
        return fit_trajectories(
            self._field(law), constants, motion.data, order=law.order, states=motion.states,
            free=held, looseness=LOOSENESS[-1:] if near else LOOSENESS, segments=self._segments,
        )  # fmt: skip

    def _fitted(
        self,
        law: ParticleLaw,
        general: GeneralLaw | None,
        explained: np.ndarray | None,
        masses: np.ndarray | None,
    ) -> LawFit:
        """From the motion under a law that explains it, if there is one, else from the start."""
        start = law if general is None else general.law
        constants = constants_of(start, masses)
        free = _marked(constants, True)
        if masses is not None:
            free["mass"] = np.arange(len(masses)) != np.argmin(np.abs(masses - 1.0))
        if general is not None:
            free["coefficient"] = general.free
        fit = fit_trajectories(
            self._field(start), constants, self.motion.data, order=law.order, free=free,
            states=self.motion.states if explained is None else explained,
            looseness=LOOSENESS if explained is None else LOOSENESS[_NEAR:],
            segments=self._segments,
        )  # fmt: skip
        self._segments = fit.segments
        parts = dict(fit.constants)
        masses = parts.pop("mass", None)
        found = with_parameters(start, {"coefficient": (), "drag": (), **parts})
        covariance = np.asarray(fit.covariance)
        if general is None:
            return LawFit(found, covariance, fit, masses=masses)
        written = general.written(found)
        stated = restated(StatedLaw(found, covariance, masses), written, self._inputs)
        return LawFit(written, stated.covariance, fit, general._replace(law=found), masses)

    def _field(self, law: ParticleLaw) -> VectorField:
        if law.form not in self._fields:
            self._fields[law.form] = law_field(
                law, self.motion.bodies, self.motion.pairs, self.motion.box
            )
        return self._fields[law.form]

    def bits(self, found: LawFit) -> float:
        """Description length of law and misfit, up to a constant (Rissanen 1978).

        Where the noise is not known the likelihood is that of the noise which fits best. A
        trajectory that the law's motion did not follow has noise of its own.
        """
        fit = found.fit
        count = np.isfinite(fit.residuals).sum(axis=(1, 2))
        square = self._scale(found) * np.nansum(fit.residuals**2, axis=(1, 2))
        led, lost = fit.led & (count > 0), ~fit.led & (count > 0)
        chi2 = max(float(square[led].sum()), 1e-12 * count[led].sum())
        own = np.sum(count[lost] / 2 * np.log2(square[lost] / count[lost]))
        if self.motion.sigma_known:
            misfit = (chi2 + count[lost].sum()) / (2 * math.log(2))
        else:
            misfit = count[led].sum() / 2 * math.log2(chi2 / count[led].sum())
        numbers = len(flat_constants(found.law)) * math.log2(count.sum()) / 2
        return misfit + float(own) + numbers + _BITS_A_NODE * found.law.complexity

    def explains(self, found: LawFit) -> bool:
        """Whether a law leaves what noise does, in all trajectories but a few."""
        usual = found.fit.chi2 * self._scale(found) / max(found.fit.dof, 1)
        return usual < EXPLAINED and bool(found.fit.led.mean() >= _FOLLOWED)

    def _scale(self, found: LawFit) -> float:
        """Of squared residuals: the noise then over the noise as it is known now."""
        now, then = self.motion.data.sigma, found.fit.sigma
        assert now is not None
        return float(np.median(then / now)) ** 2


def _marked(constants: Any, value: bool) -> Any:
    return jax.tree.map(lambda numbers: np.full(np.shape(numbers), value), constants)


def _with_noise(motion: MeasuredMotion, ratio: float) -> MeasuredMotion:
    assert motion.data.sigma is not None
    return motion._replace(data=motion.data.with_sigma(ratio * motion.data.sigma))


def with_pairs_of(law: ParticleLaw, force: bool) -> ParticleLaw:
    """The law with its pair part as a force or as an acceleration, not simplified."""
    if law.force == force:
        return law
    m1 = variable("m1")
    coefficient = law.coefficient * m1 if force else law.coefficient / m1
    return dataclasses.replace(law, coefficient=coefficient.canonical(), force=force)
