"""Whether measured motion is of first order: velocities that are functions of places."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.inference import weak_profiles
from jaxsym.trajectories import Trajectories

_RUNS_TRIED, _TIMES_TRIED = 4, 120  # that tell of which order motion is
# Chi squared for each row of the weak form, with Huber's weights. Of terms that explain the motion
# it is about 1, also where smoothed states are off by a little; wrong orders leave tens and more.
_EXPLAINED_ROWS, _CONTRADICTED_ROWS = 1.5, 5.0


class Reading(NamedTuple):
    """How weak forms read the data.

    Attributes:
      sigma: standard errors of each body's coordinates.
      box: length of a periodic box; None without.
      order: of the equation of motion; None where the data choose.
      names: of kinds of terms that may occur; None for all.
    """

    sigma: Float[np.ndarray, "R N"]
    box: float | None
    order: int | None
    names: Sequence[str] | None


def is_first_order(data: Trajectories, reading: Reading) -> bool:
    """Whether velocities are functions of where the bodies are, by a part of the data.

    Such motion can have accelerations that are sums of terms as well; velocities say more.
    A warning tells where first order was asked for and contradicts the data.

    Args:
      data: with masses, where these are known or all the same.
      reading: with the order that was asked for.
    """
    assert data.measured is not None
    some = slice(_RUNS_TRIED)
    seen = np.asarray(data.measured.position)[some, :_TIMES_TRIED]
    mass, charge = (
        None if x is None else np.asarray(x, np.float64)[some] for x in (data.mass, data.charge)
    )
    sigma = np.repeat(reading.sigma[some, :, None], data.dims, axis=2)
    found = weak_profiles(
        np.asarray(data.time)[:_TIMES_TRIED], seen, mass=mass, charge=charge, pairs=data.pairs,
        sigma=sigma, box=reading.box, order=1, terms=reading.names,
    )  # fmt: skip
    if reading.order == 1 and found.chi2_per_row > _CONTRADICTED_ROWS:
        warnings.warn(
            "order is 1, but velocities are no function of where the bodies are: terms of first "
            f"order leave {found.chi2_per_row:.3g} times what noise would (chi squared for each "
            "row of the weak form)",
            stacklevel=2,
        )
    return reading.order == 1 or bool(found.terms and found.chi2_per_row < _EXPLAINED_ROWS)
