"""Candidates for every state's equation: sums of few terms, and what a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression
from jaxsym.odes.budget import Budget
from jaxsym.odes.forms.candidates import Candidate, fitted, shortest
from jaxsym.odes.forms.rows import Points, Rows
from jaxsym.odes.forms.searching import searched
from jaxsym.odes.forms.sparse import sparse_sums
from jaxsym.odes.forms.terms import libraries
from jaxsym.search import Progress

_SEARCH_SECONDS = 5.0  # for each right-hand side, without a time limit
_SEARCH_SHARE = 0.3  # of the time that is left
_EXACT_NOISE = 1e-4  # of a state's deviation: such data tell forms apart by themselves
_SETTLED = 2.0  # chi squared for each row


class Targets(NamedTuple):
    """What equations are looked for.

    Attributes:
      points: where right-hand sides are evaluated.
      rows: of each state.
      rates: values that right-hand sides shall have at the points.
      errors: standard errors of these; None where they are not known.
      allowed: variables that may occur.
      noise: of each state, as a share of its deviation.
    """

    points: Points
    rows: list[Rows]
    rates: Float[np.ndarray, "N M"]
    errors: Float[np.ndarray, "N M"] | None
    allowed: tuple[str, ...]
    noise: Float[np.ndarray, " M"]


def candidates(targets: Targets, budget: Budget, seed: int) -> list[list[Candidate]]:
    """A front for each state, the best first.

    Sums of terms come first. The search follows for states whose data are noisy, so that chi
    squared alone does not settle the form, or that no sum explains.
    """
    found: list[list[Candidate]] = []
    known = libraries(targets.points, targets.allowed)
    for m, rows in enumerate(targets.rows):
        budget.tell("sums", m / len(targets.rows), f"{len(known[-1].terms)} terms")
        sums = [e for library in known for e in sparse_sums(library, rows)]
        made = fitted(sums, rows, targets.points)
        found.append(shortest(made, len(rows.target)))
    open_states = [m for m, front in enumerate(found) if not _is_settled(front, targets, m)]
    if open_states and not budget.over():
        more = _searched(targets, open_states, budget, seed)
        for m, expressions in zip(open_states, more, strict=True):
            made = fitted(expressions, targets.rows[m], targets.points)
            found[m] = shortest([*found[m], *made], len(targets.rows[m].target))
    return found


def _is_settled(front: Sequence[Candidate], targets: Targets, m: int) -> bool:
    explained = bool(front) and front[0].chi2 < _SETTLED * len(targets.rows[m].target)
    return explained and targets.noise[m] < _EXACT_NOISE


def _searched(
    targets: Targets, which: list[int], budget: Budget, seed: int
) -> list[list[Expression]]:
    seconds = _SEARCH_SECONDS * len(which)
    if budget.limit is not None:
        seconds = min(seconds, _SEARCH_SHARE * (budget.limit - budget.seconds))

    def tell(progress: Progress) -> None:
        done = min(1.0, progress.seconds / seconds)
        budget.tell("search", done, f"{progress.stage}: {progress.front.best().expression}")

    found, budget.interrupted = searched(
        targets.points,
        targets.rates[:, which],
        None if targets.errors is None else targets.errors[:, which],
        targets.allowed,
        seconds=seconds,
        seed=seed,
        callback=tell,
    )
    return found
