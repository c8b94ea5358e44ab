"""How much of the motion a law explains, and whether what it leaves is more than noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.distill.refitting import error_scale
from jaxsym.graphs import snapshots
from jaxsym.trajectories import Trajectories

# Root of the share of squared rates that a complete law may leave unexplained.
_SIGNIFICANT = 0.01


class Completeness(NamedTuple):
    """What a law leaves of rates that nothing was fitted to.

    Attributes:
      complete: whether nothing significant is left.
      explained: share of the squared rates, each body's in units of its usual size, that the law
        explains; noise, which changes from one time to the next, does not count against it.
    """

    complete: bool
    explained: float


def completeness(
    rates: Float[np.ndarray, "S N D"], data: Trajectories, order: int = 2
) -> Completeness:
    """Compare a law's rates with given ones.

    A force that a law leaves out is nearly the same at the next time, while noise is not: products
    of what is left at one time and at the next tell how much of it is motion. Where trajectories
    have one time each, all counts.

    Args:
      rates: by the law, in each snapshot.
      data: of the rates themselves.
      order: of the equation of motion.

    >>> from jaxsym.trajectories import trajectories
    >>> rng = np.random.default_rng(0)
    >>> x = np.cumsum(rng.normal(size=(1, 400, 2, 2)), axis=1)
    >>> data = trajectories(x, velocity=0 * x, acceleration=np.ones_like(x), time=range(400))
    >>> noise = 0.2 * rng.normal(size=(400, 2, 2))
    >>> completeness(1.0 + noise, data), completeness(0.8 + noise, data).complete
    (Completeness(complete=True, explained=1.0), False)
    """
    given = snapshots(data)
    given = given._replace(acceleration=given.bodies.velocity) if order == 1 else given
    rate, scale = np.asarray(given.acceleration, np.float64), error_scale(given)[..., None]
    shape = np.shape(data.position)
    off = ((rates - rate) / scale).reshape(shape)
    off = np.clip(np.nan_to_num(off, nan=1e3), -1e3, 1e3)
    usual = float(np.mean((rate / scale) ** 2))
    left = float(np.mean(off**2))
    if shape[1] > 2:
        together = np.mean(off[:, 1:] * off[:, :-1], axis=(1, 3)).ravel()  # by trajectory and body
        error = float(np.std(together)) / np.sqrt(max(len(together) - 1, 1))
        noise = 2.0 * left / np.sqrt(off[:, 1:].size)
        structured = float(np.mean(together))
        left = structured if structured > max(2.0 * min(error, left), noise) else 0.0
    explained = 1.0 - left / max(usual, 1e-300)
    return Completeness(
        bool(np.sqrt(max(1.0 - explained, 0.0)) < _SIGNIFICANT), max(explained, 0.0)
    )
