"""A Lagrangian, friction and gains as one sparse linear regression through Euler-Lagrange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym._indices import spread
from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression, literal
from jaxsym.expr.fitting.snapping import snapped
from jaxsym.simulate import MechanicalSystem
from jaxsym.syrenets.besides import Besides, Options, Role, besides, coulomb, force_of
from jaxsym.syrenets.library import Library
from jaxsym.syrenets.regression import SparseFit, sparse_fit
from jaxsym.syrenets.stribeck import stribeck_speed

# A relative mean squared error of torques that only rounding explains.
EXACT = 1e-16
# Entries of a regression's table: more rows than that tell little more, and fill the memory.
_ENTRIES = 6_000_000
_TURNS = 3  # in which the terms tell Stribeck's speeds, and these the terms
# A torque that varies less than this share of the others is measured by theirs.
_STILL = 1e-6


class FittedLagrangian(NamedTuple):
    """Terms, their coefficients, and what acts besides.

    Attributes:
      library: the terms, S of them.
      coefficients: numbers as expressions: exact ones, or constants.
      friction: ``[D, D]``, symmetric.
      gains: ``[D]``.
      uncertainty: relative standard errors of the coefficients.
      drag: resistance beside the friction, for each coordinate; empty if there is none.
      noise: root mean square of what it leaves of each torque; None if torques were integrated.
    """

    library: Library
    coefficients: tuple[Expression, ...]
    friction: Float[np.ndarray, "D D"]
    gains: Float[np.ndarray, " D"]
    uncertainty: Float[np.ndarray, " S"]
    drag: tuple[Expression, ...] = ()
    noise: Float[np.ndarray, " D"] | None = None

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
        if self.drag:
            force = force + np.stack([force_of(law, data.qd) for law in self.drag], axis=1)
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
        return MechanicalSystem(name, formula, len(gains), {}, friction, gains, self.drag)


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
    regression = _Regression(library, library.columns(data), data, options)
    solved = regression.without_rounding(regression.solve())
    solved = regression.with_stribeck(solved)
    again = partial(regression.solve, solved.speeds)
    return read(dissipative(again, solved, library, data.q.shape[1]), library, data, options)


class Solved(NamedTuple):
    """A regression on a library's columns, what the columns beside them mean, and what went in."""

    fit: SparseFit
    beside: Besides
    speeds: dict[int, float]
    refused: frozenset[Role]

    def exact(self) -> bool:
        """Whether only rounding is left."""
        return bool(np.all(self.fit.scale**2 <= EXACT * np.var(self.beside.target)))


class _Regression(NamedTuple):
    """One library and one table of states; friction and gains in several versions."""

    library: Library
    columns: Float[np.ndarray, "n D K"]
    data: MechanicalData
    options: Options

    def solve(
        self,
        speeds: dict[int, float] | None = None,
        refused: frozenset[Role] = frozenset(),
    ) -> Solved:
        speeds = speeds or {}
        beside = besides(self.data, self.options, speeds=speeds, refused=refused)
        gains = [role.kind == "gain" for role in beside.roles]
        kept = np.array([False] * len(self.library) + gains)
        table = np.concatenate([self.columns, beside.columns], axis=-1)
        return Solved(sparse_fit(table, beside.target, kept=kept), beside, speeds, refused)

    def without_rounding(self, solved: Solved) -> Solved:
        """Without terms whose share in all torques is below what counts as exact.

        Files have so many digits, and rounding is no noise of one size, so that terms which follow
        it can seem certain.
        """
        table = np.concatenate([self.columns, solved.beside.columns], axis=-1)
        parts = table[..., solved.fit.support] * solved.fit.coefficients
        size = np.sqrt(np.mean(solved.beside.target**2, axis=0))
        share = np.sqrt(np.mean(parts**2, axis=0)) / np.maximum(size, 1e-300)[:, None]
        needed = solved.fit.support[np.any(share > np.sqrt(EXACT), axis=0)]
        if len(needed) == len(solved.fit.support):
            return solved
        others = np.ones(table.shape[-1], bool)
        others[needed] = False
        fewer = sparse_fit(np.where(others, 0.0, table), solved.beside.target, kept=~others)
        return solved._replace(fit=fewer)

    def with_stribeck(self, solved: Solved) -> Solved:
        """Speeds of Stribeck's friction where there is Coulomb's, and what they change."""
        for _ in range(_TURNS):
            speeds = {} if solved.exact() else self._speeds(solved)
            if not speeds:
                break
            again = self.solve(speeds)
            if not any(_is_stribecks(self._law(again, place)) for place in again.fit.support):
                break
            solved = again
        return solved

    def _law(self, solved: Solved, place: int) -> Expression | None:
        """Of drag, if a column is that."""
        own = place - len(self.library)
        return solved.beside.roles[own].law if own >= 0 else None

    def _speeds(self, solved: Solved) -> dict[int, float]:
        """For each coordinate with Coulomb's friction."""
        found = {}
        for i in range(self.data.q.shape[1]):
            laws = [self._law(solved, place) for place in solved.fit.support]
            speed = self._speed(solved, i) if coulomb(i) in laws else None
            if speed is not None:
                found[i] = speed
        return found

    def _speed(self, solved: Solved, i: int) -> float | None:
        """Beside the terms that were chosen, and all friction of the coordinate."""
        table = np.concatenate([self.columns, solved.beside.columns], axis=-1)
        roles = enumerate(solved.beside.roles, len(self.library))
        own = {place for place, role in roles if role.i == role.j == i and role.kind != "gain"}
        places = sorted({*solved.fit.support.tolist(), *own})
        others = table[:, i, [p for p in places if not _is_stribecks(self._law(solved, p))]]
        others = others[:, np.any(others != 0, axis=0)]
        return stribeck_speed(self.data.qd[:, i], others, solved.beside.target[:, i])


