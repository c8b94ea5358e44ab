"""The law that the trajectories choose: one candidate after the other, by description length."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import jax
import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym.distill.finding import Table, search_table
from jaxsym.distill.measured.candidates import (
    Candidate,
    candidate_laws,
    softened_laws,
    told_apart,
    with_fewer,
)
from jaxsym.distill.measured.constants import constant_places, flat_constants
from jaxsym.distill.measured.law_motion import LawFit, LawFitter
from jaxsym.distill.phases import Run
from jaxsym.expr import Expression
from jaxsym.inference import WeakProfiles, WeakTerm
from jaxsym.laws.neighborhood import softened, with_fewer_terms
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.training import interrupt_flag

# Bits by which a profile rules out a form without a look at the trajectories; the weak form's own
# errors are good to a factor of two, and odds of thousands to one bear that.
_RULED_OUT = 12.0
_MOST = 4  # forms that are fitted to the trajectories in each turn: seconds each
_SEARCH_SECONDS = 20.0
_DECISIVE = math.log2(20)  # strong evidence (Kass and Raftery 1995, section 3.2)
_CERTAIN = 10.0  # standard errors: no likelihood of thousands of samples does without such a term
# Standard errors of a constant from which on it is worth its length: 18 bits of misfit, about what
# a term of a few symbols and a number costs.
_TOLD = 5.0
_SLIGHT = 1e-3  # share of the acceleration from which on terms are offered to a poor law


def choose_law(
    profiles: WeakProfiles,
    fitter: LawFitter,
    dims: int,
    run: Run,
    key: jax.Array,
    masses: Float[np.ndarray, " N"] | None = None,
) -> list[LawFit]:
    """Fit candidates to the trajectories until one explains them; the best first.

    The textbook forms of the weak form's functions come first. Where none of them explains the
    motion, a search is made for the leading function, and then smaller terms and softened distances
    are tried.

    Args:
      profiles: of the weak form.
      fitter: of laws to trajectories.
      dims: D.
      run: whose time is taken.
      key: of the search.
      masses: of the profiles, where they are to be fitted as well.

    Raises:
      ValueError: no force shows above the noise.
    """
    terms = told_apart(profiles.terms)
    require(
        len(terms.pairs) + len(terms.own) > 0,
        "no force, neither between the bodies nor on each of them, shows above the noise",
    )
    choice = _Choice(fitter, run, masses)
    order = profiles.order
    choice.offer(candidate_laws(terms, dims, order=order))
    if terms.pairs and not choice.followed():
        choice.fit(softened_laws(terms, dims, order))
    if terms.pairs and not choice.explained():
        found = _searched(terms.pairs[0], run, key)
        choice.offer(candidate_laws(terms, dims, found, order))
    if not choice.explained():
        choice.offer(candidate_laws(told_apart(profiles.terms, _SLIGHT), dims, order=order))
    if terms.pairs and not choice.explained():
        typical = float(np.median(terms.pairs[0].distance))
        choice.fit([Candidate(softened(choice.best.law, typical))])
    best = choice.best
    choice.fit(with_fewer(Candidate(best.law, general=best.general), doubtful_terms(best)))
    best = choice.best
    # what cannot be told apart is no law, however late it is
    late = not np.isfinite(np.diag(best.covariance)).all()
    choice.fit(map(Candidate, without_superfluous_terms(best)), late)
    return choice.ranked()


def without_superfluous_terms(found: LawFit) -> list[ParticleLaw]:
    """Laws without terms whose constants are hardly told from zero.

    Summands of the pull leave one by one, and with all doubtful terms beside it at once: on given
    data terms can be the same, as a trap and a pull in proportion to distance where the center of
    mass rests in the middle, and then neither can leave alone.

    Args:
      found: a law with standard errors.
    """
    values = np.array(found.law.coefficient.constants)
    errors = np.sqrt(np.diag(found.covariance))[: len(values)]
    told = values[np.abs(values) > _TOLD * errors]
    if len(told) == len(values):
        return []
    bases, doubtful = [found.law], doubtful_terms(found)
    while fewer := with_fewer(Candidate(bases[-1]), doubtful):
        bases.append(fewer[0].law)
    laws = [law for base in (bases[0], bases[-1]) for law in with_fewer_terms(base)]
    distinct = {law.form: law for law in laws}.values()
    return [law for law in distinct if np.isin(told, law.coefficient.constants).all()]


def indistinguishable(fits: Sequence[LawFit], fitter: LawFitter) -> list[LawFit]:
    """The laws that the data cannot tell from the first: odds below 20 to 1."""
    best = fitter.bits(fits[0])
    return [fit for fit in fits[1:] if fitter.bits(fit) - best < _DECISIVE]


def doubtful_terms(found: LawFit) -> list[str]:
    """Names of terms with a constant that is not far from zero, in its standard errors."""
    errors = np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
    certain = (
        np.abs(flat_constants(found.law)) > _CERTAIN * errors[: len(flat_constants(found.law))]
    )
    names = constant_places(found.law)
    return [name for name in dict.fromkeys(names) if not certain[np.array(names) == name].all()]


class _Choice:
    """Laws fitted so far."""

    def __init__(self, fitter: LawFitter, run: Run, masses: np.ndarray | None):
        self.fitter, self.run, self._masses = fitter, run, masses
        self.fits: list[LawFit] = []
        self._seen: set[tuple] = set()
        self._interrupted: Callable[[], bool] = lambda: False

    @property
    def best(self) -> LawFit:
        return min(self.fits, key=self.fitter.bits)

    def explained(self) -> bool:
        """Whether the best law leaves what noise does, or time is over."""
        return self.run.over() or self.fitter.explains(self.best)

    def followed(self) -> bool:
        """Whether the best law's motion explains every trajectory."""
        return self.explained() and bool(self.best.fit.led.all())

    def offer(self, candidates: Iterable[Candidate]) -> None:
        """Fit some that the weak form does not rule out, more while none explains the motion."""
        candidates = list(candidates)
        least = min(candidate.bits for candidate in candidates)
        for candidate in candidates[:_MOST]:
            possible = candidate.bits - least < _RULED_OUT
            if not self.fits or possible or not self.explained():
                self.fit([candidate])

    def fit(self, candidates: Iterable[Candidate], late: bool = False) -> None:
        """Fit laws whose form is new, until time is over, or also then."""
        with self._refitting():
            for law, _, general in candidates:
                over = self._interrupted() or (self.run.over() and not late)
                if law.form in self._seen or (self.fits and over):
                    continue
                self._seen.add(law.form)
                self.fits.append(self.fitter.fit(law, general, self._masses))

    def ranked(self) -> list[LawFit]:
        return sorted(self.fits, key=self.fitter.bits)

    @contextlib.contextmanager
    def _refitting(self) -> Iterator[None]:
        with self.run.phase("refit"), interrupt_flag() as interrupted:
            self._interrupted = interrupted
            yield


def _searched(term: WeakTerm, run: Run, key: jax.Array) -> list[Expression]:
    """Formulas for a function of distance, in which its errors count."""
    with run.phase("search"):
        table = Table(("r",), term.distance[:, None], term.size, term.error**-2.0)
        front = search_table(table, key, run.share(0.5, _SEARCH_SECONDS), [])
    return [candidate.expression for candidate in front]
