"""`Discovery`: what came out, as an object, as JSON and in words."""

from __future__ import annotations

import importlib.metadata
import math
import platform
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxsym.distill.agreement import MessageR2
from jaxsym.distill.learning import Learned
from jaxsym.distill.pair_forces import PairForces
from jaxsym.distill.refitting import Refit
from jaxsym.distill.tasks import Task
from jaxsym.distill.verdict import Errors
from jaxsym.laws.energy import pair_energy
from jaxsym.laws.particle_law import AXES, ParticleLaw


@dataclass(frozen=True)
class Discovery:
    """A law extracted from a network, substituted for it, refitted and tested.

    Attributes:
      task: what was to be discovered.
      model: name of the network.
      law: the equations.
      candidates: laws that were refitted in the network's place, best first.
      masses: of the bodies by name, where they were unknown.
      free_exponent: p if the pull falls as distance to the power -p: as fitted, before p became
        an exact number; None for other laws.
      message_r2: messages against true forces; None where the truth is unknown.
      neural: errors of the network.
      symbolic: errors of the equation.
      by_body: median errors on held-out data of network and equation by body ``[2, N]``.
      reading: the network's pair law as samples.
      network: the trained network.
      recovered: whether the law is the true one; None where the truth is unknown.
      interrupted: whether Ctrl-C cut it short.
      out_of_time: whether the time limit cut it short.
      seconds: by phase.
      seed: of everything random.
    """

    task: Task
    model: str
    law: ParticleLaw
    candidates: tuple[Refit, ...]
    masses: dict[str, float] | None
    free_exponent: float | None
    message_r2: MessageR2 | None
    neural: Errors
    symbolic: Errors
    by_body: np.ndarray
    reading: PairForces
    network: Learned
    recovered: bool | None
    interrupted: bool
    out_of_time: bool
    seconds: dict[str, float]
    seed: int

    @property
    def constants(self) -> dict[str, float]:
        """The law's fitted constants, in the order of the formula."""
        names = [f"c{k + 1}" for k in range(len(self.law.coefficient.constants))]
        found = dict(zip(names, self.law.coefficient.constants, strict=True))
        if self.law.drag is not None:
            found |= {f"drag{k + 1}": c for k, c in enumerate(self.law.drag.constants)}
        return found | {f"field_{AXES[k]}": c for k, c in enumerate(self.law.field)}

    def to_json(self) -> dict[str, Any]:
        """The interface that other programs build on (`jaxsym discover --json`)."""
        law, truth, energy = self.law, self.task.truth, pair_energy(self.law)
        variables = [f"d{a}" for a in AXES[: law.dims]] + ["r", "m1", "m2", "q1", "q2"]
        distance = " + ".join(f"d{a}**2" for a in AXES[: law.dims])
        definitions = {f"d{a}": f"{a}2 - {a}1" for a in AXES[: law.dims]}
        found = {
            "task": self.task.name,
            "model": self.model,
            "law": {
                "components": [str(c) for c in law.components],
                "variables": variables,
                "definitions": definitions | {"r": f"sqrt({distance})"},
                "quantity": law.quantity,
                "latex": latex(law),
                "own_acceleration": [str(c) for c in law.own],
                "pair_energy": None if energy is None else str(energy),
                "node": "sum/m1" if law.force else "sum",
            },
            "constants": self.constants,
            "parameters": self._parameters(),
            "free_exponent": self.free_exponent,
            "message_r2": self.message_r2 and self.message_r2._asdict(),
            "errors": {
                "measure": "median of |predicted - true| / |true acceleration|",
                "neural": self.neural._asdict(),
                "symbolic": self.symbolic._asdict(),
                "out_of_distribution_is": self.task.outside_is,
            },
            "tangential": self.reading.tangential,
            "recovered": self.recovered,
            "truth": truth and str(truth.coefficient),
            "candidates": [
                {
                    "coefficient": str(c.law.coefficient),
                    "own_acceleration": [str(part) for part in c.law.own],
                    "error": c.error,
                }
                for c in self.candidates
            ],
            "interrupted": self.interrupted,
            "out_of_time": self.out_of_time,
            "seconds": self.seconds,
            "seed": self.seed,
            "versions": versions(),
            "device": device(),
        }
        return _plain(found)

    def _parameters(self) -> dict[str, Any] | None:
        if self.masses is None:
            return None
        truth = self.task.truth
        true = truth.masses if truth else None
        found: dict[str, Any] = {"meaning": self.task.mass_meaning, "found": self.masses}
        if true:
            heaviest = max(true, key=true.__getitem__)
            found["true"] = true
            found["relative_error"] = {
                name: self.masses[name] / self.masses[heaviest] / (true[name] / true[heaviest]) - 1
                for name in self.masses
            }
        return found


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    packages = ("jaxsym", "jax", "jaxlib", "flax", "optax", "jraph", "sympy", "numpy", "scipy")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version()} | found


def device() -> str:
    """What JAX computes on."""
    first = jax.devices()[0]
    return f"{jax.device_count()} x {first.platform} ({first.device_kind})"


def _plain(value: Any) -> Any:
    """Plain JSON types; numbers that JSON has no name for become null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None
