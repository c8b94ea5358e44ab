"""`Discovery`: what came out, as an object, as JSON and in words."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import warnings
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxsym._views import attempt
from jaxsym.distill.agreement import MessageR2
from jaxsym.distill.learning import Learned
from jaxsym.distill.measured.evidence import TrajectoryEvidence
from jaxsym.distill.pair_forces import PairForces
from jaxsym.distill.refitting import Refit
from jaxsym.distill.tasks import Task
from jaxsym.distill.terms.completeness import Completeness
from jaxsym.distill.terms.symmetries import Symmetry
from jaxsym.distill.verdict import Errors
from jaxsym.laws.energy import pair_energy
from jaxsym.laws.particle_law import AXES, ParticleLaw, Term
from jaxsym.laws.typesetting import latex, law_lines

# A network that is off by more than half of the acceleration knows neither sizes nor directions.
_LEARNED_NOTHING = 0.5
# what only trajectories tell
_NO_EVIDENCE = dict.fromkeys(("uncertainty", "noise", "chi2_per_dof", "held_out"))


@dataclass(frozen=True, repr=False)
class Discovery:
    """A law extracted from a network or from measured trajectories, refitted and tested.

    Where positions alone were measured there is no network, and nobody knows the accelerations:
    what needs either is None, and ``trajectory`` has the evidence.

    Attributes:
      task: what was to be discovered.
      model: name of the network; "none" without one.
      law: the equations.
      candidates: laws that were refitted, best first.
      masses: of the bodies by name, where they were unknown.
      free_exponent: p if the pull falls as distance to the power -p: as fitted, before p became
        an exact number; None for other laws.
      message_r2: messages against true forces; None where the truth is unknown.
      neural: errors of the network.
      symbolic: errors of the equation.
      by_body: median errors on held-out data of network and equation by body ``[2, N]``.
      pair_forces: the network's pair law as samples.
      network: the trained network.
      recovered: whether the law is the true one; None where the truth is unknown.
      interrupted: whether Ctrl-C cut it short.
      out_of_time: whether the time limit cut it short.
      seconds: by phase.
      seed: of everything random.
      trajectory: what the trajectories say, where the law was fitted to them.
      compile_seconds: how many of all seconds were compiling, which no time limit can break off.
      completeness: whether the law leaves out nothing significant of the motion; None where it was
        not tested.
      symmetries: which the law obeys, with the evidence.
    """

    task: Task
    model: str
    law: ParticleLaw
    candidates: tuple[Refit, ...]
    masses: dict[str, float] | None
    free_exponent: float | None
    message_r2: MessageR2 | None
    neural: Errors | None
    symbolic: Errors | None
    by_body: np.ndarray | None
    pair_forces: PairForces | None
    network: Learned | None
    recovered: bool | None
    interrupted: bool
    out_of_time: bool
    seconds: dict[str, float]
    seed: int
    trajectory: TrajectoryEvidence | None = None
    compile_seconds: float = 0.0
    completeness: Completeness | None = None
    symmetries: tuple[Symmetry, ...] = ()

    def __repr__(self) -> str:
        law = "; ".join(law_lines(self.law))
        if self.trajectory is not None:
            return (
                f"Discovery of {self.task.name}: {law} "
                f"(chi2/dof {self.trajectory.chi2_per_dof:.3g})"
            )
        assert self.symbolic is not None
        if self.neural is None:
            return f"Discovery of {self.task.name}: {law} (error {self.symbolic.held_out:.2g})"
        errors = f"network {self.neural.held_out:.2g}, equation {self.symbolic.held_out:.2g}"
        unsupported = "" if self.network_learned else "; the network has learned next to nothing"
        return f"Discovery of {self.task.name}: {law} (held-out errors: {errors}{unsupported})"

    @property
    def reading(self) -> PairForces | None:
        """Former name of `pair_forces`."""
        warnings.warn("Discovery.reading is now called pair_forces", DeprecationWarning, 2)
        return self.pair_forces

    @property
    def network_learned(self) -> bool:
        """Whether the network's error on held-out data is below a half, so that it knows a law."""
        return self.neural is not None and self.neural.held_out <= _LEARNED_NOTHING

    @property
    def constants(self) -> dict[str, float]:
        """The law's fitted constants, in the order of the formula."""
        return constant_names(self.law)

    @property
    def route(self) -> str:
        """How the law was found: "network", "terms" without one, "weak form" from positions."""
        if self.trajectory is not None:
            return "weak form"
        return "network" if self.neural is not None else "terms"

    @property
    def complete(self) -> bool | None:
        """Whether the law leaves out nothing significant of the motion; None if not tested."""
        return self.completeness and self.completeness.complete

    @property
    def explained(self) -> float | None:
        """The share of the force that the law explains."""
        return self.completeness and self.completeness.explained

    @property
    def refit(self) -> str:
        """What the constants were fitted to: "acceleration" or "trajectory"."""
        return "acceleration" if self.trajectory is None else "trajectory"

    @property
    def uncertainty(self) -> dict[str, float] | None:
        """Standard errors of `constants`; None where they were fitted to accelerations."""
        return None if self.trajectory is None else self.trajectory.uncertainty

    @property
    def mass_uncertainty(self) -> dict[str, float] | None:
        """Standard errors of `masses`; None where these were known or fitted to accelerations."""
        errors = None if self.trajectory is None else self.trajectory.mass_uncertainty
        if errors is None or self.masses is None:
            return None
        return dict(zip(self.masses, errors.tolist(), strict=True))

    @property
    def noise(self) -> dict[str, Any] | None:
        """``sigma`` of the measured coordinates and whether it was ``estimated``."""
        return None if self.trajectory is None else self.trajectory.noise

    @property
    def chi2(self) -> float | None:
        """Sum of the squared residuals of the trajectories, in standard errors."""
        return None if self.trajectory is None else self.trajectory.chi2

    @property
    def chi2_per_dof(self) -> float | None:
        """Of the trajectories; about 1 for a law that holds."""
        return None if self.trajectory is None else self.trajectory.chi2_per_dof

    def to_json(self) -> dict[str, Any]:
        """The interface that other programs build on (`jaxsym discover --json`)."""
        law, truth = self.law, self.task.truth
        energy = attempt("the potential energy", lambda: pair_energy(law), None)
        variables = [f"d{a}" for a in AXES[: law.dims]] + ["r", "m1", "m2", "q1", "q2"]
        if law.further:
            forms = ("dv{}", "{}1", "v{}1")
            variables += [form.format(a) for form in forms for a in AXES[: law.dims]]
        distance = " + ".join(f"d{a}**2" for a in AXES[: law.dims])
        definitions = {f"d{a}": f"{a}2 - {a}1" for a in AXES[: law.dims]}
        if law.further:
            definitions |= {f"dv{a}": f"v{a}2 - v{a}1" for a in AXES[: law.dims]}
        found = {
            "task": self.task.name,
            "model": self.model,
            "law": {
                "components": attempt(
                    "the law by coordinates", lambda: [str(c) for c in law.components], None
                ),
                "coefficient": str(law.coefficient),
                "terms": [_term(term, law.dims) for term in law.terms],
                "order": law.order,
                "symmetries": {one.name: one.to_json() for one in self.symmetries},
                "variables": variables,
                "definitions": definitions | {"r": f"sqrt({distance})"},
                "quantity": law.quantity,
                "latex": attempt("the law in LaTeX", lambda: latex(law), None),
                "own_acceleration": [str(c) for c in law.own],
                "pair_energy": None if energy is None else str(energy),
                "node": "sum/m1" if law.force else "sum",
            },
            "complete": self.complete,
            "explained": self.explained,
            "constants": self.constants,
            "parameters": attempt("the comparison of masses", self._parameters, None),
            "free_exponent": self.free_exponent,
            "message_r2": self.message_r2 and self.message_r2._asdict(),
            "route": self.route,
            "refit": self.refit,
            "errors": {
                "measure": "median of |predicted - true| / |true acceleration|",
                "neural": self.neural and self.neural._asdict(),
                "network_learned": self.network_learned if self.network else None,
                "weak_form": self._weak_losses(),
                "symbolic": self.symbolic and self.symbolic._asdict(),
                "out_of_distribution_is": self.task.outside_is,
            },
            "tangential": self.pair_forces and self.pair_forces.tangential,
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
            "compile_seconds": self.compile_seconds,
            "seed": self.seed,
            "versions": versions(),
            "device": device(),
        }
        return _plain(found | _NO_EVIDENCE | (self.trajectory.to_json() if self.trajectory else {}))

    def _weak_losses(self) -> dict[str, Any] | None:
        """Of the network in units of the noise, where it was trained on positions alone."""
        weak = self.network and self.network.weak
        return weak and weak._asdict() | {"overfits": weak.overfits}

    def _parameters(self) -> dict[str, Any] | None:
        if self.masses is None:
            return None
        truth = self.task.truth
        true = truth.masses if truth else None
        found: dict[str, Any] = {
            "meaning": self.task.mass_meaning,
            "found": self.masses,
            "uncertainty": self.mass_uncertainty,
        }
        if true:
            heaviest = max(true, key=true.__getitem__)
            found["true"] = true
            found["relative_error"] = {
                name: self.masses[name] / self.masses[heaviest] / (true[name] / true[heaviest]) - 1
                for name in self.masses
            }
        return found


def _term(term: Term, dims: int) -> dict[str, Any]:
    """A term in plain JSON types: its name, the coordinates of its vector, its coefficient."""
    return {
        "name": term.name,
        "between": "pairs" if term.kind.between else "body alone",
        "vector": [str(part) for part in term.kind.components(dims)],
        "coefficient": str(term.coefficient),
    }


def constant_names(law: ParticleLaw) -> dict[str, float]:
    """The constants of a law by name, in the order of the formulas."""
    found = {f"c{k + 1}": value for k, value in enumerate(law.coefficient.constants)}
    if law.drag is not None:
        found |= {f"drag{k + 1}": c for k, c in enumerate(law.drag.constants)}
    found |= {f"field_{AXES[k]}": c for k, c in enumerate(law.field)}
    return found | {
        f"{prefix_of(term)}{k + 1}": c
        for term in law.further
        for k, c in enumerate(term.coefficient.constants)
    }


def prefix_of(term: Term) -> str:
    """What the names of a further term's constants begin with.

    >>> from jaxsym.expr import parse
    >>> prefix_of(Term("relative velocity", parse("0.5")))
    'relative_velocity_'
    """
    return f"{term.name.replace(' ', '_')}_"


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
