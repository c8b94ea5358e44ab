"""The choice of equations in place: candidates take the part's place, and the shortest wins.

A network's errors are smooth, so that a search on what a part gives finds tails that explain them.
The data have other errors: with the constants fitted through the model by its own loss, tails gain
nothing there, and the description of an equation and of what it leaves is shortest without them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from jaxsym.distill.parts.in_place import Fit, InPlace, Scale
from jaxsym.distill.parts.terms import PartLaw
from jaxsym.expr import Expression
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.expr.fitting.snapping import exact_numbers, with_number
from jaxsym.laws.neighborhood import without_a_term
from jaxsym.search import Candidate, ParetoFront

_ALWAYS = 5  # candidates of a term are fitted whatever the time
_CONSTANTS = 8  # of a candidate, at most
_DIGITS = 8  # of single precision
_SHORTER = 6  # rounds in which terms are dropped
_LEAST_SPREAD = 1e-5  # of a constant: a loss may be flat to that
_ACCURACY = 1e-4  # relative; standard errors of constants are not trusted below it


class Choice:
    """Candidates for each term of a part's law, tried in the presence of the others.

    Args:
      place: the model with the part's place.
      scale: what its loss means.
      law: the first law; its terms may be anything.
      late: whether time is over; the first candidates of each term are fitted all the same.
    """

    def __init__(
        self, place: InPlace, scale: Scale, law: PartLaw, late: Callable[[], bool] = lambda: False
    ):
        self.place, self.scale, self.late = place, scale, late
        self.best = Fit(law, math.inf, [])
        self.fits: list[list[Fit]] = [[] for _ in law.terms]
        self.tried = 0

    def front(self, number: int) -> ParetoFront:
        """What was tried for a term, its losses those of the model."""
        rows = [
            Candidate(fit.law.terms[number], fit.law.terms[number].complexity, fit.loss)
            for fit in self.fits[number]
        ]
        nothing = max(self.scale.nothing, self.scale.rounding, 1e-300)
        front = ParetoFront.of(
            rows,
            variance=nothing,
            samples=self.scale.numbers,
            rounding=self.scale.rounding / nothing,
        )
        return ParetoFront(
            front.candidates,
            front.variance,
            front.samples,
            rounding=front.rounding,
            exponent=self.scale.power,
        )

    def choose(self, candidates: Sequence[Sequence[Expression]]) -> Fit:
        """The law of shortest description.

        Args:
          candidates: for each term.
        """
        # with several terms, the first to be chosen is seen among others that were not yet
        for _ in range(min(len(candidates), 2)):
            for number, forms in enumerate(candidates):
                self.fits[number] = []
                self._try(number, forms)
                self._shorten(number)
        for number in range(len(candidates)):
            self._snap(number)
        return self._rounded()

    def _try(self, number: int, forms: Iterable[Expression], *, even_late: bool = False) -> None:
        """Fit forms of a term, each once, and keep the best.

        Shorter forms of one that was fitted take milliseconds, and are fitted whatever the time.
        """
        seen = {fit.law.terms[number].tokens for fit in self.fits[number]}
        for form in forms:
            form = form.canonical()
            if form.tokens in seen or len(form.constants) > _CONSTANTS:
                continue
            if len(self.fits[number]) >= _ALWAYS and not even_late and self.late():
                break
            seen.add(form.tokens)
            terms = list(self.best.law.terms)
            terms[number] = form
            self.fits[number].append(self.place.refit(self.best.law.with_terms(terms)))
            self.tried += 1
        self._keep(number)

    def _keep(self, number: int) -> None:
        front = self.front(number)
        if not len(front):
            return
        chosen = front.best().expression
        fit = next(f for f in self.fits[number] if f.law.terms[number] is chosen)
        self.best = fit

    def _shorten(self, number: int) -> None:
        """Leave out terms of sums while that makes the description shorter."""
        for _ in range(_SHORTER):
            before = self.best
            self._try(number, without_a_term(before.law.terms[number]), even_late=True)
            self._try(number, [with_free_numbers(before.law.terms[number])], even_late=True)
            if self.best is before:
                return

    def _snap(self, number: int) -> None:
        """Exact numbers in the place of constants while that makes the description shorter."""
        while self.best.law.terms[number].constants:
            before = self.best
            self._try(number, _exact(before, number), even_late=True)
            if self.best is before:
                return

    def _rounded(self) -> Fit:
        """The best with its constants cut to as few digits as the loss lets pass.

        Fewer digits are taken if that loses no more bits than a constant costs.
        """
        bits = 0.5 * math.log2(self.scale.numbers)
        for digits in range(1, _DIGITS):
            law = self.best.law.with_terms([t.rounded(digits) for t in self.best.law.terms])
            loss = self.place.loss(law)
            floor = max(self.scale.rounding, 1e-300)
            ratio = max(loss, floor) / max(self.best.loss, floor)
            if self.scale.numbers / self.scale.power * math.log2(ratio) <= bits:
                return self.best._replace(law=law, loss=loss)
        return self.best


def _exact(fit: Fit, number: int) -> Iterable[Expression]:
    term = fit.law.terms[number]
    for slot, (value, error) in enumerate(zip(term.constants, fit.spread[number], strict=True)):
        spread = max(float(error), _ACCURACY * abs(value)) if math.isfinite(error) else 0.0
        for exact in exact_numbers(value, spread) if spread else []:
            yield with_number(term, slot, exact)
