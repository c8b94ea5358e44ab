"""Lagrangians from noisy positions and torques of one run of a double pendulum."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsym.simulate import MechanicalSystem, mechanical, simulate_mechanical
from jaxsym.syrenets import gauge_fixed, lagrangian_from_positions, wave_terms

PENDULUMS = {
    "rods of 2.67 and 1.67": mechanical("double-pendulum"),
    "rods of 0.4 and 0.3": mechanical("double-pendulum", m1=0.3, l1=0.4, m2=0.1, l2=0.3),
}
_SHARE = 0.4  # of the weight's torque, for each of three waves that drive a joint


def measured_run(
    system: MechanicalSystem, seed: int, samples: int, noise: float, step: float = 0.01
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, positions and torques with noise in shares of their standard deviations."""
    rng, values = np.random.default_rng(seed), system.parameters
    rates = jnp.asarray(rng.uniform(0.5, 3.0, (3, 2)) * np.pi)
    phases = jnp.asarray(rng.uniform(0.0, 2 * np.pi, (3, 2)))
    below = [values["m1"] / 2 + values["m2"], values["m2"] / 2]
    lengths = [values["l1"], values["l2"]]
    weight = values["g"] * np.array(below) * np.array(lengths)
    size = jnp.asarray(_SHARE * weight)

    def control(t, q, qd):
        return size * jnp.sin(rates * t + phases).sum(0) - 0.1 * size * qd

    start = rng.uniform(-1.0, 1.0, 2)
    motion = simulate_mechanical(system, start, 0 * start, steps=samples, dt=step, control=control)
    shaken = [v + noise * v.std(axis=0) * rng.normal(size=v.shape) for v in (motion.q, motion.tau)]
    return motion.time, *shaken


def positions(seeds: Sequence[int], *, samples: int = 2000, noise: float = 1e-3) -> dict[str, Any]:
    """How often the terms are right, how far constants are off, and whether errors are honest."""
    return {name: _of(system, seeds, samples, noise) for name, system in PENDULUMS.items()}


def _of(
    system: MechanicalSystem, seeds: Sequence[int], samples: int, noise: float
) -> dict[str, Any]:
    truth = gauge_fixed(wave_terms(system.lagrangian, 2))
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        run = measured_run(system, seed, samples, noise)
        begin = time.process_time()
        found = lagrangian_from_positions(*run)
        terms = gauge_fixed(wave_terms(found.lagrangian, 2))
        free = not found.fit.drag and not found.fit.friction.any()
        right = free and terms.keys() == truth.keys()
        rows.append({"seed": seed, "right": right, "cpu_seconds": time.process_time() - begin})
        rows[-1] |= {"chi2_per_row": found.chi2_per_row, "error": found.torque_mse_relative}
        if right:
            errors = dict(zip(found.fit.library.terms, found.fit.uncertainty, strict=True))
            off = {term: terms[term] / value - 1 for term, value in truth.items()}
            rows[-1]["off"] = [off[term] for term in truth]
            rows[-1]["in_standard_errors"] = [off[term] / errors[term] for term in truth]
    good = [row for row in rows if row["right"]]
    scores = np.concatenate([row["in_standard_errors"] for row in good]) if good else np.zeros(0)
    return {
        "samples": samples,
        "noise": noise,
        "seeds": len(rows),
        "right_terms": len(good),
        "worst_constant_error": max((max(map(abs, row["off"])) for row in good), default=None),
        "rms_in_standard_errors": float(np.sqrt(np.mean(scores**2))) if good else None,
        "within_two_standard_errors": float(np.mean(np.abs(scores) < 2)) if good else None,
        "most_cpu_seconds": max(row["cpu_seconds"] for row in rows),
        "rows": rows,
    }
