"""A Lagrangian, friction and gains as one sparse linear regression through Euler-Lagrange."""

from __future__ import annotations

import itertools
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym._indices import spread
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression
from jaxsym.expr.fitting.snapping import snapped
from jaxsym.simulate import MechanicalSystem
from jaxsym.syrenets.library import Library
from jaxsym.syrenets.regression import SparseFit, sparse_fit

# A relative mean squared error of torques that only rounding explains.
EXACT = 1e-16
# Entries of a regression's table: more rows than that tell little more, and fill the memory.
_ENTRIES = 6_000_000
# A torque that varies less than this share of the others is measured by theirs.
_STILL = 1e-6


class Options(NamedTuple):
    """What may act besides the Lagrangian.

    Attributes:
      friction: whether viscous friction is looked for.
      gains: whether torques are commands of unknown gains, the first actuator's being one.
    """

    friction: bool = True
    gains: bool = False


class FittedLagrangian(NamedTuple):
    """Terms, their coefficients, and what acts besides.

    Attributes:
      library: the terms, S of them.
      coefficients: numbers as expressions: exact ones, or constants.
      friction: ``[D, D]``, symmetric.
      gains: ``[D]``.
      uncertainty: relative standard errors of the coefficients.
    """

    library: Library
    coefficients: tuple[Expression, ...]
    friction: Float[np.ndarray, "D D"]
    gains: Float[np.ndarray, " D"]
    uncertainty: Float[np.ndarray, " S"]

    @property
    def numbers(self) -> Float[np.ndarray, " S"]:
        """The coefficients as numbers."""
        return np.array([plain(c) for c in self.coefficients])

    def error(self, data: MechanicalData) -> float:
        """`relative_torque_error` of the torques on other data."""
        force = self.gains * data.tau
        return relative_torque_error(force - self.residual(data), force)

    def residual(self, data: MechanicalData) -> Float[np.ndarray, "n D"]:
        """What it leaves of the torques on other data."""
        force = data.qd @ self.friction
        if len(self.library):
            force = force + self.library.columns(data) @ self.numbers
        return self.gains * data.tau - force

    def check_mass_matrix(self, data: MechanicalData) -> None:
        """Whether the accelerations follow from the torques in some states.

        Raises:
          ValueError: the first state where the mass matrix is singular, or no term at all.
        """
        self._check_terms()
        still = data._replace(qdd=np.zeros_like(data.qdd))
        rest, dims = self.library.columns(still) @ self.numbers, data.q.shape[1]
        columns = [
            self.library.columns(data._replace(qdd=np.broadcast_to(unit, data.qdd.shape)))
            for unit in np.eye(dims)
        ]
        mass = np.stack([column @ self.numbers - rest for column in columns], axis=-1)
        sizes = np.linalg.svd(mass, compute_uv=False)
        bad = np.flatnonzero(sizes[:, -1] <= 1e-12 * sizes[:, 0])
        if len(bad):
            place = bad[0]
            raise ValueError(
                "the mass matrix of the Lagrangian is singular at "
                f"q = {data.q[place].tolist()}, qd = {data.qd[place].tolist()}: "
                f"{mass[place].tolist()}; expected a kinetic energy in which every velocity counts"
            )

    def _check_terms(self) -> None:
        require(
            bool(self.coefficients),
            "no term of the library explains the torques; expected torques that the motion needs",
        )

    def system(self, name: str) -> MechanicalSystem:
        """The system that moves by it.

        Raises:
          ValueError: no term was found.
        """
        self._check_terms()
        pairs = zip(self.coefficients, self.library.expressions, strict=True)
        formula = reduce(lambda a, b: a + b, (c * term for c, term in pairs)).canonical()
        friction, gains = self.friction.tolist(), self.gains.tolist()
        return MechanicalSystem(name, formula, len(gains), {}, friction, gains)


