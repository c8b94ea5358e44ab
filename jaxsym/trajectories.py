"""`Trajectories`: the motion of several bodies, shared by simulators, data files and models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxsym._check import finite, numbers, require, shown

Array: TypeAlias = jax.Array | np.ndarray
Pairs: TypeAlias = tuple[tuple[int, int], ...]

_LARGEST = 1e60  # products of five such numbers, as in units and energies, are finite in float64


class Measured(NamedTuple):
    """Positions as they were measured, before anything was derived from them.

    Attributes:
      position: NaN where a sample is missing.
      sigma: standard error of each body's coordinates; None where it is unknown.
    """

    position: Float[Array, "R T N D"]
    sigma: Float[Array, "R N"] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Trajectories:
    """R trajectories of N bodies in D coordinates at T times, with their derivatives.

    A pytree whose leaves are the arrays. Simulators fill it with JAX arrays; `trajectories`, which
    checks what a user brings, with NumPy arrays in the user's precision (JAX would round float64
    to float32 by default). The units of length and time are the user's own.

    Attributes:
      position: where the bodies are.
      velocity: time derivative of ``position``.
      acceleration: time derivative of ``velocity``.
      time: when, the same for all trajectories, increasing.
      mass: of each body, or None where it is unknown.
      charge: of each body, or None where there is none.
      measured: where positions alone were measured, these; velocity and acceleration, and positions
        at times where a body was not seen, are then estimates.
      names: of the bodies, or None.
      pairs: the pairs of bodies ``(i, j)``, i < j, that interact; None when every pair does.
      origin: in words, where the numbers come from and how the derivatives were made.
    """

    position: Float[Array, "R T N D"]
    velocity: Float[Array, "R T N D"]
    acceleration: Float[Array, "R T N D"]
    time: Float[Array, " T"]
    mass: Float[Array, "R N"] | None = None
    charge: Float[Array, "R N"] | None = None
    measured: Measured | None = None
    names: tuple[str, ...] | None = dataclasses.field(default=None, metadata={"static": True})
    pairs: Pairs | None = dataclasses.field(default=None, metadata={"static": True})
    origin: str = dataclasses.field(default="", metadata={"static": True})

    @property
    def bodies(self) -> int:
        """N, the number of bodies."""
        return self.position.shape[2]

    @property
    def dims(self) -> int:
        """D, the number of coordinates."""
        return self.position.shape[3]

    def thin(self, every: int) -> Trajectories:
        """Every ``every``-th time, the first one included.

        >>> import numpy as np
        >>> still = np.arange(2.0)[None, :, None] + np.zeros((5, 1, 1))
        >>> data = trajectories(still, velocity=0 * still, acceleration=0 * still, time=range(5))
        >>> data.thin(2).time
        array([0., 2., 4.])

        Raises:
          ValueError: ``every`` is not positive.
        """
        require(every >= 1, f"every is {every}; expected a positive number of times")
        return self._at(slice(None, None, every))

    def split_time(self, fraction: float) -> tuple[Trajectories, Trajectories]:
        """The first ``fraction`` of the times, and the rest.

        >>> import numpy as np
        >>> still = np.arange(2.0)[None, :, None] + np.zeros((5, 1, 1))
        >>> data = trajectories(still, velocity=0 * still, acceleration=0 * still, time=range(5))
        >>> [part.time.tolist() for part in data.split_time(0.6)]
        [[0.0, 1.0, 2.0], [3.0, 4.0]]

        Raises:
          ValueError: either part would be empty.
        """
        times = self.time.shape[0]
        cut = round(fraction * times)
        require(
            0 < cut < times,
            f"fraction is {fraction}, which leaves a part of the {times} times empty; "
            "expected a number between 0 and 1 that leaves at least one time on each side",
        )
        return self._at(slice(cut)), self._at(slice(cut, None))

    def _at(self, times: slice) -> Trajectories:
        seen = self.measured
        return dataclasses.replace(
            self,
            measured=seen and seen._replace(position=seen.position[:, times]),
            position=self.position[:, times],
            velocity=self.velocity[:, times],
            acceleration=self.acceleration[:, times],
            time=self.time[times],
        )


def trajectories(
    position: ArrayLike,
    *,
    velocity: ArrayLike,
    acceleration: ArrayLike,
    time: ArrayLike | Sequence[float],
    mass: ArrayLike | None = None,
    charge: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    origin: str = "",
) -> Trajectories:
    """Check what a user brings and make `Trajectories` of it, in NumPy arrays.

    Args:
      position: ``[R, T, N, D]``, or ``[T, N, D]`` for one trajectory.
      velocity: the same shape.
      acceleration: the same shape.
      time: ``[T]``, increasing.
      mass: ``[R, N]``, or ``[N]`` for all trajectories; positive. None when unknown.
      charge: ``[R, N]`` or ``[N]``. None when there is none.
      names: N different names.
      pairs: the pairs of bodies that interact, when not all do.
      origin: where the numbers come from, in words.

    Raises:
      ValueError: shapes that disagree, a value that is not finite (with its place), fewer than two
        bodies, two bodies at one position (which, where and when), time that does not increase
        (where), a mass that is not positive, names or pairs that do not fit the bodies.

    >>> still = [[[0.0, 0.0], [3.0, 4.0]]]
    >>> data = trajectories(still, velocity=still, acceleration=still, time=[0.0], mass=[1.0, 2.0])
    >>> data.position.shape, data.mass.shape
    ((1, 1, 2, 2), (1, 2))
    >>> trajectories(still, velocity=still, acceleration=still, time=[0.0, 1.0])
    Traceback (most recent call last):
        ...
    ValueError: time has shape (2,); expected (1,), one entry for each time in position [R, T, N, D]
    """
    x = _motion("position", position)
    v, a = _motion("velocity", velocity, like=x), _motion("acceleration", acceleration, like=x)
    runs, _, bodies, _ = x.shape
    require(bodies >= 2, f"position holds {bodies} body; expected at least two, which can interact")
    known = _names(names, bodies)
    _check_apart(x, known)
    m, q = _scalars("mass", mass, (runs, bodies)), _scalars("charge", charge, (runs, bodies))
    if m is not None:
        _check_masses(m)
    return Trajectories(
        x,
        v,
        a,
        _times(time, x.shape[1]),
        m,
        q,
        None,
        known,
        _pairs(pairs, bodies),
        origin,
    )


def _floats(name: str, values: ArrayLike | Sequence[float]) -> np.ndarray:
    array = numbers(name, values)
    finite(name, array)
    size = float(np.abs(array).max(initial=0.0))
    require(
        size == 0 or 1 / _LARGEST <= size <= _LARGEST,
        f"the largest number of {name} is {size:.3g} in size; expected {1 / _LARGEST:.0e} to "
        f"{_LARGEST:.0e}: choose other units",
    )
    return array


def _motion(name: str, values: ArrayLike, like: np.ndarray | None = None) -> np.ndarray:
    array = _floats(name, values)
    array = array[None] if array.ndim == 3 else array
    require(
        array.ndim == 4 and array.size > 0,
        f"{name} has shape {array.shape}; expected [R, T, N, D] or [T, N, D], nothing empty",
    )
    require(
        like is None or array.shape == like.shape,
        f"{name} has shape {array.shape}; expected {like.shape if like is not None else ''}, "
        "the shape of position",
    )
    return array


def _times(values: ArrayLike | Sequence[float], count: int) -> np.ndarray:
    time = _floats("time", values)
    require(
        time.shape == (count,),
        f"time has shape {time.shape}; expected ({count},), "
        "one entry for each time in position [R, T, N, D]",
    )
    back = np.flatnonzero(np.diff(time) <= 0)
    if len(back):
        i = int(back[0])
        raise ValueError(
            f"time does not increase at index {i + 1}: {time[i + 1]} after {time[i]}; "
            "expected increasing times"
        )
    return time


def _scalars(name: str, values: ArrayLike | None, shape: tuple[int, int]) -> np.ndarray | None:
    if values is None:
        return None
    array = _floats(name, values)
    require(
        array.shape in (shape, shape[1:]),
        f"{name} has shape {array.shape}; expected {shape} or {shape[1:]}, one number a body",
    )
    return np.broadcast_to(array, shape)


def _check_masses(mass: np.ndarray) -> None:
    for bad, expected in (
        (mass <= 0, "positive numbers"),
        (mass < 1 / _LARGEST, f"numbers from {1 / _LARGEST:.0e} on: choose another unit"),
    ):
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(f"mass is {mass[place]} at index {place}; expected {expected}")


def _check_apart(position: np.ndarray, names: tuple[str, ...] | None) -> None:
    bodies = position.shape[2]
    for offset in range(1, bodies):
        same = (position[:, :, offset:] == position[:, :, :-offset]).all(axis=-1)
        if same.any():
            run, step, first = (int(i) for i in np.argwhere(same)[0])
            pair = [names[i] if names else i for i in (first, first + offset)]
            raise ValueError(
                f"bodies {pair[0]} and {pair[1]} are at the same position "
                f"{position[run, step, first].tolist()} in trajectory {run} at time index {step}; "
                "expected bodies apart from one another"
            )


def _names(names: Sequence[str] | None, bodies: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    require(
        isinstance(names, Iterable) and len(set(map(str, names))) == len(names) == bodies,
        f"names is {shown(names)}; expected {bodies} different names, one a body",
    )
    return tuple(str(name) for name in names)


def _pairs(pairs: Sequence[tuple[int, int]] | None, bodies: int) -> Pairs | None:
    if pairs is None:
        return None
    require(
        isinstance(pairs, Iterable) and len(pairs) > 0,
        f"pairs is {shown(pairs)}; expected pairs of bodies, or None where all interact",
    )
    for pair in pairs:
        require(
            np.shape(pair) == (2,) and pair[0] != pair[1] and all(i in range(bodies) for i in pair),
            f"pairs holds {shown(pair)}; expected two different bodies out of 0 to {bodies - 1}",
        )
    sorted_pairs = tuple((min(int(i), int(j)), max(int(i), int(j))) for i, j in pairs)
    require(len(set(sorted_pairs)) == len(sorted_pairs), "pairs names a pair of bodies twice")
    return sorted_pairs
