"""What acts beside a Lagrangian, as columns of a regression: friction, drag, and gains."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression, apply, constant, variable

# Share of the states in which a velocity must have either sign: a sign that never changes is a
# constant force.
_EITHER_WAY = 0.02


class Options(NamedTuple):
    """What may act besides the Lagrangian.

    Attributes:
      friction: whether friction is looked for: viscous, Coulomb's, quadratic, and Stribeck's.
      gains: whether torques are commands of unknown gains, the first actuator's being one.
    """

    friction: bool = True
    gains: bool = False


class Role(NamedTuple):
    """What a column means.

    Attributes:
      kind: ``"friction"``, ``"drag"`` or ``"gain"``.
      i, j: coordinates; j of viscous friction alone.
      law: of drag, in ``qd1 .. qdD``.
    """

    kind: str
    i: int
    j: int
    law: Expression | None = None


class Besides(NamedTuple):
    """Columns beside those of a Lagrangian.

    Attributes:
      columns: for each role.
      target: what all columns add up to.
      roles: R of them.
    """

    columns: Float[np.ndarray, "n D R"]
    target: Float[np.ndarray, "n D"]
    roles: list[Role]


def besides(
    data: MechanicalData,
    options: Options,
    *,
    speeds: Mapping[int, float] | None = None,
    refused: Collection[Role] = (),
) -> Besides:
    """Columns of friction, drag and gains.

    Args:
      data: motion and torques.
      options: which.
      speeds: of Stribeck's friction, for each coordinate that has it.
      refused: friction and drag that is left out.
    """
    dims = data.q.shape[1]
    found: list[tuple[Role, np.ndarray]] = []
    if options.friction:
        # Rayleigh's dissipation: qd B qd / 2 with a symmetric matrix B
        for i, j in itertools.combinations_with_replacement(range(dims), 2):
            column = np.zeros_like(data.qd)
            column[:, i], column[:, j] = data.qd[:, j], data.qd[:, i]
            found.append((Role("friction", i, j), column))
        for i in range(dims):
            for law in _drags(data.qd[:, i], i, (speeds or {}).get(i)):
                found.append((Role("drag", i, i, law), drag_column(data, i, law)))
        found = [(role, column) for role, column in found if role not in refused]
    target = np.array(data.tau)
    if options.gains:
        for i in np.flatnonzero(np.any(data.tau != 0, axis=0))[1:].tolist():
            found.append((Role("gain", i, i), _only(i, -data.tau[:, i], dims)))
            target[:, i] = 0.0
    columns = [column[..., None] for _, column in found]
    empty = np.zeros((*data.q.shape, 0))
    return Besides(np.concatenate([empty, *columns], axis=-1), target, [role for role, _ in found])


def _drags(velocity: Float[np.ndarray, " n"], i: int, speed: float | None) -> list[Expression]:
    """The laws that a coordinate may have: Coulomb's, quadratic, Stribeck's."""
    qd = variable(f"qd{i + 1}")
    laws = [apply("abs", qd) * qd]
    either = min(np.mean(velocity > 0), np.mean(velocity < 0))
    if either >= _EITHER_WAY:
        laws.append(coulomb(i))
    return laws if speed is None else [*laws, stribeck(i, speed)]


def coulomb(i: int) -> Expression:
    """Of one unit.

    >>> coulomb(0)
    Expression(sign(qd1))
    """
    return apply("sign", variable(f"qd{i + 1}"))


def stribeck(i: int, speed: float) -> Expression:
    """What friction at rest is above that of motion, as it falls with speed (Armstrong 1994).

    >>> stribeck(0, 0.5)
    Expression(sign(qd1)*exp(-(qd1/0.5)**2))
    """
    ratio = variable(f"qd{i + 1}") / constant(speed)
    return coulomb(i) * apply("exp", -(ratio**2))


def drag_column(data: MechanicalData, i: int, law: Expression) -> Float[np.ndarray, "n D"]:
    """The force of a law, on its coordinate."""
    return _only(i, force_of(law, data.qd), data.q.shape[1])


def force_of(law: Expression, qd: Float[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
    """The values of a law of drag."""
    names = [f"qd{i + 1}" for i in range(qd.shape[1])]
    return np.broadcast_to(law.evaluate(qd, names), len(qd))


def _only(i: int, values: np.ndarray, dims: int) -> np.ndarray:
    column = np.zeros((len(values), dims))
    column[:, i] = values
    return column
