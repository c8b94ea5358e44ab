"""Candidates and their Pareto front of loss against complexity, and the choice of one of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jaxsym.expr import Expression
from jaxsym.search.tolerances import ROUNDING

Criterion = Literal["description_length", "score"]


class Candidate(NamedTuple):
    """One point of a front.

    Attributes:
      expression: in canonical form.
      complexity: of the expression while its constants were free; exact numbers that replaced them
        afterwards (2/3 for 0.6667) do not make it more complex.
      loss: weighted mean squared error.
      score: on a front, `-d log(loss) / d complexity` from the next simpler candidate.
    """

    expression: Expression
    complexity: int
    loss: float
    score: float = 0.0


@dataclass(frozen=True)
class ParetoFront:
    """The best expression of each complexity, where it is better than all simpler ones.

    Attributes:
      candidates: by rising complexity and falling loss.
      variance: weighted variance of the target, the loss of the best constant.
      samples: number of independent samples behind the losses.
      noise: variance of the target's noise, as losses are weighted; 0 if it is not known.
      rounding: share of the variance below which losses are rounding, and alike.
      exponent: of the error in the loss: 2 for squares; 0 where losses are logarithms of
        probabilities.
    """

    candidates: tuple[Candidate, ...]
    variance: float
    samples: float
    noise: float = 0.0
    rounding: float = ROUNDING
    exponent: float = 2.0

    @classmethod
    def of(
        cls,
        candidates: Iterable[Candidate],
        *,
        variance: float,
        samples: float,
        noise: float = 0.0,
        rounding: float = ROUNDING,
    ) -> ParetoFront:
        """The front of some candidates; losses that are not finite are dropped.

        >>> from jaxsym.expr import parse
        >>> rows = [("x", 1, 0.1), ("x + 1", 3, 0.2), ("2*x", 3, 0.01)]
        >>> candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
        >>> front = ParetoFront.of(candidates, variance=1.0, samples=100)
        >>> [str(candidate.expression) for candidate in front]
        ['x', '2*x']
        """
        floor = max(rounding * variance, math.ulp(0.0))
        usable = [c for c in candidates if math.isfinite(c.loss)]
        found: list[Candidate] = []
        for candidate in sorted(usable, key=lambda c: (c.complexity, c.loss)):
            loss = max(candidate.loss, floor)
            if not found:
                found.append(candidate._replace(score=0.0))
            elif loss < max(found[-1].loss, floor):
                drop = math.log(max(found[-1].loss, floor) / loss)
                score = drop / (candidate.complexity - found[-1].complexity)
                found.append(candidate._replace(score=score))
        return cls(tuple(found), variance, samples, noise, rounding)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def __len__(self) -> int:
        return len(self.candidates)

    def best(self, criterion: Criterion = "description_length") -> Candidate:
        """Choose one candidate.

        Args:
          criterion: "description_length": least bits for the expression and, at the precision of
            the data, for the residuals (Rissanen 1978). "score": most drop of log loss per
            complexity (Cranmer et al. 2020, arXiv:2006.11287, section 3).

        Raises:
          ValueError: an empty front or an unknown criterion.

        >>> from jaxsym.expr import parse
        >>> rows = [("x", 1, 0.5), ("2*x", 3, 1e-6), ("2*x + x**5", 8, 0.99e-6)]
        >>> candidates = [Candidate(parse(text), *numbers) for text, *numbers in rows]
        >>> front = ParetoFront.of(candidates, variance=1.0, samples=100)
        >>> [str(front.best(by).expression) for by in ("description_length", "score")]
        ['2*x', '2*x']
        """
        if not self.candidates:
            raise ValueError("the front is empty; no expression had a finite loss")
        if criterion == "score":
            return max(self.candidates, key=lambda candidate: candidate.score)
        if criterion == "description_length":
            return min(self.candidates, key=self.description_length)
        raise ValueError(
            f"unknown criterion {criterion!r}; expected 'description_length' or 'score'"
        )

    def description_length(self, candidate: Candidate) -> float:
        """Bits of a candidate and its residuals, up to a constant.

        Every unit of complexity costs the logarithm of the number of symbols to choose from, a
        constant half that of the number of samples, and the residuals `samples / 2 * log2(loss)`,
        or, where the noise is known, half of chi squared. Where it is not and samples are few, k
        constants cost what they take from the residuals by being fitted, `k (k + 1) / (samples - k
        - 1)` natural units (Hurvich and Tsai 1989, Biometrika 76:297, section 2); no samples are
        then left to speak for as many constants.
        """
        count = len(candidate.expression.constants)
        numbers = count * math.log2(self.samples) / 2
        misfit = self._misfit(candidate.loss) + self._fitting(count)
        return candidate.complexity * self.symbol_bits(candidate.expression) + numbers + misfit

    def symbol_bits(self, expression: Expression) -> float:
        """Bits of one symbol: of the operators there are, the front's variables and a constant."""
        names = {name for c in self.candidates for name in c.expression.variables}
        return math.log2(len(expression.operators) + len(names) + 1)

    def _misfit(self, loss: float) -> float:
        if self.noise:
            return self.samples * loss / (2 * math.log(2) * self.noise)
        if not self.exponent:
            return self.samples * loss / math.log(2)
        floor = max(self.rounding * self.variance, math.ulp(0.0))
        return self.samples / self.exponent * math.log2(max(loss, floor))

    def _fitting(self, constants: int) -> float:
        if self.noise or not constants:
            return 0.0
        left = self.samples - constants - 1
        return constants * (constants + 1) / left / math.log(2) if left > 0 else math.inf