def relative_torque_error(found: Float[np.ndarray, "n D"], true: Float[np.ndarray, "n D"]) -> float:
    """Mean squared error over variance, of the coordinate where it is largest.

    >>> true = np.array([[0.0], [2.0]])
    >>> relative_torque_error(true + 0.1, true).__round__(9)
    0.01
    """
    variance = np.var(true, axis=0)
    variance = np.maximum(variance, max(_STILL * variance.max(), np.finfo(float).tiny))
    return float(np.max(np.mean((found - true) ** 2, axis=0) / variance))


def fit_lagrangian(
    library: Library, data: MechanicalData, options: Options, *, rows: int | None = None
) -> FittedLagrangian:
    """The sparse Lagrangian of a library that explains motion and torque best.

    Args:
      library: the terms to choose from.
      data: motion and torques.
      options: what else may act.
      rows: most states to use; by default as many as memory takes.

    Raises:
      ValueError: too few states for the library, or a gain that they do not tell.
    """
    dims = data.q.shape[1]
    most = max(_ENTRIES // (dims * len(library)), 3 * len(library) // dims)
    data = evenly(data, most if rows is None else min(rows, most))
    extra, target, roles = _besides(data, options)
    kept = np.array([False] * len(library) + [role == "gain" for role, *_ in roles])
    columns = np.concatenate([library.columns(data), extra], axis=-1)
    return _read(sparse_fit(columns, target, kept=kept), library, roles, data, options)


def evenly(data: MechanicalData, count: int) -> MechanicalData:
    """At most ``count`` states, spread over all of them."""
    total = len(data.q)
    chosen = spread(total, count)
    return MechanicalData(*(values[chosen] for values in data))


def plain(number: Expression) -> float:
    """The value of an expression without variables."""
    return float(number.evaluate(np.zeros(0), ()))


def _besides(
    data: MechanicalData, options: Options
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, int, int]]]:
    """Columns of friction and gains, what all columns add up to, and what the columns mean."""
    samples, dims = data.q.shape
    columns, roles = [np.zeros((samples, dims, 0))], []
    if options.friction:
        # Rayleigh's dissipation: qd B qd / 2 with a symmetric matrix B
        for i, j in itertools.combinations_with_replacement(range(dims), 2):
            column = np.zeros((samples, dims, 1))
            column[:, i, 0], column[:, j, 0] = data.qd[:, j], data.qd[:, i]
            columns.append(column)
            roles.append(("friction", i, j))
    target = np.array(data.tau)
    if options.gains:
        for i in np.flatnonzero(np.any(data.tau != 0, axis=0))[1:].tolist():
            column = np.zeros((samples, dims, 1))
            column[:, i, 0] = -data.tau[:, i]
            columns.append(column)
            roles.append(("gain", i, i))
            target[:, i] = 0.0
    return np.concatenate(columns, axis=-1), target, roles


def _read(
    fit: SparseFit,
    library: Library,
    roles: list[tuple[str, int, int]],
    data: MechanicalData,
    options: Options,
) -> FittedLagrangian:
    dims = data.q.shape[1]
    friction, gains = np.zeros((dims, dims)), np.ones(dims)
    if options.gains:
        gains[~np.any(data.tau != 0, axis=0)] = 0.0
    terms, coefficients, uncertainty = [], [], []
    for place, value, error in zip(fit.support, fit.coefficients, fit.errors, strict=True):
        number = snapped(float(value), float(error))
        if place < len(library):
            terms.append(int(place))
            coefficients.append(number)
            uncertainty.append(error / abs(value))
            continue
        role, i, j = roles[place - len(library)]
        if role == "friction":
            friction[i, j] = friction[j, i] = plain(number)
            continue
        require(
            abs(value) > 10 * error,
            f"the gain of actuator {i + 1} cannot be told from these data, since coordinate "
            f"{i + 1} moves on its own; expected coordinates that push one another, or known gains",
        )
        gains[i] = plain(number)
    chosen = library.part(terms)
    return FittedLagrangian(chosen, tuple(coefficients), friction, gains, np.array(uncertainty))
