"""Exactness, noise and adaptation of Lagrangians found from motion and torque."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from benchmarks.syrenets.tables import TRAINING
from jaxsym.datasets import MechanicalData
from jaxsym.simulate import MechanicalSystem, mechanical
from jaxsym.syrenets import (
    EXACT,
    Architecture,
    Batch,
    Options,
    SymbolicNetwork,
    discover_lagrangian,
    gauge_fixed,
    harden,
    mean_squared_error,
    same_lagrangian,
    train_network,
    train_term_network,
    wave_terms,
)

_TEST, _TRAIN = slice(0, None, 2), slice(1, None, 2)
SYSTEMS = {
    "double pendulum": mechanical("double-pendulum"),
    "double pendulum with friction": mechanical("double-pendulum", friction=(0.5, 0.2)),
    "cart-pole": mechanical("cart-pole"),
    "chain of 3 links": mechanical("chain", links=3),
}


def exact(
    system: MechanicalSystem,
    route: str,
    seeds: Sequence[int],
    *,
    states: int = 10_000,
    ends: tuple[ArrayLike, ArrayLike] = (-np.pi / 2, np.pi / 2),
) -> dict[str, Any]:
    """From torques alone: how often the Lagrangian is exact, by which route, in which time."""
    rows = []
    for seed in seeds:
        data = system.sample(jax.random.key(seed), states, low=ends[0], high=ends[1])
        begin = time.process_time()
        found = discover_lagrangian(*data, seed=seed, route=route, truth=system.lagrangian)
        rows.append(
            {
                "seed": seed,
                "exact": found.exact,
                "recovered": found.recovered,
                "route": found.route,
                "torque_mse_relative": found.torque_mse_relative,
                "seconds": found.seconds,
                "cpu_seconds": time.process_time() - begin,
            }
        )
    return {
        "seeds": len(rows),
        "exact": sum(row["exact"] and bool(row["recovered"]) for row in rows),
        "routes": dict(Counter(row["route"] for row in rows)),
        "most_seconds": max(row["seconds"] for row in rows),
        "most_cpu_seconds": max(row["cpu_seconds"] for row in rows),
        "rows": rows,
    }


def untrained(
    system: MechanicalSystem, seeds: Sequence[int], *, states: int = 10_000
) -> dict[str, Any]:
    """What hardening finds in networks that were never trained: the part of its recombination."""
    network = SymbolicNetwork(Architecture(inputs=2 * system.coordinates, selection="entmax"))
    begin, own, exact = jax.jit(network.init), 0, 0
    for seed in seeds:
        data = system.sample(jax.random.key(seed), states)
        train, test = (MechanicalData(*(v[part] for v in data)) for part in (_TRAIN, _TEST))
        x = jnp.asarray(np.concatenate([data.q, data.qd], axis=1)[:32], jnp.float32)
        hardened = harden(network, begin(jax.random.key(seed), x), train, Options())
        if hardened is not None and hardened.fit.error(test) <= EXACT:
            exact += 1
            own += hardened.own
    return {"seeds": len(seeds), "exact": exact, "own_terms": own}


def own_terms(
    system: MechanicalSystem, seeds: Sequence[int], *, states: int = 4000, steps: int = 1000
) -> dict[str, Any]:
    """Networks of single terms: exact by what they have chosen, trained and never trained."""
    result: dict[str, Any] = {"seeds": len(seeds), "steps": steps}
    for name, taken in (("trained", steps), ("untrained", 0)):
        rows = []
        for seed in seeds:
            data, begin = system.sample(jax.random.key(seed), states), time.process_time()
            train, apart, test = (MechanicalData(*(v[k::3] for v in data)) for k in range(3))
            found = train_term_network(train, apart, Options(), seed=seed, steps=taken)
            error = found.fit.error(test)
            same = same_lagrangian(
                found.fit.system("").lagrangian, system.lagrangian, system.coordinates
            )
            row = {"seed": seed, "exact": error <= EXACT and same, "torque_mse_relative": error}
            row["exact_restarts"] = sum(e <= EXACT for e in found.errors)
            row["cpu_seconds"] = time.process_time() - begin
            rows.append(row)
        result[name] = {
            "exact": sum(row["exact"] for row in rows),
            "restarts": len(found.errors),
            "most_cpu_seconds": max(row["cpu_seconds"] for row in rows),
            "rows": rows,
        }
    return result


def noisy(
    torque: float, acceleration: float, seeds: Sequence[int], *, states: int = 10_000
) -> dict[str, Any]:
    """The direct route on the double pendulum with noise, as shares of standard deviations.

    Args:
      torque, acceleration: shares.
      seeds: of data, noise and search.
      states: measured.
    """
    system = mechanical("double-pendulum")
    truth = gauge_fixed(wave_terms(system.lagrangian, 2))
    right, worst, seconds = 0, 0.0, []
    for seed in seeds:
        data = system.sample(jax.random.key(seed), states)
        rng = np.random.default_rng(seed)
        shaken = MechanicalData(
            data.q,
            data.qd,
            data.qdd + acceleration * data.qdd.std(axis=0) * rng.normal(size=data.q.shape),
            data.tau + torque * data.tau.std(axis=0) * rng.normal(size=data.q.shape),
        )
        begin = time.monotonic()
        found = discover_lagrangian(*shaken, seed=seed, route="direct")
        seconds.append(time.monotonic() - begin)
        terms = gauge_fixed(wave_terms(found.lagrangian, 2))
        if terms.keys() == truth.keys():
            right += 1
            worst = max(worst, *(abs(terms[term] / truth[term] - 1) for term in truth))
    return {
        "torque_noise": torque,
        "acceleration_noise": acceleration,
        "seeds": len(seeds),
        "right_structure": right,
        "worst_constant_error": worst if right else None,
        "most_seconds": max(seconds),
    }


def adaptation(steps: int) -> list[dict[str, Any]]:
    """The network goes on training when masses and lengths change, then the structure.

    Each stage: the error when the system has just changed, after so many steps more, and that of
    a network which starts anew and takes as many steps.
    """
    stages = {
        "double pendulum": mechanical("double-pendulum"),
        "other masses and lengths": mechanical("double-pendulum", m1=2.0, l1=2.0, m2=1.5, l2=1.9),
        "another structure, a cart-pole": mechanical("cart-pole", M=2.0, m=1.0, l=2.0),
    }
    rows, network, params = [], None, None
    for name, system in stages.items():
        data = Batch(*system.sample(jax.random.key(0), 8000))
        before = None
        if params is not None:
            some = Batch(*(jnp.asarray(values[:1024], jnp.float32) for values in data))
            before = float(jax.jit(partial(mean_squared_error, network))(params, some))
        run = {"steps": steps, **TRAINING}
        going_on = train_network(data, seeds=[0], start=params, **run)
        fresh = going_on if params is None else train_network(data, seeds=[1], **run)
        network, params = going_on.network, going_on.seed(0)
        rows.append(
            {
                "stage": name,
                "variance": float(np.var(data.target)),
                "mse_at_change": before,
                "mse_after": float(going_on.mse[0]),
                "mse_of_a_fresh_network": float(fresh.mse[0]),
                "steps": steps,
            }
        )
    return rows
