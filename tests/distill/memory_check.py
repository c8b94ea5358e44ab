"""Run by `test_many_bodies.py`: extract, refit and test a law of many bodies, print the peak in GB.

Arguments: bodies and snapshots.
"""

import dataclasses
import resource
import sys

import jax
import numpy as np

from jaxsym.distill import extract_pair_forces, radial_profile, refit, symbolic_errors
from jaxsym.distill.finding import some_pairs
from jaxsym.distill.learning import smooth_network
from jaxsym.distill.verdict import symbolic_accelerations
from jaxsym.expr import parse
from jaxsym.graphs import record_messages, snapshots, topology
from jaxsym.laws import ParticleLaw
from jaxsym.trajectories import trajectories

LIMIT = 12 * 2**30  # of address space, a good part of which is never touched


def main(bodies: int, times: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    rng = np.random.default_rng(0)
    x = bodies**0.5 * rng.normal(size=(1, times, bodies, 2))
    mass = np.exp(0.3 * rng.normal(size=(1, bodies)))
    still = trajectories(x, velocity=0.1 * x, acceleration=0 * x, time=np.arange(times), mass=mass)
    true = ParticleLaw(parse("-1.5*m1*m2/(r + 0.5)**3"), True, 2)
    pulled = symbolic_accelerations(true, None, still).reshape(x.shape)
    data, edges = dataclasses.replace(still, acceleration=pulled), topology(bodies)
    model = smooth_network("bottleneck", 2)
    params = model.init(jax.random.key(0))
    key = jax.random.key(1)
    sample = record_messages(model, params, snapshots(data), edges, key=key, count=5000)
    assert np.isfinite(extract_pair_forces(model, params, sample, error=0.1).coefficient).all()
    some = some_pairs(snapshots(data), edges)
    start = ParticleLaw(parse("-1.0*m1*m2/(r + 0.3)**2.5"), True, 2)
    fit = refit(start, some, edges, steps=30)
    assert fit.error < 1e-6, fit
    radial_profile(fit, some, edges)
    assert np.median(symbolic_errors(fit.law, None, data)) < 1e-6
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
