"""A discovery from measured positions made by hand, without a fit."""

from __future__ import annotations

import functools

import numpy as np

from jaxsym.datasets import measured_trajectories
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.measured.evidence import TermProfile, TrajectoryEvidence
from jaxsym.distill.tasks import Task
from jaxsym.expr import parse
from jaxsym.laws.particle_law import ParticleLaw

SIGMA = 0.01


@functools.cache
def spring() -> Discovery:
    """Two bodies on a spring in three trajectories, a sample missing."""
    time = np.linspace(0.0, 6.0, 40)
    phase = np.arange(3.0)[:, None]
    apart = 2.0 + np.cos(2.0 * time + phase)
    half = np.stack([apart / 2, 0.1 * np.sin(time + phase)], axis=-1)
    motion = np.stack([half, -half], axis=2)
    seen = motion + SIGMA * np.random.default_rng(0).normal(size=motion.shape)
    seen[0, 3, 1] = np.nan
    data = measured_trajectories(seen, time=time, mass=[1.0, 1.0], names=["left", "right"])
    r = np.linspace(1.0, 3.0, 60)
    residuals = (seen - motion) / SIGMA
    evidence = TrajectoryEvidence(
        uncertainty={"c1": 0.01, "c2": 0.02},
        sigma=np.full((3, 2), SIGMA),
        sigma_estimated=True,
        chi2=float(np.nansum(residuals**2)),
        dof=int(np.isfinite(residuals).sum()) - 26,
        held_out_residual=1.02,
        horizon=4.0,
        predicted=4.0,
        indistinguishable=("force on 1 by 2 = (2.0 - 4.1/r) d",),
        terms={"central 1/m1": 1.0},
        profile=TermProfile("1/m1", r, 2.0 * (r - 2.0), np.full(60, 0.05)),
        time=time,
        measured=seen,
        motion=motion,
        residuals=residuals,
    )
    law = ParticleLaw(parse("2.01*(r - 1.99)/r"), True, 2)
    return Discovery(
        task=Task("tracks.csv", data, data, None, ""),
        model="none",
        law=law,
        candidates=(),
        masses=None,
        free_exponent=None,
        message_r2=None,
        neural=None,
        symbolic=None,
        by_body=None,
        pair_forces=None,
        network=None,
        recovered=None,
        interrupted=False,
        out_of_time=False,
        seconds={"data": 0.1, "weak form": 2.0, "refit": 5.0},
        seed=0,
        trajectory=evidence,
    )