def dissipative(
    solve: Callable[[frozenset[Role]], Solved], solved: Solved, library: Library, dims: int
) -> Solved:
    """Without the friction that would bring energy in: its matrix is positive semidefinite.

    Args:
      solve: the regression again, some friction left out.
      solved: the regression.
      library: the terms.
      dims: D.
    """
    while True:
        numbers = _beside(solved, len(library))
        bad = _active_friction(numbers, dims) or _active_drag(numbers)
        if not bad:
            return solved
        solved = solve(solved.refused | bad)


def _beside(solved: Solved, first: int) -> dict[Role, float]:
    """The coefficients of what acts beside the Lagrangian."""
    pairs = zip(solved.fit.support.tolist(), solved.fit.coefficients.tolist(), strict=True)
    return {solved.beside.roles[k - first]: value for k, value in pairs if k >= first}


def _is_stribecks(law: Expression | None) -> bool:
    return law is not None and "exp" in law.tokens


def _active_friction(numbers: Mapping[Role, float], dims: int) -> frozenset[Role]:
    """Viscous friction that goes first for its matrix to be positive semidefinite."""
    matrix = np.zeros((dims, dims))
    for role, value in numbers.items():
        if role.kind == "friction":
            matrix[role.i, role.j] = matrix[role.j, role.i] = value
    values, own = np.linalg.eigvalsh(matrix), np.diag(matrix)
    if values[0] >= -1e-12 * abs(values).max():
        return frozenset()
    worst = int(np.argmin(own))
    if own[worst] < 0:
        pairs = [(min(worst, j), max(worst, j)) for j in range(dims)]
    else:
        spare = np.sqrt(np.outer(own, own)) - np.abs(matrix)
        spare = np.where((matrix == 0) | np.eye(dims, dtype=bool), np.inf, spare)
        i, j = np.unravel_index(np.argmin(spare), spare.shape)
        pairs = [(int(min(i, j)), int(max(i, j)))]
    return frozenset(Role("friction", *pair) for pair in pairs)


def _active_drag(numbers: Mapping[Role, float]) -> frozenset[Role]:
    """Drag that would push, at rest or at large speeds."""
    drags = [role for role in numbers if role.kind == "drag"]
    dry = {role.i: numbers[role] for role in drags if role.law == coulomb(role.i)}
    least = {role: -dry.get(role.i, 0.0) if _is_stribecks(role.law) else 0.0 for role in drags}
    return frozenset(role for role in drags if numbers[role] < least[role])


def evenly(data: MechanicalData, count: int) -> MechanicalData:
    """At most ``count`` states, spread over all of them."""
    total = len(data.q)
    chosen = spread(total, count)
    return MechanicalData(*(values[chosen] for values in data))


def plain(number: Expression) -> float:
    """The value of an expression without variables."""
    return float(number.evaluate(np.zeros(0), ()))


def read(
    solved: Solved, library: Library, data: MechanicalData, options: Options
) -> FittedLagrangian:
    """A regression as a Lagrangian, its constants as exactly as their errors let them be said.

    Raises:
      ValueError: a gain that the data do not tell.
    """
    dims, fit = data.q.shape[1], solved.fit
    friction, gains = np.zeros((dims, dims)), np.ones(dims)
    if options.gains:
        gains[~np.any(data.tau != 0, axis=0)] = 0.0
    terms, coefficients, uncertainty = [], [], []
    drag: list[Expression | None] = [None] * dims
    for place, value, error in zip(fit.support, fit.coefficients, fit.errors, strict=True):
        number = snapped(float(value), float(error))
        if place < len(library):
            terms.append(int(place))
            coefficients.append(number)
            uncertainty.append(error / abs(value))
            continue
        kind, i, j, law = solved.beside.roles[place - len(library)]
        if kind == "friction":
            friction[i, j] = friction[j, i] = plain(number)
            continue
        if law is not None:
            before, part = drag[i], number * law
            drag[i] = part if before is None else before + part
            continue
        require(
            abs(value) > 10 * error,
            f"the gain of actuator {i + 1} cannot be told from these data, since coordinate "
            f"{i + 1} moves on its own; expected coordinates that push one another, or known gains",
        )
        gains[i] = plain(number)
    laws = tuple((law or literal(0)).canonical() for law in drag) if any(drag) else ()
    chosen, errors = library.part(terms), np.array(uncertainty)
    return FittedLagrangian(chosen, tuple(coefficients), friction, gains, errors, laws, fit.scale)
