"""`detect_change`: whether a system is still the one that was found, told by a few new states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import ArrayLike, Float

from jaxsym._check import numbers, require
from jaxsym.datasets import MechanicalData, mechanical_data
from jaxsym.expr import constant
from jaxsym.simulate import MechanicalSystem
from jaxsym.syrenets.besides import Options, Role, besides, force_of
from jaxsym.syrenets.discovery import LagrangianDiscovery
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian

# Of a chi squared, below which noise alone does not leave so much.
_IMPROBABLE = 1e-4
_SPARE = 3  # more numbers than constants that new states must bring
_APART = 3.0  # standard errors between an old and a new constant that changed


class Change(NamedTuple):
    """What new states say of a system.

    Attributes:
      verdict: ``"none"`` if it is as it was, ``"constants"`` if the same terms with other constants
        explain the torques, ``"structure"`` if they do not.
      system: with the constants of the new states; after a change of structure these are only the
        nearest that the old terms allow.
      constants: of the new states, by term.
      uncertainty: their standard errors.
      changed: terms whose constants differ by more than their errors.
      as_before, refitted: how probable it is that noise leaves at least as much as the old
        constants, and as the new ones do.
      explanation: the friction that explains a change of structure, in words, if one does.
    """

    verdict: str
    system: MechanicalSystem
    constants: dict[str, float]
    uncertainty: dict[str, float]
    changed: tuple[str, ...]
    as_before: float
    refitted: float
    explanation: str = ""


def detect_change(
    found: LagrangianDiscovery,
    q: Float[ArrayLike, "n D"],
    qd: Float[ArrayLike, "n D"],
    qdd: Float[ArrayLike, "n D"],
    tau: Float[ArrayLike, "n D"],
    *,
    noise: Float[ArrayLike, " D"] | None = None,
) -> Change:
    """Tell whether masses or structure of a system have changed, and adapt the constants.

    The terms stay; their constants, and those of the friction that was found, are fitted to the new
    states by linear least squares, for which ten states of a double pendulum are enough. Chi
    squared of what the old and the new constants leave tells which of them noise explains. A robot
    that was put together anew, or lost a part, is noticed in this way.

    Args:
      found: the system before.
      q, qd, qdd, tau: new states and torques, as in `discover_lagrangian`; independent of one
        another.
      noise: standard deviation of each torque; by default what the Lagrangian left when it was
        found. Needed where it came from positions alone.

    Raises:
      ValueError: arrays as in `discover_lagrangian`, other coordinates, or too few states.

    >>> import jax
    >>> from jaxsym.simulate import mechanical
    >>> from jaxsym.syrenets import discover_lagrangian
    >>> cart = mechanical("cart-pole").sample(jax.random.key(0), 400)
    >>> found = discover_lagrangian(*cart, route="direct")
    >>> loaded = mechanical("cart-pole", M=1.5).sample(jax.random.key(1), 10)
    >>> change = detect_change(found, *loaded)
    >>> change.verdict, change.changed, round(change.constants["qd1**2"], 9)
    ('constants', ('qd1**2',), 0.9)
    """
    data = mechanical_data(q, qd, qdd, tau)
    dims = found.system.coordinates
    require(
        data.q.shape[1] == dims,
        f"q has {data.q.shape[1]} coordinates; expected {dims}, those of the system found",
    )
    table = _Table(found.fit, data, _noise(found.fit, data, noise))
    require(
        data.q.size >= table.columns.shape[-1] + _SPARE,
        f"{len(data.q)} states are too few to fit {table.columns.shape[-1]} constants; expected at "
        f"least {-(-(table.columns.shape[-1] + _SPARE) // dims)}",
    )
    before = np.ones(table.columns.shape[-1])
    now, errors = table.solve()
    as_before = table.probability(before, fitted=0)
    refitted = table.probability(now, fitted=len(now))
    verdict = "none" if as_before > _IMPROBABLE else "constants"
    if verdict != "none" and refitted <= _IMPROBABLE:
        verdict = "structure"
    count = len(found.fit.library)
    names = [str(term) for term in found.fit.library.expressions]
    old = found.fit.numbers
    known = np.hypot(errors[:count], found.fit.uncertainty)
    differ = np.abs(now[:count] - 1) > _APART * known
    fit = table.fit(now)
    return Change(
        verdict,
        fit.system(found.system.name),
        dict(zip(names, fit.numbers.tolist(), strict=True)),
        dict(zip(names, np.abs(errors[:count] * old).tolist(), strict=True)),
        tuple(n for n, other in zip(names, differ, strict=True) if other and verdict != "none"),
        as_before,
        refitted,
        table.explanation() if verdict == "structure" else "",
    )


def _noise(
    fit: FittedLagrangian, data: MechanicalData, given: ArrayLike | None
) -> Float[np.ndarray, " D"]:
    if given is not None:
        noise = np.broadcast_to(numbers("noise", given).astype(np.float64), data.q.shape[1])
        require(
            bool(np.all(noise >= 0) and np.all(np.isfinite(noise))),
            f"noise is {noise.tolist()}; expected standard deviations",
        )
    elif fit.noise is not None:
        noise = fit.noise
    else:
        raise ValueError(
            "the Lagrangian was found from positions alone, and does not tell the noise of single "
            "torques; expected noise, one number for each coordinate"
        )
    rounding = EXACT**0.5 * np.sqrt(np.mean(data.tau**2))
    return np.maximum(noise, rounding)


class _Table:
    """New states as a regression on the old terms, in units of their old constants."""

    def __init__(self, fit: FittedLagrangian, data: MechanicalData, noise: Float[np.ndarray, " D"]):
        self._fit, self._data, self._noise = fit, data, noise
        self.target = fit.gains * data.tau
        parts = [fit.library.columns(data) * fit.numbers]
        pairs = np.argwhere(np.triu(fit.friction)).tolist()
        parts += [self._viscous(i, j)[..., None] for i, j in pairs]
        self._pairs, self._drags = pairs, [i for i, d in enumerate(fit.drag) if d.variables]
        unit = np.eye(data.q.shape[1])
        parts += [
            (force_of(fit.drag[i], data.qd)[:, None] * unit[i])[..., None] for i in self._drags
        ]
        self.columns = np.concatenate(parts, axis=-1)

    def _viscous(self, i: int, j: int) -> Float[np.ndarray, "n D"]:
        column = np.zeros_like(self._data.qd)
        column[:, i] = self._fit.friction[i, j] * self._data.qd[:, j]
        column[:, j] = self._fit.friction[i, j] * self._data.qd[:, i]
        return column

    def solve(
        self, extra: Float[np.ndarray, "n D R"] | None = None
    ) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
        """Factors of the old constants by least squares, and their standard errors."""
        columns = self.columns if extra is None else np.concatenate([self.columns, extra], axis=-1)
        table = (columns / self._noise[:, None]).reshape(self.target.size, -1)
        inverse = np.linalg.pinv(table, rcond=1e-12)
        solved = inverse @ (self.target / self._noise).ravel()
        return solved, np.sqrt(np.sum(inverse**2, axis=1))

    def probability(
        self,
        factors: Float[np.ndarray, " S"],
        *,
        fitted: int,
        extra: Float[np.ndarray, "n D R"] | None = None,
    ) -> float:
        """That noise leaves at least as much as these constants do.

        The old ones are known to their errors only, which counts as noise.
        """
        columns = self.columns if extra is None else np.concatenate([self.columns, extra], axis=-1)
        left, variance = self.target - columns @ factors, self._noise**2
        if not fitted:
            unsure = self._fit.library.columns(self._data) * self._fit.numbers
            variance = variance + np.sum((unsure * self._fit.uncertainty) ** 2, axis=-1)
        size = float(np.sum(left**2 / variance))
        return float(scipy.stats.chi2.sf(size, left.size - fitted))

    def fit(self, factors: Float[np.ndarray, " S"]) -> FittedLagrangian:
        """The Lagrangian with new constants."""
        fit, count = self._fit, len(self._fit.library)
        friction, drag = np.array(fit.friction), list(fit.drag)
        rest = factors[count:].tolist()
        for (i, j), factor in zip(self._pairs, rest, strict=False):
            friction[i, j] = friction[j, i] = factor * fit.friction[i, j]
        for i, factor in zip(self._drags, rest[len(self._pairs) :], strict=True):
            drag[i] = (constant(factor) * fit.drag[i]).canonical()
        numbers_now = (fit.numbers * factors[:count]).tolist()
        coefficients = tuple(constant(value) for value in numbers_now)
        return fit._replace(coefficients=coefficients, friction=friction, drag=tuple(drag))

    def explanation(self) -> str:
        """The friction that alone explains what the old terms leave."""
        beside = besides(self._data, Options(friction=True))
        best, words = _IMPROBABLE, ""
        for k, role in enumerate(beside.roles):
            extra = beside.columns[..., k : k + 1]
            if self.columns.shape[-1] + 1 + _SPARE > self.target.size:
                break
            solved, _ = self.solve(extra)
            found = self.probability(solved, fitted=len(solved), extra=extra)
            if found > best:
                best, words = found, _in_words(role, float(solved[-1]))
        return words


def _in_words(role: Role, size: float) -> str:
    if role.law is not None:
        return f"drag of {size:.6g}*({role.law}) on coordinate {role.i + 1} explains it"
    if role.i == role.j:
        return f"viscous friction of {size:.6g} on coordinate {role.i + 1} explains it"
    pair = f"coordinates {role.i + 1} and {role.j + 1}"
    return f"viscous friction of {size:.6g} between {pair} explains it"
