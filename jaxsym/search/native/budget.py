"""How much work the native search may do: one number for every choice between time and reach."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from jaxsym._check import require


@dataclass(frozen=True)
class SearchBudget:
    """Sizes of the native search's stages; a stage reads those that it needs.

    Every size trades time for reach. The defaults were chosen on the development set
    (`benchmarks/search/development.py`), whose equations are found in seconds on one core.

    Attributes:
      points: rows on which sub-expressions are compared. With 256 of them a chance correlation is
        about `1/sqrt(256)`, 6 %, and matrix products of thousands of entries take milliseconds.
      small: entries of the library that is tried first, a quarter of the full one: time is in
        proportion, and most equations hold no rarer sub-expression.
      terms: entries of the library of terms, monomials times functions of monomials.
      library: entries of the full library; building and pairing it takes the seconds in which
        simpler stages have already answered most problems.
      rows: entries of a library that are paired with all others; time is in proportion to it.
      pairs: best pairs of each kind that become expressions, of which fits decide.
      beams: sums that orthogonal matching pursuit follows from each number of terms to the next.
      entries: entries tried as `a f + b` for the target itself: a matrix product has ranked them
        in float32, so that many near the top may change places when they are fitted.
      factors: entries tried in each simple context, and functions fitted as factors of power laws.
      in_contexts: entries tried in each deep context, of which there are thousands.
      rates: sinusoids and exponentials whose rates are fitted, of those that a grid has ranked.
      fitted: formulas whose constants are fitted after a stage; a fit takes milliseconds.
      refined: candidates that get constants inside their functions.
      refined_points: rows that these are fitted to; more than `points`, since a constant inside
        an oscillating function is decided by few of them.
      side: best expressions of either side of a threshold, all pairs of which are tried.
      starts: candidates of the archive that the evolution starts from each time.
      early_generations: of the evolution after the first stages, where time is short.
      short_time: seconds for one target that are short: later stages may not be reached then.
      first_share: share of `generations` that runs after the pairs of terms.
      second_share: share of `generations` that runs after the deep contexts.
      generations: of the evolution in the full library at the end.
      patience: rounds of a stage in a row without a shorter description after which it ends.
      reductions: ways to fewer variables that are followed.
      share: of the time that is left, for each problem in fewer variables; the last one and the
        whole problem must have their turn.
    """

    points: int = 256
    small: int = 3000
    terms: int = 8000
    library: int = 12_000
    rows: int = 2048
    pairs: int = 100
    beams: int = 48
    entries: int = 96
    factors: int = 16
    in_contexts: int = 3
    rates: int = 48
    fitted: int = 24
    refined: int = 80
    refined_points: int = 512
    side: int = 6
    starts: int = 100
    early_generations: int = 2
    short_time: float = 5.0
    first_share: float = 1 / 24
    second_share: float = 1 / 4
    generations: int = 120
    patience: int = 20
    reductions: int = 2
    share: float = 0.4

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            require(value >= 0, f"{entry.name}={value}; expected at least 0")
        for name in ("points", "small", "terms", "library"):
            value = getattr(self, name)
            require(value > 0, f"{name}={value}; expected at least 1")

    def within(self, seconds: float | None) -> SearchBudget:
        """The budget for a target that has some time, or, with None, all the time it needs.

        >>> [SearchBudget().within(seconds).early_generations for seconds in (None, 60.0, 1.0)]
        [0, 0, 2]
        """
        if seconds is not None and seconds <= self.short_time:
            return self
        return replace(self, early_generations=0)

    @property
    def first_generations(self) -> int:
        """Generations after the pairs of terms."""
        return int(self.first_share * self.generations)

    @property
    def second_generations(self) -> int:
        """Generations after the deep contexts."""
        return int(self.second_share * self.generations)


def whole(budget: SearchBudget) -> SearchBudget:
    """The budget as it is."""
    return budget


def few_rows(budget: SearchBudget) -> SearchBudget:
    """A quarter of the paired entries: among terms the likely ones come first.

    >>> few_rows(SearchBudget(rows=400)).rows
    100
    """
    return replace(budget, rows=budget.rows // 4)


def light(budget: SearchBudget) -> SearchBudget:
    """About an eighth of the work, for a small library or a part of a problem.

    >>> light(SearchBudget(rows=400)).rows
    100
    """
    return replace(
        budget,
        library=max(1, budget.library // 3),
        rows=budget.rows // 4,
        pairs=budget.pairs // 2,
        beams=budget.beams // 3,
        rates=budget.rates // 6,
    )


def half(budget: SearchBudget) -> SearchBudget:
    """Half of the pairs and sums, for each of several transforms of one target.

    >>> half(SearchBudget(rows=400)).rows
    200
    """
    return replace(budget, rows=budget.rows // 2, pairs=budget.pairs // 2, beams=budget.beams // 2)
