"""`LagrangianDiscovery`: what came out, with everything that follows from it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._views import attempt
from jaxsym.expr import Expression
from jaxsym.mechanics import Lagrangian
from jaxsym.simulate import MechanicalMotion, MechanicalSystem, simulate_mechanical
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian, plain

if TYPE_CHECKING:
    from sympy import Expr, Matrix, Symbol


@dataclass(frozen=True)
class LagrangianDiscovery:
    """A Lagrangian found from motion and torque.

    Attributes:
      system: what moves by it, with friction and gains.
      fit: its terms, coefficients and their uncertainty.
      torque_mse_relative: mean squared torque error over variance on states that nothing was fitted
        to, of the coordinate where it is largest.
      route: ``"network"`` if a trained network consists of all the terms, ``"recombined"`` if some
        are factors of the network's terms combined anew, ``"direct"`` if they came out of a library
        because the network's would not do, or because that was asked for, ``"positions"`` if
        positions and torques alone were measured.
      seconds: that it took.
      seed: of everything random.
      recovered: whether it is the true Lagrangian up to the gauge; None where no truth is known.
      hints: what may be wrong with the data, in words.
      interrupted: whether Ctrl-C or the time limit cut it short.
      compile_seconds: how many of the seconds were compiling, which no time limit can break off.
      chi2_per_row: of measured positions: what is left over what noise explains, about 1.
    """

    system: MechanicalSystem
    fit: FittedLagrangian
    torque_mse_relative: float
    route: str
    seconds: float
    seed: int
    recovered: bool | None = None
    hints: tuple[str, ...] = ()
    interrupted: bool = False
    compile_seconds: float = 0.0
    chi2_per_row: float | None = None

    @property
    def exact(self) -> bool:
        """Whether only rounding is left of the torques on states never seen."""
        return self.torque_mse_relative <= EXACT

    @property
    def lagrangian(self) -> Expression:
        """L in ``q1 .. qD qd1 .. qdD``, without terms that change no torque."""
        return self.system.lagrangian

    @property
    def function(self) -> Lagrangian:
        """``L(q, qd)`` for JAX."""
        return self.system.function()

    @property
    def constants(self) -> dict[str, float]:
        """The coefficient of each term."""
        pairs = zip(self.fit.library.expressions, self.fit.coefficients, strict=True)
        return {str(term): plain(number) for term, number in pairs}

    @cached_property
    def mass_matrix(self) -> Matrix:
        """M(q), the second derivatives of L by the velocities, in sympy."""
        import sympy

        return sympy.hessian(self._sympy, self._symbols[1]).applyfunc(sympy.trigsimp)

    @cached_property
    def coriolis(self) -> Matrix:
        """C(q, qd) of ``M qdd + C qd + g = tau``, by Christoffel's symbols, in sympy."""
        import sympy

        (q, qd), mass = self._symbols, self.mass_matrix
        dims = len(q)

        def entry(i: int, j: int) -> Expr:
            return sum(
                (mass[i, j].diff(q[k]) + mass[i, k].diff(q[j]) - mass[j, k].diff(q[i])) * qd[k] / 2
                for k in range(dims)
            )

        return sympy.Matrix(dims, dims, entry)

    @cached_property
    def gravity(self) -> Matrix:
        """g(q), the slopes of the potential energy, in sympy."""
        import sympy

        q, qd = self._symbols
        potential = -self._sympy.subs(dict.fromkeys(qd, 0))
        return sympy.Matrix([potential.diff(coordinate) for coordinate in q])

    @cached_property
    def energy(self) -> Expr:
        """``qd . dL/dqd - L`` in sympy."""
        import sympy

        velocities = self._symbols[1]
        return sympy.expand(sum(v * self._sympy.diff(v) for v in velocities) - self._sympy)

    def accelerations(
        self, q: ArrayLike, qd: ArrayLike, tau: ArrayLike
    ) -> Float[np.ndarray, "... D"]:
        """The motion that commands cause.

        Raises:
          ValueError: a singular mass matrix, and where.
        """
        return self.system.accelerations(q, qd, tau)

    def simulate(
        self,
        q: ArrayLike,
        qd: ArrayLike,
        *,
        steps: int,
        dt: float,
        control: Callable | None = None,
    ) -> MechanicalMotion:
        """Follow the system; see `jaxsym.simulate.simulate_mechanical`."""
        return simulate_mechanical(self.system, q, qd, steps=steps, dt=dt, control=control)

    def latex(self, digits: int = 6) -> str:
        r"""L in LaTeX, ``qd1`` as ``\dot{q}_{1}``.

        Args:
          digits: significant digits of the constants.
        """
        return dotted(self.lagrangian.latex(digits))

    def _repr_latex_(self) -> str:
        """How notebooks show the discovery: L, typeset."""
        return rf"$\displaystyle L = {self.latex()}$"

    def to_json(self) -> dict[str, Any]:
        """The interface that other programs build on (`jaxsym lagrangian --json`)."""
        error = self.torque_mse_relative
        return {
            "task": self.system.name,
            "lagrangian": str(self.lagrangian),
            "latex": attempt("L in LaTeX", self.latex, None),
            "constants": self.constants,
            "uncertainty": dict(zip(self.constants, self.fit.uncertainty.tolist(), strict=True)),
            "friction": self.fit.friction.tolist(),
            "drag": [str(law) for law in self.fit.drag],
            "gains": self.fit.gains.tolist(),
            "mass_matrix": attempt("M(q)", lambda: _text(self.mass_matrix.tolist()), None),
            "coriolis": attempt("C(q, qd)", lambda: _text(self.coriolis.tolist()), None),
            "gravity": attempt("g(q)", lambda: _text(list(self.gravity)), None),
            "energy": attempt("the energy", lambda: str(self.energy), None),
            "torque_mse_relative": error if math.isfinite(error) else None,
            "exact": self.exact,
            "recovered": self.recovered,
            "chi2_per_row": self.chi2_per_row,
            "route": self.route,
            "hints": list(self.hints),
            "interrupted": self.interrupted,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "seed": self.seed,
        }

    @cached_property
    def _sympy(self) -> Expr:
        return self.lagrangian.sympy()

    @cached_property
    def _symbols(self) -> tuple[list[Symbol], list[Symbol]]:
        import sympy

        dims = self.system.coordinates
        names = [sympy.Symbol(name) for name in self.system.variables]
        return names[:dims], names[dims:]


def dotted(latex: str) -> str:
    r"""LaTeX in which velocities are coordinates with a dot.

    >>> print(dotted("qd_{1}^{2} + q_{1}"))
    \dot{q}_{1}^{2} + q_{1}
    """
    return re.sub(r"\bqd_\{", r"\\dot{q}_{", latex)


def _text(entries: Any) -> Any:
    """Formulas of a list, or of a list of lists, as text."""
    return [_text(e) for e in entries] if isinstance(entries, list) else str(entries)
