"""What may be wrong with motion and torque that no exact Lagrangian explains, in words."""

from __future__ import annotations

import numpy as np

from jaxsym.datasets import MechanicalData
from jaxsym.syrenets.fitting import EXACT
from jaxsym.syrenets.library import Library, WaveLibrary

_DEGREES = (20.0, 720.0)  # where the largest of a coordinate lies if it is an angle in degrees


def hints(data: MechanicalData, library: Library, error: float) -> tuple[str, ...]:
    """What to look at where a Lagrangian is not exact.

    Args:
      data: motion and torques.
      library: the Lagrangian's terms.
      error: of the torques on held-out states, over their variance.

    >>> data, library = MechanicalData(*np.ones((4, 30, 1))), WaveLibrary(())
    >>> hints(data, library, 1e-20), len(hints(data, library, 2.0))
    ((), 1)
    """
    if error <= EXACT:
        return ()
    return (*_nothing_explained(error), *_degrees(data, library))


def _nothing_explained(error: float) -> list[str]:
    if error <= 1:
        return []
    return [
        f"the Lagrangian explains nothing: on held-out states its torques are off by {error:.3g} "
        "times the variance of the true ones; check units, signs, and whether q, qd, qdd and tau "
        "belong together"
    ]


def _degrees(data: MechanicalData, library: Library) -> list[str]:
    """Of large coordinates that no sine or cosine is taken of: in radians they would turn often."""
    waves = [term.waves for term in library.terms] if isinstance(library, WaveLibrary) else []
    low, high = _DEGREES
    return [
        f"q{i + 1} goes up to {size:.4g}: if it is an angle in degrees, convert it, its "
        "derivatives and its torque to radians"
        for i, size in enumerate(np.abs(data.q).max(axis=0))
        if low < size <= high and not any(wave[i] for wave in waves)
    ]
