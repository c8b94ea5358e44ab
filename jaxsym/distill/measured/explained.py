"""How much of the rates of measured motion a law explains."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxsym.distill.measured.law_motion import LawFit, MeasuredMotion
from jaxsym.distill.terms.completeness import explained_share
from jaxsym.distill.terms.rates import RateTable
from jaxsym.graphs import Bodies, Snapshots, topology
from jaxsym.inference import WeakProfiles

STATES_A_STEP = 4  # of the weak form, between samples


def explained_by(found: LawFit, profiles: WeakProfiles, motion: MeasuredMotion) -> float | None:
    """The share of the squared rates at smoothed states that a law explains.

    Args:
      found: the law.
      profiles: of the weak form, with the smoothed states.
      motion: with masses and charges.
    Returns:
      None in a periodic box.
    """
    if motion.box is not None:
        return None
    edges = topology(motion.bodies, tuple((int(i), int(j)) for i, j in motion.pairs))
    parts = []
    for run, smoothed in enumerate(profiles.fit.states):
        shape = (-1, motion.bodies, motion.dims)
        states = smoothed.estimate[:, ::STATES_A_STEP].reshape(3, *shape)
        errors = smoothed.error[:, ::STATES_A_STEP].reshape(states.shape)
        mass, charge = (motion.data.inputs[name][run] for name in ("mass", "charge"))
        mass = mass if found.masses is None else found.masses
        scalars: list[Any] = [
            np.broadcast_to(values, states.shape[1:3])
            for values in (mass, charge, np.arange(motion.bodies))
        ]
        rate: Any = states[found.law.order]
        table = RateTable(Snapshots(Bodies(states[0], states[1], *scalars), rate), edges)
        parts.append((table.rates(found.law), rate, errors[found.law.order]))
    return explained_share(*(np.concatenate(each) for each in zip(*parts, strict=True)))
