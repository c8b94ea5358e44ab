"""Stage 4: sums of a few library entries, grown by a beam of orthogonal matching pursuits.

A beam is a set of entries with its residual. One matrix product finds the entries that reduce the
residual most, after projection on what the beam already explains (Chen, Billings and Luo 1989);
then each member is exchanged for the best entry in its place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from jaxsym.search.native.library import Library
from jaxsym.search.problem.problem import Problem

_BRANCHES = 8  # extensions of each beam
_LIMITS = (256, 2048, 1 << 30)  # entries, simplest first


def sparse_sums(
    library: Library,
    problem: Problem,
    starts: list[tuple[int, ...]],
    *,
    terms: int = 4,
    beams: int = 48,
    stop: Callable[[], bool] = lambda: False,
) -> list[tuple[int, ...]]:
    """Sets of 2 to `terms` entries whose combinations explain the target best.

    The simplest entries are tried by themselves first, then more and more of them: among many
    entries there are strange ones that explain a little more than the first true one does.

    Args:
      library: M entries; those that are sums themselves are not used.
      problem: the target, on the rows that the library was built on; an offset is always allowed.
      starts: pairs of entries to begin with, besides the best that the pursuit finds.
      terms: most entries of a set.
      beams: sets that are kept of each size.
      stop: whether time is over; what is found until then is returned.

    Returns:
      sets of numbers of entries, each size by quality.
    """
    order = np.argsort(library.complexity, kind="stable")
    order = order[~library.sums[order]]
    found: dict[tuple[int, ...], None] = {}
    for limit in _LIMITS:
        usable = np.zeros(len(library), bool)
        usable[order[:limit]] = True
        pursuit = _Pursuit(library.values, problem, usable)
        given = [start for start in starts if np.all(usable[list(start)])]
        found |= dict.fromkeys(_grow(pursuit, given, terms, beams, stop))
        if limit >= len(order) or stop():
            break
    return list(found)


def _grow(
    pursuit: _Pursuit,
    starts: list[tuple[int, ...]],
    terms: int,
    beams: int,
    stop: Callable[[], bool],
) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    current = pursuit.extensions((), beams)
    for size in range(2, terms + 1):
        if stop():
            break
        grown = [s for beam in current for s in pursuit.extensions(beam, _BRANCHES)]
        current = pursuit.best(grown + (starts if size == 2 else []), beams)
        swapped = [
            s
            for beam in current[: beams // 4]
            for place in range(size)
            for s in pursuit.extensions(beam[:place] + beam[place + 1 :], 2)
        ]
        current = pursuit.best(current + swapped, beams)
        found += current
    return found


class _Pursuit:
    """The library, centered and scaled, and the target."""

    def __init__(self, values: np.ndarray, problem: Problem, usable: np.ndarray):
        root = np.sqrt(problem.weights)
        deviation = (values - (values @ problem.weights)[:, None]) * root
        size = np.sqrt((deviation**2).sum(1))
        largest = np.sqrt((values**2 * problem.weights).sum(1))
        self.entries = np.flatnonzero(usable & (size > 1e-9 * largest))
        self.unit = np.zeros_like(deviation)
        self.unit[self.entries] = deviation[self.entries] / size[self.entries, None]
        self.rough = self.unit[self.entries].astype(np.float32)  # enough to rank extensions
        self.target = root * (problem.y - problem.weights @ problem.y)

    def extensions(self, beam: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
        """The beam with each of the `count` entries that help it most."""
        basis, residual = self._project(beam)
        scale = np.linalg.norm(residual) or 1.0
        overlap = self.rough @ np.vstack([basis, residual / scale]).T.astype(np.float32)
        rest = 1 - (overlap[:, :-1] ** 2).sum(1)
        gain = overlap[:, -1] ** 2 / np.where(rest > 1e-5, rest, np.inf)
        gain[np.isin(self.entries, beam)] = 0
        best = self.entries[np.argsort(-gain)[:count]]
        return [tuple(sorted((*beam, int(entry)))) for entry in best]

    def best(self, beams: list[tuple[int, ...]], count: int) -> list[tuple[int, ...]]:
        """The `count` best of some sets, each once."""
        distinct = list(dict.fromkeys(beams))
        left = [float(np.sum(self._project(beam)[1] ** 2)) for beam in distinct]
        return [distinct[i] for i in np.argsort(left, kind="stable")[:count]]

    def _project(self, beam: tuple[int, ...]) -> tuple[Float[np.ndarray, "k n"], np.ndarray]:
        """An orthonormal basis of the beam's entries, and what it leaves of the target."""
        basis = np.linalg.qr(self.unit[list(beam)].T)[0].T
        residual = self.target - basis.T @ (basis @ self.target)
        return basis, residual - basis.T @ (basis @ residual)
