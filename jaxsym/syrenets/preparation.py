"""What motion and torque need before terms are looked for: angles in one piece, coordinates that
move, and motion that the Lagrangian alone governs."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.datasets import MechanicalData

_STILL = 1e-9  # share of its size by which a coordinate that never moves may vary
# A step is a wrap if it is a full turn to this share, and most steps are small beside it.
_TURN = 0.25
_USUAL = 0.1
# Share of a velocity that is left once the others explain it, below which they determine it: noise
# of a few tenths of a percent.
_DETERMINED = 3e-3
_ROWS_EACH = 5  # states for each number of a constraint that is looked for
_LOOKED_AT = 2000  # states


class Prepared(NamedTuple):
    """Data to learn from.

    Attributes:
      data: of the coordinates that move, angles unwrapped.
      hints: what was done, in words.
    """

    data: MechanicalData
    hints: tuple[str, ...]


def prepared(data: MechanicalData) -> Prepared:
    """Unwrap angles, leave out coordinates that never move, refuse constraints.

    Args:
      data: motion and torques, rows in the order in which they were taken.

    Raises:
      ValueError: no coordinate moves, or the velocities obey a constraint, and which.

    >>> t = np.linspace(0.0, 9.0, 500)[:, None]
    >>> wrapped = MechanicalData((t + np.pi) % (2 * np.pi) - np.pi, 0 * t + 1, 0 * t, 0 * t + 2)
    >>> found = prepared(wrapped)
    >>> bool(np.ptp(found.data.q) > 8.9), found.hints[0].split(":")[0]
    (True, 'q1 jumps by full turns')
    """
    data, told = unwrapped(data)
    data, still = _moving(data)
    check_free(data)
    return Prepared(data, (*told, *still))


def unwrapped(data: MechanicalData) -> tuple[MechanicalData, list[str]]:
    """Angles continued where they jump by full turns, and which, in words."""
    turn, hints = 2 * np.pi, []
    q = np.array(data.q)
    for i, column in enumerate(data.q.T):
        steps = np.abs(np.diff(column))
        wraps = np.abs(steps - turn) < _TURN * turn
        if np.ptp(column) <= 1.01 * turn and wraps.any() and np.median(steps) < _USUAL * turn:
            q[:, i] = np.unwrap(column)
            count = int(np.sum(wraps))
            times = "once" if count == 1 else f"{count} times"
            hints.append(f"q{i + 1} jumps by full turns: {times} it was continued across the jump")
    return data._replace(q=q), hints


def _moving(data: MechanicalData) -> tuple[MechanicalData, list[str]]:
    """Without coordinates that stay where they are, of which no torque tells anything."""
    size = np.maximum(np.abs(data.q).max(axis=0), 1.0)
    moves = (np.ptp(data.q, axis=0) > _STILL * size) | np.any(data.qd != 0, axis=0)
    if moves.all():
        return data, []
    require(bool(moves.any()), "no coordinate ever moves; expected motion")
    kept, still = np.flatnonzero(moves), np.flatnonzero(~moves)
    names = ", ".join(f"q{i + 1} (always {data.q[0, i]:.6g})" for i in still)
    now = ", ".join(f"q{k + 1} is your q{i + 1}" for k, i in enumerate(kept) if k != i)
    hint = f"{names} never moves and is left out, with its torque"
    return (
        MechanicalData(*(values[:, kept] for values in data)),
        [hint + (f"; in the result {now}" if now else "")],
    )


def check_free(data: MechanicalData) -> None:
    """Whether no velocity is determined by the others.

    A closed chain, or a wheel that rolls, obeys ``sum a_i(q) qd_i = 0``; the forces of a constraint
    are part of the torques there, and a Lagrangian in these coordinates does not explain them.
    Factors a are looked for among 1 and sines and cosines of the coordinates.

    Raises:
      ValueError: a velocity that the others determine, and by what.

    >>> angle, spin = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 100, 1))
    >>> rolling = np.concatenate([angle, 0.3 * angle], axis=1)
    >>> speeds = np.concatenate([spin, 0.3 * spin], axis=1)
    >>> check_free(MechanicalData(rolling, speeds, speeds, speeds))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: the velocities obey a constraint: qd1 is 3.33333*qd2 in all states...
    """
    dims = data.q.shape[1]
    some = slice(None, None, max(1, len(data.q) // _LOOKED_AT))
    q, qd = data.q[some], data.qd[some]
    for i in range(dims):
        others = [j for j in range(dims) if j != i]
        names, table = _determining(q, qd, others)
        if not others or len(q) < _ROWS_EACH * table.shape[1]:
            continue
        solved = np.linalg.lstsq(table, qd[:, i], rcond=1e-9)[0]
        left = qd[:, i] - table @ solved
        if np.sum(left**2) < _DETERMINED**2 * np.sum(qd[:, i] ** 2):
            raise ValueError(
                f"the velocities obey a constraint: qd{i + 1} is "
                f"{_in_words(names, solved, table)} in all states, as of a wheel that rolls or a "
                "closed chain; expected coordinates that move independently of one another"
            )


def _determining(
    q: Float[np.ndarray, "n D"], qd: Float[np.ndarray, "n D"], others: list[int]
) -> tuple[list[str], Float[np.ndarray, "n K"]]:
    """Velocities of the others, and these times sines and cosines."""
    factors = [("", np.ones(len(q)))]
    for k, name in itertools.product(range(q.shape[1]), ("cos", "sin")):
        factors.append((f"*{name}(q{k + 1})", getattr(np, name)(q[:, k])))
    pairs = list(itertools.product(others, factors))
    names = [f"qd{j + 1}{name}" for j, (name, _) in pairs]
    empty = np.zeros((len(q), 0))
    return names, np.column_stack([empty, *(qd[:, j] * factor for j, (_, factor) in pairs)])


def _in_words(
    names: list[str], numbers: Float[np.ndarray, " K"], table: Float[np.ndarray, "n K"]
) -> str:
    """The parts that matter."""
    sizes = np.abs(numbers) * np.sqrt(np.mean(table**2, axis=0))
    matter = [k for k in np.argsort(-sizes) if sizes[k] > 1e-2 * sizes.max()]
    return " + ".join(f"{numbers[k]:.6g}*{names[k]}" for k in matter)
