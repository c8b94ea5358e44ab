"""What an equation leaves unexplained, against what noise makes unavoidable."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxsym.expr import Expression
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.tolerances import ROUNDING

_ALIKE = 1.2  # of two residuals: chance alone makes more of a difference in few samples


@dataclass(frozen=True)
class Residual:
    """A residual and the noise.

    Attributes:
      rms: root of the weighted mean squared residual, in units of the target.
      share: of the target's standard deviation.
      floor: standard deviation of the noise: as given, else the least residual on the front,
        corrected for its constants.
      given: whether the noise was given.
      freedom: degrees of freedom: independent samples less the numbers in the equation, exponents
        apart.
      shorter: whether the equation is shorter than what it explains, each sample as long as its
        digits above rounding: a long one meets few rows whatever they are.
      note: what is to be said of the weights; empty if nothing.
      rounding: share of the variance that is rounding, of float64 or of the data themselves.
    """

    rms: float
    share: float
    floor: float
    given: bool
    freedom: float
    shorter: bool = True
    note: str = ""
    rounding: float = ROUNDING

    @property
    def exact(self) -> bool:
        """Whether only rounding is left, of more than the equation itself says."""
        return self._rounding and self.freedom > 0 and self.shorter

    @property
    def _rounding(self) -> bool:
        return self.share**2 <= self.rounding

    def __str__(self) -> str:
        return "; ".join(filter(None, [self._said(), self.note]))

    def _said(self) -> str:
        if self.exact:
            return "exact: what is left is rounding"
        if self._rounding:
            return (
                "interpolated: the equation has as many numbers as there are independent samples, "
                "or says as much as they do"
            )
        unexplained = self.share**2
        explained = f"1 - {unexplained:.1g}" if unexplained < 1e-5 else f"{1 - unexplained:.5g}"
        return f"R² = {explained}, residual {self.rms:.3g}, {self._beside()}"

    def _beside(self) -> str:
        """The residual beside the least that could be left."""
        if self.given:
            return f"{self.rms / self.floor:.3g} times the noise given"
        if self.rms <= _ALIKE * self.floor:
            return "about as small as any equation of the front leaves"
        return f"where the longest equation of the front leaves {self.floor:.3g}"


def residual(front: ParetoFront, expression: Expression) -> Residual:
    """The residual of one of a front's expressions.

    Args:
      front: where it is.
      expression: one of its candidates'.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.search.front.pareto import Candidate
    >>> rows = (Candidate(parse("x"), 1, 0.04), Candidate(parse("x + 0.2*x**3"), 6, 0.01))
    >>> print(residual(ParetoFront(rows, 4.0, 100), parse("x")))
    R² = 0.99, residual 0.2, where the longest equation of the front leaves 0.101
    """
    loss = next(c.loss for c in front if c.expression == expression)
    last = front.candidates[-1]
    free = max(front.samples - len(last.expression.constants), 1.0)
    least = math.sqrt(last.loss * front.samples / free)
    floor = math.sqrt(front.noise) if front.noise else least
    share = math.sqrt(loss / front.variance) if front.variance else float(loss > 0)
    freedom = front.samples - len(with_free_numbers(expression).constants)
    spare = freedom * -math.log2(front.rounding) / 2
    shorter = spare > front.symbol_bits(expression) * expression.complexity
    given = bool(front.noise)
    return Residual(math.sqrt(loss), share, floor, given, freedom, shorter, rounding=front.rounding)
