"""Discoveries made by hand, without training: a law a little off plays the network."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from jaxsym.distill.agreement import MessageR2
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.learning import Learned
from jaxsym.distill.network_errors import neural_errors
from jaxsym.distill.pair_forces import PairForces
from jaxsym.distill.tasks import Task, Truth
from jaxsym.distill.verdict import Errors, pair_samples, symbolic_accelerations, symbolic_errors
from jaxsym.expr import parse
from jaxsym.graphs import GraphModel, snapshots, topology
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import ParticleLaw, symbolic_network
from jaxsym.laws.units import in_units, natural_units
from jaxsym.trajectories import Trajectories, trajectories

STARS = np.array([1.0, 0.1, 1e-3])  # masses in units of the heaviest, as the network knows them
LENGTH, GM = 1e3, 1e6  # of the stars in units of the data, so that accelerations are of order 1


@functools.cache
def spring() -> Discovery:
    """A spring with drag and a field, recovered; forces between three bodies of known masses."""
    true = ParticleLaw(parse("2*(r - 0.99)/r"), True, 2)
    found = ParticleLaw(parse("2*(r - 0.9901)/r"), True, 2, parse("-0.001/m1"), (1e-4, 0.0))
    truth = Truth(true.coefficient, (parse("0"),) * 2)
    like = ParticleLaw(parse("2.02*(r - 0.97)/r"), True, 2)
    return _discovery("spring", true, truth, found, like, None)


@functools.cache
def gravity() -> Discovery:
    """Named bodies attract each other, and their masses were found; no truth is known."""
    return _of_stars(None)


@functools.cache
def known_gravity() -> Discovery:
    """The same where the masses and the law are known."""
    masses = dict(zip("ABC", (GM * STARS).tolist(), strict=True))
    return _of_stars(Truth(parse("m1*m2/r**3"), (parse("0"),) * 3, masses))


def _of_stars(truth: Truth | None) -> Discovery:
    law = ParticleLaw(parse("m2/r**3"), False, 3)
    like = ParticleLaw(parse("m2/r**2.9"), False, 3)
    return _discovery("stars", law, truth, law, like, STARS * [1.0, 1.001, 0.99])


def _discovery(
    name: str,
    true: ParticleLaw,
    truth: Truth | None,
    law: ParticleLaw,
    like: ParticleLaw,
    mass: np.ndarray | None,
) -> Discovery:
    """``law`` found in the motion of ``true``, by a network that behaves ``like`` a third."""
    data = [_motion(true, seed, mass is not None) for seed in range(3)]
    task = Task(name, *data, "more of it", truth, "GM")
    log_mass = None if mass is None else np.log(GM * mass)
    units = natural_units(task.train)
    network = _network(in_units(task.train, units), like, mass)
    tests = [task.held_out, task.outside]
    neural = [neural_errors(network.model, network.params, in_units(test, units)) for test in tests]
    symbolic = [symbolic_errors(law, log_mass, test) for test in tests]
    inputs = pair_samples(in_units(task.train, units), mass, count=300)[1]
    noise = 1 + 0.02 * np.random.default_rng(0).normal(size=len(inputs))
    coefficient = like.as_acceleration().coefficient.evaluate(inputs, VARIABLES) * noise
    return Discovery(
        task=task,
        model=network.name,
        law=law,
        candidates=(),
        masses=None if mass is None else dict(zip("ABC", (GM * mass).tolist(), strict=True)),
        free_exponent=None if mass is None else 2.0003,
        message_r2=None if task.truth is None else MessageR2(0.98, 0.99, 0.995),
        neural=_medians(neural),
        symbolic=_medians(symbolic),
        by_body=np.stack([np.median(errors[0], axis=0) for errors in (neural, symbolic)]),
        pair_forces=PairForces(inputs, coefficient, np.ones(len(inputs)), 1e-4, False, 0.0),
        network=network,
        recovered=None if task.truth is None else True,
        interrupted=False,
        out_of_time=False,
        seconds={"data": 1.5, "train": 60.25, "read": 2.0, "search": 10.0},
        seed=0,
    )


def _network(seen: Trajectories, like: ParticleLaw, mass: np.ndarray | None) -> Learned:
    apply, params = symbolic_network(like, masses=0 if mass is None else len(mass))
    if mass is not None:
        params["log_mass"] = np.log(mass)
    unused = lambda *args: None  # noqa: E731
    model = GraphModel(unused, apply, unused, unused, unused, 0.0, False)
    return Learned("bottleneck", model, params, snapshots(seen), topology(3), 60.25, False)


def _medians(errors: list[np.ndarray]) -> Errors:
    return Errors(*(float(np.median(error)) for error in errors))


def _motion(law: ParticleLaw, seed: int, stars: bool) -> Trajectories:
    """Five trajectories of three bodies at random places, with the law's accelerations."""
    rng = np.random.default_rng(seed)
    x, v = (rng.normal(size=(5, 20, 3, law.dims)) for _ in range(2))
    mass = np.exp(rng.normal(size=(5, 3)))
    known = {"names": "ABC"} if stars else {"mass": mass}
    x = LENGTH * x if stars else x
    still = trajectories(x, velocity=v, acceleration=0 * x, time=np.arange(20.0), **known)
    moved = symbolic_accelerations(law, np.log(GM * STARS) if stars else None, still)
    return dataclasses.replace(still, acceleration=moved.reshape(x.shape))
