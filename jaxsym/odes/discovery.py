"""`OdeDiscovery`: equations of motion, their constants with errors, and what they are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym.expr import Expression
from jaxsym.odes.forms.candidates import shortened
from jaxsym.odes.measured.series import TimeSeries
from jaxsym.odes.systems.constants import Stated
from jaxsym.odes.systems.fitting import EXPLAINED
from jaxsym.odes.systems.motion import flow, iterate
from jaxsym.odes.systems.verdict import Errors


class SystemOfFront(NamedTuple):
    """One system of the front.

    Attributes:
      equations: right-hand sides by state.
      complexity: of all of them together.
      chi2_per_dof: what it leaves of the samples, in units of the noise.
      bits: description length above that of the best.
    """

    equations: dict[str, Expression]
    complexity: int
    chi2_per_dof: float
    bits: float


class Found(NamedTuple):
    """Equations of the states that change.

    Attributes:
      stated: with their constants.
      chi2_per_dof: what they leave.
      noise: of each state.
      errors: of the motion.
      starts: ``[R, S]`` fitted first states.
      front: systems by rising complexity.
      notes: in words.
    """

    stated: Stated
    chi2_per_dof: float
    noise: Float[np.ndarray, " M"]
    errors: Errors
    starts: Float[np.ndarray, "R S"]
    front: list[SystemOfFront]
    notes: list[str]


@dataclass(frozen=True)
class OdeDiscovery:
    """Equations of motion that explain measured series.

    Attributes:
      equations: right-hand sides by state, in the states' names, ``t`` and the inputs' names;
        velocities of second-order equations are called ``x_dot``.
      forms: the same as text with the names of the constants.
      constants: values by name. Exact numbers, such as a factor 2, are not among them.
      uncertainty: standard errors by name.
      shared: names of constants that stand in several equations.
      chi2_per_dof: about 1 where noise is all that the equations leave.
      noise: standard deviation of each state's noise, the mean over its samples.
      noise_estimated: whether it was estimated from the series.
      errors: of motion that the equations make.
      front: systems by rising complexity and falling misfit.
      kind: "ode" or "map".
      order: of the equations.
      data: what they were found from.
      starts: fitted first states of the trajectories, with velocities for order 2.
      notes: in words, what a user should know.
      seconds: that it took.
      seed: of the search.
      interrupted: whether Ctrl-C or a callback ended it early.
    """

    equations: dict[str, Expression]
    forms: dict[str, str]
    constants: dict[str, float]
    uncertainty: dict[str, float]
    shared: tuple[str, ...]
    chi2_per_dof: float
    noise: dict[str, float]
    noise_estimated: bool
    errors: Errors
    front: tuple[SystemOfFront, ...]
    kind: str
    order: int
    data: TimeSeries
    variables: tuple[str, ...]
    starts: Float[Any, "R S"]
    notes: tuple[str, ...]
    seconds: float
    seed: int
    interrupted: bool

    def simulate(
        self,
        state: Float[ArrayLike, " S"],
        time: Float[ArrayLike, " T"],
        inputs: Float[ArrayLike, "T U"] | None = None,
    ) -> Float[Array, "T S"]:
        """The motion from a first state, by JAX; differentiable in reverse mode.

        Steps are chosen by their errors (Dormand and Prince). Stiff motion may need very many; a
        program that needs no derivatives integrates `equations` by an implicit method.

        Args:
          state: at the first time; velocities follow the states where equations are of order 2.
          time: increasing; for a map one for each step.
          inputs: at these times, in the order of the data.
        """
        right = list(self.equations.values())
        if self.kind == "map":
            return iterate(right, self.variables, state, time, inputs)
        return flow(right, self.variables, self.order, state, time, inputs)

    def left_side(self, name: str) -> str:
        """What stands on the left of a state's equation."""
        if self.kind == "map":
            return f"{name}[n+1]"
        return name + "'" * self.order

    def __str__(self) -> str:
        lines = [
            f"{self.left_side(name)} = {shortened(right)}" for name, right in self.equations.items()
        ]
        lines.append("")
        for name, value in self.constants.items():
            lines.append(f"{name} = {with_error(value, self.uncertainty[name])}")
        if self.constants:
            lines += [f"  {self.left_side(name)} = {form}" for name, form in self.forms.items()]
        lines += [self.verdict(), *self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        right = "; ".join(
            f"{self.left_side(n)} = {shortened(e)}" for n, e in self.equations.items()
        )
        return f"OdeDiscovery({right}; chi2/dof {self.chi2_per_dof:.3g})"

    def verdict(self) -> str:
        """What the equations are worth, in a few sentences."""
        noise, errors = "estimated" if self.noise_estimated else "given", self.errors
        told = [f"The equations leave chi2/dof = {self.chi2_per_dof:.3g} with {noise} noise."]
        if self.chi2_per_dof > EXPLAINED:
            told.append("There is motion that they do not explain.")
        if self.kind == "map":
            told.append(
                f"Next states are told with R2 = {errors.reconstruction:.6g}, held out "
                f"{errors.held_out:.6g}."
            )
            return " ".join(told)
        told.append(f"The motion from fitted first states has R2 = {errors.reconstruction:.6g}.")
        if errors.held_out is not None:
            lasts = (
                "to its end" if errors.horizon_is_whole else f"for a time of {errors.horizon:.3g}"
            )
            told.append(
                f"Motion held out is predicted with R2 = {errors.held_out:.6g}, within a tenth of "
                f"its deviation {lasts}."
            )
        return " ".join(told)

    def to_json(self) -> dict[str, Any]:
        """Everything in plain JSON types."""
        return {
            "kind": self.kind,
            "order": self.order,
            "equations": {name: str(e) for name, e in self.equations.items()},
            "forms": dict(self.forms),
            "constants": dict(self.constants),
            "uncertainty": {n: _number(e) for n, e in self.uncertainty.items()},
            "shared": list(self.shared),
            "chi2_per_dof": _number(self.chi2_per_dof),
            "noise": dict(self.noise),
            "noise_estimated": self.noise_estimated,
            "errors": {name: _number(e) for name, e in self.errors._asdict().items()},
            "front": [
                {
                    "equations": {name: str(e) for name, e in row.equations.items()},
                    "complexity": row.complexity,
                    "chi2_per_dof": _number(row.chi2_per_dof),
                    "bits": _number(row.bits),
                }
                for row in self.front
            ],
            "notes": list(self.notes),
            "seconds": self.seconds,
            "seed": self.seed,
            "interrupted": self.interrupted,
        }


def with_error(value: float, error: float) -> str:
    """A number and its standard error, to two digits of the latter.

    >>> with_error(1.30092, 0.0021), with_error(0.5, float("inf"))
    ('1.3009 ± 0.0021', '0.5 (the data do not tell its error)')
    """
    if not math.isfinite(error) or error <= 0:
        return f"{value:.6g} (the data do not tell its error)"
    places = max(0, 1 - math.floor(math.log10(error)))
    return (
        f"{value:.{places}f} ± {error:.{places}f}" if places < 12 else f"{value:.10g} ± {error:.2g}"
    )


def _number(value: Any) -> Any:
    """None for what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
